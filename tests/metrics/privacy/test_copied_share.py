from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.spatial.distance import cdist
from scipy.stats import kstest

from ecgbench import Comparison, EcgWindows, Skip, Splits
from ecgbench.datasets.ecgsyn import EcgsynConfig
from ecgbench.datasets.ecgsyn.cohort import load
from ecgbench.harness.split import number, split
from ecgbench.metrics.privacy import CopiedShareConfig
from ecgbench.metrics.privacy.copied_share import copied_share, redraw

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Score

Floats = "NDArray[np.float64]"
AS_THEY_ARE = {"shift": 0.0, "speed": 0.0}


def score(comparison: Comparison, **settings: Any) -> Score:
    return copied_share(comparison, CopiedShareConfig(**settings))


def tiny(made: NDArray[Any], real: NDArray[Any], members: int, known: int = 60) -> Comparison:
    """One person's windows: the first of ``real`` are train, the others control."""

    def windows(signals: NDArray[Any]) -> EcgWindows:
        return EcgWindows(
            signals=np.asarray(signals, dtype=np.float32),
            labels=np.zeros(len(signals), dtype=np.int64),
            patients=np.ones(len(signals), dtype=np.int64),
            sampling_rate=125.0,
            leads=tuple(f"L{lead}" for lead in range(signals.shape[1])),
            classes=("N",),
        )

    auxiliary = windows(np.random.default_rng(4).standard_normal((known, *real.shape[1:])))
    train, control = windows(real[:members]), windows(real[members:])
    return Comparison(
        synthetic=train.synthetic(made, np.zeros(len(made), dtype=np.int64)),
        splits=Splits(
            train=train,
            control=control,
            auxiliary=auxiliary,
            fresh=auxiliary,
            test=auxiliary,
            fold=0,
        ),
        seed=0,
        headline_classes=("N",),
    )


def beats(leads: int = 1, count: int = 10) -> NDArray[np.float64]:
    """Smooth windows of 128 samples, as different from each other as can be."""
    rng = np.random.default_rng(leads)
    noise = rng.standard_normal((count, leads, 128 + 20))
    return np.apply_along_axis(np.convolve, 2, noise, np.hanning(21), mode="valid")


@pytest.fixture(scope="module")
def people() -> EcgWindows:
    return number(load(EcgsynConfig(), None))


def cell(people: EcgWindows, seed: int, dose: float = 0.0) -> Comparison:
    """Fresh windows, a share of which is copied from train."""
    splits = split(people, seed)
    signals = splits.fresh.signals.copy()
    copies = round(dose * len(signals))
    chosen = np.random.default_rng([seed, 9]).permutation(len(splits.train))[:copies]
    signals[:copies] = splits.train.signals[chosen]
    return Comparison(
        synthetic=splits.fresh.synthetic(signals, splits.fresh.labels),
        splits=splits,
        seed=seed,
        headline_classes=("N", "S", "V"),
    )


@pytest.mark.parametrize("leads", [1, 2])
def test_of_windows_far_apart_it_is_what_counting_says(leads: int) -> None:
    real = beats(leads, 13)
    made = np.concatenate([real[[0, 0, 3, 7]], real[10:]])  # 3 hits in train, 1 in control
    result = score(tiny(made, real[:10], members=6))
    assert result.value == pytest.approx((3 - 6 / 4 * 1) / 7)
    assert (result.parts["train"], result.parts["control"]) == (3 / 7, 1 / 7)
    assert result.n == 7


def test_a_hit_is_nearer_by_the_threshold_on_the_logarithm_of_the_ratio() -> None:
    time = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    real = np.stack([np.cos(time), np.sin(time)])[:, None]  # a right angle apart
    made = np.cos(time - 0.3)[None, None]
    ratio = np.sin((np.pi / 2 - 0.3) / 2) / np.sin(0.3 / 2)
    comparison = tiny(made, real, members=1)
    settings = {"components": 40, **AS_THEY_ARE}
    assert score(comparison, threshold=np.log(ratio) - 1e-3, **settings).value == 1
    assert score(comparison, threshold=np.log(ratio) + 1e-3, **settings).value == 0


