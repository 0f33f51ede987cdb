from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench import Skip
from ecgbench.metrics.privacy import IdentityAgreementConfig, ecgbench_metrics
from ecgbench.metrics.privacy.identity_agreement import identity_agreement

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison, EcgWindows, Score
    from tests.metrics.privacy.conftest import Cell


def score(comparison: Comparison, test_windows: int = 2000) -> Score:
    return identity_agreement(comparison, IdentityAgreementConfig(test_windows=test_windows))


def people_of_nearest(made: EcgWindows, real: EcgWindows) -> NDArray[np.int64]:
    """By brute force, window by window."""
    return np.array(
        [
            real.patients[np.argmin(((real.signals - window) ** 2).sum(axis=(1, 2)))]
            for window in made.signals
        ]
    )


@pytest.mark.parametrize("leads", [1, 2])
def test_it_is_the_definition_computed_over_all_pairs(cell: Cell, leads: int) -> None:
    comparison = cell(copies=0, noise=4.0, leads=leads)
    splits = comparison.splits
    result = score(comparison, test_windows=10**6)
    for value, made in (
        (result.value, comparison.synthetic),
        (result.parts["test"], splits.test),
    ):
        same = people_of_nearest(made, splits.train) == people_of_nearest(made, splits.control)
        assert value == pytest.approx(same.mean())
    assert 0.1 < result.value < 0.9


def test_windows_of_these_people_agree_more_than_those_of_others_and_noise(cell: Cell) -> None:
    fresh = cell(copies=0)
    signals = 5 * np.random.default_rng(0).standard_normal(fresh.synthetic.signals.shape)
    noise = fresh.synthetic.synthetic(signals, fresh.synthetic.labels)
    of_fresh, of_noise = score(fresh), score(replace(fresh, synthetic=noise, _memo={}))
    assert of_fresh.value > 0.95
    assert of_fresh.value > of_fresh.parts["test"] + 0.05
    assert of_noise.value < of_fresh.value - 0.2
    assert of_noise.parts["test"] == of_fresh.parts["test"]


def test_the_windows_beside_it_are_no_more_than_asked_for(cell: Cell) -> None:
    one = score(cell(copies=0), test_windows=1).parts["test"]
    assert one in {0.0, 1.0}


def test_its_contributions_give_the_value(cell: Cell) -> None:
    result = score(cell(copies=0, noise=1.0))
    assert result.contributions is not None
    assert result.contributions.evaluate()[0] == pytest.approx(result.value)
    # where all agree, no choice of people changes that
    everyone = score(cell(copies=1)).contributions
    assert everyone is not None
    weights = np.random.default_rng(0).integers(1, 4, (5, len(everyone.people))).astype(float)
    assert everyone.evaluate(weights) == pytest.approx(np.ones(5))


def test_it_is_skipped_for_one_person_and_shown_without_unseen_ones(cell: Cell) -> None:
    comparison = cell(copies=0)
    splits = comparison.splits
    nobody = replace(splits, test=splits.test.take(slice(0)))
    assert score(replace(comparison, splits=nobody, _memo={})).parts == {}
    alone = replace(splits, train=splits.train.take(splits.train.patients == 1))
    with pytest.raises(Skip, match="one person"):
        score(replace(comparison, splits=alone, _memo={}))


def test_it_is_never_ranked() -> None:
    ranked = {spec.name: spec.ranked for spec in ecgbench_metrics()}
    assert not ranked.pop("identity-agreement")
    assert all(ranked.values())
