"""How deep the brackets of a stranger's record are nested, found without reading it as JSON."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ecgbench.results.exchange import sound

TEXTS = st.text(alphabet=st.sampled_from([*'"\\\\[]{}n,: \n', "é"]))
VALUES = st.recursive(
    st.none() | st.integers() | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)


def depth(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_the_depth_of_a_text_is_that_of_its_value(
    value: Any, indent: int | None, plain: bool
) -> None:
    content = json.dumps(value, indent=indent, ensure_ascii=plain).encode()
    assert sound._depth(content) == depth(value)


def test_a_text_cannot_hide_how_deep_it_is() -> None:
    assert sound._depth(b"[" * 500 + b'"' + b"]" * 400 + b'"' + b"[" * 50) == 550
    assert sound._depth(b'["\\"' + b"]" * 400 + b'", ' + b"[" * 50) == 51
    assert sound._depth(b'[""' + b"[" * 50) == 51