@pytest.mark.parametrize("leads", [1, 2])
@pytest.mark.parametrize(
    "disguise",
    [
        lambda x: x + 3,
        lambda x: 0.8 * x,
        lambda x: 1.2 * x,
        lambda x: np.roll(x, 4, axis=2),
        lambda x: np.roll(x, -6, axis=2),
        lambda x: (np.roll(x, 2, axis=2) + np.roll(x, 3, axis=2)) / 2,
        lambda x: x + 0.03 * x.std() * np.random.default_rng(0).standard_normal(x.shape),
        lambda x: 0.9 * x + 0.1 * x[::-1],
    ],
)
def test_it_sees_through_disguises(disguise: Any, leads: int) -> None:
    real = beats(leads)
    assert score(tiny(disguise(real[:6]), real, members=6)).value == 1


@pytest.mark.parametrize("speed", [0.95, 0.97, 1.02, 1.05])
def test_it_sees_through_another_speed(speed: float) -> None:
    real = beats()
    time = np.arange(128)
    asked = 63.5 + speed * (time - 63.5)
    made = np.stack([[np.interp(asked, time, x[0])] for x in real[:6]])
    assert score(tiny(made, real, members=6)).value == 1
    assert score(tiny(made, real, members=6), speed=0.0, threshold=2.0).value < 1


def test_a_window_that_is_like_several_or_like_none_is_no_hit() -> None:
    real = beats()
    twins = np.concatenate([real, real[:2]])  # in train and in control
    assert score(tiny(real[:2], twins, members=6)).parts["train"] == 0
    flat = np.full((3, 1, 128), 0.3)
    result = score(tiny(flat, np.concatenate([real, flat]), members=6))
    assert (result.value, result.parts["p"]) == (0, 1)


