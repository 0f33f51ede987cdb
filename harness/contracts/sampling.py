"""Draws of windows that keep the proportions of classes, or of people and classes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ecgbench.contracts.windows import EcgWindows

logger = logging.getLogger(__name__)

PARTS = (("train", 0.5), ("control", 0.2), ("auxiliary", 0.15), ("fresh", 0.15))
"""The parts of the member patients' windows, and the share of each (docs/protocol.md)."""


def random_parts(
    patients: NDArray[np.int64], labels: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return the part of each window, a place in `PARTS`.

    Systematic sampling with a random offset in each stratum (patient, class): the j-th of its n
    windows, in random order, stands at (j + u) / n on the unit interval, divided among the parts.
    Rounding n times the share would send every stratum of one window to the first part.

    Args:
        patients: shape (window,).
        labels: shape (window,).
        rng: draws.

    Returns:
        int64, shape (window,).
    """
    import numpy as np  # noqa: PLC0415 - a metric's light module may import this one

    edges = np.cumsum([share for _, share in PARTS])[:-1]
    part_of = np.empty(len(labels), dtype=np.int64)
    for rows in strata(patients, labels):
        places = (np.arange(len(rows)) + rng.random()) / len(rows)
        part_of[rng.permutation(rows)] = np.searchsorted(edges, places, side="right")
    return part_of


def strata(patients: NDArray[np.int64], labels: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return the rows of each (patient, class), in order of patient and class."""
    import numpy as np  # noqa: PLC0415 - as above

    order = np.lexsort((labels, patients))
    edges = np.flatnonzero(np.diff(patients[order]) | np.diff(labels[order])) + 1
    return [rows.astype(np.int64) for rows in np.split(order, edges)]


def stratified(
    labels: NDArray[np.int64], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return rows of at most ``count`` windows, ascending, with every class in its proportion.

    Systematic sampling along the classes, at random within each: a class never gets more than one
    window above or below its share, so two sides of equal proportions stay comparable.

    Returns:
        int64, shape (row,).
    """
    import numpy as np  # noqa: PLC0415 - as above

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


def known_labels(
    labels: NDArray[np.int64],
    trained: NDArray[np.int64],
    classes: tuple[str, ...],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Return labels of known classes: a label that ``trained`` lacks becomes a random one of it.

    A model of each class draws its windows by the returned labels, and hands them over under the
    labels that were asked for.  Classes without a window are named in a warning of the log.

    Args:
        labels: int64, shape (window,), the classes that are asked for.
        trained: int64, shape (training window,), the labels of the training windows.
        classes: names of the labels.
        rng: draws the labels; it draws as many numbers whether or not a class is missing.

    Returns:
        int64, shape (window,).
    """
    import numpy as np  # noqa: PLC0415 - as above

    unknown = ~np.isin(labels, trained)
    known = np.where(unknown, rng.choice(trained, len(labels)), labels)
    if unknown.any():
        logger.warning(
            "train has no window of %s: the %d asked for are of any class",
            ", ".join(f"class {classes[label]}" for label in np.unique(labels[unknown])),
            unknown.sum(),
        )
    return known
