"""Disguises of copies, and the spaces that compare windows in spite of them.

| space | sees copies that were |
|---|---|
| ``whole`` | put under noise |
| ``aligned`` | shifted or stretched a little, scaled, offset |
| ``spectrum`` | shifted in a circle by any amount, turned upside down or back to front, or all of it |
| ``smooth`` | smoothed by a low-pass filter |
| ``path`` | warped smoothly in time, one in seven of them |
| ``first``, ``last`` | spliced: of two windows, or one window with a forged middle |
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.fft import rfft
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d

from ecgbench import Skip, principal_components
from ecgbench.large import by_parts, is_large

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ecgbench import Comparison
    from ecgbench.metrics.privacy import CopiedShareConfig

    Floats = NDArray[np.float32]

STEP = 0.002
"""Seconds between two shifts."""

SPEEDS = 7
"""Speeds, from the slowest to the fastest."""

ROUNDING = 1e-9
"""Smaller weights of an interpolation count as 0."""

ROUNDED = 1e-6
"""Deviation along a component, in usual norms of a window, below which the component is rounding."""

SMOOTH = 0.05
"""Seconds, the deviation of the Gaussian filter of ``smooth``."""

PART = 0.45
"""Share of a window in ``first`` and in ``last``; the QRS complex of a beat lies between them."""

CLEARER = 0.3
"""The handicap of log(d₂/d₁) in a space beside ``whole`` and ``aligned``.

Each look makes chance hits, and they cost power.  On 26,000 windows of mitdb (fold 0) 2.8% of fresh ones are hits in the two
spaces, 3.8% in all seven, and 9.7% without this; the smallest dose of exact copies that ``p`` detects is 2, 3, 5%.
"""


def _whole(signals: Floats, _: float) -> Floats:
    return signals.reshape(len(signals), -1)


def _shape(signals: Floats, _: float) -> Floats:
    """Return each lead without its offset, the window divided by its norm; a constant one is 0."""
    return _unit((signals - signals.mean(axis=2, keepdims=True)).reshape(len(signals), -1))


def _spectrum(signals: Floats, _: float) -> Floats:
    """Return magnitudes of each lead's Fourier transform: time and its direction are in the phases."""
    transformed = rfft(signals - signals.mean(axis=2, keepdims=True), axis=2)
    return _unit(np.abs(transformed).reshape(len(signals), -1))


def _smooth(signals: Floats, rate: float) -> Floats:
    return _shape(gaussian_filter1d(signals, SMOOTH * rate, axis=2, mode="nearest"), rate)


def _path(signals: Floats, rate: float) -> Floats:
    """Return amplitudes at equal lengths of the curve of the leads: no warp of time changes them."""
    steps = np.sqrt(np.einsum("ilt,ilt->it", *[np.diff(signals, axis=2)] * 2))
    length = np.pad(np.cumsum(steps, axis=1, dtype=np.float64), ((0, 0), (1, 0)))
    seen = np.empty_like(signals)
    for window, along, row in zip(signals, length, seen, strict=True):
        places = np.linspace(0, along[-1], signals.shape[2])
        for lead, amplitudes in enumerate(window):
            row[lead] = np.interp(places, along, amplitudes)
    return _shape(seen, rate)


def _first(signals: Floats, rate: float) -> Floats:
    return _shape(signals[:, :, : math.ceil(PART * signals.shape[2])], rate)


def _last(signals: Floats, rate: float) -> Floats:
    return _shape(signals[:, :, -math.ceil(PART * signals.shape[2]) :], rate)


LOOKS: dict[str, Callable[[Floats, float], Floats]] = {
    "whole": _whole,
    "aligned": _shape,
    "spectrum": _spectrum,
    "smooth": _smooth,
    "path": _path,
    "first": _first,
    "last": _last,
}
"""One vector for each window, shape (window, number), from signals and sampling rate, by space."""


class Space(NamedTuple):
    """One look at windows, and principal components of ``auxiliary`` to compare them in.

    Attributes:
        name: a key of `LOOKS`.
        rate: samples per second.
        views: float32, shape (speed, shift, sample of a view, sample of a window): the map from a window
            to its view at another speed and shift.  Samples missing from some view are left out.  None if
            windows are compared as they stand.
        mean: float32, shape (number,).
        components: float32, shape (number, component).
    """

    name: str
    rate: float
    views: Floats | None
    mean: Floats
    components: Floats

    @property
    def clearer(self) -> float:
        """The handicap of log(d₂/d₁) here."""
        return 0.0 if self.name in ("whole", "aligned") else CLEARER

    def points(self, signals: Floats) -> Floats:
        """Return windows in every view, shape (speed, shift, window, component)."""
        if self.views is None:
            return self._points(signals)[None, None]
        rows = [[self._points(_through(signals, view)) for view in speed] for speed in self.views]
        return np.array(rows, dtype=np.float32)

    def points_as_they_are(self, signals: Floats) -> Floats:
        """Return windows at their own speed and not shifted, shape (window, component)."""
        return np.asarray(
            by_parts(lambda part: self._points(_unchanged(part, self.views)), signals)
        )

    def _points(self, signals: Floats) -> Floats:
        seen = LOOKS[self.name](signals, self.rate)
        return np.asarray((seen - self.mean) @ self.components, dtype=np.float32)


