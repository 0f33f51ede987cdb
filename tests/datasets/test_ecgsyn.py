import dataclasses
from functools import cache

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from ecgbench.datasets.ecgsyn import EcgsynConfig, ecgbench_datasets
from ecgbench.datasets.ecgsyn.cohort import draw_waves, load
from ecgbench.datasets.ecgsyn.model import Course, Waves, integrate
from ecgbench.datasets.ecgsyn.people import draw_person
from ecgbench.datasets.ecgsyn.rhythm import TACHOGRAM_RATE, F, N, S, V, tachogram
from ecgbench.harness.split import number, split
from ecgbench.harness.windows import EcgWindows

THETA = np.array([-np.pi / 3, -np.pi / 12, 0.0, np.pi / 12, np.pi / 2])
A = np.array([1.2, -5.0, 30.0, -7.5, 0.75])
B = np.array([0.25, 0.1, 0.1, 0.1, 0.4])


@cache
def cohort(**settings) -> EcgWindows:
    return load(EcgsynConfig(**settings), None)


def intervals(windows: EcgWindows) -> tuple[np.ndarray, np.ndarray]:
    """Before and after each window, in mean sinus intervals; nan at the ends of a recording."""
    before = np.full(len(windows), np.nan)
    after = np.full(len(windows), np.nan)
    for patient, told in windows.attributes.items():
        mine = windows.patients == patient
        steps = np.diff(windows.positions[mine]) * told["heart_rate"] / 60
        before[mine], after[mine] = np.append(np.nan, steps), np.append(steps, np.nan)
    return before, after


def mean_window(windows: EcgWindows, patient: int, label: int) -> np.ndarray:
    chosen = (windows.patients == patient) & (windows.labels == label)
    return windows.signals[chosen, 0].mean(axis=0)


def test_regular_beats_follow_the_published_equations():
    omega, beats, rate = 2 * np.pi, 14, 250

    def published(t, state):
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


def test_a_recording_is_the_same_beside_others():
    person = draw_person(np.random.default_rng(1))
    classes = np.array([N] * 9 + [V] + [N] * 4 + [S] + [N] * 9)
    times = np.cumsum(np.where(classes == N, 0.8, 0.5)) - 0.8
    waves = draw_waves(person, classes, times, times, np.random.default_rng(2))
    one = Course(beats=times, waves=waves, wander=0.1, breathing=0.25, offset=1.0)
    other = dataclasses.replace(one, beats=times * 1.3, wander=0.0)
    [alone] = integrate([one], 125)
    between = integrate([other, one, other], 125)[1]
    np.testing.assert_allclose(alone, between, atol=1e-4)


def test_sinus_intervals_have_the_mean_the_deviation_and_the_spectrum_they_are_given():
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


def test_heart_rates_and_their_variability_in_the_recordings_are_the_ones_told():
    windows = cohort(patients=12, beats=200)
    for patient, told in windows.attributes.items():
        mine = windows.patients == patient
        sinus = (windows.labels[mine][1:] == N) & (windows.labels[mine][:-1] == N)
        steps = np.diff(windows.positions[mine])[sinus]
        assert 60 / steps.mean() == pytest.approx(told["heart_rate"], rel=0.02)
        assert steps.std() == pytest.approx(told["rr_deviation"], rel=0.35)


def test_windows_are_what_the_spec_says():
    [spec] = ecgbench_datasets()
    windows = cohort()
    assert windows.problem() is None
    assert windows.signals.shape == (2400, 1, 128)
    assert windows.leads == spec.leads
    assert windows.classes == spec.classes
    assert windows.sampling_rate == spec.sampling_rate
    assert set(windows.attributes) == set(windows.patients) == set(range(40))
    assert len(windows.records) == len(windows.positions) == len(windows)


