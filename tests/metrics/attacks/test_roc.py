from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.metrics import auc, roc_auc_score, roc_curve

from ecgbench.metrics.attacks.roc import FALSE_POSITIVE_RATES, attack_score
from tests.metrics.attacks.conftest import influences

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison, EcgWindows, Score
    from tests.metrics.privacy.conftest import Cell

    Suspicions = tuple[NDArray[np.float64], NDArray[np.float64]]


def suspicions(comparison: Comparison, gap: float, digits: int | None = None) -> Suspicions:
    """Return an attack with normal scores, for members ``gap`` higher; rounded to make ties."""
    rng = np.random.default_rng(2)
    members = rng.standard_normal(len(comparison.splits.train)) + gap
    others = rng.standard_normal(len(comparison.splits.control))
    if digits is not None:
        members, others = np.round(members, digits), np.round(others, digits)
    return members, others


def attack(
    comparison: Comparison, gap: float, digits: int | None = None
) -> tuple[Score, NDArray[np.bool_], NDArray[np.float64]]:
    """The score, who is a member, and all suspicions."""
    members, others = suspicions(comparison, gap, digits)
    member = np.repeat([True, False], [len(members), len(others)])
    return attack_score(comparison, members, others), member, np.concatenate([members, others])


@pytest.mark.parametrize("digits", [None, 1, 0])
@pytest.mark.parametrize("gap", [0, 1])
def test_it_is_the_area_that_scikit_learn_computes(
    cell: Cell, gap: float, digits: int | None
) -> None:
    score, member, found = attack(cell(copies=0), gap, digits)
    assert score.value == pytest.approx(roc_auc_score(member, found))


@pytest.mark.parametrize("digits", [None, 1])
@pytest.mark.parametrize("rate", FALSE_POSITIVE_RATES)
def test_the_true_positive_rate_is_the_highest_that_the_curve_has_at_that_rate(
    cell: Cell, rate: float, digits: int | None
) -> None:
    score, member, found = attack(cell(copies=0), 2, digits)
    wrong, right, _ = roc_curve(member, found, drop_intermediate=False)
    assert score.parts[f"tpr-{rate}"] == pytest.approx(right[wrong <= rate].max())


def test_the_true_positive_rate_is_that_of_two_normal_distributions(cell: Cell) -> None:
    """At 1% of false alarms, Φ(2 − 2.326) of members two deviations higher are caught."""
    comparison = cell(copies=0)
    members = np.random.default_rng(3).standard_normal(200_000) + 2
    others = np.random.default_rng(4).standard_normal(200_000)
    comparison = _sized(comparison, len(members))
    parts = attack_score(comparison, members, others).parts
    assert parts["tpr-0.01"] == pytest.approx(0.372, abs=0.01)
    assert parts["tpr-0.001"] == pytest.approx(0.138, abs=0.01)
    assert parts["residual-risk"] == pytest.approx((0.372 - 0.01) / 0.99, abs=0.01)
    assert attack_score(comparison, members, others).value == pytest.approx(0.9214, abs=0.002)


def _sized(comparison: Comparison, count: int) -> Comparison:
    def many(side: str) -> EcgWindows:
        windows: EcgWindows = getattr(comparison.splits, side)
        return windows.take(np.arange(count) % len(windows))

    return replace(
        comparison,
        splits=replace(comparison.splits, train=many("train"), control=many("control")),
        _memo={},
    )


def test_the_smallest_rate_that_can_be_resolved_is_one_non_member(cell: Cell) -> None:
    comparison = cell(copies=0)
    score, *_ = attack(comparison, 0)
    assert score.parts["smallest-fpr"] == 1 / len(comparison.splits.control)
    # 144 non-members: at .1% no false positive is allowed
    members, others = suspicions(comparison, 1)
    assert score.n == len(members) + len(others)
    parts = attack_score(comparison, members, others).parts
    assert parts["tpr-0.001"] == np.mean(members > others.max())


def test_the_residual_risk_is_what_is_caught_beyond_false_alarms(cell: Cell) -> None:
    comparison = cell(copies=0)
    members, others = suspicions(comparison, 2)
    parts = attack_score(comparison, members, others).parts
    threshold = np.sort(others)[-2]  # one of 144 is .7%, two are more than 1%
    attack, control = np.mean(members > threshold), np.mean(others > threshold)
    assert parts["tpr-0.01"] == attack
    assert parts["residual-risk"] == pytest.approx((attack - control) / (1 - control))
    assert parts["residual-risk-low"] < parts["residual-risk"] < parts["residual-risk-high"]


@pytest.mark.parametrize("digits", [None, 0])
def test_its_contributions_are_the_area_and_its_derivative_by_the_weight_of_each_person(
    cell: Cell, digits: int | None
) -> None:
    comparison = cell(copies=0)
    score, member, found = attack(comparison, 1, digits)
    contributions = score.contributions
    assert contributions is not None
    assert contributions.evaluate()[0] == pytest.approx(score.value)
    whose = np.concatenate([comparison.splits.train.patients, comparison.splits.control.patients])
    step = 1e-4
    for person, linear in zip(contributions.people, influences(contributions, step), strict=True):
        of_windows = np.where(whose == person, 1 + step, 1.0)
        area = roc_auc_score(member, found, sample_weight=of_windows)
        assert linear == pytest.approx(area - score.value, rel=2e-3, abs=1e-9)


def test_the_roc_of_the_artefact_is_that_of_sklearn_and_ends_with_all(cell: Cell) -> None:
    score, member, suspicion = attack(cell(copies=0), gap=1.0)
    lines = score.artefacts["roc.csv"].decode().splitlines()
    assert lines[0] == "false_positives,true_positives"
    found = np.array([line.split(",") for line in lines[1:]], dtype=int)
    members = int(member.sum())
    others = len(member) - members
    assert tuple(found[-1]) == (others, members)
    assert (np.diff(found, axis=0) >= 0).all()
    false, true, _ = roc_curve(member, suspicion, drop_intermediate=False)
    exact = set(
        zip(np.rint(false * others).astype(int), np.rint(true * members).astype(int), strict=True)
    )
    assert {tuple(map(int, pair)) for pair in found} <= exact
    area = auc(found[:, 0] / others, found[:, 1] / members)
    assert area == pytest.approx(score.value, abs=0.01)
