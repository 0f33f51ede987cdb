from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from ecgbench import Comparison, EcgWindows, Score, Skip
from ecgbench.metrics.morphology import MorphologyConfig, ecgbench_metrics
from ecgbench.metrics.morphology.features import FEATURES, features
from ecgbench.metrics.morphology.morphology import morphology
from ecgbench.processing import usual_place
from ecgbench.shared import people_behind
from ecgbench.transport import FARTHEST, FEWEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.metrics.morphology.conftest import Cell, MakeBeats

CONFIG = MorphologyConfig()
SPEC, UNSEEN = ecgbench_metrics()


def changed(comparison: Comparison, change: Callable[[np.ndarray], np.ndarray]) -> Score:
    """The score of the fresh windows, changed."""
    made = comparison.synthetic
    return morphology(
        replace(comparison, synthetic=made.synthetic(change(made.signals), made.labels), _memo={}),
        CONFIG,
    )


def measured(comparison: Comparison) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    control = comparison.splits.control.signals
    place = usual_place(control[:, 0], comparison.sampling_rate)
    real, made = (
        features(signals, comparison.sampling_rate, place)
        for signals in (control, comparison.synthetic.signals)
    )
    return real, made


def written_out(comparison: Comparison, u: np.ndarray, v: np.ndarray) -> float:
    """The value with scipy, each window counting so often."""
    real, made = measured(comparison)
    control, synthetic = comparison.splits.control, comparison.synthetic
    parts, sizes = [], []
    for c in range(len(comparison.classes)):
        of_real, of_made = control.labels == c, synthetic.labels == c
        if min(of_real.sum(), of_made.sum()) < FEWEST:
            continue
        values = []
        for name, scale in FEATURES.items():
            x, y = real[name][of_real, 0], made[name][of_made, 0]
            there, found = np.isfinite(x), np.isfinite(y)
            if there.sum() < FEWEST:
                continue
            w, z = u[of_real], v[of_made]
            a, b = w[there].sum() / w.sum(), z[found].sum() / z.sum()
            mean = np.average(x[there], weights=w[there])
            deviation = np.sqrt(np.average((x[there] - mean) ** 2, weights=w[there]))
            sigma = np.clip(deviation, scale.least, scale.most)
            x, y = (((side - mean) / sigma).clip(-5, 5) for side in (x[there], y[found]))
            distance = wasserstein_distance(x, y, w[there], z[found])
            values.append(min(a, b) * distance + 5 * abs(a - b))
        parts.append(np.mean(values))
        sizes.append(u[of_real].sum())
    return float(np.average(parts, weights=sizes))


@pytest.mark.parametrize("row", ["fresh", "noisy"])
def test_it_is_the_mean_of_scipys_distances(cell: Cell, row: str) -> None:
    comparison = cell(row)  # type: ignore[arg-type]
    ones = np.ones(len(comparison.splits.control)), np.ones(len(comparison.synthetic))
    assert morphology(comparison, CONFIG).value == pytest.approx(written_out(comparison, *ones))


def test_its_contributions_are_its_derivative_with_respect_to_people(cell: Cell) -> None:
    comparison = cell("noisy")
    found = morphology(comparison, CONFIG).contributions
    assert found is not None
    control, behind = comparison.splits.control.patients, people_behind(comparison)
    base = found.evaluate()[0]
    assert base == pytest.approx(morphology(comparison, CONFIG).value)
    step = 1e-4
    derivatives, expected = [], []
    for person in found.people:
        plus, minus = (
            written_out(comparison, 1 + s * (control == person), 1 + s * (behind == person))
            for s in (step, -step)
        )
        expected.append((plus - minus) / (2 * step))
        weights = 1 + step * (found.people == person)[None].astype(float)
        weights *= len(found.people) / weights.sum()
        derivatives.append((found.evaluate(weights)[0] - base) / step)
    assert derivatives == pytest.approx(expected, rel=0.01, abs=0.01 * np.abs(expected).max())


@pytest.mark.parametrize("seed", [0, 1])
def test_it_puts_the_controls_in_order(cell: Cell, seed: int) -> None:
    fresh, copy, little, much, noise = (
        morphology(cell(row, sigma=sigma, seed=seed), CONFIG).value  # type: ignore[arg-type]
        for row, sigma in (
            ("fresh", 0),
            ("copy", 0),
            ("noisy", 0.1),
            ("noisy", 0.3),
            ("noise", 0),
        )
    )
    assert max(fresh, copy) < little < much < noise
    assert fresh == pytest.approx(copy, rel=0.5)
    assert noise > 0.9 * FARTHEST


def test_each_feature_moves_with_what_it_measures(cell: Cell) -> None:
    comparison = cell("fresh")
    fresh = morphology(comparison, CONFIG)
    louder = changed(comparison, lambda signals: 1.2 * signals)
    real, _ = measured(comparison)
    assert louder.value > 3 * fresh.value
    r = np.abs(real["r-amplitude"]).mean()
    assert louder.parts["r-amplitude"] == pytest.approx(0.2 * r, abs=0.05)
    assert louder.parts["qrs-width"] == pytest.approx(fresh.parts["qrs-width"], abs=0.5)

    def slower(signals: np.ndarray) -> np.ndarray:
        n = np.arange(signals.shape[-1])
        at = np.clip(100 + (n - 100) / 1.2, 0, n[-1])
        return np.stack([[np.interp(at, n, lead) for lead in window] for window in signals])

    wider = changed(comparison, slower)
    assert wider.parts["qrs-width"] == pytest.approx(0.2 * real["qrs-width"].mean(), rel=0.5)
    assert wider.parts["qt"] == pytest.approx(0.2 * np.nanmean(real["qt"]), rel=0.5)


