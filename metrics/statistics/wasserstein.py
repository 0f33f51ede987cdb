"""The 1-Wasserstein distance of two sets of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Transport(NamedTuple):
    """The transport of one set of numbers to another.

    Attributes:
        distance: in their unit.
        of_real: float64, shape (n,), the contribution of each real number, to first order in its weight:
            the distance is the mean of these plus the mean of ``of_synthetic``.
        of_synthetic: float64, shape (m,), the contribution of each synthetic number.
    """

    distance: float
    of_real: NDArray[np.float64]
    of_synthetic: NDArray[np.float64]


def wasserstein(real: NDArray[np.float64], synthetic: NDArray[np.float64]) -> Transport:
    r"""Return ∫ |F − G|, with F and G the distribution functions of n real and m synthetic numbers.

    The influence of a real number x is that of a step of F at x, −∫_{t ≤ x} sign(F − G) dt up to a
    constant, Kantorovich's potential; a synthetic one has the same with the other sign.
    """
    n, m = len(real), len(synthetic)
    values = np.concatenate([real, synthetic])
    order = np.argsort(values, kind="stable")
    gaps = np.diff(values[order])
    excess = np.cumsum(np.where(order < n, m, -n))[:-1]  # (F − G) n m, whole numbers: 0 is exact
    potentials = np.zeros(n + m)
    potentials[order[1:]] = -np.cumsum(np.sign(excess) * gaps)
    distance = float(np.abs(excess) @ gaps) / (n * m)
    return Transport(distance, potentials[:n], -potentials[n:])
