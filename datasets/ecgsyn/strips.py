"""The strips of the simulated cohort: twelve leads of ten seconds, several visits a person.

A person of `ecgsyn` (`people`) gets a sex, an age, an axis of the heart and a direction of each wave, and
comes for some strips.  Each strip is a recording of its own, with a rhythm of three:

| class | beats | P |
|---|---|---|
| `sinus` | sinus intervals with the person's mean, deviation and LF/HF (`rhythm`) | before each QRS complex |
| `AF` | independent intervals of a shifted gamma law | none; fibrillatory waves |
| `ectopy` | sinus rhythm with at least one beat of class S, V or F | as in `cohort` |

What sex and age change has the direction that the literature reports; its size is chosen.  In women the QT
interval is longer (Rautaharju et al., Can J Cardiol 8:690, 1992) and the waves are lower (Macfarlane,
Lawrie, Comprehensive Electrocardiology, 1989).  With age the variability of sinus intervals falls (Umetani
et al., J Am Coll Cardiol 31:593, 1998), the axis turns left, P grows lower, and atrial fibrillation is
more frequent (Go et al., JAMA 285:2370, 2001).

A strip, a person and a visit have random streams of their own: a person is the same in a cohort of any
size, and a visit with any number of others.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecgbench import EcgWindows
from ecgbench.contracts.streams import EcgsynStream
from ecgbench.datasets.ecgsyn.cohort import draw_waves
from ecgbench.datasets.ecgsyn.dipole import LEADS, dipole, rotation, twelve_leads
from ecgbench.datasets.ecgsyn.model import Waves
from ecgbench.datasets.ecgsyn.people import AMPLITUDES, Person, draw_person
from ecgbench.datasets.ecgsyn.rhythm import N, draw_classes, draw_times

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ecgbench.datasets.ecgsyn import EcgsynStripsConfig

    Floats = NDArray[np.float64]

SINUS, AF, ECTOPY = range(3)
CLASSES = ("sinus", "AF", "ectopy")

MARGIN = 6
"""Beats before the strip, and after it."""

TYPICAL = np.array(
    [
        [0.07, 0.11, 0.02],  # P
        [-0.15, -0.05, -0.25],  # Q: the septum, to the right and the front
        [1.10, 0.80, 0.25],  # R
        [-0.25, -0.15, 0.55],  # S: the base, to the back
        [0.28, 0.22, -0.15],  # T
    ]
)
"""Moments (mV of x, y and z) with which lead II has about the mean amplitudes of `people`."""

AF_SHORTEST, AF_SHAPE = 0.30, 4.0
"""s, the refractory time of the AV node, and the shape of the gamma law of what exceeds it."""

AF_PACE = 0.8
"""The mean interval in atrial fibrillation, in sinus intervals; it is no shorter than .42 s."""

FIBRILLATION = np.array([-0.45, 0.35, -0.80])
"""Direction of fibrillatory waves, largest in V1; Stridh, Sörnmo (IEEE TBME 48:105, 2001) model them."""

HARMONICS = 3
"""Of the sawtooth of a fibrillatory wave."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Patient:
    """A person with all that twelve leads and several visits need.

    Attributes:
        person: heart and rhythm.
        sex: "F" or "M".
        age: years.
        axis: of the QRS complex in the frontal plane, degrees.
        directions: mV of x, y and z in a mV of each of the ten waves of `draw_waves`, (10, 3).
        visits: number of strips.
        chances: of each class at a visit, shape (3,).
        fibrillation: amplitude (mV) and frequency (Hz) of fibrillatory waves.
    """

    person: Person
    sex: str
    age: float
    axis: float
    directions: Floats
    visits: int
    chances: Floats
    fibrillation: tuple[float, float]


def load(config: EcgsynStripsConfig, _folder: Path | None) -> EcgWindows:
    """Simulate the strips, in order of person and visit.

    ``records`` name person and visit; ``positions`` are 0, the start of a recording.  ``attributes`` hold
    ``sex``, ``age`` (years), ``axis`` (degrees), and ``heart_rate`` (beats a minute), ``rr_deviation`` (s),
    ``lf_hf`` and ``breathing`` (Hz) of the person's sinus rhythm.
    """
    signals, labels, patients, records, attributes = [], [], [], [], {}
    for number in range(config.patients):
        patient = draw_patient(config, number)
        attributes[number] = _attributes(patient)
        for visit in range(patient.visits):
            rng = np.random.default_rng([config.seed, number, EcgsynStream.VISITS, visit])
            label = int(rng.choice(3, p=patient.chances))
            signals.append(draw_strip(config, patient, label, rng))
            labels.append(label)
            patients.append(number)
            records.append(f"{number:03d}-{visit:02d}")
    return EcgWindows(
        signals=np.stack(signals),
        labels=np.array(labels, dtype=np.int64),
        patients=np.array(patients, dtype=np.int64),
        sampling_rate=float(config.sampling_rate),
        leads=LEADS,
        classes=CLASSES,
        records=np.array(records),
        positions=np.zeros(len(records)),
        attributes=attributes,
    )


