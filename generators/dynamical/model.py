"""The dynamical model of McSharry and others, fitted to the windows of each class.

The parameters of each fitted window (`waves.py`, `least_squares.py`), the logarithms of its two RR
intervals, and the logarithm of the noise that the waves leave are one point.  The points of a class have
a mixture of Gaussians as their distribution (`ecgbench.gaussians`).  A window is drawn in three steps: a
point, the waves at its phases, and noise of the drawn level with the covariance of the class's
residuals, each scaled to the level 1.

R peaks come from `ecgbench.rr_time`.  An interval beyond the window is not guessed: it counts as the
time to the edge of the window, or as `NOMINAL` where the edge is nearer.  So windows without room for
neighbours keep the angles of the textbook.

Differences from the paper: the closed form (`waves.py`); RR intervals come from the windows and not from
a spectrum of the heart rate; z₀ is a constant of each window and lead, because a window is
shorter than a breath.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgbench import Skip, known_labels
from ecgbench.contracts.streams import DynamicalStream
from ecgbench.gaussians import (
    check_numbers,
    class_moments,
    fitted_mixture,
    pooled_covariance,
    symmetric_roots,
)
from ecgbench.generators.dynamical.least_squares import fit_waves, joined, parted
from ecgbench.generators.dynamical.waves import NARROWEST, WIDEST, course, height
from ecgbench.processing import usual_place
from ecgbench.rr_time import BAND, SHORTEST, RrIntervals, rr_intervals
from ecgbench.saving import load_model, save_model
from ecgbench.space import LONGEST

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ecgbench import Context, EcgWindows
    from ecgbench.generators.dynamical import EcgsynFitConfig

    Floats = NDArray[np.float64]

NOMINAL = 1.0
"""Seconds: the RR interval of the textbook's angles."""

FLOOR = 0.02
"""Least variance of a Gaussian along a parameter, as a share of the variance within classes."""

ITERATIONS = 30
"""Of EM, at most."""

QUIETEST = 1e-3
"""Least level of the noise, in deviations of the lead."""


class _Fitted(NamedTuple):
    points: Floats  # (window, number)
    noise: Floats  # at level 1, (window, lead · sample)
    residual: Floats  # mean of what the waves leave, (lead, sample)


class OfClass(NamedTuple):
    """The distribution of the points of a class, and of the noise.

    Attributes:
        weights: of the Gaussians, sum 1.
        means: shape (Gaussian, number).
        roots: symmetric roots of their covariances, shape (Gaussian, number, number).
        residual: mean of what the waves leave, shape (lead, sample).
        colour: symmetric root of the covariance of the noise at level 1.
    """

    weights: Floats
    means: Floats
    roots: Floats
    residual: Floats
    colour: Floats