def spaces(comparison: Comparison, config: CopiedShareConfig) -> list[Space]:
    """Return the chosen spaces, but none in which all of ``auxiliary`` looks the same.

    Raises:
        Skip: no space is left.
    """
    rate, length = comparison.sampling_rate, comparison.splits.train.length
    auxiliary = comparison.splits.auxiliary.signals
    reach = min(config.shift, length / rate / 8)  # a view shows at least half of the window
    steps = int(reach / STEP + 1e-9)
    chosen = []
    for name in config.spaces:
        views: Floats | None = None
        settings: dict[str, object] = {"space": name, "components": config.components}
        if name == "aligned" and (steps or config.speed):
            settings |= {"steps": steps, "speed": config.speed}
            views = _views(
                length,
                STEP * rate * np.arange(-steps, steps + 1),
                1 + np.linspace(-config.speed, config.speed, SPEEDS if config.speed else 1),
            )
        fitted = comparison.once(
            "copied-share-components",
            functools.partial(_fit, name, auxiliary, views, rate, config.components),
            version=2,
            settings=settings,
        )
        chosen.append(Space(name, rate, views, fitted["mean"], fitted["components"]))
    chosen = [space for space in chosen if space.components.shape[1]]
    if not chosen:
        raise Skip("the auxiliary windows all have the same shape")
    return chosen


def _views(length: int, shifts: NDArray[np.floating], speeds: NDArray[np.floating]) -> Floats:
    middle = (length - 1) / 2
    margin = math.ceil(shifts.max() + (speeds.max() - 1) * middle)
    inside = np.arange(margin, length - margin)
    spline = CubicSpline(np.arange(length), np.eye(length))
    # one view at a time in float64: those of a strip take gigabytes together
    views = np.empty((len(speeds), len(shifts), len(inside), length), dtype=np.float32)
    for i, speed in enumerate(speeds):
        for j, shift in enumerate(shifts):
            weights = spline(middle + (inside - middle) * speed + shift)
            weights[np.abs(weights) < ROUNDING] = (
                0  # far ones are denormal, and slow on a processor
            )
            views[i, j] = weights
    return views


def _unchanged(signals: Floats, views: Floats | None) -> Floats:
    if views is None:
        return signals
    return _through(signals, views[len(views) // 2, views.shape[1] // 2])


def _through(signals: Floats, view: Floats) -> Floats:
    """Return the view, by one product of matrices: many times faster than one for each window."""
    seen = signals.reshape(-1, signals.shape[2]) @ view.T
    return np.asarray(seen.reshape(*signals.shape[:2], len(view)))


def _unit(vectors: Floats) -> Floats:
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    norms[norms < 1e-6] = 1  # mV: the rounding of a constant
    return np.asarray(vectors / norms[:, None])


def _fit(
    name: str, auxiliary: Floats, views: Floats | None, rate: float, components: int
) -> dict[str, Floats]:
    """Return mean and components, none of them rounding; in them a window of the usual norm has norm 1.

    The singular values of windows of more than `ecgbench.large.LARGE` bytes take minutes and gigabytes in
    each space, so these windows have the components of `ecgbench.principal_components`.
    """
    looked = by_parts(lambda part: LOOKS[name](_unchanged(part, views), rate), auxiliary)
    if is_large(looked):
        found = principal_components(looked, components)
        norm = math.sqrt(found.total + found.mean @ found.mean) or 1.0
        axes = found.axes[np.sqrt(found.variances) / norm > ROUNDED]
        return {
            "mean": found.mean.astype(np.float32),
            "components": (axes.T / norm).astype(np.float32),
        }
    seen = looked.astype(np.float64)
    norm = math.sqrt(np.einsum("ij,ij->", seen, seen) / len(seen)) or 1.0
    mean = seen.mean(axis=0)
    _, deviations, directions = np.linalg.svd((seen - mean) / norm, full_matrices=False)
    kept = int((deviations[:components] > ROUNDED * math.sqrt(len(seen))).sum())
    return {
        "mean": mean.astype(np.float32),
        "components": (directions[:kept].T / norm).astype(np.float32),
    }
