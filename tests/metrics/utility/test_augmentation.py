from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.metrics import f1_score

from ecgbench import Skip
from ecgbench.contracts.comparison import Once
from ecgbench.metrics.utility import AugmentationGainConfig, CrossClassificationConfig
from ecgbench.metrics.utility.augmentation import augmentation_gain
from ecgbench.metrics.utility.cross_classification import cross_classification, untrained
from ecgbench.metrics.utility.experiments import some_real
from ecgbench.nn import Classifier

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison, EcgWindows, Score
    from tests.metrics.utility.conftest import Cell

STEPS = 15


def score(comparison: Comparison, *fractions: float) -> Score:
    return augmentation_gain(comparison, AugmentationGainConfig(steps=STEPS, fractions=fractions))


def said(comparison: Comparison, *trained_on: EcgWindows) -> NDArray[np.int64]:
    model = untrained(comparison, CrossClassificationConfig(steps=STEPS))
    model.fit(
        np.concatenate([windows.signals for windows in trained_on]),
        np.concatenate([windows.labels for windows in trained_on]),
    )
    found: NDArray[np.float64] = model.probabilities(comparison.splits.test.signals)
    return np.asarray(found.argmax(axis=1))


def test_value_parts_and_contributions_are_those_of_scikit_learn(cell: Cell) -> None:
    comparison = cell("noisy")
    test = comparison.splits.test
    result = score(comparison, 0.1, 0.5)
    answers = {}
    for fraction in (0.1, 0.5):
        real = some_real(comparison, fraction)
        assert len(real) == round(fraction * len(comparison.splits.fresh))
        answers[fraction] = said(comparison, real), said(comparison, real, comparison.synthetic)

    def f1(rows: NDArray[np.int64], answer: NDArray[np.int64]) -> NDArray[np.float64]:
        found = f1_score(
            test.labels[rows], answer[rows], labels=[0, 1, 2], average=None, zero_division=0
        )
        return np.asarray(found)

    everything = np.arange(len(test))
    gains = []
    for fraction, (before, after) in answers.items():
        gain = f1(everything, after) - f1(everything, before)
        gains.append(gain)
        assert result.parts[f"gain-{fraction}"] == pytest.approx(gain[:2].mean())
        assert result.parts[f"minority-gain-{fraction}"] == pytest.approx(gain[1])
        assert result.parts[f"real-{fraction}"] == pytest.approx(f1(everything, before)[:2].mean())
    for c, label in enumerate("NVF"):
        assert result.parts[f"f1-gain-{label}"] == pytest.approx(np.mean(gains, axis=0)[c])
    assert result.value == pytest.approx(np.mean(gains, axis=0)[:2].mean())

    assert result.contributions is not None
    assert result.contributions.evaluate()[0] == pytest.approx(result.value)
    weights = np.random.default_rng(0).integers(0, 4, len(result.contributions.people))
    times = weights[np.searchsorted(result.contributions.people, test.patients)]
    rows = np.repeat(everything, times)
    expected = np.mean(
        [(f1(rows, after) - f1(rows, before))[:2].mean() for before, after in answers.values()]
    )
    assert result.contributions.evaluate(weights[None].astype(float))[0] == pytest.approx(expected)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_fresh_windows_help_where_real_ones_are_few_and_wrong_labels_harm(
    cell: Cell, seed: int
) -> None:
    rows = ("fresh", "noisy", "shuffled", "noise")
    values = {row: score(cell(row, seed=seed), 0.03).value for row in rows}
    assert values["fresh"] > 0.3
    assert values["fresh"] > values["noisy"] - 0.02  # noise of .3 hardly hurts these waves
    assert values["noisy"] > max(values["shuffled"], values["noise"]) + 0.1


def test_the_whole_fraction_is_what_cross_classification_has_trained(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    comparison = replace(cell(), once_per_seed=Once())
    trtr = cross_classification(comparison, CrossClassificationConfig(steps=STEPS)).parts
    fits, fit = [], Classifier.fit

    def counted(model: Classifier, *windows: NDArray) -> Classifier:
        fits.append(len(windows[0]))
        return fit(model, *windows)

    monkeypatch.setattr(Classifier, "fit", counted)
    assert score(comparison, 1.0).parts["real-1"] == trtr["trtr-macro-f1"]
    assert fits == [2 * len(comparison.synthetic)]


def test_the_same_windows_score_the_same_and_real_ones_are_learnt_once(cell: Cell) -> None:
    once = Once()
    first = score(replace(cell("noisy"), once_per_seed=once), 0.2)
    again = score(replace(cell("noisy"), once_per_seed=once), 0.2)
    noise = score(cell("noise"), 0.2)
    assert first.parts == again.parts
    assert first.parts["real-0.2"] == noise.parts["real-0.2"]


def test_it_is_skipped_without_unseen_people_and_with_a_single_class(cell: Cell) -> None:
    comparison = cell()
    nobody = replace(comparison.splits, test=comparison.splits.test.take(slice(0)))
    with pytest.raises(Skip, match="no unseen people"):
        score(replace(comparison, splits=nobody), 1.0)
    one = comparison.synthetic.take(comparison.synthetic.labels == 0)
    with pytest.raises(Skip, match="all of one class"):
        score(replace(comparison, synthetic=one), 1.0)
