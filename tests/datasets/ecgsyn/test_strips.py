from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.signal import lombscargle

from ecgbench.contracts.streams import EcgsynStream
from ecgbench.datasets.ecgsyn import EcgsynStripsConfig, ecgbench_datasets
from ecgbench.datasets.ecgsyn.dipole import DOWER, LEADS, dipole, rotation, twelve_leads
from ecgbench.datasets.ecgsyn.model import Waves
from ecgbench.datasets.ecgsyn.people import draw_person
from ecgbench.datasets.ecgsyn.strips import (
    AF,
    ECTOPY,
    SINUS,
    draw_beats,
    draw_patient,
    draw_strip,
    load,
)
from ecgbench.r_peaks import r_peaks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import EcgWindows

[_, SPEC] = ecgbench_datasets()
CONFIG = EcgsynStripsConfig()


@cache
def strips(**settings: Any) -> EcgWindows:
    return load(EcgsynStripsConfig(**{"patients": 30, "strips": 4, "many": 20, **settings}), None)


def intervals(signals: NDArray[Any], rate: float = 100.0) -> NDArray[np.float64]:
    [found] = r_peaks(signals[None], rate)
    return np.diff(found)


def test_windows_are_what_the_spec_says() -> None:
    windows = strips()
    assert windows.problem() is None
    assert windows.leads == SPEC.leads == LEADS
    assert windows.classes == SPEC.classes
    assert windows.sampling_rate == SPEC.sampling_rate
    assert windows.signals.shape[1:] == (12, 1000)
    assert windows.attributes is not None
    assert set(windows.attributes) == set(windows.patients) == set(range(30))
    assert windows.records is not None
    assert len(np.unique(windows.records)) == len(windows)


def test_einthoven_and_goldberger_hold_exactly() -> None:
    one, two, three, right, left, foot = np.moveaxis(strips().signals[:, :6].astype(float), 1, 0)
    ulp = np.spacing(np.abs(strips().signals).max())
    for residual in (
        one + three - two,
        right + (one + two) / 2,
        left - (one - three) / 2,
        foot - (two + three) / 2,
    ):
        assert np.abs(residual).max() <= 2 * ulp


def test_leads_are_those_of_the_matrix() -> None:
    heart = np.random.default_rng(0).standard_normal((3, 7))
    found = twelve_leads(heart, np.zeros((9, 7)))
    for lead, row in DOWER.items():
        np.testing.assert_allclose(found[LEADS.index(lead)], row @ heart, atol=1e-6)


def test_an_electrode_moves_the_leads_that_it_makes() -> None:
    electrodes = np.zeros((9, 1))
    electrodes[0] = 3.0  # RA
    found = dict(zip(LEADS, twelve_leads(np.zeros((3, 1)), electrodes)[:, 0], strict=True))
    assert found["I"] == found["II"] == -3
    assert found["III"] == 0
    assert found["aVR"] == 3
    assert found["V1"] == found["V6"] == -1


def test_the_dipole_is_the_sum_of_its_waves() -> None:
    waves = Waves(np.array([0.2, 0.5]), np.array([1.0, -2.0]), np.array([0.01, 0.03]))
    directions = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]])
    times = np.arange(100) / 100
    found = dipole(waves, directions, times)
    first = np.exp(-0.5 * ((times - 0.2) / 0.01) ** 2)
    second = -2 * np.exp(-0.5 * ((times - 0.5) / 0.03) ** 2)
    np.testing.assert_allclose(found, [first, second, 2 * first], atol=1e-7)


def test_a_rotation_keeps_lengths_and_turns_the_frontal_plane() -> None:
    turn = rotation(np.array([0.3, -0.2, 0.5]))
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(
        rotation(np.array([0, 0, np.pi / 2])) @ [1, 0, 0], [0, 1, 0], atol=1e-12
    )


def test_heart_rate_and_variability_are_the_ones_told() -> None:
    config = EcgsynStripsConfig(length=30_000, noise=0.0, wander=0.0)
    for number in range(3):
        patient = draw_patient(config, number)
        rng = np.random.default_rng(number)
        found = intervals(draw_strip(config, patient, SINUS, rng))
        person = patient.person
        assert 60 / found.mean() == pytest.approx(60 / person.interval, rel=0.01)
        assert found.std() == pytest.approx(person.interval_deviation, rel=0.35)


def test_the_spectrum_of_the_intervals_has_the_lf_hf_told() -> None:
    config = EcgsynStripsConfig(length=100_000, noise=0.0, wander=0.0)
    for number in range(3):
        patient = draw_patient(config, number)
        [at] = r_peaks(draw_strip(config, patient, SINUS, np.random.default_rng(7))[None], 100.0)
        series = np.diff(at)
        frequencies = np.arange(0.02, 0.4, 0.0005)
        power = lombscargle(at[1:], series - series.mean(), 2 * np.pi * frequencies)
        low, high = (
            power[np.abs(frequencies - peak) < 0.04].sum()
            for peak in (patient.person.mayer, patient.person.breathing)
        )
        assert low / high == pytest.approx(patient.person.lf_hf, rel=0.35)


