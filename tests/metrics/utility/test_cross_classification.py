from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from ecgbench import EcgWindows, Skip
from ecgbench.metrics.utility import CrossClassificationConfig
from ecgbench.metrics.utility.cross_classification import cross_classification
from ecgbench.metrics.utility.draw import real_like_synthetic
from ecgbench.nn import Classifier, ClassifierConfig

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison, Score
    from tests.metrics.utility.conftest import Cell

STEPS = 25


def score(comparison: Comparison) -> Score:
    return cross_classification(comparison, CrossClassificationConfig(steps=STEPS))


def probabilities(
    comparison: Comparison, trained_on: EcgWindows, tested_on: EcgWindows
) -> NDArray[np.float64]:
    classifier = Classifier(
        len(trained_on.leads),
        len(trained_on.classes),
        ClassifierConfig(steps=STEPS, gain=0.2, stretch=0.1, shift=0.025),
        seed=comparison.seed,
    )
    return classifier.fit(trained_on.signals, trained_on.labels).probabilities(tested_on.signals)


@pytest.mark.parametrize("leads", [1, 2])
def test_each_of_the_three_is_measured_as_scikit_learn_measures_it(cell: Cell, leads: int) -> None:
    comparison = cell("noisy", leads=leads)
    synthetic, test = comparison.synthetic, comparison.splits.test
    real = real_like_synthetic(comparison.splits, comparison.seed)
    result = score(comparison)
    for name, trained_on, tested_on in (
        ("tstr", synthetic, test),
        ("trts", real, synthetic),
        ("trtr", real, test),
    ):
        found = probabilities(comparison, trained_on, tested_on)
        truth, said = tested_on.labels, found.argmax(axis=1)
        f1 = f1_score(truth, said, labels=[0, 1, 2], average=None, zero_division=0)
        areas = [roc_auc_score(truth == c, found[:, c]) for c in (0, 1)]
        assert {k: v for k, v in result.parts.items() if k.startswith(name)} == pytest.approx(
            {
                f"{name}-macro-f1": f1[:2].mean(),
                f"{name}-f1-N": f1[0],
                f"{name}-f1-V": f1[1],
                f"{name}-f1-F": f1[2],
                f"{name}-auroc": np.mean(areas),
                f"{name}-accuracy": accuracy_score(truth, said),
            }
        )
    assert result.value == result.parts["tstr-macro-f1"]
    assert result.parts["gap"] == result.value - result.parts["trtr-macro-f1"]


def test_training_on_what_the_ceiling_is_trained_on_gives_the_ceiling(cell: Cell) -> None:
    comparison = cell()
    drawn = real_like_synthetic(comparison.splits, comparison.seed)
    result = score(replace(comparison, synthetic=drawn.synthetic(drawn.signals, drawn.labels)))
    assert result.parts["gap"] == 0
    assert result.parts["tstr-auroc"] == result.parts["trtr-auroc"]


@pytest.mark.parametrize("seed", [0, 1])
def test_the_worse_the_windows_the_worse_what_is_learnt_from_them(cell: Cell, seed: int) -> None:
    values = {row: score(cell(row, seed=seed)).value for row in ("fresh", "shuffled", "noise")}
    assert values["fresh"] > 0.9
    assert max(values["shuffled"], values["noise"]) < 0.7


def test_windows_of_the_wrong_class_fail_the_test_on_synthetic_too(cell: Cell) -> None:
    fresh, shuffled = score(cell()).parts, score(cell("shuffled")).parts
    assert fresh["trts-macro-f1"] > 0.9
    assert shuffled["trts-macro-f1"] < 0.6
    assert fresh["trtr-macro-f1"] == shuffled["trtr-macro-f1"]


def test_its_contributions_are_exact_under_any_weights_of_people(cell: Cell) -> None:
    comparison = cell("noisy")
    test = comparison.splits.test
    result = score(comparison)
    assert result.contributions is not None
    assert result.contributions.evaluate()[0] == pytest.approx(result.value)
    said = probabilities(comparison, comparison.synthetic, test).argmax(axis=1)
    weights = np.random.default_rng(0).integers(0, 4, len(result.contributions.people))
    times = weights[np.searchsorted(result.contributions.people, test.patients)]
    resampled = np.repeat(np.arange(len(test)), times)
    expected = f1_score(
        test.labels[resampled], said[resampled], labels=[0, 1], average="macro", zero_division=0
    )
    assert result.contributions.evaluate(weights[None].astype(float))[0] == pytest.approx(expected)


def without(windows: EcgWindows, label: int) -> EcgWindows:
    return windows.take(windows.labels != label)


def test_a_class_that_is_missing_from_test_has_no_area_and_an_f1_of_zero(cell: Cell) -> None:
    comparison = cell()
    splits = replace(comparison.splits, test=without(comparison.splits.test, 1))
    result = score(replace(comparison, splits=splits))
    assert result.parts["tstr-f1-V"] == 0
    found = probabilities(comparison, comparison.synthetic, splits.test)
    assert result.parts["tstr-auroc"] == pytest.approx(
        roc_auc_score(splits.test.labels == 0, found[:, 0])
    )


def test_a_test_of_one_class_has_no_area_at_all(cell: Cell) -> None:
    comparison = cell()
    one = comparison.splits.test.take(comparison.splits.test.labels == 0)
    result = score(replace(comparison, splits=replace(comparison.splits, test=one)))
    assert "tstr-auroc" not in result.parts
    assert np.isfinite(list(result.parts.values())).all()


def test_a_class_that_is_missing_from_the_synthetic_windows_costs_its_f1(cell: Cell) -> None:
    comparison = cell()
    result = score(replace(comparison, synthetic=without(comparison.synthetic, 1)))
    assert result.parts["tstr-f1-V"] == pytest.approx(0, abs=0.05)
    assert result.parts["tstr-f1-N"] > 0.7


def test_it_is_skipped_without_unseen_people_and_with_a_single_class(cell: Cell) -> None:
    comparison = cell()
    nobody = replace(comparison.splits, test=comparison.splits.test.take(slice(0)))
    with pytest.raises(Skip, match="no unseen people"):
        score(replace(comparison, splits=nobody))
    one = comparison.synthetic.take(comparison.synthetic.labels == 0)
    with pytest.raises(Skip, match="all of one class"):
        score(replace(comparison, synthetic=one))
