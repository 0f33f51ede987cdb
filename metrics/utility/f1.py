"""F1 by class, and the contribution of each person to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Term

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import EcgWindows


def f1_by_class(windows: EcgWindows, predicted: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return ``2·TP / (2·TP + FP + FN)`` of each class; 0 if it is neither present nor predicted."""
    hits, counts = _counts(windows, predicted)
    return np.asarray(hits.sum(axis=0) / np.maximum(counts.sum(axis=0), 1))


def f1_terms(
    windows: EcgWindows, predicted: NDArray[np.int64], classes: list[int], weight: float = 1.0
) -> list[Term]:
    """Return terms with the sum ``weight`` times the mean F1 of these classes, exact for any resample."""
    hits, counts = _counts(windows, predicted)
    return [
        Term(
            patients=windows.patients,
            numerators=hits[:, c],
            denominators=counts[:, c],
            coefficient=weight / len(classes),
        )
        for c in classes
    ]


def _counts(
    windows: EcgWindows, predicted: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each window's part of 2·TP and of 2·TP + FP + FN, each of shape (window, class)."""
    classes = np.arange(len(windows.classes))
    there, said = windows.labels[:, None] == classes, predicted[:, None] == classes
    return 2.0 * (there & said), there.astype(np.float64) + said
