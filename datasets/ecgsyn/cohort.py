"""The windows of the simulated cohort, and what is random in them.

Drawn once for each person, from the cohort's seed and the person's number alone (`people`): the mean
and deviation of the heart rate, LF/HF, the frequencies of Mayer waves and of breathing and its phase;
time, amplitude and width of P, Q, R, S and T; the shape of the ectopic beats (class V) and of the P
wave of premature supraventricular ones (class S); how early they come; the share of each class.

Drawn for each beat: its class; the phases of the RR spectrum and a jitter of the coupling (`rhythm`);
a common gain, and for each wave an amplitude, a time and a width (`JITTER`); in a fusion (class F) the
share of the ectopic beat, uniform in .35 to .65, and when it meets the sinus beat, uniform in ± 20 ms.
Breathing changes the amplitudes by the person's share.

Drawn for each sample of a recording: white noise.

People, rhythm, waves and noise have random streams of their own: a person is the same in a cohort of
any size, and ``noise`` and ``wander`` change nothing but what they name.

| class | P | QRS and T | interval before, after |
|---|---|---|---|
| N | sinus | sinus | one sinus interval |
| S | ectopic atrial | sinus | early; the pause is not compensatory |
| V | none | ectopic: wide, T discordant | early; the pause is compensatory |
| F | sinus, on its own time | a mixture of N's and V's | a little early; the pause is compensatory |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench import EcgWindows
from ecgbench.contracts.streams import EcgsynStream
from ecgbench.datasets.ecgsyn.model import Course, Waves, integrate
from ecgbench.datasets.ecgsyn.people import Person, draw_person
from ecgbench.datasets.ecgsyn.rhythm import F, N, S, V, draw_classes, draw_times

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ecgbench.datasets.ecgsyn import EcgsynConfig

CLASSES = ("N", "S", "V", "F")
MARGIN = 6
"""Beats before the first window, in which z forgets its start, and after the last one; and two more
for every second of a window."""

JITTER = {"gain": 0.02, "amplitude": 0.05, "time": 0.003, "width": 0.03}
"""Deviation between beats of one person: shares, and seconds of P's and T's time."""


def load(config: EcgsynConfig, _folder: Path | None) -> EcgWindows:
    """Simulate the cohort: one recording of each person, one window of each beat.

    The R peak (of V, the main deflection) is at sample ``r_sample``.  ``positions`` are the true times
    of the peaks, which lie up to half a sample from there; ``records`` name the person; ``attributes`` hold the heart rate (beats a minute), the deviation of the RR intervals (s),
    the LF/HF ratio and the breathing rate (Hz) that the person was given.
    """
    margin = MARGIN + 2 * config.length // config.sampling_rate
    kept = slice(margin, margin + config.beats)
    people, courses, classes = [], [], []
    for number in range(config.patients):
        body, rhythm, waves = (
            np.random.default_rng([config.seed, number, stream])
            for stream in (EcgsynStream.BODY, EcgsynStream.RHYTHM, EcgsynStream.WAVES)
        )
        person = draw_person(body)
        labels = np.full(config.beats + 2 * margin, N, dtype=np.int64)
        labels[kept] = draw_classes(person, config.beats, rhythm)
        times, due = draw_times(person, labels, rhythm)
        course = Course(
            beats=times,
            waves=draw_waves(person, labels, times, due, waves),
            wander=config.wander,
            breathing=person.breathing,
            offset=person.offset,
        )
        people.append(person)
        courses.append(course)
        classes.append(labels[kept])
    peaks = [course.beats[kept] for course in courses]
    recordings = integrate(courses, config.sampling_rate)
    patients = np.repeat(np.arange(config.patients), config.beats)
    return EcgWindows(
        signals=np.concatenate(
            [_windows(config, p, recordings[p], peaks[p]) for p in range(config.patients)]
        ),
        labels=np.concatenate(classes),
        patients=patients,
        sampling_rate=float(config.sampling_rate),
        leads=("II",),
        classes=CLASSES,
        records=np.array([f"{patient:03d}" for patient in patients]),
        positions=np.concatenate(peaks),
        attributes={number: _attributes(person) for number, person in enumerate(people)},
    )


def draw_waves(
    person: Person,
    classes: NDArray[np.int64],
    times: NDArray[np.float64],
    due: NDArray[np.float64],
    rng: np.random.Generator,
) -> Waves:
    """All waves of a recording; the first beat has none.

    Args:
        person: whose recording.
        classes: int64, shape (beat,).
        times: R peaks, s, float64, shape (beat,).
        due: when the sinus beats were due, which the sinus P waves follow; likewise.
        rng: draws what differs from beat to beat.

    Returns:
        Waves of shape (beat · 10,): P, Q, R, S, T, the P of class S, and the four of class V, with
        amplitude 0 where a beat lacks them.
    """
    base = Waves(
        *map(np.concatenate, zip(person.sinus, person.atrial, person.ectopic, strict=True))
    )
    shape = (len(classes), len(base.times))
    part = np.select([classes == V, classes == F], [1.0, rng.uniform(0.35, 0.65, len(classes))])
    weights = np.zeros(shape)
    weights[:, 0] = np.isin(classes, (N, F))
    weights[:, 1:5] = 1.0 - part[:, None]
    weights[:, 5] = classes == S
    weights[:, 6:] = part[:, None]
    weights[0] = 0.0
    breath = np.sin(2 * np.pi * person.breathing * times + person.offset)
    gain = 1.0 + person.modulation * breath + JITTER["gain"] * rng.standard_normal(len(times))
    scatter = 1.0 + JITTER["amplitude"] * rng.standard_normal(shape)
    shift = JITTER["time"] * np.clip(rng.standard_normal(shape), -2, 2)
    shift[:, [1, 2, 3, 6, 7, 8]] = 0.0
    shift[:, 0] += due - times
    shift[:, 6:] += np.where(classes == F, rng.uniform(-0.02, 0.02, len(classes)), 0.0)[:, None]
    stretch = 1.0 + JITTER["width"] * np.clip(rng.standard_normal(shape), -2, 2)
    return Waves(
        (times[:, None] + base.times + shift).ravel(),
        (base.amplitudes * weights * scatter * gain[:, None]).ravel(),
        (base.widths * stretch).ravel(),
    )


def _windows(
    config: EcgsynConfig, number: int, signal: NDArray[np.float64], peaks: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Add the noise to a person's recording and cut a window at each peak; (beat, 1, sample)."""
    noise = np.random.default_rng([config.seed, number, EcgsynStream.NOISE])
    noisy = signal + config.noise * noise.standard_normal(len(signal))
    first = np.rint(peaks * config.sampling_rate).astype(np.int64) - config.r_sample
    rows = first[:, None] + np.arange(config.length)
    cut: NDArray[np.float32] = noisy[rows].astype(np.float32)[:, None]
    return cut


def _attributes(person: Person) -> dict[str, str | float]:
    return {
        "heart_rate": 60.0 / person.interval,
        "rr_deviation": person.interval_deviation,
        "lf_hf": person.lf_hf,
        "breathing": person.breathing,
    }
