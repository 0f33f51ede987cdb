from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecgbench import Context, EcgbenchError, EcgWindows, Skip, Splits, principal_components
from ecgbench.contracts.config import build
from ecgbench.contracts.errors import ConfigError
from ecgbench.contracts.faults import KINDS
from ecgbench.datasets.ecgsyn import EcgsynConfig, EcgsynStripsConfig, strips
from ecgbench.datasets.ecgsyn.cohort import load
from ecgbench.generators.doses import DoseConfig
from ecgbench.generators.doses.dose import Dose
from ecgbench.harness.data.split import number, split
from ecgbench.r_peaks import r_peaks

FAULTS = ("none", *(kind for kind in KINDS if kind != "shuffled-leads"))  # of one lead


@pytest.fixture(scope="module")
def splits() -> Splits:
    return split(number(load(EcgsynConfig(patients=20, beats=60, seed=3), None)), seed=0)


def sample(splits: Splits, fault: str, amount: float, *, sigma: float = 0.0) -> EcgWindows:
    dose = Dose(DoseConfig(fault=fault, amount=amount, sigma=sigma))
    context = Context(
        seed=1,
        device="cpu",
        threads=1,
        log=lambda step, /, **_: None,
        checkpoint_dir=Path(),
        fresh=splits.fresh,
    )
    dose.fit(splits.train, context)
    return dose.sample(splits.fresh.labels, context)


def is_among(windows: EcgWindows, others: EcgWindows) -> Any:
    """Return which windows are exact copies of one of the others."""
    known = {window.tobytes() for window in others.signals}
    return np.array([window.tobytes() in known for window in windows.signals])


def test_a_fault_that_nobody_knows_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match=r"fault = 'nois'.*invalid enum value 'nois'"):
        build(DoseConfig, {"fault": "nois"}, where="generator dose")


@pytest.mark.parametrize("fault", ["noise", "copies"])
def test_a_fault_draws_by_its_name_and_not_by_its_place_among_them(
    splits: Splits, fault: str
) -> None:
    rng = np.random.default_rng([1, zlib.crc32(fault.encode()), 31])
    found, fresh = sample(splits, fault, 0.5), splits.fresh
    if fault == "noise":
        noise = 0.5 * fresh.signals.std() * rng.standard_normal(fresh.signals.shape)
        np.testing.assert_allclose(found.signals, fresh.signals + noise, atol=1e-5)
    else:
        copied = np.zeros(len(fresh), dtype=bool)
        copied[rng.permutation(len(fresh))[: round(0.5 * len(fresh))]] = True
        np.testing.assert_array_equal(is_among(found, splits.train), copied)


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"members"}))
def test_a_dose_of_0_is_the_fresh_windows(splits: Splits, fault: str) -> None:
    found = sample(splits, fault, 0.0)
    np.testing.assert_allclose(found.signals, splits.fresh.signals, atol=1e-6)
    assert (found.patients == -1).all()
    assert (found.records, found.positions, found.attributes, found.indices) == (None,) * 4


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"none"}))
def test_the_same_seed_gives_the_same_bytes_and_finite_windows(splits: Splits, fault: str) -> None:
    first, second = (sample(splits, fault, 0.5) for _ in range(2))
    assert first.signals.tobytes() == second.signals.tobytes()
    assert np.isfinite(first.signals).all()
    assert first.signals.shape == splits.fresh.signals.shape
    assert not np.array_equal(first.signals, splits.fresh.signals)
    np.testing.assert_array_equal(first.labels, splits.fresh.labels)


def test_noise_has_the_deviation_that_is_asked_for(splits: Splits) -> None:
    added = sample(splits, "noise", 0.5).signals - splits.fresh.signals
    assert added.std() == pytest.approx(0.5 * splits.fresh.signals.std(), rel=0.02)


def test_gain_multiplies(splits: Splits) -> None:
    found = sample(splits, "gain", 0.2).signals
    np.testing.assert_allclose(found, 1.2 * splits.fresh.signals, rtol=1e-5)


def test_a_shift_is_one_of_whole_samples_where_it_is_of_whole_samples(splits: Splits) -> None:
    samples = 3
    found = sample(splits, "shift", samples / splits.fresh.sampling_rate).signals
    np.testing.assert_allclose(
        found[:, :, samples:], splits.fresh.signals[:, :, :-samples], atol=1e-5
    )