class EcgsynFit:
    """Waves whose parameters have a mixture of Gaussians in each class.

    Attributes:
        parameters: how many numbers the fit estimated: of each class the mixture, and the mean and
            covariance of the residuals.
    """

    name = "ecgsyn-fit"

    def __init__(self, config: EcgsynFitConfig) -> None:
        self.config = config
        self.parameters = 0
        self.classes: dict[int, OfClass] = {}
        self.residuals: dict[int, Floats] = {}

    def fit(self, train: EcgWindows, context: Context) -> None:
        """Fit the waves of a subsample of each class, then the distribution of their parameters.

        Raises:
            Skip: the sampling rate is too low to find R peaks, windows are longer than a beat and its
                neighbours, or they have too many numbers for the covariance of the noise.
        """
        if train.sampling_rate <= 2 * BAND[1]:
            raise Skip(
                f"{self.name} finds R peaks above {2 * BAND[1]:g} Hz, and these windows have "
                f"{train.sampling_rate:g} Hz"
            )
        seconds = train.length / train.sampling_rate
        if seconds > LONGEST:
            raise Skip(
                f"{self.name} is for windows around one beat, up to {LONGEST:g} s, and these are "
                f"{seconds:g} s long"
            )
        check_numbers(len(train.leads) * train.length)  # of the noise; now, and not after the waves
        rng = np.random.default_rng([context.seed, DynamicalStream.FIT])
        self.like, self.labels = train.take(slice(0)), train.labels
        self._set_time(train)
        deviations = train.signals.std(axis=(0, 2), dtype=np.float64)
        self.scale = np.where(deviations > 0, deviations, 1.0)[:, None]
        classes = [int(label) for label in np.unique(train.labels)]
        kept, people, points, noises = [], [], [], []
        for place, label in enumerate(classes):
            own = rng.permutation(np.flatnonzero(train.labels == label))[: self.config.windows]
            fitted = self._fit_class(train.signals[own], label, place, len(classes), context)
            kept.append(np.full(len(own), label))
            people.append(train.patients[own])
            points.append(fitted.points)
            noises.append(fitted.noise)
            self.residuals[label] = fitted.residual
        self._distribute(
            np.concatenate(points),
            np.concatenate(noises),
            np.concatenate(kept),
            np.concatenate(people),
            rng,
        )

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Draw points, and from them windows."""
        rng = np.random.default_rng([context.seed, DynamicalStream.SAMPLE])
        drawn = known_labels(labels, self.labels, self.like.classes, rng)
        shape = (len(labels), len(self.like.leads), self.like.length)
        signals = rng.standard_normal(shape)
        points = rng.standard_normal((len(labels), len(self.spread)))
        for label in np.unique(drawn):
            of, rows = self.classes[int(label)], np.flatnonzero(drawn == label)
            gaussians = rng.choice(len(of.weights), len(rows), p=of.weights)
            for gaussian in np.unique(gaussians):
                chosen = rows[gaussians == gaussian]
                points[chosen] = of.means[gaussian] + points[chosen] @ of.roots[gaussian]
            noise = signals[rows].reshape(len(rows), -1) @ of.colour
            signals[rows] = self._windows(points[rows] * self.spread, noise) + of.residual
        return self.like.synthetic(signals * self.scale, labels)

    def save(self, folder: Path) -> None:
        """Write the distributions of the classes, and the time of a window."""
        save_model(
            folder,
            like=self.like,
            labels=self.labels,
            time=self.time,
            longest=self.longest,
            scale=self.scale,
            spread=self.spread,
            classes={str(label): of for label, of in self.classes.items()},
        )

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        parts = load_model(folder)
        self.like, self.labels, self.time = parts["like"], parts["labels"], parts["time"]
        self.longest = RrIntervals(*parts["longest"])
        self.scale, self.spread = parts["scale"], parts["spread"]
        self.classes = {int(label): OfClass(*of) for label, of in parts["classes"].items()}

    def _set_time(self, train: EcgWindows) -> None:
        """Find the place of the R peak, and the longest interval to either side."""
        place = usual_place(train.signals.mean(axis=1), train.sampling_rate)
        self.r_sample = int(np.clip(round(place * train.sampling_rate), 1, train.length - 2))
        self.time = (np.arange(train.length) - self.r_sample) / train.sampling_rate
        self.reach = RrIntervals(*np.abs(self.time[[0, -1]]))
        self.longest = RrIntervals(*np.maximum(self.reach, NOMINAL))

    def _intervals(self, signals: NDArray[np.float32]) -> RrIntervals:
        """Return the intervals of each window; one beyond the window is the longest possible one."""
        found = rr_intervals(signals, self.like.sampling_rate, self.r_sample)
        edge = 0.5 / self.like.sampling_rate
        return RrIntervals(
            *(
                np.where(interval > reach - edge, longest, interval)
                for interval, reach, longest in zip(found, self.reach, self.longest, strict=True)
            )
        )

    def _fit_class(
        self, signals: NDArray[np.float32], label: int, place: int, classes: int, context: Context
    ) -> _Fitted:
        """Fit the waves of a class's windows."""
        rounds, name = self.config.rounds, self.like.classes[label]
        intervals = self._intervals(signals)
        scaled, laps = signals / self.scale, course(intervals, self.time)
        waves = fit_waves(
            scaled,
            laps,
            rounds=rounds,
            steps=self.config.steps,
            weight=self.config.prior,
            log=lambda done, noise: context.log(
                place * rounds + done, total=classes * rounds, label=name, noise=noise
            ),
        )
        left = scaled - height(laps, waves)
        residual = left.mean(axis=0)
        noise = (left - residual).reshape(len(left), -1)
        level = np.maximum(np.sqrt((noise**2).mean(axis=1, keepdims=True)), QUIETEST)
        points = [joined(waves), np.log(np.stack(intervals, axis=1)), np.log(level)]
        return _Fitted(np.concatenate(points, axis=1), noise / level, residual)

    def _distribute(
        self,
        points: Floats,
        noise: Floats,
        labels: NDArray[np.int64],
        people: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> None:
        """Estimate the mixture and the colour of the noise of each class; people do not count."""
        del people
        config = self.config
        variances = np.diag(pooled_covariance(points, labels))
        self.spread = np.sqrt(np.where(variances > 0, variances, 1.0))
        points = points / self.spread
        pooled = pooled_covariance(points, labels)
        for label, colour in class_moments(noise, labels, config.prior).items():
            own = points[labels == label]
            mean, count = own.mean(axis=0), len(own)
            mixture = fitted_mixture(
                own - mean,
                min(config.components, count // config.windows_each),
                floor=FLOOR,
                prior=config.prior,
                iterations=ITERATIONS,
                rng=rng,
            )
            covariances = count * mixture.covariances + config.prior * pooled
            self.classes[label] = OfClass(
                mixture.weights,
                mean + mixture.means,
                symmetric_roots(covariances / (count - 1 + config.prior)),
                self.residuals[label],
                symmetric_roots(colour.covariance),
            )
            gaussians, size = mixture.means.shape
            each = 1 + size + size * (size + 1) // 2
            self.parameters += gaussians * each - 1
            self.parameters += noise.shape[1] * (noise.shape[1] + 3) // 2

    def _windows(self, points: Floats, noise: Floats) -> Floats:
        """Return windows of points and of noise at level 1, in deviations of the lead."""
        parameters, logarithms, level = np.split(points, [-3, -1], axis=1)
        waves = parted(parameters)
        widths = np.clip(waves.widths, np.log(NARROWEST), np.log(WIDEST))
        intervals = RrIntervals(
            *(
                np.clip(interval, SHORTEST, longest)
                for interval, longest in zip(np.exp(logarithms.T), self.longest, strict=True)
            )
        )
        clean = height(course(intervals, self.time), waves._replace(widths=widths))
        return np.asarray(clean + (np.exp(level) * noise).reshape(clean.shape))
