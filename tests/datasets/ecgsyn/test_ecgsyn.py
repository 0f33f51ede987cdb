from __future__ import annotations

import dataclasses
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from ecgbench.contracts.config import build
from ecgbench.contracts.errors import ConfigError
from ecgbench.datasets.ecgsyn import EcgsynConfig, ecgbench_datasets
from ecgbench.datasets.ecgsyn.cohort import draw_waves, load
from ecgbench.datasets.ecgsyn.model import Course, Waves, integrate
from ecgbench.datasets.ecgsyn.people import draw_person
from ecgbench.datasets.ecgsyn.rhythm import TACHOGRAM_RATE, F, N, S, V, tachogram
from ecgbench.harness.data.split import number, split

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.contracts.windows import EcgWindows

SPEC = next(iter(ecgbench_datasets()))
THETA = np.array([-np.pi / 3, -np.pi / 12, 0.0, np.pi / 12, np.pi / 2])
A = np.array([1.2, -5.0, 30.0, -7.5, 0.75])
B = np.array([0.25, 0.1, 0.1, 0.1, 0.4])


@cache
def cohort(**settings: Any) -> EcgWindows:
    return load(EcgsynConfig(**settings), None)


def told(windows: EcgWindows, patient: int, name: str) -> float:
    assert windows.attributes is not None
    return float(windows.attributes[patient][name])


def peaks(windows: EcgWindows, patient: int) -> NDArray[np.float64]:
    """Seconds of a patient's R peaks."""
    assert windows.positions is not None
    seconds: NDArray[np.float64] = windows.positions[windows.patients == patient]
    return seconds


