"""`identity-agreement`: its definition, and its values for copies, other people and noise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from ecgbench import Config, Skip
from ecgbench.contracts.comparison import Once
from ecgbench.metrics.privacy.identity_agreement import identity_agreement

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison, EcgWindows, Score
    from tests.metrics.privacy.conftest import Cell


def score(comparison: Comparison) -> Score:
    return identity_agreement(comparison, Config())


def by_definition(windows: EcgWindows, comparison: Comparison) -> float:
    """Over all pairs."""

    def flat(windows: EcgWindows) -> NDArray[np.float64]:
        return windows.signals.reshape(len(windows), -1).astype(np.float64)

    train, control = (
        side.patients[cdist(flat(windows), flat(side)).argmin(axis=1)]
        for side in (comparison.splits.train, comparison.splits.control)
    )
    return float(np.mean(train == control))


def instead(comparison: Comparison, signals: NDArray[np.floating]) -> Comparison:
    labels = comparison.splits.fresh.labels
    return replace(comparison, synthetic=comparison.synthetic.synthetic(signals, labels), _memo={})


@pytest.mark.parametrize("leads", [1, 2])
def test_it_is_the_definition_computed_over_all_pairs(cell: Cell, leads: int) -> None:
    comparison = cell(copies=0.2, noise=2.0, leads=leads)
    result = score(comparison)
    assert result.value == pytest.approx(by_definition(comparison.synthetic, comparison))
    assert result.parts["fresh"] == pytest.approx(
        by_definition(comparison.splits.fresh, comparison)
    )
    assert result.n == len(comparison.synthetic)


def test_the_part_test_is_of_as_many_windows_of_unseen_people(cell: Cell) -> None:
    comparison = cell(copies=0)
    everyone = by_definition(comparison.splits.test, comparison)
    assert score(comparison).parts["test"] == pytest.approx(everyone, abs=0.1)


def test_members_are_recognised_others_and_noise_less(cell: Cell) -> None:
    comparison = cell(copies=0)
    fresh, train = comparison.splits.fresh.signals, comparison.splits.train.signals
    rng = np.random.default_rng(0)
    copy = train[rng.permutation(len(train))[: len(fresh)]]
    rows = {
        "fresh": fresh,
        "copy": copy,
        "noisy copy": copy + 0.1 * rng.standard_normal(copy.shape),
        "noise": copy.std() * rng.standard_normal(copy.shape),
    }
    values = {name: score(instead(comparison, row)).value for name, row in rows.items()}
    assert min(values["fresh"], values["copy"], values["noisy copy"]) > 0.95
    parts = score(comparison).parts
    assert parts["fresh"] == values["fresh"]
    assert max(values["noise"], parts["test"]) < 0.9


def test_its_contributions_give_the_value_under_any_weights_of_people(cell: Cell) -> None:
    result = score(cell(copies=0.2, noise=1.0))
    assert result.contributions is not None
    assert result.contributions.evaluate()[0] == pytest.approx(result.value)
    sure = score(cell(copies=1)).contributions
    assert sure is not None
    weights = np.random.default_rng(0).integers(1, 4, size=(5, len(sure.people)))
    assert sure.evaluate(weights.astype(float)) == pytest.approx(np.ones(5))


def test_what_does_not_depend_on_the_generator_is_computed_once(cell: Cell) -> None:
    class Refusing(Once):
        def get(self, *_: object) -> dict[str, NDArray[np.float64]]:
            return {"test": np.array(0.25), "fresh": np.array(0.75)}

    comparison = replace(cell(copies=0), once_per_seed=Refusing())
    assert score(comparison).parts == {"test": 0.25, "fresh": 0.75}


def test_one_person_is_always_agreed_on_so_it_is_skipped(cell: Cell) -> None:
    comparison = cell(copies=0)
    splits = comparison.splits
    train, control = (
        windows.take(windows.patients == splits.train.patients[0])
        for windows in (splits.train, splits.control)
    )
    with pytest.raises(Skip, match="1 people"):
        score(replace(comparison, splits=replace(splits, train=train, control=control), _memo={}))
