"""Windows as principal components of like size, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgbench import principal_components

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import EcgWindows

    Floats = NDArray[np.float64]

COLOURED = 512
"""Components after the modelled ones that are drawn as noise of their own variances, at most."""


class Space(NamedTuple):
    """The principal components of all training windows.

    Attributes:
        mean: of the windows, mV, float64, shape (number,), all samples of all leads.
        axes: of the modelled components, orthonormal, float64, shape (component, number).
        deviations: along them, mV, float64, shape (component,).
        beside: axes of the noise, float64, shape (noise, number).
        beside_deviations: along them, mV, float64, shape (noise,).
        shape: leads and samples of a window.
    """

    mean: Floats
    axes: Floats
    deviations: Floats
    beside: Floats
    beside_deviations: Floats
    shape: tuple[int, int]

    @classmethod
    def of(cls, train: EcgWindows, count: int) -> Space:
        """Return the space of ``count`` modelled components, or of as many as there are."""
        found = principal_components(_flat(train), count + COLOURED)
        kept = found.variances > 1e-12 * found.total
        kept[:1] = True  # equal windows have no variance, and a component all the same
        axes, deviations = found.axes[kept], np.sqrt(found.variances[kept])
        deviations[deviations == 0] = 1.0
        return cls(
            found.mean,
            axes[:count],
            deviations[:count],
            axes[count:],
            deviations[count:],
            (len(train.leads), train.length),
        )

    def forward(self, windows: EcgWindows) -> NDArray[np.float32]:
        """Return components of deviation 1, float32, shape (window, component)."""
        centred = _flat(windows) - self.mean
        return np.asarray(centred @ self.axes.T / self.deviations, dtype=np.float32)

    def inverse(self, components: NDArray[np.float32], rng: np.random.Generator) -> Floats:
        """Return windows, mV, float64, shape (window, lead, sample), with noise beside the components."""
        noise = rng.standard_normal((len(components), len(self.beside))) * self.beside_deviations
        flat = self.mean + (components * self.deviations) @ self.axes + noise @ self.beside
        return np.asarray(flat.reshape(-1, *self.shape))


def _flat(windows: EcgWindows) -> Floats:
    return windows.signals.reshape(len(windows), -1).astype(np.float64)
