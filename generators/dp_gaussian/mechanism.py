"""The Gaussian mechanism: sums over windows, under noise that hides any one window."""

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
        values: the sums with their noise, in the same shape.
        deviation: of the noise.
    """

    values: Floats
    deviation: float


class GaussianMechanism:
    """Releases sums over windows, all of them together (ε, δ)-differentially private.

    Several releases have Gaussian noise of deviations m_1, m_2, … times their sensitivities.  Together
    they protect as one release of multiplier m, with 1/m² = Σ 1/m_i²; each may depend on the releases
    before it (Dong, Roth, Su, J R Stat Soc B 84:3, 2022; corollary 3.3 of arXiv:1905.02383).  So 1/m² is
    the budget: a release with a share w of it has the multiplier m_i = m / √w.  m is the least multiplier
    for ε and δ (Balle, Wang, ICML 2018, theorem 8), as Google's dp-accounting computes it.

    Args:
        epsilon: ε.
        delta: δ.
        rng: source of the noise.

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
            sensitivity: the Euclidean norm of the largest change of the sums by one window.
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

        A symmetric matrix is released as its diagonal and √2 times its upper triangle.  The Euclidean
        norm of this vector is the Frobenius norm of the matrix, the norm of ``sensitivity``.

        Returns:
            ``deviation`` is that of the noise off the diagonal; on it, it is √2 times as large.
        """
        rows, columns = np.triu_indices(sums.shape[-1])
        scale = np.where(rows == columns, 1.0, np.sqrt(2.0))
        released = self.release(
            sums[..., rows, columns] * scale, sensitivity=sensitivity, share=share
        )
        values = np.empty_like(sums)
        values[..., rows, columns] = values[..., columns, rows] = released.values / scale
        return Released(values, released.deviation / np.sqrt(2.0))


def clipped(vectors: Floats, norm: float) -> Floats:
    """Scale down the rows of a larger Euclidean norm than ``norm`` to ``norm``."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors * (norm / np.maximum(lengths, norm)))
