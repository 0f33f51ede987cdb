from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score

from ecgbench import Config
from ecgbench.metrics.attacks.calibrated_membership_inference import (
    calibrated_membership_inference,
)
from tests.metrics.attacks.conftest import flat, with_synthetic

if TYPE_CHECKING:
    from ecgbench import Comparison, Score
    from tests.metrics.privacy.conftest import Cell


def score(comparison: Comparison) -> Score:
    return calibrated_membership_inference(comparison, Config())


@pytest.mark.parametrize("leads", [1, 2])
@pytest.mark.parametrize("copies", [0, 0.2])
def test_it_is_the_area_by_brute_force(cell: Cell, copies: float, leads: int) -> None:
    comparison = cell(copies=copies, leads=leads)
    synthetic, auxiliary = flat(comparison, "synthetic"), flat(comparison, "auxiliary")
    scores = [
        cdist(windows, auxiliary).min(axis=1) - cdist(windows, synthetic).min(axis=1)
        for windows in (flat(comparison, "train"), flat(comparison, "control"))
    ]
    member = np.repeat([1, 0], [len(part) for part in scores])
    assert score(comparison).value == pytest.approx(roc_auc_score(member, np.concatenate(scores)))


def test_what_the_reference_is_as_near_to_is_no_evidence(cell: Cell) -> None:
    """Who gives out the attacker's own windows has given nothing away, however near they are."""
    comparison = cell(copies=0)
    auxiliary = comparison.splits.auxiliary
    assert score(with_synthetic(comparison, auxiliary.signals, auxiliary.labels)).value == 0.5
