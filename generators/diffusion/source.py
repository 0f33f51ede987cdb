"""Where the paths of flow matching start: one Gaussian for all, or a Gaussian for each cluster.

With clusters a path starts in the Gaussian of the cluster to which its end belongs.  Together the starts
have the density of a mixture, so the flow carries this mixture to the windows.  Paths are short, and the
clusters have their right weights before any training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from sklearn.cluster import KMeans

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    Floats = NDArray[np.float64]

ROUNDS = 50
"""Rounds of k-means, at most."""


class Source(Protocol):
    """Draws starts of paths."""

    numbers: int
    """How many numbers were estimated."""

    def fit(
        self,
        coordinates: NDArray[np.floating],
        labels: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> None:
        """Learn the source.

        Args:
            coordinates: of the training windows, shape (window, coordinate).
            labels: int64, shape (window,).
            rng: draws what is random in the fit.
        """

    def to(self, rows: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        """Return a start for each training window of these rows, float32, shape (row, coordinate)."""

    def of(self, labels: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        """Return a start for each label of a known class, float32, shape (label, coordinate)."""

    def parts(self) -> dict[str, Any]:
        """Return what `of` reads, for `ecgbench.saving.save_model`."""

    def restore(self, parts: dict[str, Any]) -> None:
        """Take the result of `parts`, saved and loaded, in place of training windows."""


class Gaussian:
    """N(0, I) for all (Lipman et al., ICLR 2023, section 4.1)."""

    numbers = 0

    def fit(
        self,
        coordinates: NDArray[np.floating],
        labels: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> None:
        """Learn how many coordinates there are."""
        del labels, rng
        self.size = coordinates.shape[1]

    def to(self, rows: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        """Return noise."""
        return self.of(rows, rng)

    def of(self, labels: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        """Return noise."""
        shape = (len(labels), self.size)
        return torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))

    def parts(self) -> dict[str, Any]:
        """Return the number of coordinates."""
        return {"size": self.size}

    def restore(self, parts: dict[str, Any]) -> None:
        """Take the result of `parts`."""
        self.size = parts["size"]


class Clusters:
    """A Gaussian for each cluster of each class.

    k-means divides the windows of a class.  The covariance of a cluster is shrunk towards the mean one of
    the class's clusters, and this towards the one of all classes, each counting as ``prior`` windows.

    Args:
        most: clusters of a class, at most.
        windows: windows of a class for each cluster, at least.
        prior: weight of the wider covariance, in windows.
    """

    numbers = 0

    def __init__(self, *, most: int, windows: int, prior: float) -> None:
        self.most, self.windows, self.prior = most, windows, prior

    def fit(
        self,
        coordinates: NDArray[np.floating],
        labels: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> None:
        """Find the clusters, and their means and covariances."""
        self.cluster: NDArray[np.int64] = np.zeros(len(labels), dtype=np.int64)
        found = 0
        for label in np.unique(labels):
            own = np.flatnonzero(labels == label)
            count = int(np.clip(len(own) // self.windows, 1, self.most))
            means = KMeans(count, n_init=1, max_iter=ROUNDS, random_state=int(rng.integers(2**31)))
            self.cluster[own] = found + _numbered(means.fit_predict(coordinates[own]))
            found = int(self.cluster[own].max()) + 1
        self.counts = np.bincount(self.cluster, minlength=found)
        self.class_of = np.zeros(found, dtype=np.int64)
        self.class_of[self.cluster] = labels
        size = coordinates.shape[1]
        self.means = np.zeros((found, size))
        np.add.at(self.means, self.cluster, coordinates)
        self.means /= self.counts[:, None]
        scatters = np.empty((found, size, size))
        for cluster in range(found):
            about = coordinates[self.cluster == cluster] - self.means[cluster]
            scatters[cluster] = about.T @ about
        self.roots = np.linalg.cholesky(self._shrunk(scatters) + 1e-8 * np.eye(size)).astype(
            np.float32
        )
        self.means = self.means.astype(np.float32)
        self.numbers = found * (size + size * (size + 1) // 2 + 1)

    def to(self, rows: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        """Return starts in the clusters of the windows."""
        return self._in(self.cluster[rows], rng)

    def of(self, labels: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        """Return starts in clusters of the classes, each by the number of its windows."""
        clusters = np.zeros(len(labels), dtype=np.int64)
        for label in np.unique(labels):
            among = np.flatnonzero(self.class_of == label)
            weights = self.counts[among] / self.counts[among].sum()
            chosen = labels == label
            clusters[chosen] = rng.choice(among, int(chosen.sum()), p=weights)
        return self._in(clusters, rng)

    def parts(self) -> dict[str, Any]:
        """Return size, class, mean and root of each cluster."""
        return {
            "counts": self.counts,
            "class_of": self.class_of,
            "means": self.means,
            "roots": self.roots,
        }

    def restore(self, parts: dict[str, Any]) -> None:
        """Take the result of `parts`."""
        self.counts, self.class_of = parts["counts"], parts["class_of"]
        self.means, self.roots = parts["means"], parts["roots"]

    def _in(self, clusters: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        noise = rng.standard_normal((len(clusters), self.means.shape[1]), dtype=np.float32)
        starts = np.empty_like(noise)
        order = np.argsort(clusters, kind="stable")
        bounds = np.flatnonzero(np.diff(clusters[order])) + 1
        for rows in np.split(order, bounds) if len(order) else []:
            cluster = clusters[rows[0]]
            starts[rows] = self.means[cluster] + noise[rows] @ self.roots[cluster].T
        return torch.from_numpy(starts)

    def _shrunk(self, scatters: Floats) -> Floats:
        prior = self.prior
        within = max(int(self.counts.sum()) - len(self.counts), 1)
        pooled = scatters.sum(axis=0) / within
        shrunk = np.empty_like(scatters)
        for label in np.unique(self.class_of):
            own = self.class_of == label
            freedom = self.counts[own].sum() - own.sum()
            of_class = (scatters[own].sum(axis=0) + prior * pooled) / (freedom + prior)
            freedoms = (self.counts[own] - 1)[:, None, None]
            shrunk[own] = (scatters[own] + prior * of_class) / (freedoms + prior)
        return shrunk


def _numbered(clusters: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the clusters numbered without gaps: equal windows can leave some of them empty."""
    return np.asarray(np.unique(clusters, return_inverse=True)[1], dtype=np.int64)