def test_fibrillation_is_irregular_and_has_no_p() -> None:
    patient = draw_patient(CONFIG, 1)
    rng = np.random.default_rng(0)
    sinus, af = (draw_beats(patient, label, 300.0, rng) for label in (SINUS, AF))
    at = {}
    for name, waves in (("sinus", sinus), ("AF", af)):
        amplitudes, times = (values.reshape(-1, 10) for values in (waves.amplitudes, waves.times))
        at[name] = np.diff(times[1:, 2])
        assert (amplitudes[1:, 0] != 0).all() == (name == "sinus")
        assert (amplitudes[1:, 2] > 0).all()
    ratio = {name: np.sqrt(np.mean(np.diff(v) ** 2)) / v.mean() for name, v in at.items()}
    assert ratio["AF"] > 0.2
    assert ratio["sinus"] < 0.12
    assert abs(np.corrcoef(at["AF"][1:], at["AF"][:-1])[0, 1]) < 0.1


def test_a_strip_of_ectopy_has_an_ectopic_beat_inside_and_no_other_class_has() -> None:
    for number in range(12):
        patient = draw_patient(CONFIG, number)
        for label in (SINUS, AF, ECTOPY):
            waves = draw_beats(patient, label, 9.99, np.random.default_rng(number))
            amplitudes, times = (v.reshape(-1, 10) for v in (waves.amplitudes, waves.times))
            ectopic = (amplitudes[:, 5:] != 0).any(axis=1)
            inside = (times[:, 7] > 0) & (times[:, 7] < 10)
            assert (ectopic & inside).any() == (label == ECTOPY)
            assert ectopic.any() == (label == ECTOPY)


def test_a_strip_has_beats_from_end_to_end() -> None:
    for window, found in zip(strips().signals, r_peaks(strips().signals, 100.0), strict=True):
        assert len(found) >= 5, window.shape
        assert found[0] < 2.5
        assert found[-1] > 7.5


def test_a_person_is_that_of_the_cohort_of_beats() -> None:
    patient = draw_patient(CONFIG, 3)
    same = draw_person(np.random.default_rng([0, 3, EcgsynStream.BODY]))
    assert patient.person.interval == same.interval
    np.testing.assert_array_equal(patient.person.ectopic.times, same.ectopic.times)


def test_a_person_and_a_visit_are_the_same_in_a_larger_cohort() -> None:
    small, large = strips(patients=6), strips()
    count = len(small)
    np.testing.assert_array_equal(small.signals, large.signals[:count])
    np.testing.assert_array_equal(small.labels, large.labels[:count])


def test_some_people_come_often() -> None:
    counts = np.bincount(strips(patients=200, length=100).patients)
    assert 0.04 < np.mean(counts == 20) < 0.16
    rest = counts[counts != 20]
    assert (rest.min(), rest.max()) == (1, 8)
    assert rest.mean() == pytest.approx(4.5, abs=0.5)


def test_sex_and_age_change_what_they_are_said_to() -> None:
    patients = [draw_patient(CONFIG, number) for number in range(400)]
    age = np.array([p.age for p in patients])
    woman = np.array([p.sex == "F" for p in patients])
    qt = np.array(
        [p.person.sinus.times[4] / np.sqrt(p.person.interval) for p in patients], dtype=float
    )
    r = np.array([p.person.sinus.amplitudes[2] for p in patients])
    assert qt[woman].mean() - qt[~woman].mean() == pytest.approx(0.011, abs=0.004)
    assert r[woman].mean() < 0.95 * r[~woman].mean()
    variability = np.log([p.person.interval_deviation / p.person.interval for p in patients])
    assert np.polyfit(age, variability, 1)[0] == pytest.approx(-0.01, abs=0.003)
    assert np.polyfit(age, [p.axis for p in patients], 1)[0] == pytest.approx(-0.25, abs=0.12)
    af = np.array([p.chances[AF] > 0 for p in patients])
    assert af[age > 75].mean() > 2 * af[age < 55].mean()


def test_amplitudes_are_those_of_an_adult() -> None:
    heights = np.median(np.ptp(strips().signals, axis=2), axis=0)
    assert (heights > 0.3).all()
    assert (heights < 2.5).all()
    assert np.abs(strips().signals).max() < 6


def test_noise_is_as_strong_as_set_in_a_limb_lead() -> None:
    with_noise = load(EcgsynStripsConfig(patients=4, strips=2, frequent=0, noise=0.1), None)
    without = load(EcgsynStripsConfig(patients=4, strips=2, frequent=0, noise=0.0), None)
    noise = (with_noise.signals - without.signals)[:, 1]
    assert noise.std() == pytest.approx(0.1, rel=0.05)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_cohort() -> None:
    config = EcgsynStripsConfig(patients=4, strips=2)
    first, again = load(config, None), load(config, None)
    assert first.signals.tobytes() == again.signals.tobytes()
    other = load(EcgsynStripsConfig(patients=4, strips=2, seed=1), None)
    assert first.signals.shape != other.signals.shape or (first.signals != other.signals).any()
