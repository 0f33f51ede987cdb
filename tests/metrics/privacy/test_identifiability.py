from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from ecgbench import Config, Skip
from ecgbench.contracts.comparison import Once
from ecgbench.metrics.privacy.identifiability import _real, identifiability
from ecgbench.shared import neighbours

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ecgbench import Comparison, EcgWindows, Score
    from ecgbench.contracts.comparison import Arrays
    from tests.metrics.privacy.conftest import Cell


class Counting(Once):
    """Remembers the names of computations."""

    def __init__(self) -> None:
        super().__init__()
        self.computed: list[str] = []

    def get(self, name: str, settings: object, compute: Callable[[], Arrays]) -> Arrays:
        def counted() -> Arrays:
            self.computed.append(name)
            return compute()

        return super().get(name, settings, counted)


def score(comparison: Comparison) -> Score:
    return identifiability(comparison, Config())


def flat(windows: EcgWindows) -> NDArray[np.float64]:
    return windows.signals.reshape(len(windows), -1).astype(np.float64)


def published_epsilon(real: EcgWindows, synthetic: EcgWindows) -> float:
    """The definition by brute force, over all pairs."""
    between = cdist(flat(real), flat(real))
    np.fill_diagonal(between, np.inf)
    return float(np.mean(cdist(flat(real), flat(synthetic)).min(axis=1) < between.min(axis=1)))


@pytest.mark.parametrize("leads", [1, 2])
def test_it_is_the_definition_computed_over_all_pairs(cell: Cell, leads: int) -> None:
    comparison = cell(copies=0.2, noise=0.05, leads=leads)
    train, control = comparison.splits.train, comparison.splits.control
    part = _real(comparison)["part"]
    result = score(comparison)
    on_train = [
        published_epsilon(train.take(part == k), comparison.synthetic)
        for k in range(len(train) // len(control))
    ]
    on_control = published_epsilon(control, comparison.synthetic)
    assert len(on_train) == 2
    assert result.parts["train"] == pytest.approx(np.mean(on_train))
    assert result.parts["control"] == pytest.approx(on_control)
    assert result.value == pytest.approx(np.mean(on_train) - on_control)


def test_fresh_real_windows_score_zero_up_to_noise(cell: Cell) -> None:
    values = [score(cell(copies=0, seed=seed)).value for seed in range(16)]
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 3 * error
    assert error < 0.02


def test_a_copy_of_all_of_train_singles_out_every_training_window(cell: Cell) -> None:
    result = score(cell(copies=1))
    assert result.parts["train"] == 1
    assert result.value == 1 - result.parts["control"]
    assert result.value > 0.25


def test_it_grows_with_the_share_that_was_copied(cell: Cell) -> None:
    values = [score(cell(copies=share)).value for share in (0, 0.1, 0.3, 0.6, 1)]
    assert np.all(np.diff(values) > 0.01)


def test_exact_copies_are_never_safer_than_noisy_ones(cell: Cell) -> None:
    values = [score(cell(copies=0.3, noise=noise)).value for noise in (0, 1e-4, 0.1, 3)]
    assert values[0] == pytest.approx(values[1], abs=0.02)
    assert values[1] > values[2] > values[3] - 0.01
    assert abs(values[3]) < 0.03


def test_a_tie_is_half_a_hit(cell: Cell) -> None:
    comparison = cell(copies=0)
    control = comparison.splits.control
    neighbour = int(neighbours(comparison, "control", "control").indices[0, 0])
    twin = replace(
        comparison,
        synthetic=control.synthetic(control.signals[[neighbour]], control.labels[[neighbour]]),
        _memo={},
    )
    nearest = neighbours(comparison, "control", "control")
    tied = (nearest.indices[:, 0] == neighbour).sum()
    assert tied >= 1
    # the copied window itself is a whole hit
    assert score(twin).parts["control"] == pytest.approx((1 + tied / 2) / len(control))


def test_its_contributions_give_the_value_under_any_weights_of_people(cell: Cell) -> None:
    comparison = cell(copies=0.2)
    result = score(comparison)
    assert result.contributions is not None
    assert result.contributions.evaluate()[0] == pytest.approx(result.value)
    people = np.unique(comparison.splits.train.patients)
    assert np.array_equal(result.contributions.people, people)
    # if every window is a hit, no choice of people may change that
    everything = score(cell(copies=1)).contributions
    assert everything is not None
    weights = np.random.default_rng(0).integers(0, 4, size=(5, len(people))).astype(float)
    without_control = replace(everything, coefficients=np.maximum(everything.coefficients, 0))
    assert without_control.evaluate(weights) == pytest.approx(np.ones(5))


def test_what_does_not_depend_on_the_generator_is_computed_once(cell: Cell) -> None:
    once = Counting()
    for share in (0, 1):
        score(replace(cell(copies=share), once_per_seed=once))
    assert once.computed == ["identifiability-real"]


def test_it_is_skipped_where_a_window_has_no_other(cell: Cell) -> None:
    comparison = cell(copies=0)
    alone = replace(comparison.splits, control=comparison.splits.control.take(slice(1)))
    with pytest.raises(Skip, match="1 control windows"):
        score(replace(comparison, splits=alone, _memo={}))
