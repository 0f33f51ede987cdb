"""Principal components, the same under every version of the libraries below."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

EXACT = 2000
"""Most numbers of a window, or most windows, for eigenvectors of their products."""

ROUNDS = 10
"""Iterations otherwise."""


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

    def project(self, windows: NDArray[np.floating]) -> Floats:
        """Return coordinates along the axes, shape (window, component)."""
        projected: Floats = (windows - self.mean) @ self.axes.T
        return projected


def principal_components(windows: NDArray[np.floating], count: int) -> Components:
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

    Args:
        windows: shape (window, number).
        count: wanted components; there are as many, or as many as windows or numbers.
    """
    import numpy as np  # noqa: PLC0415 - a plugin's light module may import this one

    mean = windows.mean(axis=0, dtype=np.float64)
    centred = windows - mean
    count = min(count, *centred.shape)
    if min(centred.shape) > EXACT:
        axes = _iterated(centred, count)
    elif centred.shape[1] <= len(centred):
        axes = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :count].T
    else:
        among = np.linalg.eigh(centred @ centred.T)[1][:, ::-1][:, :count]
        axes = np.linalg.qr(centred.T @ among)[0].T
    axes = axes * np.where((axes**3).sum(axis=1) < 0, -1.0, 1.0)[:, None]
    variances = ((centred @ axes.T) ** 2).mean(axis=0)
    return Components(mean, axes, variances, float((centred**2).sum() / len(centred)))


def _iterated(centred: Floats, count: int) -> Floats:
    import numpy as np  # noqa: PLC0415 - as above

    size = min(count + 10, *centred.shape)
    start = np.random.default_rng(0).standard_normal((centred.shape[1], size))
    basis = np.linalg.qr(start)[0]
    for _ in range(ROUNDS):
        basis = np.linalg.qr(centred.T @ (centred @ basis))[0]
    within = centred @ basis
    return np.asarray((basis @ np.linalg.eigh(within.T @ within)[1][:, ::-1][:, :count]).T)
