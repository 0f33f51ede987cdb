from __future__ import annotations

import pytest

from ecgbench.contracts.errors import PluginError
from ecgbench.harness.cell.trouble import say


def test_an_error_is_said_in_one_line_with_the_place_where_it_was_raised() -> None:
    with pytest.raises(ValueError, match="invalid literal") as raised:
        int("a" * 600 + "\nb")
    said = say(raised.value)
    assert said.startswith("ValueError: invalid literal")
    assert "(test_trouble.py:" in said
    assert "\n" not in said
    assert len(said) < 600
    assert say(PluginError("metric x returned nan")) == "metric x returned nan"
