from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench import Skip
from ecgbench.metrics.embedding import TwoSampleConfig, two_sample
from ecgbench.metrics.embedding.two_sample import classifier_two_sample

if TYPE_CHECKING:
    from tests.metrics.embedding.conftest import Cell


@pytest.mark.slow
@pytest.mark.parametrize("leads", [1, 2])
def test_it_orders_generators_of_known_quality(cell: Cell, leads: int) -> None:
    values = {
        row: classifier_two_sample(cell(row, leads=leads, sigma=0.3), TwoSampleConfig(steps=100))
        for row in ("fresh", "copy", "noisy", "noise")
    }
    # 180 windows of each kind leave chance a deviation of .027
    assert max(values["fresh"].value, values["copy"].value) < 0.1
    assert values["noisy"].value > 0.25
    assert values["noise"].value > 0.45
    assert values["noise"].parts["auroc"] > 0.95


class Oracle:
    """A network trained in advance: windows above ``limit`` are synthetic."""

    limit = 0.0
    seen: list[tuple[np.ndarray, np.ndarray]]

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def fit(self, signals: np.ndarray, labels: np.ndarray) -> Oracle:
        self.seen.append((signals, labels))
        return self

    def probabilities(self, signals: np.ndarray) -> np.ndarray:
        share = (signals.mean(axis=(1, 2)) > self.limit).astype(float)
        return np.stack([1 - share, share], axis=1)


@pytest.fixture
def oracle(monkeypatch: pytest.MonkeyPatch) -> type[Oracle]:
    Oracle.seen = []
    monkeypatch.setattr(two_sample, "Classifier", Oracle)
    return Oracle


def test_every_window_is_tested_once_by_a_network_that_has_not_seen_it(
    cell: Cell, oracle: type[Oracle]
) -> None:
    comparison = cell("fresh")
    found = classifier_two_sample(comparison, TwoSampleConfig())
    (first, first_labels), (second, _) = oracle.seen
    count = len(comparison.synthetic)
    assert found.n == len(first) + len(second) == 2 * count
    assert len(np.unique(np.concatenate([first, second]), axis=0)) == 2 * count
    assert first_labels.mean() == 0.5


def test_its_value_and_its_contributions_are_those_of_the_answers(
    cell: Cell, oracle: type[Oracle]
) -> None:
    comparison = cell("fresh")
    control, synthetic = comparison.splits.control, comparison.synthetic
    for sign in (1, -1):
        raised = synthetic.synthetic(synthetic.signals + sign * 0.15, synthetic.labels)
        oracle.limit = float(np.median(control.signals.mean(axis=(1, 2))))
        found = classifier_two_sample(cell("fresh", synthetic=raised), TwoSampleConfig())
        right, seen_through = (
            found.parts[name] for name in ("real-accuracy", "synthetic-accuracy")
        )
        assert found.value == pytest.approx(abs((right + seen_through) / 2 - 0.5))
        assert found.value > 0.1  # told apart, be it the wrong way round
        assert found.contributions is not None
        assert found.contributions.evaluate()[0] == pytest.approx(found.value)
        expected = (raised.signals.mean(axis=(1, 2)) > oracle.limit).mean()
        assert seen_through == pytest.approx(expected)


def test_too_few_windows_are_skipped(cell: Cell) -> None:
    splits = cell("fresh").splits
    few = replace(splits, control=splits.control.take(slice(3)))
    with pytest.raises(Skip, match="there are 3 to compare"):
        classifier_two_sample(cell("fresh", splits=few), TwoSampleConfig())
