from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench import Skip
from ecgbench.metrics.attacks.guesses import inference_score, known_samples
from tests.metrics.attacks.conftest import influences

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison
    from tests.metrics.privacy.conftest import Cell

    Right = tuple[NDArray[np.bool_], NDArray[np.bool_]]


def guesses(comparison: Comparison, attack: float, control: float, seed: int = 0) -> Right:
    rng = np.random.default_rng(seed)
    splits = comparison.splits
    return rng.random(len(splits.train)) < attack, rng.random(len(splits.control)) < control


@pytest.mark.parametrize(("share", "samples"), [(0.25, 4), (0.5, 8), (0.001, 1), (0.999, 15)])
def test_something_is_known_and_something_is_not(cell: Cell, share: float, samples: int) -> None:
    comparison = cell(copies=0)
    assert known_samples(comparison, share) == samples
    known = comparison.cut(0, samples)
    assert known.synthetic.length == known.splits.test.length == samples
    assert np.array_equal(
        known.splits.train.signals, comparison.splits.train.signals[:, :, :samples]
    )


def test_windows_of_one_sample_have_no_rest(cell: Cell) -> None:
    with pytest.raises(Skip, match="one sample"):
        known_samples(cell(copies=0).cut(0, 1), 0.5)


def test_the_value_is_the_residual_risk_of_all_guesses(cell: Cell) -> None:
    comparison = cell(copies=0)
    one, two = guesses(comparison, 0.6, 0.4), guesses(comparison, 0.8, 0.7, seed=1)
    score = inference_score(comparison, {"one": one, "two": two})
    attack, control = (one[0].mean() + two[0].mean()) / 2, (one[1].mean() + two[1].mean()) / 2
    assert score.value == pytest.approx((attack - control) / (1 - control))
    assert score.parts["attack-two"] == two[0].mean()
    assert score.parts["residual-risk-one"] == pytest.approx(
        (one[0].mean() - one[1].mean()) / (1 - one[1].mean())
    )


def test_a_secret_that_is_always_guessed_has_no_risk_of_its_own(cell: Cell) -> None:
    comparison = cell(copies=0)
    known, open_ = guesses(comparison, 1, 1), guesses(comparison, 0.6, 0.4)
    score = inference_score(comparison, {"known": known, "open": open_})
    assert "residual-risk-known" not in score.parts
    assert score.value == pytest.approx(score.parts["residual-risk-open"])
    with pytest.raises(Skip, match="all guesses"):
        inference_score(comparison, {"known": known})


def test_its_contributions_are_the_value_and_its_derivative_by_the_weight_of_each_person(
    cell: Cell,
) -> None:
    comparison = cell(copies=0)
    secrets = {"one": guesses(comparison, 0.6, 0.4), "two": guesses(comparison, 0.8, 0.7, seed=1)}
    score = inference_score(comparison, secrets)
    contributions = score.contributions
    assert contributions is not None
    assert contributions.evaluate()[0] == pytest.approx(score.value)
    step = 1e-4
    for person, linear in zip(contributions.people, influences(contributions, step), strict=True):
        rates = []
        for side, windows in enumerate((comparison.splits.train, comparison.splits.control)):
            weights = np.where(windows.patients == person, 1 + step, 1)
            rates.append(
                np.mean([np.average(right[side], weights=weights) for right in secrets.values()])
            )
        moved = (rates[0] - rates[1]) / (1 - rates[1]) - score.value
        assert linear == pytest.approx(moved, rel=2e-3, abs=1e-8)


def test_the_interval_over_people_is_not_that_over_windows(cell: Cell) -> None:
    """Guesses right by person, not by window, leave contributions in accord with this."""
    comparison = cell(copies=0)
    splits = comparison.splits
    lucky = np.unique(splits.train.patients)[::2]
    right = tuple(np.isin(side.patients, lucky) for side in (splits.train, splits.control))
    score = inference_score(comparison, {"it": (right[0], right[1])})
    assert score.value == pytest.approx(0, abs=0.03)
    assert score.contributions is not None
    by_person = score.contributions.numerators / score.contributions.denominators
    # train and control move together, so the value hardly moves with anybody
    assert np.abs(influences(score.contributions, 1)).max() < 0.03
    assert np.ptp(by_person) > 1
