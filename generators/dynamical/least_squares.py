"""Fits waves to windows by regularised nonlinear least squares, all windows of a class at once.

Clifford and others (2005) fit the sum of Gaussians to one beat by nonlinear least squares.  Fifteen waves
overlap, and a window need not show all of them.  So each parameter has a Gaussian prior, whose mean and
variance all windows of the class estimate together (a hierarchical model, fitted by EM with the
Laplace approximation).  With windows y, waves z(p) and noise of variance σ²::

    p̂ = argmin Σ (y − z(p))² / σ² + Σ (p − m)² / v
    m = mean p̂,    v = mean (p̂ − m)² + C,    C = diagonal of the inverse of half the second derivative

m and v start from the textbook's waves, which count as ``prior`` windows to the end.  Each window takes
the steps of Gauss and Newton, damped by Levenberg and Marquardt where a step leads uphill.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgbench.generators.dynamical.waves import (
    ANGLES,
    NARROWEST,
    WAVES,
    WIDEST,
    WIDTHS,
    Course,
    Waves,
    unit_waves,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ANGLE_SPREAD = np.tile([0.4, 0.1, 0.05, 0.1, 0.6], 3)
"""Deviation of θ at the start, radians."""

WIDTH_SPREAD = 0.5
"""Deviation of log b at the start."""

HEIGHT_SPREAD = 4.0
"""Deviation of α at the start, in deviations of the lead."""

NOISE = 0.3
"""Deviation of the noise at the start, in the same unit."""

QUIETEST = 0.02
"""The noise is at least so much."""

CHUNK = 16
"""Windows at a time: their derivatives stay in the cache."""


class Prior(NamedTuple):
    """The distribution of the parameters of a class's windows.

    Attributes:
        mean: float64, shape (parameter,).
        variance: the same.
        noise: σ.
    """

    mean: Floats
    variance: Floats
    noise: float


def joined(waves: Waves) -> Floats:
    """Return all parameters of each window, shape (window, parameter)."""
    return np.concatenate(
        [waves.angles, waves.widths, waves.heights.reshape(len(waves.heights), -1)], axis=1
    )


def parted(parameters: Floats) -> Waves:
    """Return the waves of parameters as `joined` gives them."""
    angles, widths, heights = np.split(parameters, [WAVES, 2 * WAVES], axis=1)
    return Waves(angles, widths, heights.reshape(len(parameters), -1, WAVES + 1))


def textbook(leads: int) -> Prior:
    """Return the prior before any window is seen; heights are in deviations of the lead."""
    heights = leads * (WAVES + 1)
    mean = np.concatenate([ANGLES, np.log(WIDTHS), np.zeros(heights)])
    spread = np.concatenate(
        [ANGLE_SPREAD, np.full(WAVES, WIDTH_SPREAD), np.full(heights, HEIGHT_SPREAD)]
    )
    return Prior(mean, spread**2, NOISE)


def fit_waves(
    signals: Floats,
    laps: Course,
    *,
    rounds: int,
    steps: int,
    weight: float,
    log: Callable[[int, float], None],
) -> Waves:
    """Fit the waves of each window of a class.

    Args:
        signals: shape (window, lead, sample), in deviations of the lead.
        laps: of the same windows.
        rounds: of the estimate of the prior.
        steps: of Gauss and Newton in a round.
        weight: of the textbook in the prior, in windows.
        log: is told the number and the deviation of the noise after each round.
    """
    start = prior = textbook(signals.shape[1])
    parameters = np.tile(start.mean, (len(signals), 1))
    damping = np.full(len(signals), 1e-2)
    for done in range(1, rounds + 1):
        spread = np.empty_like(parameters)
        squares = 0.0
        for first in range(0, len(signals), CHUNK):
            rows = slice(first, first + CHUNK)
            found = _descend(
                signals[rows], laps.take(rows), parameters[rows], damping[rows], prior, steps
            )
            parameters[rows], spread[rows], damping[rows] = found[:3]
            squares += found[3]
        count = len(signals) + weight
        mean = (parameters.sum(axis=0) + weight * start.mean) / count
        variance = ((parameters - mean) ** 2 + spread).sum(axis=0) + weight * start.variance
        noise = max(float(np.sqrt(squares / signals.size)), QUIETEST)
        prior = Prior(mean, variance / count, noise)
        log(done, noise)
    return parted(parameters)


class _Point(NamedTuple):
    """The loss at parameters of windows, and how it changes."""

    parameters: Floats  # (window, parameter)
    loss: Floats  # (window,)
    squares: Floats  # Σ (y − z)², (window,)
    slope: Floats  # minus half the first derivative, (window, parameter)
    curvature: Floats  # half the second one, as Gauss and Newton take it


def _descend(
    signals: Floats, laps: Course, parameters: Floats, damping: Floats, prior: Prior, steps: int
) -> tuple[Floats, Floats, Floats, float]:
    """Return parameters after some steps, their posterior variances, the damping and the squares left."""
    at = _point(signals, laps, parameters, prior)
    for _ in range(steps):
        damped = at.curvature.copy()
        diagonal = np.einsum("wpp->wp", damped)
        diagonal *= 1 + damping[:, None]
        tried = at.parameters + np.linalg.solve(damped, at.slope[:, :, None])[:, :, 0]
        widths = tried[:, WAVES : 2 * WAVES]
        np.clip(widths, np.log(NARROWEST), np.log(WIDEST), out=widths)
        there = _point(signals, laps, tried, prior)
        better = there.loss < at.loss
        at = _Point(
            *(
                np.where(better.reshape(-1, *[1] * (new.ndim - 1)), new, old)
                for new, old in zip(there, at, strict=True)
            )
        )
        damping = np.clip(np.where(better, damping / 4, damping * 8), 1e-6, 1e6)
    spread = np.einsum("wpp->wp", np.linalg.inv(at.curvature))
    return at.parameters, spread, damping, float(at.squares.sum())


def _point(signals: Floats, laps: Course, parameters: Floats, prior: Prior) -> _Point:
    """Return the loss and its derivatives.

    z is linear in the heights, and the leads share angles and widths.  So all products of
    derivatives come from those of the unit waves, whatever the number of leads.
    """
    waves = parted(parameters)
    count, leads, length = signals.shape
    scaled, unit = unit_waves(laps, waves)
    # derivatives of the unit waves by angle and by log width; then the factors of the heights
    functions = np.ones((count, 3 * WAVES + 1, length))
    by_angle, by_width, plain = (functions[:, i * WAVES : (i + 1) * WAVES] for i in range(3))
    plain[:] = unit
    np.multiply(unit, scaled, out=by_angle)
    np.multiply(by_angle, scaled, out=by_width)
    by_angle *= np.exp(-waves.widths)[:, :, None]
    products = functions @ np.swapaxes(functions, 1, 2)
    residual = signals - waves.heights @ functions[:, 2 * WAVES :]
    shown = functions @ np.swapaxes(residual, 1, 2)  # (window, function, lead)
    shape, size = 2 * WAVES, WAVES + 1
    heights = np.tile(waves.heights[:, :, :WAVES], (1, 1, 2))  # of each angle and width
    curvature = np.zeros((count, parameters.shape[1], parameters.shape[1]))
    together = np.swapaxes(heights, 1, 2) @ heights
    curvature[:, :shape, :shape] = together * products[:, :shape, :shape]
    slope = np.empty_like(parameters)
    slope[:, :shape] = (np.swapaxes(heights, 1, 2) * shown[:, :shape]).sum(axis=2)
    for lead in range(leads):
        own = slice(shape + lead * size, shape + (lead + 1) * size)
        curvature[:, own, own] = products[:, shape:, shape:]
        crossed = heights[:, lead, :, None] * products[:, :shape, shape:]
        curvature[:, :shape, own] = crossed
        curvature[:, own, :shape] = np.swapaxes(crossed, 1, 2)
        slope[:, own] = shown[:, shape:, lead]
    curvature /= prior.noise**2
    diagonal = np.einsum("wpp->wp", curvature)
    diagonal += 1 / prior.variance
    away = prior.mean - parameters
    squares = (residual**2).sum(axis=(1, 2))
    return _Point(
        parameters,
        squares / prior.noise**2 + (away**2 / prior.variance).sum(axis=1),
        squares,
        slope / prior.noise**2 + away / prior.variance,
        curvature,
    )
