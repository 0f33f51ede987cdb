"""Windows as principal components, in units of the deviation of their class.

A window of D numbers (all samples of all leads) and of class c is::

    x = μ_c + Aᵀ (d_c ∘ z) + v · e

μ_c is the mean of the class.  The rows of A are the principal components of all training windows about
the means of their classes, d_c the deviations of the class along them, and e is white noise in all
directions that are left.  So each coordinate z has mean 0 and, in a class of many windows, deviation 1.

A class can have fewer windows than dimensions, or only one.  So each variance is shrunk towards that of
all classes, which counts as ``prior`` windows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ecgbench import principal_components

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import EcgWindows

    Floats = NDArray[np.float64]

MOST = 512
"""Principal components, at most: a square of them is computed."""


class ComponentSpace:
    """The space of the principal components.

    Args:
        prior: weight of the variances of all classes in those of one class, in windows.

    Attributes:
        axes: A, float64, shape (component, number).
        means: μ by class, float64, shape (number,).
        deviations: d by class, float64, shape (component,).
        white: v, mV.
        parameters: how many numbers are estimated.
    """

    def __init__(self, prior: float) -> None:
        self.prior = prior

    def fit(self, train: EcgWindows) -> None:
        """Learn the space from training windows."""
        self.shape = train.signals.shape[1:]
        within = train.signals.reshape(len(train), -1).astype(np.float64)
        labels = [int(label) for label in np.unique(train.labels)]
        self.means: dict[int, Floats] = {}
        for label in labels:
            own = train.labels == label
            self.means[label] = within[own].mean(axis=0)
            within[own] -= self.means[label]
        found = principal_components(within, min(MOST, max(len(train) - len(labels), 1)))
        kept = found.variances > 1e-12 * found.total
        kept[:1] = True  # of equal windows too, one axis is left
        self.axes = found.axes[kept]
        squares = (within @ self.axes.T) ** 2
        pooled = squares.mean(axis=0)
        left = within.shape[1] - len(self.axes)
        self.white = float(np.sqrt(max(found.total - pooled.sum(), 0.0) / max(left, 1)))
        self.deviations: dict[int, Floats] = {}
        for label in labels:
            own = train.labels == label
            variances = (squares[own].sum(axis=0) + self.prior * pooled) / (own.sum() + self.prior)
            self.deviations[label] = np.sqrt(np.maximum(variances, 1e-12))
        self.parameters = self.axes.size + 1
        self.parameters += len(labels) * (within.shape[1] + len(self.axes))

    def coordinates(self, windows: EcgWindows) -> Floats:
        """Return z of windows of known classes, shape (window, component)."""
        z = np.zeros((len(windows), len(self.axes)))
        for label, mean in self.means.items():
            own = windows.labels == label
            signals = windows.signals[own].reshape(own.sum(), -1)
            z[own] = (signals - mean) @ self.axes.T / self.deviations[label]
        return z

    def split(self, noise: Floats) -> tuple[Floats, Floats]:
        """Split white noise of all D numbers into its coordinates z and the noise e beside them."""
        z = noise @ self.axes.T
        return z, noise - z @ self.axes

    def signals(self, z: Floats, beside: Floats, labels: NDArray[np.int64]) -> Floats:
        """Return windows of known classes, shape (window, lead, sample), mV."""
        signals = self.white * beside
        for label, mean in self.means.items():
            own = labels == label
            signals[own] += mean + (z[own] * self.deviations[label]) @ self.axes
        return np.asarray(signals.reshape(-1, *self.shape))

    def parts(self) -> dict[str, Any]:
        """Return what `signals` reads, for `ecgbench.saving.save_model`."""
        return {
            "shape": self.shape,
            "axes": self.axes,
            "white": self.white,
            "classes": {
                str(label): [mean, self.deviations[label]] for label, mean in self.means.items()
            },
        }

    def restore(self, parts: dict[str, Any]) -> None:
        """Take the result of `parts`, saved and loaded, in place of training windows."""
        self.shape = tuple(parts["shape"])
        self.axes, self.white = parts["axes"], parts["white"]
        classes = {int(label): of for label, of in parts["classes"].items()}
        self.means = {label: mean for label, (mean, _) in classes.items()}
        self.deviations = {label: deviations for label, (_, deviations) in classes.items()}
