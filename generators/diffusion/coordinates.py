"""Windows as a few numbers of like size, and back.

The numbers of a window are its coordinates along the leading principal components, the levels of what
these leave (the residual), and the features of its space (its RR intervals in RR time, else none).

A coordinate is divided by the fourth root of its variance and not by the deviation: stronger components
stay larger, so a network spends more of its effort on them.

The residual is drawn as noise in the colour of the training windows: each further component has a
variance of its own.  Windows differ in noise, so the components of the residual are cut into bands, and
the logarithm of a window's level in each band is one more coordinate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ecgbench import principal_components
from ecgbench.space import NormalisedTime, OwnTime, Points

if TYPE_CHECKING:
    from typing import Literal

    from numpy.typing import NDArray

    from ecgbench import EcgWindows
    from ecgbench.space import Space

    Floats = NDArray[np.float64]

COLOURED = 512
"""Components of the residual that have a variance of their own, at most; a square of it is computed."""

QUIET = 1e-3
"""A level is not below this share of the usual one: a window may have no residual at all."""


class _Scaling(NamedTuple):
    mean: Floats  # (number,)
    scale: Floats  # (number,)

    def forward(self, numbers: Floats) -> Floats:
        return (numbers - self.mean) / self.scale

    def inverse(self, scaled: Floats) -> Floats:
        return scaled * self.scale + self.mean


class Coordinates:
    """Maps windows to coordinates and back.

    Args:
        time: the windows' own time, or time normalised by RR intervals.
        dimensions: leading principal components, at most.
        bands: bands of the residual, at most; 0 for one level in all windows.

    Attributes:
        size: coordinates of a window.
        numbers: how many numbers the space itself estimated.
    """

    def __init__(self, time: Literal["own", "rr"], dimensions: int, bands: int) -> None:
        self.space: Space = NormalisedTime(dimensions) if time == "rr" else OwnTime()
        self.dimensions, self.bands = dimensions, bands

    def forward(self, train: EcgWindows) -> NDArray[np.float32]:
        """Learn the space from training windows and return their coordinates, shape (window, size).

        Raises:
            Skip: ``time`` is ``"rr"``, and the windows are longer than a beat and its neighbours.
        """
        points = self.space.points(train)
        found = principal_components(points.samples, self.dimensions + COLOURED)
        kept = found.variances > 1e-12 * found.total
        kept[:1] = True
        self.mean = found.mean
        self.leading, self.residual = np.split(
            found.axes[kept], [min(self.dimensions, int(kept.sum()))]
        )
        variances = found.variances[kept]
        leading, self.variances = np.split(variances, [len(self.leading)])
        directions = points.samples.shape[1] - len(variances)
        self.white = float(np.sqrt(max(found.total - variances.sum(), 0.0) / max(directions, 1)))
        self.cuts = np.array_split(np.arange(len(self.residual)), max(self.bands, 1))
        self.cuts = [cut for cut in self.cuts if len(cut)] if self.bands else []
        centred = points.samples - self.mean
        quarter = np.maximum(leading, 1e-12) ** 0.25
        inside = centred @ self.leading.T
        extra = np.concatenate([self._levels(centred), points.features], axis=1)
        deviations = extra.std(axis=0)
        usual = float(np.sqrt((leading / quarter**2).mean())) or 1.0  # then the mean square is 1
        self.scaling = _Scaling(
            np.concatenate([np.zeros(len(self.leading)), extra.mean(axis=0)]),
            np.concatenate([quarter * usual, np.where(deviations < 1e-9, 1.0, deviations)]),
        )
        numbers = self.scaling.forward(np.concatenate([inside, extra], axis=1))
        self.size = numbers.shape[1]
        self.numbers = self.mean.size + found.axes[kept].size + len(self.variances) + self.size
        return numbers.astype(np.float32)

    def inverse(self, coordinates: NDArray[np.floating], rng: np.random.Generator) -> Floats:
        """Return windows, shape (window, lead, sample), mV.

        Args:
            coordinates: shape (window, size).
            rng: draws the residual.
        """
        numbers = self.scaling.inverse(coordinates.astype(np.float64))
        inside, levels, features = np.split(
            numbers, [len(self.leading), len(self.leading) + len(self.cuts)], axis=1
        )
        noise = rng.standard_normal((len(numbers), len(self.mean)))
        beside = noise @ self.residual.T
        white = noise - beside @ self.residual - (noise @ self.leading.T) @ self.leading
        for band, cut in enumerate(self.cuts):
            root = np.sqrt((beside[:, cut] ** 2).mean(axis=1))
            beside[:, cut] *= (np.exp(levels[:, band]) / root)[:, None]
        samples = inside @ self.leading + (np.sqrt(self.variances) * beside) @ self.residual
        samples += self.mean + self.white * white
        return self.space.signals(Points(samples, features))

    def parts(self) -> dict[str, Any]:
        """Return what `inverse` reads, for `ecgbench.saving.save_model`."""
        return {
            "space": self.space.parts(),
            "mean": self.mean,
            "axes": [self.leading, self.residual],
            "variances": self.variances,
            "white": self.white,
            "cuts": self.cuts,
            "scaling": self.scaling,
        }

    def restore(self, parts: dict[str, Any]) -> None:
        """Take the result of `parts`, saved and loaded, in place of training windows."""
        self.space.restore(parts["space"])
        self.mean, self.variances, self.white = parts["mean"], parts["variances"], parts["white"]
        self.leading, self.residual = parts["axes"]
        self.cuts, self.scaling = parts["cuts"], _Scaling(*parts["scaling"])
        self.size = len(self.scaling.mean)

    def _levels(self, centred: Floats) -> Floats:
        """Return the logarithm of the level of each band, shape (window, band)."""
        shares = (centred @ self.residual.T) ** 2 / self.variances
        levels = [np.sqrt(shares[:, cut].mean(axis=1)) for cut in self.cuts]
        return np.log(np.maximum(np.stack(levels, axis=1), QUIET)) if levels else shares[:, :0]
