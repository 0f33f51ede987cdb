"""All attacks on the same doses: copies move them, other faults do not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench import Skip
from ecgbench.contracts.comparison import Once
from ecgbench.metrics import attacks
from tests.metrics.attacks.conftest import changed

if TYPE_CHECKING:
    from ecgbench import Comparison, EcgWindows, MetricSpec, Score
    from tests.metrics.attacks.conftest import NoiseCell
    from tests.metrics.privacy.conftest import Cell

NAMES = (
    "membership-inference",
    "calibrated-membership-inference",
    "monte-carlo-membership-inference",
    "domias",
    "waveform-inference",
    "attribute-inference",
    "authenticity",
    "dcr-share",
    "nndr",
)
SPECS = {spec.name: spec for spec in attacks.ecgbench_metrics() if spec.name in NAMES}
KNOWN_LITTLE = {"attribute-inference": {"known": 0.06}}
"""The cohort's people are so unlike that more gives their windows' class away."""

every = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)


def score(spec: MetricSpec, comparison: Comparison) -> Score:
    found: Score = spec.load()(comparison, spec.config(**KNOWN_LITTLE.get(spec.name, {})))
    return found


def mean(spec: MetricSpec, comparisons: list[Comparison]) -> float:
    return float(np.mean([score(spec, comparison).value for comparison in comparisons]))


@every
def test_the_more_is_copied_the_worse_it_is(spec: MetricSpec, cell: Cell) -> None:
    # .3 of train fills all of synthetic, and an attack on synthetic windows sees no more
    of_train = 1.0 if "inference" in spec.name or spec.name == "domias" else 0.3
    amounts = sorted({0, 0.1, 0.3, of_train})
    doses = [mean(spec, [cell(copies=d, seed=s) for s in range(6)]) for d in amounts]
    worse = np.diff(doses) * (1 if spec.better == "lower" else -1)
    assert np.all(worse > 0)
    # copies under as much noise as there is signal are fewer copies, or none
    noisy = mean(spec, [cell(copies=of_train, noise=1, seed=s) for s in range(6)])
    assert spec.ideal is not None
    assert abs(noisy - spec.ideal) < 0.7 * abs(doses[-1] - spec.ideal)


@every
def test_noise_has_learnt_nothing(spec: MetricSpec, noise_cell: NoiseCell) -> None:
    # all of white noise has one nearest real window, on either side by chance
    tolerance = 0.15 if spec.name == "dcr-share" else 0.03
    found = mean(spec, [noise_cell(seed=s) for s in range(24)])
    assert found == pytest.approx(spec.ideal, abs=tolerance)


@every
def test_values_are_in_bounds_and_contributions_give_them(spec: MetricSpec, cell: Cell) -> None:
    for comparison in (cell(copies=0), cell(copies=1), cell(copies=0.3, leads=2)):
        found = score(spec, comparison)
        low, high = spec.bounds
        assert low <= found.value <= high
        assert np.isfinite(list(found.parts.values())).all()
        if spec.name != "nndr":
            assert found.contributions is not None
            assert found.contributions.evaluate()[0] == pytest.approx(found.value, abs=1e-12)


@every
def test_the_same_bytes_again(spec: MetricSpec, cell: Cell) -> None:
    comparison = cell(copies=0.3, noise=0.1)
    first = score(spec, comparison)
    again = score(
        spec,
        replace(comparison, once_per_seed=Once(), _memo={}),
    )
    assert (first.value, first.parts) == (again.value, again.parts)


@every
def test_windows_that_are_all_equal_tell_nobody(spec: MetricSpec, cell: Cell) -> None:
    def equal(windows: EcgWindows) -> EcgWindows:
        return replace(windows, signals=np.full_like(windows.signals, 0.5))

    comparison = changed(cell(copies=0), equal)
    try:
        found = score(spec, comparison)
    except Skip:
        return
    assert found.value == pytest.approx(spec.ideal, abs=0.1)
    assert np.isfinite(list(found.parts.values())).all()


@every
def test_few_windows_are_scored_or_skipped(spec: MetricSpec, cell: Cell) -> None:
    comparison = cell(copies=0)
    splits = comparison.splits
    for count in (1, 2, 4):
        first = slice(0, count)
        few = replace(
            comparison,
            synthetic=comparison.synthetic.take(slice(0, 2)),
            splits=replace(
                splits,
                train=splits.train.take(first),
                control=splits.control.take(first),
                auxiliary=splits.auxiliary.take(first),
            ),
            once_per_seed=Once(),
            _memo={},
        )
        try:
            found = score(spec, few)
        except Skip:
            continue
        assert np.isfinite([found.value, *found.parts.values()]).all()


@every
def test_what_is_no_evidence_says_so_and_is_not_ranked(spec: MetricSpec) -> None:
    no_evidence = spec.name in ("dcr-share", "nndr")
    assert spec.ranked is not no_evidence
    assert ("no evidence of safety" in spec.summary) is no_evidence
    assert ("No evidence of safety" in spec.load().__doc__) is no_evidence