def test_warping_widens_about_the_middle() -> None:
    time = np.arange(129)
    bump = np.exp(-0.5 * ((time - 64) / 5) ** 2)
    signals = np.repeat(bump[None, None], 40, axis=0).astype(np.float32)
    windows = EcgWindows(
        signals=signals,
        labels=np.zeros(40, dtype=np.int64),
        patients=np.arange(40) % 8,
        sampling_rate=125.0,
        leads=("II",),
        classes=("N",),
    )
    found = sample(split(number(windows), 0), "warp", 0.2).signals[0, 0]
    np.testing.assert_allclose(found, np.exp(-0.5 * ((time - 64) / 6) ** 2), atol=0.01)


def test_the_slope_tilts_the_spectrum_and_keeps_the_deviation(splits: Splits) -> None:
    found = sample(splits, "slope", 1.0).signals
    fresh = splits.fresh.signals
    np.testing.assert_allclose(found.std(axis=2), fresh.std(axis=2), rtol=1e-4)
    ratio = np.abs(np.fft.rfft(found, axis=2)) / np.abs(np.fft.rfft(fresh, axis=2))
    np.testing.assert_allclose(ratio[..., 1] / ratio[..., 8], 8, rtol=0.01)


def test_smoothing_takes_high_frequencies_as_a_gaussian_does(splits: Splits) -> None:
    found = sample(splits, "smoothing", 0.02).signals
    power = np.abs(np.fft.rfft(splits.fresh.signals - splits.fresh.signals.mean(), axis=2)) ** 2
    left = np.abs(np.fft.rfft(found - found.mean(), axis=2)) ** 2
    frequency = np.fft.rfftfreq(found.shape[2], 1 / splits.fresh.sampling_rate)
    wanted = np.exp(-((2 * np.pi * frequency * 0.02) ** 2))
    ratio = left.sum(axis=(0, 1)) / power.sum(axis=(0, 1))
    np.testing.assert_allclose(ratio[2:10], wanted[2:10], rtol=0.1)


def test_shrinking_leaves_the_class_means(splits: Splits) -> None:
    found = sample(splits, "shrinking", 0.9).signals
    for label in np.unique(splits.fresh.labels):
        rows = splits.fresh.labels == label
        before, after = splits.fresh.signals[rows], found[rows]
        np.testing.assert_allclose(after.mean(axis=0), before.mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(after.std(axis=0), 0.1 * before.std(axis=0), atol=1e-4)


def test_copies_are_training_windows_of_the_class_in_the_share_asked_for(splits: Splits) -> None:
    found = sample(splits, "copies", 0.5)
    copied = is_among(found, splits.train)
    assert copied.sum() == round(0.5 * len(found))
    assert is_among(found, splits.fresh).sum() == len(found) - copied.sum()
    for label in np.unique(found.labels):
        rows = copied & (found.labels == label)
        assert is_among(found.take(rows), splits.train.take(splits.train.labels == label)).all()


def test_a_larger_dose_copies_what_a_smaller_one_does_and_more(splits: Splits) -> None:
    small, large = (is_among(sample(splits, "copies", a), splits.train) for a in (0.1, 0.5))
    assert not (small & ~large).any()


def test_noise_is_on_the_copies_alone(splits: Splits) -> None:
    plain, noisy = (sample(splits, "copies", 0.5, sigma=s) for s in (0.0, 0.1))
    copied = is_among(plain, splits.train)
    np.testing.assert_array_equal(noisy.signals[~copied], plain.signals[~copied])
    added = noisy.signals[copied] - plain.signals[copied]
    assert added.std() == pytest.approx(0.1 * splits.train.signals.std(), rel=0.05)


def test_copied_people_give_away_their_own_windows_alone(splits: Splits) -> None:
    found = sample(splits, "copied-people", 0.5)
    copied = is_among(found, splits.train)
    people = np.unique(splits.fresh.patients[copied])
    assert len(people) == round(0.5 * len(np.unique(splits.fresh.patients)))
    assert copied[np.isin(splits.fresh.patients, people)].all()
    for person in people:
        own = found.take(splits.fresh.patients == person)
        theirs = splits.train.take(splits.train.patients == person)
        assert is_among(own, theirs).mean() > 0.8  # but for classes without any window in train


def test_people_who_are_dropped_leave_nothing(splits: Splits) -> None:
    found = sample(splits, "patient-drop", 0.5)
    kept = is_among(found, splits.fresh)
    gone = np.unique(splits.fresh.patients[~kept])
    assert len(gone) == round(0.5 * len(np.unique(splits.train.patients)))
    assert is_among(found.take(~kept), splits.train).all()
    assert not is_among(found, splits.train.take(np.isin(splits.train.patients, gone))).any()


def test_duplicates_leave_one_window_in_so_many(splits: Splits) -> None:
    found = sample(splits, "duplication", 4.0)
    distinct = len(np.unique(found.signals.reshape(len(found), -1), axis=0))
    assert distinct == pytest.approx(len(found) / 5, abs=len(found.classes))


def test_a_collapsed_class_is_made_of_windows_of_the_commonest(splits: Splits) -> None:
    found = sample(splits, "class-collapse", 1.0)
    commonest = np.bincount(found.labels).argmax()
    rare = found.labels != commonest
    pool = splits.train.take(splits.train.labels == commonest)
    assert is_among(found.take(rare), pool).all()
    np.testing.assert_array_equal(found.signals[~rare], splits.fresh.signals[~rare])


def test_a_dropped_mode_is_the_far_end_of_the_first_component(splits: Splits) -> None:
    found = sample(splits, "mode-drop", 0.5)
    gone = ~is_among(found, splits.fresh)
    assert gone.mean() == pytest.approx(0.5, abs=0.1)
    for label in np.unique(found.labels):
        rows = found.labels == label
        train = splits.train.signals[splits.train.labels == label, 0].astype(float)
        axis = principal_components(train, 1).axes[0]
        edge = np.quantile(train @ axis, 0.5)
        assert (found.signals[rows, 0] @ axis <= edge + 1e-6).all() == (rows.sum() >= 4)


def test_scattered_gain_is_a_factor_of_each_window(splits: Splits) -> None:
    found, fresh = sample(splits, "gain-scatter", 0.5).signals, splits.fresh.signals
    factors = found.std(axis=(1, 2)) / fresh.std(axis=(1, 2))
    np.testing.assert_allclose(found, factors[:, None, None] * fresh, rtol=1e-4, atol=1e-5)
    logs = np.log(factors)
    assert logs.std() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(2 * len(logs)))
    assert logs.mean() == pytest.approx(0, abs=4 * 0.5 / np.sqrt(len(logs)))