def intervals(windows: EcgWindows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Before and after each window, in mean sinus intervals; nan at the ends of a recording."""
    before = np.full(len(windows), np.nan)
    after = np.full(len(windows), np.nan)
    for patient in np.unique(windows.patients):
        mine = windows.patients == patient
        steps = np.diff(peaks(windows, patient)) * told(windows, patient, "heart_rate") / 60
        before[mine], after[mine] = np.append(np.nan, steps), np.append(steps, np.nan)
    return before, after


def mean_window(windows: EcgWindows, patient: int, label: int) -> NDArray[Any]:
    chosen = (windows.patients == patient) & (windows.labels == label)
    mean: NDArray[Any] = windows.signals[chosen, 0].mean(axis=0)
    return mean


def test_regular_beats_follow_the_published_equations() -> None:
    omega, beats, rate = 2 * np.pi, 14, 250

    def published(t: float, state: NDArray[Any]) -> list[Any]:
        x, y, z = state
        alpha = 1 - np.hypot(x, y)
        away = (np.arctan2(y, x) - THETA + np.pi) % (2 * np.pi) - np.pi
        push = sum(a * d * np.exp(-(d**2) / (2 * b**2)) for a, d, b in zip(A, away, B, strict=True))
        rest = 0.15 * np.sin(2 * np.pi * 0.25 * t)
        return [alpha * x - omega * y, alpha * y + omega * x, -push - (z - rest)]

    waves = Waves(
        (np.arange(beats)[:, None] + THETA / omega).ravel(),
        np.tile(A * B**2 / omega, beats),
        np.tile(B / omega, beats),
    )
    course = Course(
        beats=np.arange(float(beats)), waves=waves, wander=0.15, breathing=0.25, offset=0.0
    )
    [ours] = integrate([course], rate)
    times = np.arange(len(ours)) / rate
    theirs = solve_ivp(
        published, (0, times[-1]), [1, 0, 0], t_eval=times, max_step=0.01, rtol=1e-7, atol=1e-9
    ).y[2]
    settled = times > 8
    assert np.ptp(theirs[settled]) > 0.05
    np.testing.assert_allclose(ours[settled], theirs[settled], atol=5e-5)


def test_a_recording_is_the_same_beside_others() -> None:
    person = draw_person(np.random.default_rng(1))
    classes = np.array([N] * 9 + [V] + [N] * 4 + [S] + [N] * 9)
    times = np.cumsum(np.where(classes == N, 0.8, 0.5)) - 0.8
    waves = draw_waves(person, classes, times, times, np.random.default_rng(2))
    one = Course(beats=times, waves=waves, wander=0.1, breathing=0.25, offset=1.0)
    other = dataclasses.replace(one, beats=times * 1.3, wander=0.0)
    [alone] = integrate([one], 100)
    between = integrate([other, one, other], 100)[1]
    np.testing.assert_allclose(alone, between, atol=5e-4)


def test_sinus_intervals_have_the_mean_the_deviation_and_the_spectrum_they_are_given() -> None:
    person = draw_person(np.random.default_rng(3))
    series = tachogram(person, 4096.0, np.random.default_rng(4))
    assert series.mean() == pytest.approx(person.interval)
    assert series.std() == pytest.approx(person.interval_deviation)
    power = np.abs(np.fft.rfft(series - series.mean())) ** 2
    frequencies = np.fft.rfftfreq(len(series), 1 / TACHOGRAM_RATE)
    low = np.abs(frequencies - 0.1) < 0.05
    high = np.abs(frequencies - 0.25) < 0.09
    assert frequencies[low][power[low].argmax()] == pytest.approx(person.mayer, abs=0.002)
    assert frequencies[high][power[high].argmax()] == pytest.approx(person.breathing, abs=0.002)
    assert power[low].sum() / power[high].sum() == pytest.approx(person.lf_hf, rel=0.02)


def test_heart_rates_and_their_variability_in_the_recordings_are_the_ones_told() -> None:
    windows = cohort(patients=12, beats=200)
    for patient in range(12):
        normal = windows.labels[windows.patients == patient] == N
        steps = np.diff(peaks(windows, patient))[normal[1:] & normal[:-1]]
        assert 60 / steps.mean() == pytest.approx(told(windows, patient, "heart_rate"), rel=0.02)
        assert steps.std() == pytest.approx(told(windows, patient, "rr_deviation"), rel=0.35)


def test_windows_are_what_the_spec_says() -> None:
    windows = cohort()
    assert windows.problem() is None
    assert windows.signals.shape == (2400, 1, 200)
    assert windows.leads == SPEC.leads
    assert windows.classes == SPEC.classes
    assert windows.sampling_rate == SPEC.sampling_rate
    assert windows.attributes is not None
    assert set(windows.attributes) == set(windows.patients) == set(range(40))
    assert windows.records is not None
    assert windows.positions is not None
    assert len(windows.records) == len(windows.positions) == len(windows)


@pytest.mark.parametrize(("rate", "length", "peak"), [(125, 128, 48), (360, 360, 140)])
def test_the_peak_stands_where_it_is_set(rate: int, length: int, peak: int) -> None:
    windows = cohort(
        sampling_rate=rate, length=length, r_sample=peak, noise=0.0, wander=0.0, patients=15
    )
    near = slice(peak - rate // 10, peak + rate // 10)
    heights = np.abs(windows.signals[windows.labels != F, 0, near])
    off = np.abs(heights.argmax(axis=1) - rate // 10)
    assert off.max() <= 1 + rate // 100
    assert np.median(off) <= rate // 250


def test_a_peak_outside_the_window_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"r_sample = 64 lies outside a window of 64 samples"):
        build(EcgsynConfig, {"length": 64, "r_sample": 64}, where="dataset ecgsyn")


def test_amplitudes_are_those_of_a_lead_in_millivolts() -> None:
    windows = cohort()
    heights = windows.signals[windows.labels == N, 0, 98:103].max(axis=1)
    assert np.quantile(heights, 0.01) > 0.4
    assert 0.8 < np.median(heights) < 1.3
    assert np.abs(windows.signals).max() < 4


def test_ventricular_beats_are_wider_than_normal_ones_with_a_discordant_t() -> None:
    windows = cohort(noise=0.0, wander=0.0, sampling_rate=500, length=512, r_sample=192)

    def half_width(beat: NDArray[Any]) -> float:
        deflection = np.sign(beat[192]) * beat[152:232]
        return float((deflection > 0.5 * deflection[40]).sum()) / 500

    patients = np.unique(windows.patients[windows.labels == V])
    assert len(patients) > 20
    for patient in patients:
        normal, ventricular = (mean_window(windows, patient, label) for label in (N, V))
        assert half_width(normal) < 0.04
        assert half_width(ventricular) > 1.5 * half_width(normal)
        t_wave = ventricular[192 + 145] - ventricular[192 + 310]  # some .3 s after R, less the end
        assert np.sign(ventricular[192] * t_wave) == -1


def test_atrial_waves_are_normal_in_n_altered_in_s_and_absent_in_v() -> None:
    person = draw_person(np.random.default_rng(5))
    classes = np.array([N, N, N, S, N, V, N, F, N])
    times = np.arange(9.0)
    waves = draw_waves(person, classes, times, times, np.random.default_rng(6))
    there = waves.amplitudes != 0
    place = waves.times[there, None] - times
    found = {
        beat: waves.amplitudes[there][(place[:, beat] > -0.25) & (place[:, beat] < -0.07)]
        for beat in (1, 3, 5, 7)
    }
    assert [len(found[beat]) for beat in (1, 3, 5, 7)] == [1, 1, 0, 1]
    usual = person.sinus.amplitudes[0]
    assert found[1] == pytest.approx(usual, rel=0.3)
    assert found[7] == pytest.approx(usual, rel=0.3)
    assert not 0.7 < found[3] / usual < 1.3


def test_premature_beats_come_early_and_pause_by_their_class() -> None:
    windows = cohort()
    before, after = intervals(windows)
    s, v, f = (windows.labels == label for label in (S, V, F))
    assert np.nanmax(before[s]) < 0.95
    assert np.nanmax(before[v]) < 0.9
    assert 0.9 < np.nanmedian(before[f]) < 1.0
    assert np.nanmedian((before + after)[s]) < 1.85
    assert np.nanmedian((before + after)[v]) == pytest.approx(2.0, abs=0.03)
    assert np.nanmedian((before + after)[f]) == pytest.approx(2.0, abs=0.03)


def test_fusions_lie_between_the_normal_and_the_ventricular_beats_of_their_patient() -> None:
    windows = cohort(noise=0.0, wander=0.0)
    seen = 0
    for patient in range(40):
        counts = np.bincount(windows.labels[windows.patients == patient], minlength=4)
        if not (counts[V] and counts[F]):
            continue
        seen += 1
        normal, ventricular, fusion = (
            mean_window(windows, patient, label)[94:113] for label in (N, V, F)
        )
        way = ventricular - normal
        share = (fusion - normal) @ way / (way @ way)
        assert 0.2 < share < 0.8
        assert np.linalg.norm(fusion - normal) < np.linalg.norm(way)
        assert np.linalg.norm(fusion - ventricular) < np.linalg.norm(way)
    assert seen > 10


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_cohort() -> None:
    config = EcgsynConfig(patients=4, beats=12)
    first, again = load(config, None), load(config, None)
    assert first.signals.tobytes() == again.signals.tobytes()
    assert first.labels.tobytes() == again.labels.tobytes()
    other = load(EcgsynConfig(patients=4, beats=12, seed=1), None)
    assert np.abs(first.signals - other.signals).max() > 0.1


def test_a_person_is_the_same_in_a_larger_cohort() -> None:
    small, large = cohort(patients=3, beats=20), cohort(patients=6, beats=20)
    np.testing.assert_allclose(small.signals, large.signals[:60], atol=5e-4)
    assert told(small, 2, "heart_rate") == told(large, 2, "heart_rate")


def test_windows_tell_their_patient_by_the_nearest_neighbour() -> None:
    windows = cohort()
    flat = windows.signals[:, 0, 75:140].astype(float)  # the beat, without its neighbours
    squares = (flat**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * flat @ flat.T
    np.fill_diagonal(distances, np.inf)
    nearest = windows.patients[distances.argmin(axis=1)]
    assert 0.8 < (nearest == windows.patients).mean() < 0.99


def test_noise_is_white_and_as_strong_as_set() -> None:
    noise = (cohort(noise=0.1).signals - cohort(noise=0.0).signals)[:, 0]
    assert noise.std() == pytest.approx(0.1, rel=0.01)
    assert np.mean(noise[:, 1:] * noise[:, :-1]) / 0.01 == pytest.approx(0.0, abs=0.01)


def test_wander_is_the_breath_that_the_equation_passes() -> None:
    still = cohort(wander=0.0, patients=2)
    moved = cohort(wander=0.15, patients=2)
    for patient in (0, 1):
        rate = told(moved, patient, "breathing")
        times = peaks(moved, patient)[:, None] + (np.arange(200) - 100) / 100
        change = (moved.signals - still.signals)[moved.patients == patient, 0].ravel()
        angle = 2 * np.pi * rate * times.ravel()
        basis = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        fitted = np.linalg.lstsq(basis, change, rcond=None)[0]
        # z' = z₀ − z passes A sin(2πft) as A / √(1 + (2πf)²)
        expected = 0.15 / np.hypot(1, 2 * np.pi * rate)
        assert np.hypot(*fitted) == pytest.approx(expected, rel=0.02)
        assert np.std(change - basis @ fitted) < 0.1 * expected


@pytest.mark.parametrize("settings", [{}, dict(SPEC.smoke)])
@pytest.mark.parametrize("seed", range(4))
def test_every_split_has_the_classes_that_metrics_are_read_on(
    settings: dict[str, int], seed: int
) -> None:
    splits = split(number(cohort(**settings)), seed=seed)
    for part in (splits.train, splits.fresh, splits.test):
        assert np.bincount(part.labels, minlength=4)[:3].min() >= 1
    assert np.bincount(splits.test.labels, minlength=4)[:3].min() >= 10