def draw_patient(config: EcgsynStripsConfig, number: int) -> Patient:
    """Draw a person, the same as that of `ecgsyn` but for what sex and age change."""
    body = np.random.default_rng([config.seed, number, EcgsynStream.BODY])
    rng = np.random.default_rng([config.seed, number, EcgsynStream.PATIENT])
    person = draw_person(body)
    sex = "F" if rng.random() < 0.5 else "M"
    age = float(np.rint(rng.uniform(20, 90)))
    years = age - 55
    turn = rotation(np.radians([rng.normal(0, 12), rng.normal(0, 12), 18 - 0.3 * years]))
    turn = turn @ rotation(np.radians([0.0, 0.0, rng.normal(-18, 12)]))
    scatter = 0.12 * rng.standard_normal((len(TYPICAL), 3))
    sinus = (TYPICAL + scatter * np.linalg.norm(TYPICAL, axis=1)[:, None]) @ turn.T
    directions = sinus / np.abs(AMPLITUDES)[:, None] * np.sign(AMPLITUDES)[:, None]
    origin = rng.normal([0.2, 0.7, 0.1], 0.45)
    ectopic = np.tile(origin / np.linalg.norm(origin), (4, 1)) + 0.1 * rng.standard_normal((4, 3))
    moment = turn @ TYPICAL[2]
    frail = 1 / (1 + np.exp(-(age - 70) / 8))
    fibrillating = rng.random() < 0.1 + 0.35 * frail
    af = float(rng.choice([0.5, 1.0])) if fibrillating else 0.0
    ectopy = (1 - af) * float(rng.beta(1.0, 1.5))
    many = rng.random() < config.frequent
    few = int(rng.integers(1, 2 * config.strips, endpoint=True))
    return Patient(
        person=_aged(person, sex, years),
        sex=sex,
        age=age,
        axis=float(np.degrees(np.arctan2(moment[1], moment[0]))),
        directions=np.concatenate([directions, directions[:1], ectopic]),
        visits=config.many if many else few,
        chances=np.array([1 - af - ectopy, af, ectopy]),
        fibrillation=(float(rng.uniform(0.04, 0.1)), float(rng.uniform(5.0, 8.0))),
    )


def _aged(person: Person, sex: str, years: float) -> Person:
    """Return the person with what sex, and years above 55, change."""
    times, amplitudes = person.sinus.times.copy(), person.sinus.amplitudes.copy()
    amplitudes[0] *= 1 - 0.005 * years
    if sex == "F":
        amplitudes[1:] *= 0.88
        times[4] += 0.010
    return dataclasses.replace(
        person,
        interval_deviation=person.interval_deviation * float(np.exp(-0.01 * years)),
        sinus=Waves(times, amplitudes, person.sinus.widths),
    )


def draw_strip(
    config: EcgsynStripsConfig, patient: Patient, label: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return one strip of a class, shape (lead, sample), mV."""
    times = np.arange(config.length) / config.sampling_rate
    waves = draw_beats(patient, label, times[-1], rng)
    heart = dipole(waves, np.tile(patient.directions, (len(waves.times) // 10, 1)), times)
    if label == AF:
        heart += _fibrillation(patient, times, rng)
    breath = 2 * np.pi * patient.person.breathing * times + rng.uniform(0, 2 * np.pi)
    wander = config.wander * rng.standard_normal((9, 1)) * np.sin(breath)
    # each electrode has a share of a lead's noise: a lead is the difference of two
    noise = config.noise / np.sqrt(2) * rng.standard_normal((9, config.length))
    return twelve_leads(heart, wander + noise)


def draw_beats(patient: Patient, label: int, seconds: float, rng: np.random.Generator) -> Waves:
    """Return the waves of the beats of one strip and its margins; the strip begins at 0 s."""
    person = patient.person
    beats = int(seconds / (0.55 * person.interval)) + 2 * MARGIN + 1
    while True:
        classes = np.full(beats, N, dtype=np.int64)
        if label == ECTOPY:
            classes[2:] = draw_classes(person, beats - 2, rng)
        if label == AF:
            times = due = _fibrillating(person, beats, rng)
        else:
            times, due = draw_times(person, classes, rng)
        start = times[MARGIN] + rng.uniform() * person.interval
        inside = (times > start + 0.3) & (times < start + seconds - 0.3)
        if label != ECTOPY or (classes[inside] != N).any():
            break
    waves = draw_waves(person, classes, times, due, rng)
    if label == AF:
        waves.amplitudes.reshape(beats, 10)[:, 0] = 0.0
    return waves._replace(times=waves.times - start)


def _fibrillating(person: Person, beats: int, rng: np.random.Generator) -> Floats:
    mean = max(AF_PACE * person.interval, 0.42) - AF_SHORTEST
    intervals = AF_SHORTEST + rng.gamma(AF_SHAPE, mean / AF_SHAPE, beats)
    return np.asarray(np.cumsum(intervals) - intervals[0])


def _fibrillation(patient: Patient, times: Floats, rng: np.random.Generator) -> Floats:
    """Return fibrillatory waves: a sawtooth whose frequency and amplitude drift; shape (3, sample)."""
    amplitude, frequency = patient.fibrillation
    drift = 0.3 * np.sin(2 * np.pi * 0.2 * times + rng.uniform(0, 2 * np.pi)) / 0.2
    phase = 2 * np.pi * frequency * times + drift + rng.uniform(0, 2 * np.pi)
    swell = 1 + 0.4 * np.sin(2 * np.pi * 0.5 * times + rng.uniform(0, 2 * np.pi))
    tooth = np.sum([np.sin(n * phase) / n for n in range(1, HARMONICS + 1)], axis=0)
    return np.asarray(FIBRILLATION[:, None] * (amplitude * swell * tooth))


def _attributes(patient: Patient) -> dict[str, str | float]:
    person = patient.person
    return {
        "sex": patient.sex,
        "age": patient.age,
        "axis": patient.axis,
        "heart_rate": 60.0 / person.interval,
        "rr_deviation": person.interval_deviation,
        "lf_hf": person.lf_hf,
        "breathing": person.breathing,
    }
