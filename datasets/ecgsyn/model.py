"""The dynamical model of McSharry, Clifford, Tarassenko and Smith (IEEE TBME 50:289, 2003).

A point runs round the unit circle, one lap a beat, and is pushed up and down as it passes the angles
of the waves (their equation 1)::

    x' = αx − ωy          α = 1 − √(x² + y²),  θ = atan2(y, x),  ω = 2π / RR(t)
    y' = αy + ωx
    z' = −Σ a_i Δθ_i exp(−Δθ_i² / 2b_i²) − (z − z₀),    z₀(t) = A sin(2πf₂t)

Here the phase ∫ω is a smooth, increasing curve through a multiple of 2π at every R peak, and each beat
has waves of its own, so angles are counted on from lap to lap.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.integrate import solve_ivp
from scipy.interpolate import PchipInterpolator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

REACH = 5.0
"""A piece knows the waves that are nearer than this many of the widest wave's deviations."""

TABLE_RATE = 250
"""Points a second at which ω is tabulated; it is interpolated linearly between them."""


class Waves(NamedTuple):
    """Gaussian waves by their place in time, arrays of one shape.

    Attributes:
        times: s, of the peaks.
        amplitudes: mV, of the peaks.
        widths: s, standard deviations.
    """

    times: Floats
    amplitudes: Floats
    widths: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Course:
    """What drives the model through one recording.

    Attributes:
        beats: float64, shape (beat,), s: the R peaks, where θ passes 0; ascending, the first at 0.
        waves: of all beats, shape (wave,).
        wander: A of z₀, mV.
        breathing: f₂, Hz.
        offset: phase of z₀ at time 0, radians.
    """

    beats: Floats
    waves: Waves
    wander: float
    breathing: float
    offset: float


class _Pieces(NamedTuple):
    """All recordings cut into pieces of a second."""

    starts: Floats  # s, (piece,)
    speed: Floats  # ω, (table, piece)
    phase: Floats  # ∫ω, (table, piece)
    angles: Floats  # θ_i, (piece, wave)
    pushes: Floats  # a_i
    spreads: Floats  # −1 / 2b_i²
    wander: Floats  # (piece,), as in `Course`
    breathing: Floats
    offset: Floats


def integrate(courses: Sequence[Course], sampling_rate: int) -> list[Floats]:
    """Integrate the model through recordings, all of them as one system.

    On the limit cycle the equation of z is linear, and what z starts with dies as e^−t.  So the
    recordings are cut into pieces of a second, which are integrated side by side, each from z = 0,
    and then joined.

    Args:
        courses: one for each recording.
        sampling_rate: Hz.

    Returns:
        z of each recording from time 0, where it is 0, through the whole seconds before its last beat
        but one: float64, shape (sample,), mV.
    """
    counts = [int(course.beats[-2]) for course in courses]
    pieces = _cut(courses, counts)
    times = np.arange(sampling_rate + 1) / sampling_rate
    solution = solve_ivp(
        lambda t, state: _derivative(t, state, pieces),
        (0.0, 1.0),
        np.concatenate([np.cos(pieces.phase[0]), np.sin(pieces.phase[0]), 0 * pieces.starts]),
        t_eval=times,
        rtol=1e-6,
        atol=1e-7,
    )
    z = solution.y[2 * len(pieces.starts) :]
    left = np.exp(-times)
    joined = []
    for part in np.split(z, np.cumsum(counts)[:-1]):
        for before, after in pairwise(part):
            after += before[-1] * left  # noqa: PLW2901 - a row of the array, changed in place
        joined.append(part[:, :-1].ravel())
    return joined


def _derivative(t: float, state: Floats, p: _Pieces) -> Floats:
    """Equation 1."""
    x, y, z = state.reshape(3, -1)
    row = min(int(t * TABLE_RATE), TABLE_RATE - 1)
    between = t * TABLE_RATE - row
    omega = p.speed[row] + between * (p.speed[row + 1] - p.speed[row])
    laps = p.phase[row] + between * (p.phase[row + 1] - p.phase[row])
    alpha = 1.0 - np.hypot(x, y)
    theta = np.arctan2(y, x)
    theta += 2 * np.pi * np.rint((laps - theta) / (2 * np.pi))
    away = theta[:, None] - p.angles
    push = np.einsum("pw,pw,pw->p", p.pushes, away, np.exp(away * away * p.spreads))
    rest = p.wander * np.sin(2 * np.pi * p.breathing * (p.starts + t) + p.offset)
    return np.concatenate([alpha * x - omega * y, alpha * y + omega * x, rest - z - push])


def _cut(courses: Sequence[Course], counts: Sequence[int]) -> _Pieces:
    """Cut each recording into its count of pieces."""
    starts = np.concatenate([np.arange(count, dtype=float) for count in counts])
    table = np.arange(TABLE_RATE + 1)[:, None] / TABLE_RATE
    speeds, phases, angles, pushes, spreads, firsts, ends = ([] for _ in range(7))
    known = 0
    for course, count in zip(courses, counts, strict=True):
        lap = PchipInterpolator(course.beats, 2 * np.pi * np.arange(len(course.beats)))
        pace = lap.derivative()
        grid = table + np.arange(count)
        phases.append(lap(grid))
        speeds.append(pace(grid))
        order = np.argsort(course.waves.times, kind="stable")
        times, amplitudes, widths = (values[order] for values in course.waves)
        there = (amplitudes != 0) & (times >= 0) & (times <= course.beats[-1])
        times, amplitudes, widths = times[there], amplitudes[there], widths[there]
        # passed at speed ω, a wave of width σ s and height h mV has b = ωσ and a = hω / b²
        width = pace(times) * widths
        angles.append(lap(times))
        pushes.append(amplitudes * pace(times) / width**2)
        spreads.append(-0.5 / width**2)
        reach = REACH * widths.max()
        firsts.append(known + np.searchsorted(times, np.arange(count) - reach))
        ends.append(known + np.searchsorted(times, np.arange(count) + 1 + reach))
        known += len(times)
    first, end = np.concatenate(firsts)[:, None], np.concatenate(ends)[:, None]
    which = first + np.arange((end - first).max())
    near = which < end
    which = np.minimum(which, known - 1)
    recording = np.repeat(np.arange(len(courses)), counts)
    return _Pieces(
        starts=starts,
        speed=np.concatenate(speeds, axis=1),
        phase=np.concatenate(phases, axis=1),
        angles=np.concatenate(angles)[which],
        pushes=np.where(near, np.concatenate(pushes)[which], 0.0),
        spreads=np.concatenate(spreads)[which],
        wander=np.array([course.wander for course in courses])[recording],
        breathing=np.array([course.breathing for course in courses])[recording],
        offset=np.array([course.offset for course in courses])[recording],
    )