def test_outliers_are_smooth_of_log_normal_amplitude_and_know_no_ecg(splits: Splits) -> None:
    found, fresh = sample(splits, "outliers", 0.5), splits.fresh
    wild = ~is_among(found, fresh)
    assert wild.sum() == round(0.5 * len(fresh))
    signals = found.signals[wild]
    logs = np.log(signals.std(axis=2).ravel() / (3 * splits.train.signals.std()))
    assert logs.std() == pytest.approx(0.7, abs=4 * 0.7 / np.sqrt(2 * len(logs)))
    assert logs.mean() == pytest.approx(0, abs=4 * 0.7 / np.sqrt(len(logs)))
    # white noise has (1 - e^(-1/2σ²))^½ √2 of its deviation in steps after smoothing by σ samples
    steps = np.diff(signals, axis=2).std(axis=2) / signals.std(axis=2)
    narrow = np.sqrt(2 - 2 * np.exp(-1 / (2 * 0.01 * fresh.sampling_rate) ** 2))
    assert steps.max() < 1.1 * narrow
    # of all the beats before a window none explains much of it
    beats = splits.train.signals[:, 0] - splits.train.signals[:, 0].mean(axis=1, keepdims=True)
    beats /= np.linalg.norm(beats, axis=1, keepdims=True)
    centred = signals[:, 0] - signals[:, 0].mean(axis=1, keepdims=True)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    assert np.median(np.abs(centred @ beats.T)) < 0.3


def test_a_collapsed_mode_is_nearly_one_training_window_of_the_class(splits: Splits) -> None:
    found, fresh = sample(splits, "mode-collapse", 0.5), splits.fresh
    gone = ~is_among(found, fresh)
    assert gone.sum() == round(0.5 * len(fresh))
    deviation = splits.train.signals.std()
    for label in np.unique(fresh.labels[gone]):
        signals = found.signals[gone & (fresh.labels == label)]
        assert signals.std(axis=0).max() < 5 * 0.02 * deviation
        pool = splits.train.signals[splits.train.labels == label]
        if len(signals) > 5:
            nearest = np.sqrt(np.square(pool - signals.mean(axis=0)).mean(axis=(1, 2))).min()
            assert nearest < 0.02 * deviation


