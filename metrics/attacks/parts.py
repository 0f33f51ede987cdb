"""Parts of `train` of control's size, for metrics that depend on the number of windows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Skip, exchangeable_parts
from ecgbench.contracts.streams import AttackStream
from ecgbench.large import take

if TYPE_CHECKING:
    from ecgbench import Comparison


def parts_of_train(comparison: Comparison) -> list[Comparison]:
    """Return the comparison several times, each with a disjoint part of ``train`` as ``control``.

    Parts have control's size and are stratified by patient and class as it is, so one part and
    ``control`` differ by the draw alone.  The remaining windows belong to no part; a ``train`` smaller
    than ``control`` is one part.

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
                splits=replace(comparison.splits, control=take(train, part == k)),
                _memo={},
            )
            for k in range(int(part.max()) + 1)
        ]

    return comparison.memo("attack parts of train", compute)
