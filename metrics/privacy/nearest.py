"""The real windows nearest to each synthetic one, under the best alignment of each pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgbench.metrics.privacy.disguises import STEP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.metrics.privacy.disguises import Floats, Space

STRIDE = round(0.016 / STEP)
"""Shifts between two views in the search for candidates."""

SOME = 6000
"""Number of real windows, about, for a first guess at alignments."""

ALIGNMENTS = 6
"""Alignments in the search for candidates."""

CANDIDATES = 40
"""Real windows to align with each synthetic one."""

FEW = 6
"""Real windows whose distances are computed again without the rounding of a quick search."""

ROUNDING = 1e-4
"""Smaller distances, in units of the usual norm of a window, are rounding."""

REACH = 1.5
"""Steps of the grid for moves of a window along its tangents."""

BLOCK = 256
"""Synthetic windows at a time."""


class Nearest(NamedTuple):
    """The nearest real window of each synthetic one.

    Attributes:
        indices: int64, shape (window,).
        isolation: float64, shape (window,): log(d₂/d₁) of the two nearest, less the handicap of the
            space.
    """

    indices: NDArray[np.int64]
    isolation: NDArray[np.float64]


def nearest(spaces: list[Space], synthetic: Floats, real: Floats) -> dict[str, Nearest]:
    """Return the nearest real windows in each space, by its name."""
    return {space.name: _nearest(space, synthetic, real) for space in spaces}


def clearest(by_space: dict[str, Nearest]) -> Nearest:
    """Return for each window the nearest one in the space with the greatest isolation.

    A noisy copy stands out most among whole windows, a shifted one when it is aligned.
    """
    indices = np.array([of_space.indices for of_space in by_space.values()])
    isolation = np.array([of_space.isolation for of_space in by_space.values()])
    best, every = isolation.argmax(axis=0), np.arange(indices.shape[1])
    return Nearest(indices[best, every], isolation[best, every])


def _nearest(space: Space, synthetic: Floats, real: Floats) -> Nearest:
    points = space.points_as_they_are(real)
    find = _few if space.views is None else _candidates
    indices = np.empty(len(synthetic), dtype=np.int64)
    isolation = np.empty(len(synthetic))
    for start in range(0, len(synthetic), BLOCK):
        block = slice(start, start + BLOCK)
        candidates, distances = find(space.points(synthetic[block]), points)
        order = np.argsort(distances, axis=1, kind="stable")[:, :2]
        first, second = np.take_along_axis(distances, order, axis=1).T
        indices[block] = np.take_along_axis(candidates, order, axis=1)[:, 0]
        isolation[block] = np.log((second + ROUNDING) / (first + ROUNDING)) - space.clearer
    return Nearest(indices, isolation)


def _few(views: Floats, points: Floats) -> tuple[NDArray[np.int64], NDArray[np.floating]]:
    """Return the nearest real windows and their distances, for a space with one view."""
    windows = views[0, 0]
    candidates = _least(_squared_distances(windows, points), FEW)
    return candidates, np.sqrt(_squared(windows[:, None] - points[candidates]))


def _candidates(views: Floats, points: Floats) -> tuple[NDArray[np.int64], NDArray[np.floating]]:
    """Return candidates for the nearest real windows, and their distances, shape (window, candidate).

    Every pair in every view would be too many.  A real window is aligned much like the others.  So some
    of the real windows, in some of the views, give likely alignments of a synthetic window; candidates
    are near to it as it is, or in one of these alignments.
    """
    speeds, shifts, count, dimensions = views.shape
    unchanged = views[speeds // 2, shifts // 2]
    least = _squared_distances(unchanged, points)
    few = views[:: max(1, speeds // 2), shifts // 2 % STRIDE :: STRIDE]
    some = points[:: max(1, len(points) // SOME)]
    near_some = np.min(
        [_squared_distances(view, some) for view in few.reshape(-1, count, dimensions)], axis=0
    )
    guess = _align(views, some[_least(near_some, CANDIDATES)])
    every, order = np.arange(count), np.argsort(guess.distances, axis=1, kind="stable")
    for best in order[:, :ALIGNMENTS].T:
        tangents = guess.tangents[every, best]
        np.minimum(
            least, _squared_distances(guess.aligned[every, best], points, tangents), out=least
        )
    candidates = _least(least, CANDIDATES)
    return candidates, _align(views, points[candidates]).distances


def _squared_distances(
    windows: NDArray[np.floating], points: Floats, tangents: NDArray[np.float64] | None = None
) -> Floats:
    """Return those of all pairs; with tangents, shape (window, component, 2), from their span."""
    windows = windows.astype(np.float32)
    squared = (-2 * windows) @ points.T
    squared += _squared(points)
    squared += _squared(windows)[:, None]
    if tangents is not None:
        spanned = np.linalg.qr(tangents)[0].astype(np.float32)
        for direction in np.moveaxis(spanned, 2, 0):
            along = direction @ points.T
            along -= np.einsum("ij,ij->i", direction, windows)[:, None]
            along *= along
            squared -= along
    return np.asarray(squared)


def _least(squared: Floats, count: int) -> NDArray[np.int64]:
    """Return the places of so many least values in each row, in no order."""
    count = min(count, squared.shape[1])
    return np.argpartition(squared, count - 1, axis=1)[:, :count]


class _Aligned(NamedTuple):
    """Pairs of a synthetic window and a real one, shape (window, candidate), in the best alignment.

    Attributes:
        distances: between the two.
        aligned: the place of the synthetic window then, shape (window, candidate, component).
        tangents: of speed and shift, shape (window, candidate, component, 2).
    """

    distances: NDArray[np.floating]
    aligned: NDArray[np.float64]
    tangents: NDArray[np.float64]


def _align(views: Floats, points: Floats) -> _Aligned:
    """Move each synthetic window as near as possible to its candidates.

    Between the views of the grid it moves along the tangents of speed and shift (Simard, LeCun,
    Denker, Efficient Pattern Recognition Using a New Transformation Distance, NIPS 1992).
    """
    speeds, shifts, count, dimensions = views.shape
    each = views.reshape(-1, count, dimensions).swapaxes(0, 1)
    squared = _squared(each)[:, :, None] - 2 * each @ points.swapaxes(1, 2)
    speed, shift = np.divmod(squared.argmin(axis=1), shifts)
    every = np.arange(count)[:, None]

    def seen(faster: int, later: int) -> NDArray[np.float64]:
        at_speed = np.clip(speed + faster, 0, speeds - 1)
        at_shift = np.clip(shift + later, 0, shifts - 1)
        return np.asarray(views[at_speed, at_shift, every], dtype=np.float64)

    nearest_view = seen(0, 0)
    missing = points - nearest_view
    tangents = np.stack([seen(1, 0) - seen(-1, 0), seen(0, 1) - seen(0, -1)], axis=-1) / 2
    transposed = tangents.swapaxes(2, 3)
    steps = np.linalg.solve(
        transposed @ tangents + 1e-9 * np.eye(2), transposed @ missing[..., None]
    )
    moves = (tangents @ np.clip(steps, -REACH, REACH))[..., 0]
    nearer = _squared(missing - moves) < _squared(missing)
    aligned = nearest_view + np.where(nearer[..., None], moves, 0.0)
    return _Aligned(np.sqrt(_squared(points - aligned)), aligned, tangents)


def _squared(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.asarray(np.einsum("...i,...i->...", vectors, vectors))
