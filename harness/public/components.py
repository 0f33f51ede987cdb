"""Principal components, the same under every version of the libraries below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

EXACT = 2000
"""Most numbers of a window, or most windows, for eigenvectors of their products."""

ROUNDS = 10
"""Iterations otherwise."""


class Rows(Protocol):
    """Windows as rows, read in parts: an array, a memory map, or rows that are computed when they are read."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Windows, and numbers of each."""
        ...

    def __getitem__(self, part: slice, /) -> NDArray[np.floating]:
        """Return some of the windows."""
        ...


class Components(NamedTuple):
    """The leading principal components of a set of windows.

    Attributes:
        mean: of the windows, float64, shape (number,).
        axes: orthonormal, strongest first, float64, shape (component, number).
        variances: along them, float64, shape (component,); the mean square, over n and not n − 1.
        total: the variance in all directions.
    """

    mean: Floats
    axes: Floats
    variances: Floats
    total: float

    def project(self, windows: Rows) -> Floats:
        """Return coordinates along the axes, shape (window, component)."""
        return _by_rows(_Centred(windows, self.mean), self.axes.T)


def principal_components(windows: Rows, count: int) -> Components:
    """Return the leading principal components, by numpy alone and with signs of their own.

    Libraries change the solver behind their principal components, and LAPACK leaves the sign of an
    eigenvector open: draws and cuts along an axis then depend on both.  Here the solver is stated.  Up to
    2,000 windows or numbers of a window, it takes the eigenvectors of the smaller matrix of products.
    Beyond, it does ten rounds of orthogonal iteration on 10 directions more than are wanted, from a fixed
    start (Halko, Martinsson, Tropp, SIAM Rev 53:217, 2011, algorithm 4.4).  The sign of an axis makes the
    sum of the cubes of its numbers positive: its longer peaks point up.  Unlike the sign of the longest
    peak alone, this sign does not turn if two opposite peaks are nearly as long.

    Axes of equal variance have no order or direction of their own, and no rule can give them one.  So
    draws in a space of components should not depend on its axes at all: draw in all directions, project,
    and scale by a symmetric root.

    Windows of more than `ecgbench.large.LARGE` bytes are read in parts, once in each round.

    Args:
        windows: shape (window, number); an array, or anything that gives slices of its rows.
        count: wanted components; there are as many, or as many as windows or numbers.
    """
    import numpy as np  # noqa: PLC0415 - a plugin's light module may import this one

    centred = _Centred(windows, _mean(windows))
    count = min(count, *windows.shape)
    if min(windows.shape) > EXACT:
        axes = _iterated(centred, count)
    elif windows.shape[1] <= windows.shape[0]:
        axes = np.linalg.eigh(_sum(part.T @ part for part in centred))[1][:, ::-1][:, :count].T
    else:
        # so few windows have few numbers, unless they are hours long
        rows = np.concatenate(list(centred))
        among = np.linalg.eigh(rows @ rows.T)[1][:, ::-1][:, :count]
        axes = np.linalg.qr(rows.T @ among)[0].T
    axes = axes * np.where((axes**3).sum(axis=1) < 0, -1.0, 1.0)[:, None]
    variances = (_by_rows(centred, axes.T) ** 2).mean(axis=0)
    total = float(_sum((part**2).sum() for part in centred) / windows.shape[0])
    return Components(centred.mean, axes, variances, total)


class _Centred:
    """Windows less their mean, in parts; a single part is computed once."""

    def __init__(self, windows: Rows, mean: Floats) -> None:
        self.windows, self.mean = windows, mean
        self.slices = _slices(windows)
        self.kept: list[Floats] | None = None
        if len(self.slices) == 1:
            self.kept = [windows[each] - mean for each in self.slices]

    def __iter__(self) -> Iterator[Floats]:
        if self.kept is not None:
            return iter(self.kept)
        return (self.windows[each] - self.mean for each in self.slices)


def _mean(windows: Rows) -> Floats:
    import numpy as np  # noqa: PLC0415 - as above

    sums = _sum(windows[each].sum(axis=0, dtype=np.float64) for each in _slices(windows))
    return np.asarray(sums / windows.shape[0])


def _slices(windows: Rows) -> list[slice]:
    from ecgbench.large import parts  # noqa: PLC0415 - it imports numpy

    return list(parts(*windows.shape))


def _sum(terms: Iterator[Any]) -> Any:
    """Return the sum, without a zero before the first term."""
    total = next(terms)
    for term in terms:
        total = total + term
    return total


def _by_rows(centred: _Centred, matrix: Floats) -> Floats:
    """Return the product of all windows and a matrix."""
    import numpy as np  # noqa: PLC0415 - as above

    products = [part @ matrix for part in centred]
    return products[0] if len(products) == 1 else np.concatenate(products)


def _iterated(centred: _Centred, count: int) -> Floats:
    import numpy as np  # noqa: PLC0415 - as above

    numbers = len(centred.mean)
    size = min(count + 10, centred.windows.shape[0], numbers)
    start = np.random.default_rng(0).standard_normal((numbers, size))
    basis = np.linalg.qr(start)[0]
    for _ in range(ROUNDS):
        basis = np.linalg.qr(_sum(part.T @ (part @ basis) for part in centred))[0]
    within = _by_rows(centred, basis)
    return np.asarray((basis @ np.linalg.eigh(within.T @ within)[1][:, ::-1][:, :count]).T)
