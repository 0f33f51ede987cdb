"""Equally many training as control windows, for what depends on how many there are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Skip, exchangeable_parts
from ecgbench.contracts.streams import AttackStream

if TYPE_CHECKING:
    from ecgbench import Comparison


def parts_of_train(comparison: Comparison) -> list[Comparison]:
    """The same comparison, with each of some disjoint parts of ``train`` in place of ``control``.

    Parts are of control's size and stratified by patient and class as it is, so that one of them and
    ``control`` differ by the draw alone.  What is left over belongs to no part; a ``train`` that is
    smaller than ``control`` is one part.

    Raises:
        Skip: there are fewer than three windows to compare with on a side.
    """
    train, size = comparison.splits.train, len(comparison.splits.control)
    if min(len(train), size) < 3:
        raise Skip(f"{len(train)} training and {size} control windows; three each are needed")

    def compute() -> list[Comparison]:
        rng = np.random.default_rng([comparison.seed, AttackStream.PARTS])
        part = exchangeable_parts(train, size, rng)
        return [
            replace(
                comparison,
                splits=replace(comparison.splits, control=train.take(part == k)),
                _memo={},
            )
            for k in range(int(part.max()) + 1)
        ]

    return comparison.memo("attack parts of train", compute)
