"""What thinly disguises a copy, and the spaces in which windows are compared in spite of it."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.interpolate import CubicSpline

from ecgbench import Skip

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison
    from ecgbench.metrics.privacy import CopiedShareConfig

    Floats = NDArray[np.float32]

STEP = 0.002
"""Seconds between two shifts."""

SPEEDS = 7
"""From the slowest to the fastest."""


class Space(NamedTuple):
    """Views of a window, and principal components of ``auxiliary`` to compare them in.

    Attributes:
        normalised: whether each lead's offset is taken from a view, and it is divided by its norm.
        views: float32, shape (speed, shift, sample of a view, sample of a window): what is seen of a
            window at another speed and shifted.  Samples that not every view shows are left out.
        mean: float32, shape (lead × sample of a view,).
        components: float32, shape (lead × sample of a view, component).
    """

    normalised: bool
    views: Floats
    mean: Floats
    components: Floats

    def points(self, signals: Floats) -> Floats:
        """Of windows in every view, shape (speed, shift, window, component)."""
        rows = [[self._points(signals, view) for view in speed] for speed in self.views]
        return np.array(rows, dtype=np.float32)

    def points_as_they_are(self, signals: Floats) -> Floats:
        """Of windows at their own speed and not shifted, shape (window, component)."""
        return self._points(signals, _unchanged(self.views))

    def _points(self, signals: Floats, view: Floats) -> Floats:
        return np.asarray((_flat(signals @ view.T, self.normalised) - self.mean) @ self.components)


def spaces(comparison: Comparison, config: CopiedShareConfig) -> list[Space]:
    """Of whole windows as they are, and of normalised ones shifted and at other speeds.

    Raises:
        Skip: there is nothing to fit components on.
    """
    rate, length = comparison.sampling_rate, comparison.splits.train.length
    reach = min(config.shift, length / rate / 8)  # a view shows at least half of the window
    found = []
    for normalised, shift, speed in ((False, 0.0, 0.0), (True, reach, config.speed)):
        steps = int(shift / STEP + 1e-9)
        views = _views(
            length,
            STEP * rate * np.arange(-steps, steps + 1),
            1 + np.linspace(-speed, speed, SPEEDS if speed else 1),
        )
        fitted = comparison.once(
            "copied-share-components",
            functools.partial(
                _fit,
                comparison.splits.auxiliary.signals @ _unchanged(views).T,
                normalised,
                config.components,
            ),
            version=1,
            settings={
                "normalised": normalised,
                "steps": steps,
                "speed": speed,
                "components": config.components,
            },
        )
        found.append(Space(normalised, views, fitted["mean"], fitted["components"]))
    return found


def _views(length: int, shifts: NDArray[np.floating], speeds: NDArray[np.floating]) -> Floats:
    middle = (length - 1) / 2
    margin = math.ceil(shifts.max() + (speeds.max() - 1) * middle)
    inside = np.arange(margin, length - margin)
    places = middle + (inside - middle) * speeds[:, None, None] + shifts[:, None]
    spline = CubicSpline(np.arange(length), np.eye(length))
    return np.asarray(spline(places), dtype=np.float32)


def _unchanged(views: Floats) -> Floats:
    return np.asarray(views[len(views) // 2, views.shape[1] // 2])


def _flat(signals: Floats, normalised: bool) -> Floats:
    """One vector of each window; if normalised, a constant one is 0."""
    if not normalised:
        return signals.reshape(len(signals), -1)
    flat = (signals - signals.mean(axis=2, keepdims=True)).reshape(len(signals), -1)
    norms = np.sqrt(np.einsum("ij,ij->i", flat, flat))
    norms[norms < 1e-6] = 1  # mV: the rounding of a constant
    return np.asarray(flat / norms[:, None])


def _fit(auxiliary: Floats, normalised: bool, components: int) -> dict[str, Floats]:
    """Mean and components, in which a window of the usual norm has norm 1."""
    flat = _flat(auxiliary, normalised).astype(np.float64)
    norm = math.sqrt(np.einsum("ij,ij->", flat, flat) / len(flat)) or 1.0
    mean = flat.mean(axis=0)
    _, deviations, directions = np.linalg.svd((flat - mean) / norm, full_matrices=False)
    kept = int((deviations[:components] > 1e-6 * math.sqrt(len(flat))).sum())
    if not kept:
        raise Skip("the auxiliary windows all have the same shape")
    return {
        "mean": mean.astype(np.float32),
        "components": (directions[:kept].T / norm).astype(np.float32),
    }
