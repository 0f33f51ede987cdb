"""An autoregression of samples, with coefficients for each class and place in the window.

An ECG window is not stationary: a QRS complex stands in the middle, and flat pieces stand beside it.  So
the mean, the coefficients and the variance of the innovations depend on the place t (a time-varying
autoregression, Subba Rao 1970).  All leads at once, y_t of shape (lead,), follow::

    y_t = μ_t + Σ_{k=1…p} Φ_tk (y_{t−k} − μ_{t−k}) + e_t,    e_t ~ N(0, Q_t)

with fewer terms in the first p samples.  Many windows of a class show each place, so no smoothness over
t is assumed.  The Yule–Walker equations of place t, solved by the covariance Σ of the class's windows,
give the coefficients::

    Φ_t = Σ[t, past] Σ[past, past]⁻¹,    Q_t = Σ[t, t] − Φ_t Σ[past, t]

This is antedependence of order p (Gabriel 1962): all covariances of samples up to p apart are exactly
those of Σ, and the inverse of the covariance is 0 beyond.

Σ is shrunk towards that of all classes (`ecgbench.gaussians`).  The order is one of 1, 2, 4, … up to
``order``: under it, a fifth of the class's training windows, held out of a first fit, is the likeliest.
A class of fewer than five windows takes the order that is best for all.

All this is linear algebra on Σ.  statsmodels estimates one long stationary series and has no place for
many short ones, so it is not used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgbench import known_labels
from ecgbench.contracts.streams import AutoregressiveStream
from ecgbench.gaussians import class_moments, symmetric_roots
from ecgbench.saving import load_model, save_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ecgbench import Context, EcgWindows
    from ecgbench.generators.autoregressive import ArConfig

    Floats = NDArray[np.float64]

HELD_OUT = 5
"""One window of a class in so many is held out of the fit that chooses the order."""

FLOOR = 1e-9
"""Variance added to each sample, as a share of the mean variance: above 40 Hz windows have hardly any,
and the equations would be singular."""


class Autoregression(NamedTuple):
    """The autoregression of a class.

    Attributes:
        means: μ, float64, shape (place, lead).
        coefficients: Φ of each place, float64, shape (lead, k · lead) with the oldest sample first.
        innovations: Q, float64, shape (place, lead, lead).
    """

    means: Floats
    coefficients: Sequence[Floats]
    innovations: Floats


class Ar:
    """An autoregression of each class.

    Attributes:
        parameters: how many numbers the fit estimated: μ, Φ and Q of each class.
        classes: the autoregressions by label.
    """

    def __init__(self, config: ArConfig) -> None:
        self.config = config
        self.parameters = 0

    def fit(self, train: EcgWindows, context: Context) -> None:
        """Choose the order of each class and solve its equations."""
        rng = np.random.default_rng([context.seed, AutoregressiveStream.FIT])
        self.like, self.labels = train.take(slice(0)), train.labels
        leads = len(train.leads)
        flat = train.signals.swapaxes(1, 2).reshape(len(train), -1).astype(np.float64)
        most = min(self.config.order, train.length - 1)
        orders = _orders(flat, train.labels, leads, most, self.config.prior, rng)
        self.classes: dict[int, Autoregression] = {}
        self.parameters = 0
        for label, (mean, covariance) in class_moments(
            flat, train.labels, self.config.prior
        ).items():
            of = autoregression(mean, covariance, leads, orders[label])
            self.classes[label] = of
            self.parameters += of.means.size + sum(phi.size for phi in of.coefficients)
            self.parameters += train.length * leads * (leads + 1) // 2
        context.log(
            1, total=1, **{f"order-{train.classes[label]}": p for label, p in orders.items()}
        )

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Draw windows, sample by sample."""
        rng = np.random.default_rng([context.seed, AutoregressiveStream.SAMPLE])
        drawn = known_labels(labels, self.labels, self.like.classes, rng)
        shape = (self.like.length, len(self.like.leads))
        signals = rng.standard_normal((len(labels), *shape))
        for label, of in self.classes.items():
            rows = np.flatnonzero(drawn == label)
            signals[rows] = _run(of, signals[rows])
        return self.like.synthetic(signals.swapaxes(1, 2), labels)

    def save(self, folder: Path) -> None:
        """Write the autoregressions."""
        classes = {str(label): of for label, of in self.classes.items()}
        save_model(folder, like=self.like, labels=self.labels, classes=classes)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        parts = load_model(folder)
        self.like, self.labels = parts["like"], parts["labels"]
        self.classes = {int(label): Autoregression(*of) for label, of in parts["classes"].items()}