def test_a_tenth_of_what_has_collapsed_may_be_outliers(splits: Splits) -> None:
    found = sample(splits, "collapse-outliers", 1.0)
    deviation = splits.train.signals.std()
    wild = np.zeros(len(found), dtype=bool)
    for label in np.unique(found.labels):
        rows = found.labels == label
        middle = np.median(found.signals[rows], axis=0)
        wild[rows] = np.abs(found.signals[rows] - middle).max(axis=(1, 2)) > 0.2 * deviation
    assert wild.mean() == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / len(found)))


@pytest.mark.parametrize("fault", ["outliers", "mode-collapse", "collapse-outliers"])
def test_a_larger_dose_replaces_what_a_smaller_one_does_by_the_same(
    splits: Splits, fault: str
) -> None:
    small, large = (sample(splits, fault, amount) for amount in (0.1, 0.5))
    gone = ~is_among(small, splits.fresh)
    np.testing.assert_array_equal(small.signals[gone], large.signals[gone])


def test_members_at_0_are_noise_and_at_1_fresh_windows(splits: Splits) -> None:
    noise = sample(splits, "members", 0.0)
    assert not is_among(noise, splits.fresh).any()
    assert noise.signals.std() == pytest.approx(splits.train.signals.std(), rel=0.05)
    assert is_among(sample(splits, "members", 1.0), splits.fresh).all()


def test_one_class_and_one_person_are_skipped() -> None:
    windows = load(EcgsynConfig(patients=1, beats=200), None)
    alone = split(number(windows), 0)
    with pytest.raises(Skip, match="patient-drop takes several classes, people or leads"):
        sample(alone, "patient-drop", 0.5)
    with pytest.raises(Skip, match="shuffled-leads takes several classes, people or leads"):
        sample(alone, "shuffled-leads", 0.5)


@pytest.fixture(scope="module")
def of_strips() -> Splits:
    config = EcgsynStripsConfig(patients=40, strips=3, frequent=0.0)
    return split(number(strips.load(config, None)), seed=0)


@pytest.mark.parametrize("amount", [0.0, 0.25, 1.0])
def test_shuffled_leads_come_each_from_another_window_of_the_class(
    of_strips: Splits, amount: float
) -> None:
    fresh, shuffled = of_strips.fresh, sample(of_strips, "shuffled-leads", amount)
    for label in np.unique(fresh.labels):
        rows = fresh.labels == label
        for lead in range(12):
            one, other = (
                sorted(window.tobytes() for window in w.signals[rows, lead])
                for w in (fresh, shuffled)
            )
            assert one == other
    differs = (shuffled.signals != fresh.signals).any(axis=2)
    assert not differs[:, 0].any()
    assert differs.any(axis=1).mean() == pytest.approx(amount, abs=0.1)


def test_a_jittered_rhythm_moves_beats_and_keeps_their_shape(of_strips: Splits) -> None:
    fresh, moved = of_strips.fresh, sample(of_strips, "jittered-rhythm", 0.05)
    rate = fresh.sampling_rate
    before, after = (r_peaks(w.signals, rate) for w in (fresh, moved))
    same = [
        i
        for i, (one, other) in enumerate(zip(before, after, strict=True))
        if len(one) == len(other)
    ]
    assert len(same) > 0.9 * len(fresh)
    moves = np.concatenate([after[i] - before[i] for i in same])
    assert np.std(moves) == pytest.approx(0.044, abs=0.01)  # normal, cut off at two deviations
    heights = [np.ptp(w.signals[same], axis=2) for w in (fresh, moved)]
    assert np.median(np.abs(heights[1] / heights[0] - 1)) < 0.05


def test_a_jitter_of_a_beat_that_is_alone_changes_nothing() -> None:
    windows = load(EcgsynConfig(patients=4, beats=20, length=66, r_sample=25), None)
    alone = split(number(windows), 0)
    found = sample(alone, "jittered-rhythm", 0.2)
    assert (found.signals == alone.fresh.signals).all(axis=(1, 2)).mean() > 0.5


def test_other_labels_than_the_fresh_windows_are_refused(splits: Splits) -> None:
    context = Context(
        seed=0, device="cpu", threads=1, log=lambda *_, **__: None, checkpoint_dir=Path()
    )
    dose = Dose(DoseConfig())
    dose.fit(splits.train, context)
    with pytest.raises(EcgbenchError, match="sample their labels"):
        dose.sample(splits.fresh.labels, context)
