from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench import Config, Skip
from ecgbench.metrics.statistics.marginal import marginal_distribution_difference

if TYPE_CHECKING:
    from ecgbench import Comparison
    from tests.metrics.statistics.conftest import Cell, Pair


def written_out(comparison: Comparison) -> float:
    """Densities of single samples, in the 50 bins of the real ones, one after the other."""
    differences = []
    control = comparison.splits.control.signals.astype(float)
    synthetic = comparison.synthetic.signals.astype(float)
    for lead in range(control.shape[1]):
        for sample in range(1, control.shape[2]):
            real, made = control[:, lead, sample], synthetic[:, lead, sample]
            low, span = real.min(), real.max() - real.min() + 1e-7
            real, made = (real - low) / span, (made - low) / span
            density, edges = np.histogram(real, bins=50, density=True)
            counts, _ = np.histogram(made, bins=edges)  # drops values outside
            width = edges[1] - edges[0]
            differences.append(np.abs(density - counts / len(made) / width).mean())
    return float(np.mean(differences))


@pytest.mark.parametrize("leads", [1, 2])
@pytest.mark.parametrize("row", ["fresh", "noisy", "noise"])
def test_it_is_the_published_formula_written_out(cell: Cell, row: str, leads: int) -> None:
    comparison = cell(row, leads=leads)  # type: ignore[arg-type]
    found = marginal_distribution_difference(comparison, Config())
    assert found.value == pytest.approx(written_out(comparison), abs=1e-4)


def test_disjoint_histograms_score_2_and_values_outside_of_the_bins_1(pair: Pair) -> None:
    rng = np.random.default_rng(0)
    ends = rng.choice([0.0, 1.0], size=(400, 1, 30))
    middle = rng.uniform(0.4, 0.6, size=(400, 1, 30))
    found = marginal_distribution_difference(pair(ends, middle), Config())
    assert found.value == pytest.approx(2)
    found = marginal_distribution_difference(pair(ends, middle + 5), Config())
    assert found.value == pytest.approx(1)


def test_independent_draws_score_what_chance_is_said_to_give(pair: Pair) -> None:
    draws = np.random.default_rng(0).uniform(size=(2000, 1, 40))
    found = marginal_distribution_difference(pair(draws[:1200], draws[1200:]), Config())
    assert found.value == pytest.approx(found.parts["chance"], rel=0.05)


def test_the_first_sample_does_not_count(cell: Cell) -> None:
    comparison = cell("noisy")
    signals = comparison.synthetic.signals.copy()
    signals[:, :, 0] += 10
    other = comparison.synthetic.synthetic(signals, comparison.synthetic.labels)
    again = dataclasses.replace(comparison, synthetic=other, _memo={})
    first, second = (
        marginal_distribution_difference(each, Config()).value for each in (comparison, again)
    )
    assert first == second


def test_windows_of_one_sample_or_all_alike_are_skipped(pair: Pair) -> None:
    signals = np.random.default_rng(0).standard_normal((30, 1, 20))
    with pytest.raises(Skip, match="first sample"):
        marginal_distribution_difference(pair(signals[:, :, :1], signals[:, :, :1]), Config())
    with pytest.raises(Skip, match="all equal"):
        marginal_distribution_difference(pair(np.zeros_like(signals), signals), Config())
