from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from ecgbench.metrics.attacks import MembershipInferenceConfig
from ecgbench.metrics.attacks.membership_inference import membership_inference

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison, Score
    from tests.metrics.privacy.conftest import Cell


def score(comparison: Comparison, rate: float = 0.01) -> Score:
    return membership_inference(comparison, MembershipInferenceConfig(false_positive_rate=rate))


def attack(comparison: Comparison) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Who is a member, and the score of the attack."""
    distances = [
        comparison.neighbours(side, "synthetic").distances[:, 0] for side in ("train", "control")
    ]
    member = np.repeat([True, False], [len(part) for part in distances])
    return member, -np.concatenate(distances)


def tied(comparison: Comparison) -> Comparison:
    """The same with distances rounded, so that many are equal across members and non-members."""
    for side in ("train", "control"):
        found = comparison.neighbours(side, "synthetic")
        rounded = found._replace(distances=np.round(found.distances, 1))
        comparison._memo[f"neighbours {side} synthetic 1"] = rounded
    return comparison


@pytest.mark.parametrize("leads", [1, 2])
@pytest.mark.parametrize("copies", [0, 0.2])
def test_it_is_the_area_that_scikit_learn_computes(cell: Cell, copies: float, leads: int) -> None:
    comparison = cell(copies=copies, leads=leads)
    assert score(comparison).value == pytest.approx(roc_auc_score(*attack(comparison)))
    rounded = tied(comparison)
    assert score(rounded).value == pytest.approx(roc_auc_score(*attack(rounded)))


@pytest.mark.parametrize("rate", [0.001, 0.01, 0.1, 0.5])
def test_the_true_positive_rate_is_the_highest_that_the_curve_has_at_that_rate(
    cell: Cell, rate: float
) -> None:
    for comparison in (cell(copies=0.1, noise=0.02), tied(cell(copies=0.1))):
        wrong, right, _ = roc_curve(*attack(comparison), drop_intermediate=False)
        assert score(comparison, rate).parts["tpr"] == pytest.approx(right[wrong <= rate].max())


def test_the_interval_of_the_true_positive_rate_is_wilsons(cell: Cell) -> None:
    comparison = cell(copies=0.2)
    parts, n, z = score(comparison).parts, len(comparison.splits.train), 1.959963985
    p = parts["tpr"]
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert (parts["tpr-low"], parts["tpr-high"]) == pytest.approx((centre - half, centre + half))


def test_the_smallest_rate_that_can_be_resolved_is_one_non_member(cell: Cell) -> None:
    comparison = cell(copies=0)
    n_others = len(comparison.splits.control)
    assert score(comparison).parts["smallest-fpr"] == 1 / n_others


def test_fresh_real_windows_score_one_half_within_delongs_interval(cell: Cell) -> None:
    deviations = []
    for seed in range(24):
        comparison = cell(copies=0, seed=seed)
        member, found = attack(comparison)
        of_members = [
            np.mean((d > found[~member]) + 0.5 * (d == found[~member])) for d in found[member]
        ]
        of_others = [
            np.mean((d < found[member]) + 0.5 * (d == found[member])) for d in found[~member]
        ]
        variance = (
            np.var(of_members, ddof=1) / member.sum() + np.var(of_others, ddof=1) / (~member).sum()
        )
        deviations.append((score(comparison).value - 0.5) / np.sqrt(variance))
    assert abs(np.mean(deviations)) < 3 / np.sqrt(len(deviations))
    # splits are stratified by person, so the area varies a little less than DeLong's would
    assert 0.5 < np.std(deviations) < 1.3


def test_copies_of_a_share_p_of_train_score_one_half_and_half_of_p(cell: Cell) -> None:
    assert score(cell(copies=1)).value == 1
    assert score(cell(copies=1)).parts["tpr"] == 1
    for share in (0.1, 0.3, 0.6):
        assert score(cell(copies=share)).value == pytest.approx(0.5 + share / 2, abs=0.05)
        assert score(cell(copies=share)).parts["tpr"] == pytest.approx(share, abs=0.03)


def test_noise_hides_copies(cell: Cell) -> None:
    values = [score(cell(copies=0.3, noise=noise)).value for noise in (0, 0.1, 0.3, 3)]
    assert np.all(np.diff(values) < 0)
    assert values[-1] == pytest.approx(0.5, abs=0.04)


def test_its_contributions_are_the_area_and_its_derivative_by_the_weight_of_each_person(
    cell: Cell,
) -> None:
    comparison = cell(copies=0.2)
    result = score(comparison)
    contributions = result.contributions
    assert contributions is not None
    assert contributions.evaluate()[0] == pytest.approx(result.value)
    member, found = attack(comparison)
    whose = np.concatenate([comparison.splits.train.patients, comparison.splits.control.patients])
    step = 1e-4
    for place, person in enumerate(contributions.people):
        weights = np.ones((1, len(contributions.people)))
        weights[0, place] += step
        of_windows = np.where(whose == person, 1 + step, 1.0)
        area = roc_auc_score(member, found, sample_weight=of_windows)
        linear = contributions.evaluate(weights)[0] - result.value
        assert linear == pytest.approx(area - result.value, rel=2e-3, abs=1e-9)


def test_members_and_non_members_may_differ_in_number(cell: Cell) -> None:
    comparison = cell(copies=0.2)
    few = replace(comparison.splits, control=comparison.splits.control.take(slice(0, None, 9)))
    result = score(replace(comparison, splits=few, _memo={}))
    assert result.parts["smallest-fpr"] == 1 / len(few.control) > 0.01
    assert result.n == len(few.train) + len(few.control)
    # no false positive is allowed then: only windows nearer than every non-member are caught
    assert 0 < result.parts["tpr"] < 0.4
