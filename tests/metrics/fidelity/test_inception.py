from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.metrics import balanced_accuracy_score, f1_score

from ecgbench.contracts.comparison import Once
from ecgbench.metrics.fidelity import InceptionScoreConfig
from ecgbench.metrics.fidelity.inception import exp_mean_divergence, inception_score
from ecgbench.nn import Classifier, ClassifierConfig

if TYPE_CHECKING:
    from tests.metrics.fidelity.conftest import Cell

CONFIG = InceptionScoreConfig(steps=60, width=8)


def test_sure_and_even_answers_score_the_number_of_classes() -> None:
    assert exp_mean_divergence(np.tile(np.eye(4), (5, 1))) == pytest.approx(4)


def test_answers_that_are_all_alike_score_one() -> None:
    assert exp_mean_divergence(np.full((7, 3), 1 / 3)) == 1
    assert exp_mean_divergence(np.tile([1.0, 0.0, 0.0], (7, 1))) == 1


def test_it_is_the_entropy_of_the_mean_less_the_mean_entropy() -> None:
    answers = np.random.default_rng(0).dirichlet([0.3, 0.5, 0.2], size=50)
    expected = entropy(answers.mean(axis=0)) - entropy(answers, axis=1).mean()
    assert np.log(exp_mean_divergence(answers)) == pytest.approx(expected)


@pytest.mark.parametrize("leads", [1, 2])
def test_value_and_parts_are_those_of_a_classifier_of_real_windows(cell: Cell, leads: int) -> None:
    comparison = cell("noisy", leads=leads)
    splits = comparison.splits
    classifier = Classifier(leads, 4, ClassifierConfig(steps=60, width=8), seed=0)
    classifier.fit(splits.train.signals, splits.train.labels)
    answers = classifier.probabilities(splits.test.signals).argmax(axis=1)
    found = inception_score(comparison, CONFIG)
    synthetic = classifier.probabilities(comparison.synthetic.signals)
    assert found.value == pytest.approx(exp_mean_divergence(synthetic))
    control = exp_mean_divergence(classifier.probabilities(splits.control.signals))
    assert found.parts == pytest.approx(
        {
            "control": control,
            "test-accuracy": np.mean(answers == splits.test.labels),
            "test-balanced-accuracy": balanced_accuracy_score(splits.test.labels, answers),
            "test-macro-f1": f1_score(
                splits.test.labels, answers, labels=[0, 1, 2], average="macro", zero_division=0
            ),
        }
    )


@pytest.mark.parametrize("seed", [0, 1])
def test_it_orders_generators_of_known_quality(cell: Cell, seed: int) -> None:
    values = {
        row: inception_score(cell(row, seed=seed, sigma=1.0), CONFIG).value
        for row in ("fresh", "copy", "noisy", "noise")
    }
    assert values["copy"] == pytest.approx(values["fresh"], rel=0.1)
    assert 1 <= values["noise"] < values["noisy"] < values["fresh"] <= 4


def test_the_classifier_is_trained_once_for_all_generators(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    once, times, fit = Once(), [], Classifier.fit

    def counted(*arguments: Any) -> Classifier:
        times.append(1)
        return fit(*arguments)

    monkeypatch.setattr(Classifier, "fit", counted)
    values = [
        inception_score(cell(row, once_per_seed=once), CONFIG).value
        for row in ("fresh", "noise", "fresh")
    ]
    assert len(times) == 1
    assert values[0] == values[2]


def test_without_unseen_people_the_classifier_is_tested_on_control(cell: Cell) -> None:
    splits = cell("fresh").splits
    nobody = replace(splits, test=splits.test.take(slice(0)))
    alone = cell("fresh", splits=nobody, once_per_seed=Once())
    assert set(inception_score(alone, CONFIG).parts) == {
        "control",
        "control-accuracy",
        "control-balanced-accuracy",
        "control-macro-f1",
    }
