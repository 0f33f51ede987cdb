"""Virtual people: each window is a beat of a person who does not exist (docs/virtual-people.md).

The waves of a window (`waves.py`), its RR intervals and its noise are a point, as for `EcgsynFit`.  A point
of class c is a person and a deviation from this person::

    x = m + r,    m ~ N(μ_c, B_c),    r ~ Σ_j π_cj N(ν_cj, Σ_cj)

The deviations of all people of a class are pooled.  So no Gaussian of the mixture belongs to a person, as
it does in a mixture of the points themselves.  B_c is the covariance between people, of whom there
are few: their covariance S_c is 0 in all but as many directions.  Members lie within these
directions and nobody else does, so S_c alone would tell who took part.  It is shrunk towards the pooled
covariance within people W, of the same trace: as if people differed as the beats of one person do::

    B_c = (1 − λ_c) S_c + λ_c W tr S_c / tr W

λ_c is the one under which the people of ``train`` are the likeliest, each left out of the estimate of μ_c
and S_c in turn.  The mean of a person's n windows has an error of W / n.

The sum of a Gaussian and a mixture is a mixture: with means μ_c + ν_cj and covariances B_c + Σ_cj.  Windows
are drawn from it, each of a person of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgbench.gaussians import (
    class_moments,
    fitted_mixture,
    pooled_covariance,
    symmetric_roots,
)
from ecgbench.generators.dynamical.model import FLOOR, ITERATIONS, EcgsynFit, OfClass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.generators.dynamical import VirtualPeopleConfig

    Floats = NDArray[np.float64]

FEWEST = 3
"""Windows of a class that a person must have to count as one, if there are two such people."""

SHRINKAGES = tuple(step / 20 for step in range(21))
"""The values of λ to choose from."""


class People(NamedTuple):
    """The means of the people of a class.

    Attributes:
        means: shape (person, number).
        counts: windows of each person, shape (person,).
        weights: of each person, sum 1.
    """

    means: Floats
    counts: NDArray[np.int64]
    weights: Floats

    def without(self, person: int) -> People:
        """Return the others."""
        others = np.arange(len(self.counts)) != person
        weights = self.weights[others] / self.weights[others].sum()
        return People(self.means[others], self.counts[others], weights)

    def moments(self) -> tuple[Floats, Floats]:
        """Return mean and covariance over people; of one person the covariance is 0."""
        mean = self.weights @ self.means
        about = self.means - mean
        scatter = (about * self.weights[:, None]).T @ about
        return mean, scatter / max(1 - (self.weights**2).sum(), 1 / 5)


class VirtualPeople(EcgsynFit):
    """Waves of people who do not exist."""

    config: VirtualPeopleConfig
    name = "virtual-people"

    def _distribute(
        self,
        points: Floats,
        noise: Floats,
        labels: NDArray[np.int64],
        people: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> None:
        """Estimate the people, the deviations and the colour of the noise of each class."""
        config = self.config
        variances = np.diag(pooled_covariance(points, labels))
        self.spread = np.sqrt(np.where(variances > 0, variances, 1.0))
        points = points / self.spread
        _, groups = np.unique(np.stack([labels, people]), axis=1, return_inverse=True)
        within = pooled_covariance(points, groups.ravel())
        for label, colour in class_moments(noise, labels, config.prior).items():
            own = labels == label
            found = people_of(points[own], people[own], by_windows=config.weights == "windows")
            mean, covariance = found.moments()
            share = config.shrinkage
            share = likeliest_shrinkage(found, within) if share is None else share
            between = shrunk(covariance, within, share)
            deviations = points[own] - person_means(points[own], people[own])
            count = len(deviations)
            mixture = fitted_mixture(
                deviations,
                min(config.components, count // config.windows_each),
                floor=FLOOR,
                prior=config.prior,
                iterations=ITERATIONS,
                rng=rng,
            )
            covariances = count * mixture.covariances + config.prior * within
            covariances /= count - 1 + config.prior
            self.classes[label] = OfClass(
                mixture.weights,
                mean + mixture.means,
                symmetric_roots(covariances + between),
                self.residuals[label],
                symmetric_roots(colour.covariance),
            )
            gaussians, size = mixture.means.shape
            square = size * (size + 1) // 2
            self.parameters += gaussians * (1 + size + square) - 1 + size + square
            self.parameters += noise.shape[1] * (noise.shape[1] + 3) // 2


def people_of(points: Floats, people: NDArray[np.int64], *, by_windows: bool) -> People:
    """Return the people of a class who have enough windows.

    Args:
        points: of the class, shape (window, number).
        people: of each window.
        by_windows: whether a person counts by windows; else all count the same.
    """
    who, counts = np.unique(people, return_counts=True)
    if (counts >= FEWEST).sum() > 1:
        who, counts = who[counts >= FEWEST], counts[counts >= FEWEST]
    means = np.stack([points[people == person].mean(axis=0) for person in who])
    weights = counts / counts.sum() if by_windows else np.full(len(who), 1 / len(who))
    return People(means, counts, weights)


def person_means(points: Floats, people: NDArray[np.int64]) -> Floats:
    """Return for each point the mean of its person's points."""
    _, of, counts = np.unique(people, return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), points.shape[1]))
    np.add.at(sums, of, points)
    return np.asarray((sums / counts[:, None])[of])


def shrunk(covariance: Floats, within: Floats, share: float) -> Floats:
    """Return a covariance in which the one within people has this share, at the same trace."""
    scale = np.trace(covariance) / max(np.trace(within), 1e-12)
    return np.asarray((1 - share) * covariance + share * scale * within)


def likeliest_shrinkage(people: People, within: Floats) -> float:
    """Return the λ of `SHRINKAGES` under which people left out are the likeliest.

    With fewer than three people it is 1: of two, the one who is left tells no covariance.

    Args:
        people: of a class.
        within: W, the covariance within people.
    """
    if len(people.counts) < 3:
        return 1.0
    likelihoods = np.zeros(len(SHRINKAGES))
    for person, (mean, count) in enumerate(zip(people.means, people.counts, strict=True)):
        centre, covariance = people.without(person).moments()
        for place, share in enumerate(SHRINKAGES):
            around = shrunk(covariance, within, share) + within / count
            root = np.linalg.cholesky(around + 1e-9 * np.trace(around) * np.eye(len(around)))
            distance = np.linalg.solve(root, mean - centre)
            likelihoods[place] -= people.weights[person] * (
                (distance**2).sum() / 2 + np.log(np.diag(root)).sum()
            )
    return SHRINKAGES[int(likelihoods.argmax())]
