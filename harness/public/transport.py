"""The distance of features' distributions from those of real windows, in deviations of the real ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FARTHEST = 5.0
"""Deviations from the mean of real values: the limit of values, and the distance of missing ones."""

FEWEST = 20
"""Windows that a class needs on each side, and values that a feature needs among the real ones."""


class Scale(NamedTuple):
    """Limits of the unit of a feature's differences, the deviation of the real windows.

    Attributes:
        least: the smallest deviation, about the resolution of the measurement.
        most: the largest one.
    """

    least: float
    most: float = float("inf")


class Transport(NamedTuple):
    """The distance of one feature.

    Attributes:
        value: in deviations of the real values.
        distance: between the present values, in the feature's unit; NaN if there are none.
        of_real: float64, shape (n,): the influence of each real window on ``value``; mean 0.
        of_synthetic: float64, shape (m,), the same of each synthetic window.
    """

    value: float
    distance: float
    of_real: Floats
    of_synthetic: Floats


def transport(real: Floats, synthetic: Floats, scale: Scale) -> Transport:
    r"""Return the distance between two distributions of a feature that may be missing.

    With μ and σ the mean and deviation of the present real values, σ kept within ``scale``, and
    z = (x − μ) / σ, cut off at ±5::

        value = min(a, b) ∫ |F(z) − G(z)| dz + 5 |a − b|

    a and b are the shares of real and synthetic windows with a value, and F and G the distribution
    functions of these values.  This is the 1-Wasserstein distance, with missing values as far from all
    others as an outlier is from the mean.

    The influences are derivatives with respect to the windows' weights.  For the distance they are
    ± ∫ sign(F − G) (1[x ≤ z] − F) dz, + for a real window; a real window also moves μ and σ.

    Args:
        real: shape (n,), NaN if missing; not all of it.
        synthetic: shape (m,), likewise.
        scale: the limits of σ.
    """
    real_present, synthetic_present = np.isfinite(real), np.isfinite(synthetic)
    a, b = float(real_present.mean()), float(synthetic_present.mean())
    mean, own = float(real[real_present].mean()), float(real[real_present].std())
    sigma = min(max(own, scale.least), scale.most)
    x, y = (
        (values - mean) / sigma for values in (real[real_present], synthetic[synthetic_present])
    )
    lack = np.sign(a - b)
    of_real, of_synthetic = np.zeros(len(real)), np.zeros(len(synthetic))
    distance = 0.0
    if len(y):
        distance, of_real[real_present], of_synthetic[synthetic_present] = _wasserstein(
            np.clip(x, -FARTHEST, FARTHEST), np.clip(y, -FARTHEST, FARTHEST)
        )
        # μ and σ move with the real values, and so does the cut-off
        above, below = (
            abs(float((side * x > FARTHEST).mean() - (side * y > FARTHEST).mean()))
            for side in (1, -1)
        )
        of_real[real_present] += (above - below) * x
        if sigma == own:
            of_real[real_present] -= (distance - FARTHEST * (above + below)) * (x**2 - 1) / 2
        of_real *= min(a, b) / a
        of_synthetic *= min(a, b) / b
    of_real += (distance * (1 - lack) / 2 + FARTHEST * lack) * (real_present - a)
    of_synthetic += (distance * (1 + lack) / 2 - FARTHEST * lack) * (synthetic_present - b)
    return Transport(
        value=min(a, b) * distance + FARTHEST * abs(a - b),
        distance=sigma * distance if len(y) else float("nan"),
        of_real=of_real,
        of_synthetic=of_synthetic,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Distance:
    """The distance of several features within classes.

    Attributes:
        value: mean over features and leads, then over classes by their share of the real windows.
        of_real: float64, shape (n,): the influence of each real window on ``value``.
        of_synthetic: float64, shape (m,), the same of each synthetic window.
        classes: the value of each class.
        features: each feature's distance in its own unit, over classes and leads; one without values on
            both sides is left out.
    """

    value: float
    of_real: Floats
    of_synthetic: Floats
    classes: dict[int, float]
    features: dict[str, float]


def distance(
    real: Mapping[str, Floats],
    synthetic: Mapping[str, Floats],
    labels: tuple[NDArray[np.int64], NDArray[np.int64]],
    scales: Mapping[str, Scale],
) -> Distance | None:
    """Return the distance of features within classes; None if no class and feature has enough windows.

    A class needs `FEWEST` windows on both sides, and a feature as many values among its real ones.

    Args:
        real: of each feature an array of shape (n, lead), NaN if missing.
        synthetic: likewise, shape (m, lead).
        labels: of the real and of the synthetic windows.
        scales: of each feature.
    """
    real_labels, synthetic_labels = labels
    compared: dict[int, list[tuple[str, Transport]]] = {}
    for c in np.unique(real_labels).tolist():
        rows, columns = real_labels == c, synthetic_labels == c
        if min(rows.sum(), columns.sum()) < FEWEST:
            continue
        found = [
            (name, transport(values, synthetic[name][columns, lead], scale))
            for name, scale in scales.items()
            for lead, values in enumerate(real[name][rows].T)
            if np.isfinite(values).sum() >= FEWEST
        ]
        if found:
            compared[c] = found
    if not compared:
        return None
    sizes = {c: int(np.sum(real_labels == c)) for c in compared}
    shares = {c: size / sum(sizes.values()) for c, size in sizes.items()}
    values = {c: float(np.mean([t.value for _, t in found])) for c, found in compared.items()}
    value = sum(shares[c] * values[c] for c in compared)
    of_real, of_synthetic = np.zeros(len(real_labels)), np.zeros(len(synthetic_labels))
    for c, found in compared.items():
        rows, columns = real_labels == c, synthetic_labels == c
        # a person brings values, and a mixture of classes
        within = np.mean([t.of_real for _, t in found], axis=0)
        of_real[rows] = shares[c] / rows.mean() * (values[c] - value + within)
        within = np.mean([t.of_synthetic for _, t in found], axis=0)
        of_synthetic[columns] = shares[c] / columns.mean() * within
    return Distance(
        value=value,
        of_real=of_real,
        of_synthetic=of_synthetic,
        classes=values,
        features=_features(compared, shares),
    )


def _features(
    compared: dict[int, list[tuple[str, Transport]]], shares: dict[int, float]
) -> dict[str, float]:
    """Return each feature's distance in its own unit, over its classes and leads."""
    known: dict[str, list[tuple[float, float]]] = {}
    for c, found in compared.items():
        for name, t in found:
            if np.isfinite(t.distance):
                known.setdefault(name, []).append((shares[c], t.distance))
    distances = {}
    for name, pairs in known.items():
        weights, values = np.array(pairs).T
        distances[name] = float(weights @ values / weights.sum())
    return distances


def _wasserstein(x: Floats, y: Floats) -> tuple[float, Floats, Floats]:
    """Return ∫ |F − G| and the influence of each value on it."""
    both = np.sort(np.concatenate([x, y]))
    gaps = np.diff(both)
    ahead = np.searchsorted(np.sort(x), both[:-1], side="right") / len(x) - np.searchsorted(
        np.sort(y), both[:-1], side="right"
    ) / len(y)
    # the effect of a unit of weight at a value: the signed length of the segments above it
    above = np.concatenate([np.cumsum((np.sign(ahead) * gaps)[::-1])[::-1], [0.0]])
    of_x, of_y = (above[np.searchsorted(both, values)] for values in (x, y))
    return float(np.abs(ahead) @ gaps), of_x - of_x.mean(), of_y.mean() - of_y
