from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from ecgbench import Config
from ecgbench.metrics.attacks.dcr_share import dcr_share
from ecgbench.metrics.attacks.parts import parts_of_train
from tests.metrics.attacks.conftest import flat

if TYPE_CHECKING:
    from ecgbench import Comparison, Score
    from tests.metrics.privacy.conftest import Cell


def score(comparison: Comparison) -> Score:
    return dcr_share(comparison, Config())


@pytest.mark.parametrize("leads", [1, 2])
@pytest.mark.parametrize("copies", [0, 0.2])
def test_it_is_the_share_by_brute_force(cell: Cell, copies: float, leads: int) -> None:
    comparison = cell(copies=copies, leads=leads)
    synthetic = flat(comparison, "synthetic")
    to_control = cdist(synthetic, flat(comparison, "control")).min(axis=1)
    shares = [
        np.mean(cdist(synthetic, flat(part, "control")).min(axis=1) < to_control)
        for part in parts_of_train(comparison)
    ]
    assert score(comparison).value == pytest.approx(np.mean(shares))


def test_copies_of_all_of_train_score_what_they_must(cell: Cell) -> None:
    """Of K = 2 parts of 144 of 360 windows, a copy is in one of them with a probability of .8.

    To the other part, or to both if it is in none, it is as close as to ``control``, on average.
    """
    values = [score(cell(copies=1, seed=seed)).value for seed in range(8)]
    assert np.mean(values) == pytest.approx(0.4 + 0.6 / 2, abs=0.03)


def test_fresh_real_windows_score_one_half(cell: Cell) -> None:
    values = [score(cell(copies=0, seed=seed)).value for seed in range(24)]
    assert np.mean(values) == pytest.approx(0.5, abs=0.03)
