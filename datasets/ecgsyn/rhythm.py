"""When a person's heart beats: sinus rhythm with a two-peaked spectrum, and beats out of turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.datasets.ecgsyn.people import Person

    Floats = NDArray[np.float64]

TACHOGRAM_RATE = 4.0
"""Samples a second of the RR series."""

PEAK_WIDTH = 0.01
"""c₁ and c₂, Hz: the width of both peaks of the spectrum (the paper's value)."""

N, S, V, F = range(4)


def tachogram(person: Person, seconds: float, rng: np.random.Generator) -> Floats:
    """The sinus RR interval as time goes by, with the two-peaked spectrum of the paper.

    The spectrum has a Gaussian peak at Mayer waves and one at breathing::

        S(f) = σ₁² g(f; f₁, c₁) + σ₂² g(f; f₂, c₂),    σ₁² / σ₂² = LF/HF

    and √S with random phases, transformed back, is scaled to the person's mean and deviation.

    Args:
        person: whose.
        seconds: how long at least; at least 256 s are made, so that both peaks are resolved.
        rng: draws the phases.

    Returns:
        float64, shape (sample,), s, at `TACHOGRAM_RATE`.
    """
    count = int(max(seconds, 256.0) * TACHOGRAM_RATE) // 2 * 2
    frequencies = np.fft.rfftfreq(count, 1.0 / TACHOGRAM_RATE)
    low, high = (
        np.exp(-0.5 * ((frequencies - peak) / PEAK_WIDTH) ** 2)
        for peak in (person.mayer, person.breathing)
    )
    phases = rng.uniform(0.0, 2 * np.pi, len(frequencies))
    series = np.fft.irfft(np.sqrt(person.lf_hf * low + high) * np.exp(1j * phases), count)
    series *= person.interval_deviation / series.std()
    return np.asarray(person.interval + series - series.mean())


def draw_classes(person: Person, beats: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The class of each beat; every S, V and F is followed by an N."""
    classes = rng.choice(4, size=beats, p=person.rates)
    for beat in range(1, beats):
        if classes[beat - 1] != N:
            classes[beat] = N
    return classes.astype(np.int64)


def draw_times(
    person: Person, classes: NDArray[np.int64], rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """When each beat comes, and when the sinus node meant it to.

    - N after N comes one sinus interval later.
    - S, V, F come early, after the person's coupling share of the sinus interval (± .015).
    - After S the sinus node starts anew: the pause is one sinus interval and up to a tenth, so that
      the two intervals around S are less than two sinus intervals.
    - After V and F it keeps its beat: the two intervals around them are two sinus intervals.

    Returns:
        The R peaks, s, float64, shape (beat,), the first at 0; and the same with V and F where the
        sinus beat was due.
    """
    series = tachogram(person, 1.5 * len(classes) * person.interval, rng)
    early = person.coupling[classes] + 0.015 * np.clip(rng.standard_normal(len(classes)), -2, 2)
    late = rng.uniform(1.0, 1.1, len(classes))
    times, due = np.zeros(len(classes)), np.zeros(len(classes))
    for beat in range(1, len(classes)):
        before, own = classes[beat - 1], classes[beat]
        sinus = series[min(int(times[beat - 1] * TACHOGRAM_RATE), len(series) - 1)]
        if own != N:
            step = early[beat] * sinus
        elif before == S:
            step = late[beat] * sinus
        elif before in (V, F):
            step = (2.0 - early[beat - 1]) * sinus
        else:
            step = sinus
        times[beat] = times[beat - 1] + step
        due[beat] = times[beat - 1] + (sinus if own in (V, F) else step)
    return times, due
