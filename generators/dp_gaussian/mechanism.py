"""The Gaussian mechanism: sums over windows, with noise that hides any one window."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgbench import EcgbenchError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class Released(NamedTuple):
    """Sums that may be published.

    Attributes:
        values: with their noise, the shape of what was to be released.
        deviation: of the noise.
    """

    values: Floats
    deviation: float


class GaussianMechanism:
    """Releases sums over windows, all of them together (ε, δ)-differentially private.

    Releases of Gaussian noise whose deviations are m_1, m_2, … times their sensitivities protect as
    one of multiplier m does, where 1/m² = Σ 1/m_i²; each may depend on what was released before it
    (Dong, Roth, Su, J R Stat Soc B 84:3, 2022; corollary 3.3 of arXiv:1905.02383).  So 1/m² is the
    budget: a release that takes a share w of it has the multiplier m_i = m / √w.  m is the least
    that ε and δ allow (Balle, Wang, ICML 2018, theorem 8), as Google's dp-accounting computes it.

    Args:
        epsilon: ε.
        delta: δ.
        rng: draws the noise.

    Attributes:
        multiplier: m.

    Raises:
        EcgbenchError: dp-accounting is not installed.
    """

    def __init__(self, epsilon: float, delta: float, rng: np.random.Generator) -> None:
        try:
            from dp_accounting import get_sigma_gaussian  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise EcgbenchError(
                "dp-pca-gaussian needs dp-accounting: pip install 'synthetic-ecgbench[dp]'"
            ) from error
        self.multiplier = float(get_sigma_gaussian(epsilon, delta))
        self._rng = rng
        self._left = 1.0

    def release(self, sums: Floats, *, sensitivity: float, share: float) -> Released:
        """Add noise.

        Args:
            sums: of any shape.
            sensitivity: the Euclidean norm of the largest change that one window can make to them.
            share: of the budget.

        Raises:
            ValueError: less than ``share`` is left of the budget.
        """
        if share > self._left + 1e-12:
            raise ValueError(f"{share} of the budget was asked for and {self._left} is left")
        self._left -= share
        deviation = self.multiplier / np.sqrt(share) * sensitivity
        return Released(sums + deviation * self._rng.standard_normal(sums.shape), float(deviation))

    def release_symmetric(self, sums: Floats, *, sensitivity: float, share: float) -> Released:
        """Add symmetric noise to symmetric matrices, shape (…, k, k).

        A symmetric matrix is released as its diagonal and √2 times what is above it: a vector whose
        Euclidean norm is the matrix's Frobenius norm, in which ``sensitivity`` is measured.

        Returns:
            ``deviation`` is that of the noise off the diagonal; on it, it is √2 times as large.
        """
        rows, columns = np.triu_indices(sums.shape[-1])
        scale = np.where(rows == columns, 1.0, np.sqrt(2.0))
        found = self.release(sums[..., rows, columns] * scale, sensitivity=sensitivity, share=share)
        values = np.empty_like(sums)
        values[..., rows, columns] = values[..., columns, rows] = found.values / scale
        return Released(values, found.deviation / np.sqrt(2.0))


def clipped(vectors: Floats, norm: float) -> Floats:
    """Scale down the rows whose Euclidean norm exceeds ``norm``, so that it is ``norm``."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors * (norm / np.maximum(lengths, norm)))