def autoregression(mean: Floats, covariance: Floats, leads: int, order: int) -> Autoregression:
    """Solve the Yule–Walker equations of each place.

    Args:
        mean: of the windows, float64, shape (place · lead,), all leads of a place together.
        covariance: of the windows, float64, shape (place · lead, place · lead).
        leads: how many.
        order: p.
    """
    size = len(mean)
    covariance = covariance + (FLOOR * np.trace(covariance) / size + 1e-12) * np.eye(size)
    coefficients: list[Floats] = []
    innovations: list[Floats] = []
    for start in range(0, size, leads):
        past = slice(max(0, start - order * leads), start)
        here = slice(start, start + leads)
        phi = np.asarray(np.linalg.solve(covariance[past, past], covariance[past, here]).T)
        innovation = covariance[here, here] - phi @ covariance[past, here]
        coefficients.append(phi)
        innovations.append((innovation + innovation.T) / 2)
    return Autoregression(mean.reshape(-1, leads), coefficients, np.stack(innovations))


def log_likelihood(of: Autoregression, windows: Floats) -> Floats:
    """Return the logarithm of the density of each window, shape (window,).

    Args:
        of: the autoregression.
        windows: float64, shape (window, place, lead).
    """
    about = windows - of.means
    _, length, leads = about.shape
    total = np.zeros(len(windows))
    for place, (phi, innovation) in enumerate(zip(of.coefficients, of.innovations, strict=True)):
        past = about[:, place - phi.shape[1] // leads : place].reshape(len(about), phi.shape[1])
        error = about[:, place] - past @ phi.T
        root = np.linalg.cholesky(innovation)
        white = np.linalg.solve(root, error.T)
        total -= 0.5 * (white**2).sum(axis=0) + np.log(np.diag(root)).sum()
    return np.asarray(total - 0.5 * np.log(2 * np.pi) * length * leads)


def _run(of: Autoregression, noise: Floats) -> Floats:
    """Turn white noise, shape (window, place, lead), into windows."""
    about = np.empty_like(noise)
    leads = noise.shape[2]
    roots = symmetric_roots(of.innovations)
    for place, phi in enumerate(of.coefficients):
        past = about[:, place - phi.shape[1] // leads : place].reshape(len(about), phi.shape[1])
        about[:, place] = past @ phi.T + noise[:, place] @ roots[place]
    return about + of.means


def _orders(
    flat: Floats,
    labels: NDArray[np.int64],
    leads: int,
    most: int,
    prior: float,
    rng: np.random.Generator,
) -> dict[int, int]:
    """Return the order of each class under which its held-out windows are the likeliest."""
    numbers = [2**power for power in range(most.bit_length()) if 2**power <= most]
    held_out: NDArray[np.bool_] = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        held_out[rows[: len(rows) // HELD_OUT]] = True
    likelihoods = {}
    for label, (mean, covariance) in class_moments(
        flat[~held_out], labels[~held_out], prior
    ).items():
        windows = flat[held_out & (labels == label)].reshape(-1, len(mean) // leads, leads)
        likelihoods[label] = np.array(
            [
                log_likelihood(autoregression(mean, covariance, leads, number), windows).sum()
                for number in numbers
            ]
        )
    best = numbers[int(np.argmax(sum(likelihoods.values())))]
    return {
        label: numbers[int(np.argmax(likelihood))] if likelihood.any() else best
        for label, likelihood in likelihoods.items()
    }
