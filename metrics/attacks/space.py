"""The low-dimensional space for density estimates of the attacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench import principal_components
from ecgbench.large import by_parts, flat

if TYPE_CHECKING:
    from typing import Literal

    from numpy.typing import NDArray

    from ecgbench import Comparison

    Side = Literal["synthetic", "train", "control", "auxiliary"]


def coordinates(comparison: Comparison, side: Side, components: int) -> NDArray[np.float64]:
    """Return the windows of a side in the leading principal components of ``auxiliary``.

    The components are fitted on ``auxiliary``, the attacker's own windows.  An axis chosen by ``train``
    would spread its windows more than those of ``control``.

    Returns:
        float64, shape (window, component), mV; as many components as wanted or as there are.
    """

    def compute() -> NDArray[np.float64]:
        fitted = comparison.once(
            "attack-components",
            lambda: _fit(flat(comparison.splits.auxiliary.signals), components),
            version=2,
            settings=components,
        )
        return np.asarray(
            by_parts(
                lambda signals: (flat(signals) - fitted["mean"]) @ fitted["axes"].T,
                comparison.windows(side).signals,
            )
        )

    return comparison.memo(f"attack coordinates {side} {components}", compute)


def nearest(comparison: Comparison, of: Side, among: Side, components: int) -> NDArray[np.float64]:
    """Return the distance of each window ``of`` a side to its nearest ``among`` another, in that space.

    Returns:
        float64, shape (window,), mV.
    """

    def compute() -> NDArray[np.float64]:
        from sklearn.neighbors import NearestNeighbors  # noqa: PLC0415 - a second to import

        left = coordinates(comparison, of, components)
        right = coordinates(comparison, among, components)
        search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(right)
        closest = search.kneighbors(left, return_distance=False)[:, 0]
        # the search works through |a|² - 2ab + |b|², with a rounding error for a = b
        return np.asarray(np.linalg.norm(left - right[closest], axis=1))

    return comparison.memo(f"attack nearest {of} {among} {components}", compute)


def _fit(windows: NDArray[np.floating], components: int) -> dict[str, NDArray[np.float64]]:
    fitted = principal_components(windows, components)
    return {"mean": fitted.mean, "axes": fitted.axes}
