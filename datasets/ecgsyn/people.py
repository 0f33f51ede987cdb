"""The cohort's people: each one's heart and its rhythm, drawn around the paper's Table I."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecgbench.datasets.ecgsyn.model import Waves

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TIMES = np.array([-0.160, -0.030, 0.0, 0.030, 0.265])
WIDTHS = np.array([0.022, 0.009, 0.0115, 0.0105, 0.052])
AMPLITUDES = np.array([0.13, -0.08, 1.10, -0.22, 0.30])
"""Means among people of the waves P, Q, R, S, T of a sinus beat: s, s and mV at 60 beats a minute.

Table I, read at ω = 2π, has its waves at −167, −42, 0, 42 and 250 ms, 40, 16, 16, 16 and 64 ms wide,
and .25, −.17, 1, −.25 and .4 as high as R.  Here the QRS lasts 100 ms instead of 150, and P and T are
slimmer, as in a healthy adult's lead II.
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Person:
    """One simulated person.

    Attributes:
        interval: mean of the sinus RR intervals, s.
        interval_deviation: their standard deviation, s.
        lf_hf: ratio of their power at Mayer waves to that at breathing.
        mayer: f₁, Hz.
        breathing: f₂, Hz.
        offset: phase of breathing at the start of the recording, radians.
        modulation: by what share breathing changes the amplitudes.
        sinus: P, Q, R, S, T of a normal beat, s from its R peak; shape (5,).
        atrial: the P wave of a beat of class S; shape (1,).
        ectopic: onset, main deflection (at 0), second deflection and T of a beat of class V; (4,).
        rates: probability of each class N, S, V, F after a normal beat; shape (4,).
        coupling: interval before a beat of each class, as a share of the sinus interval; shape (4,).
    """

    interval: float
    interval_deviation: float
    lf_hf: float
    mayer: float
    breathing: float
    offset: float
    modulation: float
    sinus: Waves
    atrial: Waves
    ectopic: Waves
    rates: Floats
    coupling: Floats


def draw_person(rng: np.random.Generator) -> Person:
    """Draw a person; normal laws are cut at two deviations."""
    interval = 60.0 / _normal(rng, 72.0, 10.0)
    sinus = _sinus(rng, interval)
    return Person(
        interval=interval,
        interval_deviation=interval * float(np.exp(_normal(rng, np.log(0.04), 0.35))),
        lf_hf=float(np.exp(_normal(rng, np.log(0.7), 0.5))),
        mayer=float(rng.uniform(0.09, 0.11)),
        breathing=float(rng.uniform(0.2, 0.3)),
        offset=float(rng.uniform(0.0, 2 * np.pi)),
        modulation=float(rng.uniform(0.01, 0.05)),
        sinus=sinus,
        atrial=_atrial(rng, sinus),
        ectopic=_ectopic(rng, sinus, interval),
        rates=_rates(rng),
        coupling=np.array([1.0, *rng.uniform([0.62, 0.55, 0.92], [0.80, 0.72, 0.97])]),
    )


def _normal(rng: np.random.Generator, mean: float, deviation: float) -> float:
    return mean + deviation * float(np.clip(rng.standard_normal(), -2.0, 2.0))


def _sinus(rng: np.random.Generator, interval: float) -> Waves:
    """P, Q, R, S, T; T comes earlier and is shorter in a fast heart (Bazett: √RR)."""
    times, widths, amplitudes = (
        mean + np.array(deviation) * np.clip(rng.standard_normal(5), -2.0, 2.0)
        for mean, deviation in (
            (TIMES, [0.014, 0.003, 0.0, 0.003, 0.014]),
            (WIDTHS, [0.0025, 0.0012, 0.0015, 0.0015, 0.006]),
            (AMPLITUDES, [0.04, 0.04, 0.25, 0.11, 0.11]),
        )
    )
    times[4] *= np.sqrt(interval)
    widths[4] *= np.sqrt(interval)
    if rng.random() < 0.1:
        amplitudes[4] *= -0.5
    return Waves(times, amplitudes, widths)


def _atrial(rng: np.random.Generator, sinus: Waves) -> Waves:
    """A P wave from elsewhere in the atria: inverted and late, or peaked and early."""
    inverted = rng.random() < 0.6
    times = sinus.times[:1] + (rng.uniform(0.02, 0.05) if inverted else rng.uniform(-0.03, -0.01))
    scale = rng.uniform(-1.0, -0.5) if inverted else rng.uniform(1.4, 1.9)
    return Waves(times, sinus.amplitudes[:1] * scale, sinus.widths[:1] * rng.uniform(0.75, 1.0))


def _ectopic(rng: np.random.Generator, sinus: Waves, interval: float) -> Waves:
    """A wide beat, upright or inverted, with a T wave of the opposite sign."""
    sign = 1.0 if rng.random() < 0.6 else -1.0
    height = sign * float(np.clip(sinus.amplitudes[2] * rng.uniform(0.9, 1.7), 0.7, 2.2))
    share = rng.uniform([0.1, 1.0, -0.3, -0.45], [0.3, 1.0, -0.1, -0.25])
    times = rng.uniform([-0.055, 0.0, 0.060, 0.30], [-0.040, 0.0, 0.080, 0.34])
    widths = rng.uniform([0.015, 0.025, 0.020, 0.062], [0.020, 0.033, 0.027, 0.076])
    times[3] *= np.sqrt(interval)
    widths[3] *= np.sqrt(interval)
    return Waves(times, height * share, widths)


def _rates(rng: np.random.Generator) -> Floats:
    """Log-normal odds of S and V against N; fusions are a share of the V beats."""
    s = float(np.exp(_normal(rng, np.log(0.1), 0.9)))
    v = float(np.exp(_normal(rng, np.log(0.13), 0.8)))
    odds = np.array([1.0, s, v, v * rng.uniform(0.15, 0.6)])
    return np.asarray(odds / odds.sum())