def test_where_the_beat_stands_in_its_window_does_not_matter(cell: Cell) -> None:
    comparison = cell("fresh")
    fresh = morphology(comparison, CONFIG)
    shifted = changed(comparison, lambda signals: np.roll(signals, 3, axis=-1))
    assert shifted.value < 2 * fresh.value + 0.05


@pytest.mark.parametrize("signal", [np.zeros(200), np.arange(200) / 200])
def test_windows_without_a_beat_are_the_worst(cell: Cell, signal: np.ndarray) -> None:
    score = changed(cell("fresh"), lambda signals: 0 * signals + signal)
    assert score.value == pytest.approx(FARTHEST, abs=0.05)
    assert score.parts["detected"] == 0
    assert "qt" not in score.parts


def test_each_undetected_window_costs_its_share(cell: Cell) -> None:
    comparison = cell("fresh")
    fresh = morphology(comparison, CONFIG)
    rng = np.random.default_rng(0)
    kept = rng.random((len(comparison.synthetic), 1, 1)) > 0.2
    score = changed(comparison, lambda signals: signals * kept)
    lost = 1 - kept.mean()
    assert score.value - fresh.value == pytest.approx(FARTHEST * lost, rel=0.05)
    assert score.parts["detected"] == pytest.approx(1 - lost, abs=0.01)


def test_equal_windows_have_equal_features(cell: Cell) -> None:
    comparison = cell("fresh")
    control = comparison.splits.control
    same = replace(
        comparison, synthetic=control.synthetic(control.signals, control.labels), _memo={}
    )
    score = morphology(same, CONFIG)
    assert score.value == pytest.approx(0, abs=1e-12)
    assert all(score.parts[name] == pytest.approx(0, abs=1e-12) for name in FEATURES)


def one_class(beats: MakeBeats, count: int, patients: int, leads: int = 1) -> EcgWindows:
    signals = np.stack([beats(125, count, noise=0.01) for _ in range(leads)], axis=1)
    return EcgWindows(
        signals=signals,
        labels=np.zeros(count, dtype=np.int64),
        patients=np.arange(count) % patients,
        sampling_rate=125.0,
        leads=tuple(f"L{lead}" for lead in range(leads)),
        classes=("beat",),
    )


def comparison_of(windows: EcgWindows, made: np.ndarray, base: Comparison) -> Comparison:
    empty = windows.take(slice(0, 0))
    splits = replace(
        base.splits, train=windows, control=windows, fresh=windows, auxiliary=windows, test=empty
    )
    labels = np.zeros(len(made), dtype=np.int64)
    return replace(base, splits=splits, synthetic=windows.synthetic(made, labels), _memo={})


@pytest.mark.parametrize("leads", [1, 3])
def test_one_class_one_person_and_several_leads_are_taken(
    cell: Cell, beats: MakeBeats, leads: int
) -> None:
    windows = one_class(beats, 60, 1, leads)
    score = morphology(comparison_of(windows, windows.signals[:40], cell("fresh")), CONFIG)
    assert 0 <= score.value < 0.3
    assert score.parts["morphology-beat"] == score.value


def test_windows_that_are_all_equal_are_taken(cell: Cell, beats: MakeBeats) -> None:
    windows = one_class(beats, 40, 4)
    equal = replace(windows, signals=np.repeat(windows.signals[:1], 40, axis=0))
    score = morphology(comparison_of(equal, equal.signals, cell("fresh")), CONFIG)
    assert score.value == 0
    assert score.contributions is not None
    assert np.isfinite(score.contributions.evaluate()).all()


def test_it_is_skipped_where_it_cannot_apply(cell: Cell, beats: MakeBeats) -> None:
    windows, base = one_class(beats, 40, 4), cell("fresh")
    with pytest.raises(Skip, match="no class has 20 windows"):
        morphology(comparison_of(windows, windows.signals[:10], base), CONFIG)
    with pytest.raises(Skip, match="100 Hz"):
        morphology(
            comparison_of(replace(windows, sampling_rate=50.0), windows.signals, base), CONFIG
        )
    flat = replace(windows, signals=0 * windows.signals)
    with pytest.raises(Skip, match="QRS"):
        morphology(comparison_of(flat, windows.signals, base), CONFIG)


def test_the_same_seed_gives_the_same_score(cell: Cell) -> None:
    few = MorphologyConfig(windows=100)
    first, second = (morphology(cell("fresh"), few) for _ in range(2))
    assert first.value == second.value
    assert first.n == 200
    assert dict(first.parts) == dict(second.parts)


def test_the_spec_says_what_the_score_is(cell: Cell) -> None:
    assert (SPEC.better, SPEC.ideal, SPEC.family) == ("lower", 0.0, "fidelity")
    score = morphology(cell("fresh"), CONFIG)
    assert {*FEATURES, "detected", "detected-real", "morphology-N"} <= set(score.parts)
    assert score.n == len(cell("fresh").splits.control) + len(cell("fresh").synthetic)
