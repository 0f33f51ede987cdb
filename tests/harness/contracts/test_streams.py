from __future__ import annotations

import re
from enum import IntEnum
from pathlib import Path

import numpy as np
import pytest

from ecgbench.contracts import streams

ROOT = Path(__file__).parents[3]
CLASSES = [
    kind for kind in vars(streams).values() if isinstance(kind, type) and kind is not IntEnum
]
LITERAL = re.compile(r"(?:default_rng|SeedSequence)\(\[[^\]]*,\s*\d+\s*\]")


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_no_two_streams_of_a_class_are_equal(kind: type[IntEnum]) -> None:
    numbers = [int(stream) for stream in kind.__members__.values()]
    assert numbers
    assert len(set(numbers)) == len(numbers)


def test_a_named_stream_is_that_of_its_number() -> None:
    named, plain = (np.random.default_rng([3, k]) for k in (streams.FidelityStream.DTW, 6))
    assert named.random(4).tolist() == plain.random(4).tolist()


def test_seeds_are_drawn_by_the_names_of_streams_alone() -> None:
    files = [
        file
        for folder in ("harness", "generators", "metrics", "datasets", "results")
        for file in (ROOT / folder).rglob("*.py")
        if file != ROOT / "generators/doses/dose.py"  # by the name of its fault
    ]
    assert len(files) > 100
    literal = {file.name: LITERAL.findall(file.read_text("utf-8")) for file in files}
    assert {name: found for name, found in literal.items() if found} == {}
