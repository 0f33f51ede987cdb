"""TSTR, TRTS and TRTR with any classifier."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from ecgbench import EcgWindows, Skip
from ecgbench.contracts.comparison import Once
from ecgbench.metrics.utility import BoostingConfig, LinearConfig
from ecgbench.metrics.utility.boosting import Boosting, cross_classification_boosting
from ecgbench.metrics.utility.draw import real_like_synthetic
from ecgbench.metrics.utility.linear import Linear, cross_classification_linear

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison, Score
    from ecgbench.metrics.utility.experiments import Model
    from tests.metrics.utility.conftest import Cell

TREES = BoostingConfig(iterations=10, components=8)
METRICS = ("linear", "boosting")


def untrained(name: str, comparison: Comparison) -> Model:
    if name == "linear":
        return Linear(3, LinearConfig(), seed=comparison.seed)
    return Boosting(3, TREES, seed=comparison.seed)


def score(name: str, comparison: Comparison) -> Score:
    if name == "linear":
        return cross_classification_linear(comparison, LinearConfig())
    return cross_classification_boosting(comparison, TREES)


def probabilities(
    name: str, comparison: Comparison, trained_on: EcgWindows, tested_on: EcgWindows
) -> NDArray[np.float64]:
    model = untrained(name, comparison).fit(trained_on.signals, trained_on.labels)
    return model.probabilities(tested_on.signals)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("leads", [1, 2])
def test_each_of_the_three_is_measured_as_scikit_learn_measures_it(
    cell: Cell, name: str, leads: int
) -> None:
    comparison = cell("noisy", leads=leads)
    synthetic, test = comparison.synthetic, comparison.splits.test
    real = real_like_synthetic(comparison.splits, comparison.seed)
    result = score(name, comparison)
    for experiment, trained_on, tested_on in (
        ("tstr", synthetic, test),
        ("trts", real, synthetic),
        ("trtr", real, test),
    ):
        found = probabilities(name, comparison, trained_on, tested_on)
        truth, said = tested_on.labels, found.argmax(axis=1)
        f1 = f1_score(truth, said, labels=[0, 1, 2], average=None, zero_division=0)
        areas = [roc_auc_score(truth == c, found[:, c]) for c in (0, 1)]
        assert {k: v for k, v in result.parts.items() if k.startswith(experiment)} == pytest.approx(
            {
                f"{experiment}-macro-f1": f1[:2].mean(),
                f"{experiment}-f1-N": f1[0],
                f"{experiment}-f1-V": f1[1],
                f"{experiment}-f1-F": f1[2],
                f"{experiment}-auroc": np.mean(areas),
                f"{experiment}-accuracy": accuracy_score(truth, said),
            }
        )
    assert result.value == result.parts["tstr-macro-f1"]
    assert result.parts["gap"] == result.value - result.parts["trtr-macro-f1"]


@pytest.mark.parametrize("name", METRICS)
def test_its_contributions_are_exact_under_any_weights_of_people(cell: Cell, name: str) -> None:
    comparison = cell("noisy")
    test = comparison.splits.test
    result = score(name, comparison)
    assert result.contributions is not None
    assert result.contributions.evaluate()[0] == pytest.approx(result.value)
    said = probabilities(name, comparison, comparison.synthetic, test).argmax(axis=1)
    weights = np.random.default_rng(0).integers(0, 4, len(result.contributions.people))
    times = weights[np.searchsorted(result.contributions.people, test.patients)]
    rows = np.repeat(np.arange(len(test)), times)
    expected = f1_score(
        test.labels[rows], said[rows], labels=[0, 1], average="macro", zero_division=0
    )
    assert result.contributions.evaluate(weights[None].astype(float))[0] == pytest.approx(expected)


@pytest.mark.parametrize("name", METRICS)
def test_what_real_windows_teach_is_learnt_once_and_owes_nothing_to_synthetic_ones(
    cell: Cell, name: str
) -> None:
    once = Once()
    kept = replace(cell("fresh"), once_per_seed=once)
    first = score(name, kept).parts
    again = score(name, replace(cell("noise"), once_per_seed=once)).parts
    alone = score(name, cell("noise")).parts
    assert again == alone
    for part in first:
        if part.startswith("trtr"):
            assert first[part] == alone[part]


@pytest.mark.parametrize("name", METRICS)
def test_the_same_windows_score_the_same(cell: Cell, name: str) -> None:
    first, again = score(name, cell("noisy", seed=1)), score(name, cell("noisy", seed=1))
    assert first.value == again.value
    assert first.parts == again.parts


@pytest.mark.parametrize("name", METRICS)
def test_training_on_what_the_ceiling_is_trained_on_gives_the_ceiling(
    cell: Cell, name: str
) -> None:
    comparison = cell()
    drawn = real_like_synthetic(comparison.splits, comparison.seed)
    parts = score(
        name, replace(comparison, synthetic=drawn.synthetic(drawn.signals, drawn.labels))
    ).parts
    assert parts["gap"] == 0
    assert parts["tstr-auroc"] == parts["trtr-auroc"]


@pytest.mark.parametrize("name", METRICS)
def test_it_is_skipped_without_unseen_people_and_with_a_single_class(cell: Cell, name: str) -> None:
    comparison = cell()
    nobody = replace(comparison.splits, test=comparison.splits.test.take(slice(0)))
    with pytest.raises(Skip, match="no unseen people"):
        score(name, replace(comparison, splits=nobody))
    one = comparison.synthetic.take(comparison.synthetic.labels == 0)
    with pytest.raises(Skip, match="all of one class"):
        score(name, replace(comparison, synthetic=one))


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("value", [0.0, 0.3])
def test_windows_that_are_all_equal_teach_nothing(cell: Cell, name: str, value: float) -> None:
    comparison = cell()
    flat = np.full_like(comparison.synthetic.signals, value)
    labels = comparison.synthetic.labels
    result = score(
        name, replace(comparison, synthetic=comparison.synthetic.synthetic(flat, labels))
    )
    assert result.value < 0.6
    assert np.isfinite(list(result.parts.values())).all()


@pytest.mark.parametrize("name", METRICS)
def test_a_few_windows_are_enough_to_learn_something(cell: Cell, name: str) -> None:
    comparison = cell()
    rows = [np.flatnonzero(comparison.synthetic.labels == c)[:2] for c in (0, 1)]
    few = comparison.synthetic.take(np.concatenate(rows))
    result = score(name, replace(comparison, synthetic=few))
    assert np.isfinite([result.value, *result.parts.values()]).all()
    assert result.parts["tstr-f1-F"] == 0
