"""Waves of three beats by phase: the closed form of the dynamical model.

McSharry and others (2003) push a point up and down as it passes the angles θ_i of the waves P, Q, R, S and
T on its way round a circle, one lap a beat.  In the form of Sameni and others (2007, equation 4)
the height of the point is a sum of Gaussians, so no differential equation has to be integrated::

    z(θ) = z₀ + Σ_i α_i exp(−Δθ_i² / 2b_i²),    Δθ_i = (θ − θ_i) mod 2π

The phase θ of a window is 0 at its R peak and ±2π at the neighbours' R peaks, and grows evenly between
them (the same source, section IV-A).  Beyond the neighbours it grows as in the mean of both intervals: a
premature beat between a short and a long interval stands in a rhythm of about this mean.  A beat can be
unlike its neighbours, as in class V.  So the previous beat, the window's own and the next one have five
waves each.  Beats farther away repeat those of the neighbour on their side.

The QT interval grows with the root of the RR interval (Bazett), so its angle falls with it.  Angles and
widths are therefore f = (RR / 1 s)^−½ times those at a rate of 60, with the RR in which the wave stands;
the published program scales angles and widths by such powers of the mean rate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.rr_time import RrIntervals

    Floats = NDArray[np.float64]

ANGLES = np.tile([-np.pi / 3, -np.pi / 12, 0.0, np.pi / 12, np.pi / 2], 3)
"""θ of P, Q, R, S, T of each beat, radians (McSharry and others, table I)."""

WIDTHS = np.tile([0.25, 0.1, 0.1, 0.1, 0.4], 3)
"""b, radians (table I)."""

WAVES = len(ANGLES)

NARROWEST, WIDEST = 0.02, 1.0
"""Bounds of b, radians."""


class Waves(NamedTuple):
    """The waves of windows; at an RR interval of 1 s, angles and widths are those of the phase.

    Attributes:
        angles: θ / f of each wave from the R peak of its own beat, radians, float64, shape (window, wave).
        widths: log b / f, b in radians, shape (window, wave).
        heights: α of each wave, then z₀, shape (window, lead, wave + 1).
    """

    angles: Floats
    widths: Floats
    heights: Floats


class Course(NamedTuple):
    """The laps of windows.

    Attributes:
        phase: θ of each sample, radians, shape (window, sample).
        factors: f of each wave, shape (window, wave).
    """

    phase: Floats
    factors: Floats

    def take(self, rows: slice) -> Course:
        """Return the laps of some windows."""
        return Course(self.phase[rows], self.factors[rows])


def course(intervals: RrIntervals, time: Floats) -> Course:
    """Return the laps of windows by their RR intervals.

    Args:
        intervals: of each window, s.
        time: of each sample from the window's R peak, s, shape (sample,).
    """
    before, after = intervals
    beyond = (before + after) / 2
    own = np.where(time < 0, before[:, None], after[:, None])
    distance = np.abs(time)
    laps = np.where(distance <= own, distance / own, 1 + (distance - own) / beyond[:, None])
    # of each beat, the intervals in which P and Q, R, and S and T stand
    sides = [(beyond, before), (before, after), (after, beyond)]
    stands = [(left, left, (left + right) / 2, right, right) for left, right in sides]
    factors = 1 / np.sqrt(np.stack([interval for beat in stands for interval in beat], axis=1))
    return Course(2 * np.pi * np.sign(time) * laps, factors)


def unit_waves(laps: Course, waves: Waves) -> tuple[Floats, Floats]:
    """Return Δθ / b, and the waves at height 1; both of shape (window, wave, sample)."""
    apart = laps.phase[:, None, :] - (laps.factors * waves.angles)[:, :, None]
    previous, following = apart[:, : WAVES // 3], apart[:, 2 * WAVES // 3 :]
    previous -= 2 * np.pi * np.minimum(np.rint(previous / (2 * np.pi)), -1)
    following -= 2 * np.pi * np.maximum(np.rint(following / (2 * np.pi)), 1)
    apart *= (np.exp(-waves.widths) / laps.factors)[:, :, None]
    return apart, np.exp(-0.5 * apart**2)


def height(laps: Course, waves: Waves) -> Floats:
    """Return z of each sample, shape (window, lead, sample)."""
    heights, offsets = waves.heights[:, :, :-1], waves.heights[:, :, -1:]
    return np.asarray(heights @ unit_waves(laps, waves)[1] + offsets)