def brute_force(comparison: Comparison, config: CopiedShareConfig) -> tuple[int, int]:
    """Hits in train and control, window by window, disguise by disguise."""
    splits = comparison.splits
    time = np.arange(splits.train.length)
    margin = round(config.shift * comparison.sampling_rate)
    inner, middle = time[margin : len(time) - margin], time.mean()

    def normal(window: Any, places: Any) -> Any:
        shape = CubicSpline(time, window, axis=1)(np.clip(places, 0, time[-1]))
        shape -= shape.mean(axis=1, keepdims=True)
        return shape.ravel() / np.sqrt((shape**2).sum())

    known = np.array([normal(window, inner) for window in splits.auxiliary.signals])
    _, _, axes = np.linalg.svd(known - known.mean(axis=0), full_matrices=False)
    axes = axes[: config.components]
    sides = (splits.train, splits.control)
    real = np.array([axes @ normal(window, inner) for side in sides for window in side.signals])
    speeds = {1 + config.speed * share for share in (-1, -0.5, 0, 0.5, 1)}
    halves = range(-2 * margin, 2 * margin + 1)
    found = Counter[bool]()
    for window in comparison.synthetic.signals:
        places = [
            axes @ normal(window, middle + speed * (inner + half // 2 - middle) + half % 2 / 2)
            for speed in speeds
            for half in halves
        ]
        best = cdist(real, places).min(axis=1)
        first, second = np.argsort(best)[:2]
        if best[second] > np.exp(config.threshold) * best[first]:
            found[bool(first < len(splits.train))] += 1
    return found[True], found[False]


@pytest.mark.parametrize("threshold", [0.1, 0.7])
@pytest.mark.parametrize(("shift", "speed"), [(0.0, 0.0), (0.024, 0.0), (0.016, 0.05)])
def test_it_is_the_definition_computed_over_all_pairs(
    people: EcgWindows, shift: float, speed: float, threshold: float
) -> None:
    comparison = cell(people, seed=1, dose=0.1)
    few = replace(comparison, synthetic=comparison.synthetic.take(slice(8, 38)))
    config = CopiedShareConfig(shift=shift, speed=speed, threshold=threshold)
    in_train, in_control = brute_force(few, config)
    result = copied_share(few, config)
    assert in_train > 2
    assert result.parts["train"] == pytest.approx(in_train / 30)
    assert result.parts["control"] == pytest.approx(in_control / 30)
    ratio = len(few.splits.train) / len(few.splits.control)
    assert result.value == pytest.approx((in_train - ratio * in_control) / 30)


def test_it_reads_the_share_that_was_copied(people: EcgWindows) -> None:
    doses = (0, 0.01, 0.1, 0.5, 1)
    for seed in (0, 1):
        found = [score(cell(people, seed, dose)).value for dose in doses]
        assert np.all(np.diff(found) > 0)
        assert found == pytest.approx(doses, abs=0.04)
        assert found[-1] > 0.99


def test_p_is_small_for_copies_alone(people: EcgWindows) -> None:
    assert score(cell(people, 0, dose=0.3)).parts["p"] < 0.01
    parts = score(cell(people, 0, dose=1)).parts
    assert parts["p"] == 1 / 1001
    assert parts["null-low"] < 0 < parts["null-high"] < 0.5


def test_p_is_uniform_where_nothing_was_copied(people: EcgWindows) -> None:
    settings = {"threshold": 0.05, **AS_THEY_ARE, "redraws": 200}
    found = [score(cell(people, seed), **settings).parts["p"] for seed in range(60)]
    assert kstest(found, "uniform").pvalue > 0.01
    assert 0.3 < np.std(found) * np.sqrt(12) < 1.5


def test_one_window_repeated_is_no_evidence(people: EcgWindows) -> None:
    comparison = cell(people, 0)
    one = comparison.splits.train.signals[:1].repeat(len(comparison.synthetic), axis=0)
    labels = comparison.synthetic.labels
    result = score(replace(comparison, synthetic=comparison.synthetic.synthetic(one, labels)))
    assert result.value == 1
    assert result.parts["p"] > 0.5
    assert result.parts["null-low"] < 0
    assert result.parts["null-high"] == 1


def test_train_is_redrawn_within_strata_as_all_divisions_are_equally_likely() -> None:
    hits = np.array([3, 0, 1, 9, 5, 1, 2])
    comparison = tiny(beats(), beats(1, 7), members=5)
    # train has three windows of the first stratum, one each of two others; control two of the first
    splits = replace(
        comparison.splits,
        train=replace(
            comparison.splits.train,
            patients=np.array([1, 1, 1, 2, 1]),
            labels=np.array([0, 0, 0, 0, 1]),
            classes=("N", "V"),
        ),
    )
    of_first = [3, 0, 1, 1, 2]
    expected = Counter(sum(chosen) + 9 + 5 for chosen in combinations(of_first, 3))
    drawn = redraw(hits, splits, 20_000, np.random.default_rng(0))
    found = Counter(drawn.tolist())
    assert set(found) == set(expected)
    for value, count in expected.items():
        assert found[value] / 20_000 == pytest.approx(count / 10, abs=0.015)


def test_its_contributions_give_the_value_under_any_weights_of_people(people: EcgWindows) -> None:
    comparison = cell(people, seed=0, dose=0.2)
    result = score(comparison)
    contributions = result.contributions
    assert contributions is not None
    assert contributions.evaluate()[0] == pytest.approx(result.value)
    train, control = comparison.splits.train, comparison.splits.control
    assert np.array_equal(contributions.people, np.unique(train.patients))
    # a person less: what the others' windows are hit by, over as many windows as the others have
    weights = np.ones((1, len(contributions.people)))
    weights[0, 3] = 0
    kept = [side.patients != contributions.people[3] for side in (train, control)]
    hits = np.delete(contributions.numerators, 3, axis=0).sum(axis=0)
    share = hits[0] / kept[0].sum() - hits[1] / kept[1].sum()
    expected = share * len(train) / len(comparison.synthetic)
    assert contributions.evaluate(weights)[0] == pytest.approx(expected)


def test_it_is_skipped_where_there_is_nothing_to_compare() -> None:
    real = beats()
    with pytest.raises(Skip, match="1 auxiliary windows"):
        score(tiny(real, real, members=6, known=1))


def test_a_short_window_is_shifted_by_an_eighth_of_it_at_most() -> None:
    real = beats()[:, :, :24]
    assert score(tiny(real[:6], real, members=6)).value == 1
