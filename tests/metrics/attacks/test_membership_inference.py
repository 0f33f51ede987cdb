from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score

from ecgbench import Config
from ecgbench.metrics.attacks.membership_inference import membership_inference
from tests.metrics.attacks.conftest import flat

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison, Score
    from tests.metrics.privacy.conftest import Cell


def score(comparison: Comparison) -> Score:
    return membership_inference(comparison, Config())


def attack(comparison: Comparison) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Who is a member, and the distance to the nearest synthetic window."""
    synthetic = flat(comparison, "synthetic")
    distances = [cdist(flat(comparison, s), synthetic).min(axis=1) for s in ("train", "control")]
    member = np.repeat([True, False], [len(part) for part in distances])
    return member, np.concatenate(distances)


@pytest.mark.parametrize("leads", [1, 2])
@pytest.mark.parametrize("copies", [0, 0.2])
def test_it_is_the_area_by_brute_force(cell: Cell, copies: float, leads: int) -> None:
    comparison = cell(copies=copies, leads=leads)
    member, distances = attack(comparison)
    assert score(comparison).value == pytest.approx(roc_auc_score(member, -distances))


def test_fresh_real_windows_score_one_half_within_delongs_interval(cell: Cell) -> None:
    deviations = []
    for seed in range(24):
        comparison = cell(copies=0, seed=seed)
        member, found = attack(comparison)
        of_members = [np.mean(d < found[~member]) for d in found[member]]
        of_others = [np.mean(d > found[member]) for d in found[~member]]
        variance = (
            np.var(of_members, ddof=1) / member.sum() + np.var(of_others, ddof=1) / (~member).sum()
        )
        deviations.append((score(comparison).value - 0.5) / np.sqrt(variance))
    assert abs(np.mean(deviations)) < 3 / np.sqrt(len(deviations))
    # splits are stratified by person, so the area varies a little less than DeLong's would
    assert 0.5 < np.std(deviations) < 1.3


def test_copies_of_a_share_p_of_train_score_one_half_and_half_of_p(cell: Cell) -> None:
    found = score(cell(copies=1))
    assert found.value == found.parts["tpr-0.01"] == found.parts["tpr-0.001"] == 1
    assert found.parts["residual-risk"] == 1
    for share in (0.1, 0.3, 0.6):
        found = score(cell(copies=share))
        assert found.value == pytest.approx(0.5 + share / 2, abs=0.05)
        assert found.parts["tpr-0.01"] == pytest.approx(share, abs=0.03)
        assert found.parts["tpr-0.001"] == pytest.approx(share, abs=0.03)
        assert found.parts["residual-risk"] == pytest.approx(share, abs=0.03)


def test_noise_hides_copies(cell: Cell) -> None:
    values = [score(cell(copies=0.3, noise=noise)).value for noise in (0, 0.1, 0.3, 3)]
    assert np.all(np.diff(values) < 0)
    assert values[-1] == pytest.approx(0.5, abs=0.04)


def test_members_and_non_members_may_differ_in_number(cell: Cell) -> None:
    comparison = cell(copies=0.2)
    few = replace(comparison.splits, control=comparison.splits.control.take(slice(0, None, 9)))
    found = score(replace(comparison, splits=few, _memo={}))
    assert found.parts["smallest-fpr"] == 1 / len(few.control) > 0.01
    assert found.n == len(few.train) + len(few.control)
    # no false positive is allowed then: only windows nearer than every non-member are caught
    assert 0 < found.parts["tpr-0.01"] == found.parts["tpr-0.001"] < 0.4
