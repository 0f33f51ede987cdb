"""Which windows a metric looks at, where it need not look at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def stratified(
    labels: NDArray[np.int64], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Rows of at most ``count`` windows, ascending, with every class in its proportion.

    Systematic sampling along the classes, at random within each: a class never gets more than one
    window above or below its share, so that two sides of equal proportions stay comparable.
    """
    if count >= len(labels):
        return np.arange(len(labels))
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    places = (np.arange(count) + rng.random()) * (len(labels) / count)
    return np.sort(order[places.astype(np.int64)])