@pytest.mark.parametrize(("rate", "length", "peak"), [(125, 128, 48), (360, 360, 135)])
def test_the_peak_stands_at_three_eighths_of_the_window(rate, length, peak):
    windows = cohort(
        sampling_rate=rate, length=length, noise=0.0, wander=0.0, patients=15, beats=30
    )
    near = slice(peak - rate // 10, peak + rate // 10)
    heights = np.abs(windows.signals[windows.labels != F, 0, near])
    off = np.abs(heights.argmax(axis=1) - rate // 10)
    assert off.max() <= 1 + rate // 100
    assert np.median(off) <= rate // 250


def test_amplitudes_are_those_of_a_lead_in_millivolts():
    windows = cohort()
    peaks = windows.signals[windows.labels == N, 0, 46:51].max(axis=1)
    assert 0.4 < np.quantile(peaks, 0.01)
    assert 0.8 < np.median(peaks) < 1.3
    assert np.abs(windows.signals).max() < 4


def test_ventricular_beats_are_wider_than_normal_ones_with_a_discordant_t():
    windows = cohort(noise=0.0, wander=0.0, sampling_rate=500, length=512)
    both = 0
    for patient in range(40):
        mine = windows.patients == patient
        if not (mine & (windows.labels == V)).any():
            continue
        both += 1
        widths = []
        for label in (N, V):
            mean = mean_window(windows, patient, label)
            sign = np.sign(mean[192])
            above = sign * mean[152:232] > 0.5 * sign * mean[192]
            widths.append(above.sum() / 500)
        assert widths[0] < 0.04 < 0.05 < widths[1]
        # from here on `mean` is of V: R at sample 192, T some .3 s later
        assert np.sign(mean[192] * (mean[192 + 145] - mean[192 + 310])) == -1
    assert both > 20


def test_atrial_waves_are_normal_in_n_altered_in_s_and_absent_in_v():
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


def test_premature_beats_come_early_and_pause_by_their_class():
    windows = cohort()
    before, after = intervals(windows)
    s, v, f = (windows.labels == label for label in (S, V, F))
    assert np.nanmax(before[s]) < 0.95
    assert np.nanmax(before[v]) < 0.9
    assert 0.9 < np.nanmedian(before[f]) < 1.0
    assert np.nanmedian((before + after)[s]) < 1.85
    assert np.nanmedian((before + after)[v]) == pytest.approx(2.0, abs=0.03)
    assert np.nanmedian((before + after)[f]) == pytest.approx(2.0, abs=0.03)


def test_fusions_lie_between_the_normal_and_the_ventricular_beats_of_their_patient():
    windows = cohort(noise=0.0, wander=0.0)
    seen = 0
    for patient in range(40):
        counts = np.bincount(windows.labels[windows.patients == patient], minlength=4)
        if not (counts[V] and counts[F]):
            continue
        seen += 1
        normal, ventricular, fusion = (
            mean_window(windows, patient, label)[40:64] for label in (N, V, F)
        )
        way = ventricular - normal
        share = (fusion - normal) @ way / (way @ way)
        assert 0.25 < share < 0.75
        assert np.linalg.norm(fusion - normal - share * way) < 0.35 * np.linalg.norm(way)
    assert seen > 10


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_cohort():
    config = EcgsynConfig(patients=4, beats=12)
    first, again = load(config, None), load(config, None)
    assert first.signals.tobytes() == again.signals.tobytes()
    assert first.labels.tobytes() == again.labels.tobytes()
    other = load(EcgsynConfig(patients=4, beats=12, seed=1), None)
    assert np.abs(first.signals - other.signals).max() > 0.1


def test_a_person_is_the_same_in_a_larger_cohort():
    small, large = cohort(patients=3, beats=20), cohort(patients=6, beats=20)
    np.testing.assert_allclose(small.signals, large.signals[:60], atol=1e-4)
    assert small.attributes[2] == large.attributes[2]


def test_windows_tell_their_patient_by_the_nearest_neighbour():
    windows = cohort()
    flat = windows.signals[:, 0].astype(float)
    squares = (flat**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * flat @ flat.T
    np.fill_diagonal(distances, np.inf)
    nearest = windows.patients[distances.argmin(axis=1)]
    assert 0.8 < (nearest == windows.patients).mean() < 0.99


def test_noise_is_white_and_as_strong_as_set():
    noise = (cohort(noise=0.1).signals - cohort(noise=0.0).signals)[:, 0]
    assert noise.std() == pytest.approx(0.1, rel=0.01)
    assert np.mean(noise[:, 1:] * noise[:, :-1]) / 0.01 == pytest.approx(0.0, abs=0.01)


def test_wander_is_the_breath_that_the_equation_passes():
    still = cohort(wander=0.0, patients=2)
    moved = cohort(wander=0.15, patients=2)
    times = moved.positions[:, None] + (np.arange(128) - 48) / 125
    for patient in (0, 1):
        mine = moved.patients == patient
        rate = moved.attributes[patient]["breathing"]
        change = (moved.signals - still.signals)[mine, 0].ravel()
        turn = np.exp(-2j * np.pi * rate * times[mine].ravel())
        # z' = z0 − z passes A sin(2πft) as A / √(1 + (2πf)²)
        expected = 0.15 / np.hypot(1, 2 * np.pi * rate)
        basis = np.stack([turn.real, turn.imag], axis=1)
        fitted = np.linalg.lstsq(basis, change, rcond=None)[0]
        assert np.hypot(*fitted) == pytest.approx(expected, rel=0.02)
        assert np.std(change - basis @ fitted) < 0.1 * expected


@pytest.mark.parametrize("settings", [{}, dict(ecgbench_datasets()[0].smoke)])
@pytest.mark.parametrize("seed", range(4))
def test_every_split_has_the_classes_that_metrics_are_read_on(settings, seed):
    splits = split(number(cohort(**settings)), seed=seed)
    for part in (splits.train, splits.fresh, splits.test):
        assert np.bincount(part.labels, minlength=4)[:3].min() >= 1
    assert np.bincount(splits.test.labels, minlength=4)[:3].min() >= 10
