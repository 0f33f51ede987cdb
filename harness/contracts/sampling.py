"""Draws of windows that keep the proportions of classes, or of people and classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ecgbench.contracts.windows import EcgWindows


def stratified(
    labels: NDArray[np.int64], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return rows of at most ``count`` windows, ascending, with every class in its proportion.

    Systematic sampling along the classes, at random within each: a class never gets more than one
    window above or below its share, so two sides of equal proportions stay comparable.

    Returns:
        int64, shape (row,).
    """
    import numpy as np  # noqa: PLC0415 - a metric's light module may import this one

    if count >= len(labels):
        return np.arange(len(labels))
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    places = (np.arange(count) + rng.random()) * (len(labels) / count)
    return np.sort(order[places.astype(np.int64)])


def exchangeable_parts(
    windows: EcgWindows, size: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return the part of each window, of disjoint parts of ``size``; −1 for the rest.

    Systematic sampling along the strata (patient, class), in random order within each: every stratum
    gives each part its share, give or take one, and every part has exactly ``size`` windows.  Fewer
    windows than ``size`` are one part.

    Returns:
        int64, shape (window,).
    """
    import numpy as np  # noqa: PLC0415 - as above

    n = len(windows)
    order = np.lexsort((rng.random(n), windows.labels, windows.patients))
    places = (np.arange(n) * size + rng.integers(n)) % n
    part = np.empty(n, dtype=np.int64)
    part[order] = places // size
    part[part >= max(1, n // size)] = -1
    return part
