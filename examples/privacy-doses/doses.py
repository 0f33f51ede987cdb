"""The smallest dose of copies that `copied-share` detects, by disguise.

    python examples/privacy-doses/doses.py --data-dir DIR --seed 0 --out doses-0.json

A synthetic set is made of unused real windows (`fresh`), but for a dose of disguised copies from ``train``.  The dose is detected if p ≤ .05 under at least 90% of random divisions into ``train`` and
``control``.  The nearest real windows do not depend on that division, so they are computed once; then
labels are drawn within patient and class, and copies among the windows labelled ``train``.

Prints how often either of the parts ``p`` and ``p-scan`` is ≤ .05 without a copy, and for a generator that
repeats one training window of each class.  Then comes a row for each disguise: the smallest doses detected by
the two, the value of a dose of 5%, and the share of copies with a hit of their source in each space.  Last
comes the time of the search in each space.
"""

# ruff: noqa: T201 - it is a program

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.signal import butter, sosfiltfilt
from threadpoolctl import threadpool_limits

import ecgbench
from ecgbench import Comparison
from ecgbench.metrics.privacy import CopiedShareConfig
from ecgbench.metrics.privacy.copied_share import SCAN, p_values
from ecgbench.metrics.privacy.disguises import spaces
from ecgbench.metrics.privacy.nearest import Nearest, clearest, nearest
from ecgbench.processing import BeatWindowConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ecgbench import Splits

    Floats = NDArray[np.floating]
    Rows = NDArray[np.int64]
    Scores = NDArray[np.float64]
    Disguise = Callable[[Floats, Floats, np.random.Generator], Floats]

DOSES = (0.001, 0.0015, 0.002, 0.003, 0.004, 0.006, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2)
LEVEL, POWER = 0.05, 0.9
REDRAWS = 400
WINDOW = BeatWindowConfig()


def noisy(share: float) -> Disguise:
    """White noise of a share of the signals' deviation."""
    return lambda x, _, rng: x + share * x.std() * rng.standard_normal(x.shape)


def moved(seconds: float, speed: float = 1.0) -> Disguise:
    """Later by so many seconds, and faster about the R peak; missing samples repeat the edge."""

    def move(x: Floats, _: Floats, __: np.random.Generator) -> Floats:
        time = np.arange(x.shape[2])
        later = seconds * WINDOW.sampling_rate
        places = WINDOW.r_sample + (time - WINDOW.r_sample - later) * speed
        spline = CubicSpline(time, x, axis=2)
        return np.asarray(spline(np.clip(places, 0, x.shape[2] - 1)))

    return move


def circled(x: Floats, _: Floats, rng: np.random.Generator) -> Floats:
    """Later by any time, each window its own; samples leave at the end and come in at the start."""
    by = rng.integers(x.shape[2], size=len(x))
    return np.stack([np.roll(window, each, axis=1) for window, each in zip(x, by, strict=True)])


def warped(seconds: float) -> Disguise:
    """Each window in a smooth time of its own, off by so many seconds (root mean square)."""

    def warp(x: Floats, _: Floats, rng: np.random.Generator) -> Floats:
        time = np.arange(x.shape[2])
        knots = np.linspace(0, time[-1], 8)
        off = CubicSpline(knots, rng.standard_normal((len(x), 8)), axis=1)(time)
        off *= seconds * WINDOW.sampling_rate / np.sqrt((off**2).mean(axis=1, keepdims=True))
        places = np.maximum.accumulate(np.clip(time + off, 0, time[-1]), axis=1)
        return np.stack(
            [CubicSpline(time, window, axis=1)(at) for window, at in zip(x, places, strict=True)]
        )

    return warp


def smoothed(hertz: float) -> Disguise:
    """Low-passed, without shift of phase."""
    filters = butter(2, hertz, fs=WINDOW.sampling_rate, output="sos")
    return lambda x, _, __: np.asarray(sosfiltfilt(filters, x, axis=2))


def spliced(*seconds: float) -> Disguise:
    """From each of these seconds after the R peak to the next, by turns, another of its class; no jump."""

    def splice(x: Floats, other: Floats, _: np.random.Generator) -> Floats:
        cuts = [WINDOW.r_sample + round(at * WINDOW.sampling_rate) for at in seconds]
        made = x.copy()
        for number, (start, end) in enumerate(zip(cuts, [*cuts[1:], x.shape[2]], strict=True)):
            piece = (other if number % 2 == 0 else x)[:, :, start:end]
            made[:, :, start:end] = piece - piece[:, :, :1] + made[:, :, start - 1 : start]
        return made

    return splice


def mixed(share: float) -> Disguise:
    """With another training window of its class."""
    return lambda x, other, _: share * x + (1 - share) * other


def several(*disguises: Disguise) -> Disguise:
    """One after the other."""

    def apply(x: Floats, other: Floats, rng: np.random.Generator) -> Floats:
        for disguise in disguises:
            x = disguise(x, other, rng)
        return x

    return apply


DISGUISES: dict[str, Disguise] = {
    "none": moved(0),
    "noise .05": noisy(0.05),
    "noise .1": noisy(0.1),
    "noise .2": noisy(0.2),
    "noise .4": noisy(0.4),
    "8 ms later": moved(0.008),
    "20 ms later": moved(0.02),
    "48 ms later": moved(0.048),
    "48 ms earlier": moved(-0.048),
    "amplitude × .8": lambda x, _, __: 0.8 * x,
    "amplitude × 1.2": lambda x, _, __: 1.2 * x,
    "offset .5 mV": lambda x, _, __: x + 0.5,
    "2.5% faster": moved(0, 1.025),
    "5% faster": moved(0, 1.05),
    "5% slower": moved(0, 0.95),
    "20 ms later, 3% slower, noise .05": several(moved(0.02, 0.97), noisy(0.05)),
    "in a circle by .37 s": lambda x, _, __: np.roll(x, 37, axis=2),
    "in a circle by any time": circled,
    "the same, noise .1": several(circled, noisy(0.1)),
    "upside down": lambda x, _, __: -x,
    "back to front": lambda x, _, __: x[:, :, ::-1],
    "both, noise .1": several(lambda x, _, __: -x[:, :, ::-1], noisy(0.1)),
    ".1 s later": moved(0.1),
    ".37 s later": moved(0.37),
    "low-pass 15 Hz": smoothed(15),
    "low-pass 8 Hz": smoothed(8),
    "warp 10 ms": warped(0.01),
    "warp 20 ms": warped(0.02),
    "warp 40 ms": warped(0.04),
    "warp 20 ms, noise .1": several(warped(0.02), noisy(0.1)),
    "splice behind the QRS": spliced(0.1),
    "splice before the QRS": spliced(-0.1),
    "another's QRS": spliced(-0.1, 0.1),
    "splice behind the QRS, noise .1": several(spliced(0.1), noisy(0.1)),
    "splice of four pieces": spliced(-0.5, 0, 0.5),
    "mixture .9 + .1": mixed(0.9),
    "mixture .7 + .3": mixed(0.7),
    "mixture .5 + .5": mixed(0.5),
}

OF_TWO = ("mixture", "splice", "another")
"""First words of the names of disguises made of two windows."""


class Copies(NamedTuple):
    """Disguised windows, their sources (others: of mixtures and splices), and their nearest windows.

    Seen is the share of them with a hit of their source, by space.
    """

    sources: Rows
    others: Rows
    found: Nearest
    seen: dict[str, float]


class Cohort:
    """The real windows of a seed, with labels train and control drawn many times.

    Args:
        splits: of the protocol.
        seed: of the cell.
        divisions: into train and control, for each dose.
    """

    def __init__(self, splits: Splits, seed: int, divisions: int) -> None:
        self.splits, self.config = splits, CopiedShareConfig()
        self.rng = np.random.default_rng([seed, 1])
        self.comparison = Comparison(
            synthetic=splits.fresh, splits=splits, seed=seed, headline_classes=("N", "S", "V")
        )
        self.spaces = spaces(self.comparison, self.config)
        self.seconds = {space.name: 0.0 for space in self.spaces}
        self.searched = 0
        self.real = np.concatenate([splits.train.signals, splits.control.signals])
        self.labels = np.concatenate([splits.train.labels, splits.control.labels])
        patients = np.concatenate([splits.train.patients, splits.control.patients])
        self.train = np.zeros((divisions + REDRAWS, len(self.real)), dtype=bool)
        self.train[:, : len(splits.train)] = True
        strata = patients * (self.labels.max() + 1) + self.labels
        for stratum in np.unique(strata):
            rows = np.flatnonzero(strata == stratum)
            self.train[:, rows] = self.rng.permuted(self.train[:, rows], axis=1)
        self.divisions = divisions

    def nearest(self, signals: Floats) -> dict[str, Nearest]:
        """By space, as the metric finds it."""
        found: dict[str, Nearest] = {}
        self.searched += len(signals)
        for space in self.spaces:
            start = time.process_time()
            found |= nearest([space], signals.astype(np.float32), self.real)
            self.seconds[space.name] += time.process_time() - start
        return found

    def copies(self, disguise: Disguise, count: int, *, of_two: bool) -> Copies:
        """Return disguised copies of random windows; the drawn labels make them train or control."""
        sources = self.rng.permutation(len(self.real))[:count]
        others = sources.copy()
        for label in np.unique(self.labels) if of_two else ():
            of_class = np.flatnonzero(self.labels == label)
            wanted = self.labels[sources] == label
            others[wanted] = self.rng.choice(of_class, wanted.sum())
        made = disguise(self.real[sources], self.real[others], self.rng)
        found = self.nearest(made)
        seen = {
            name: float(
                (
                    ((each.indices == sources) | (each.indices == others))
                    & (each.isolation > self.config.threshold)
                ).mean()
            )
            for name, each in found.items()
        }
        return Copies(sources, others, clearest(found), seen)

    def scores(
        self, rest: Nearest, dose: float = 0.0, copies: Copies | None = None
    ) -> Scores | None:
        """Value, p and p-scan under each division, shape (division, 3).

        None if there are too few copies for the dose.
        """
        size = len(rest.indices)
        count, found = round(dose * size), []
        for train in self.train[: self.divisions]:
            mixture = _take(rest, self.rng.permutation(size)[: size - count])
            if copies is not None:
                possible = np.flatnonzero(train[copies.sources] & train[copies.others])
                if len(possible) < count:
                    return None
                copied = _take(copies.found, self.rng.permutation(possible)[:count])
                mixture = Nearest(*map(np.concatenate, zip(mixture, copied, strict=True)))
            found.append(self._score(train, mixture))
        return np.array(found)

    def _score(self, train: NDArray[np.bool_], found: Nearest) -> tuple[float, float, float]:
        hits = found.isolation[:, None] > np.array([self.config.threshold, *SCAN])
        rows, places = np.unique(found.indices, return_inverse=True)
        of_real = np.zeros((len(rows), hits.shape[1]), dtype=np.float32)
        np.add.at(of_real, places, hits)
        ratio = len(self.splits.train) / len(self.splits.control)
        labels = np.vstack([train[rows], self.train[self.divisions :, rows]]).astype(np.float32)
        values = (1 + ratio) * (labels @ of_real) - ratio * of_real.sum(axis=0)
        values = values.astype(np.float64) / len(hits)
        return (float(values[0, 0]), *p_values(values))


def _take(found: Nearest, rows: Rows) -> Nearest:
    return Nearest(found.indices[rows], found.isolation[rows])


def gaussian(splits: Splits, rng: np.random.Generator) -> Floats:
    """Windows of fresh's classes from a normal distribution fitted to each class of train."""
    made = np.empty(splits.fresh.signals.shape)
    for label in np.unique(splits.fresh.labels):
        of_class = splits.train.signals[splits.train.labels == label].reshape(-1, made[0].size)
        wanted = splits.fresh.labels == label
        drawn = rng.multivariate_normal(
            of_class.mean(axis=0),
            np.cov(of_class.T) + 1e-9 * np.eye(made[0].size),
            wanted.sum(),
            method="cholesky",
        )
        made[wanted] = drawn.reshape(-1, *made.shape[1:])
    return made


def collapsed(splits: Splits, rng: np.random.Generator) -> Floats:
    """One training window of each class, again and again under slight noise."""
    made = np.empty(splits.fresh.signals.shape)
    for label in np.unique(splits.fresh.labels):
        mode = rng.choice(np.flatnonzero(splits.train.labels == label))
        made[splits.fresh.labels == label] = splits.train.signals[mode]
    return noisy(0.02)(made, made, rng)


def smallest(
    cohort: Cohort, rest: Nearest, copies: Copies, tried: dict[float, Scores | None], part: int
) -> float | None:
    """Return the smallest dose detected by ``p`` (1) or ``p-scan`` (2), by bisection."""
    low, high = 0, len(DOSES)
    while low < high:
        middle = (low + high) // 2
        dose = DOSES[middle]
        if dose not in tried:
            tried[dose] = cohort.scores(rest, dose, copies)
        scores = tried[dose]
        if scores is None or (scores[:, part] <= LEVEL).mean() >= POWER:
            high = middle  # too few copies for it: the dose is large
        else:
            low = middle + 1
    return DOSES[low] if low < len(DOSES) and tried[DOSES[low]] is not None else None


def alarms(cohort: Cohort, found: Nearest) -> dict[str, float]:
    """Return, for windows without copies, the mean value, and how often p and p-scan are at most .05."""
    scores = cohort.scores(found)
    assert scores is not None
    rates = (scores[:, 1:] <= LEVEL).mean(axis=0)
    return {"value": float(scores[:, 0].mean()), "p": float(rates[0]), "p-scan": float(rates[1])}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir", type=Path, help="folder of PhysioNet databases")
    parser.add_argument("--dataset", default="mitdb", help="with windows of the default shape")
    parser.add_argument("--windows", type=int, help="of a subsample of the dataset")
    parser.add_argument("--seed", type=int, default=0, help="even: fold 0, odd: fold 1")
    parser.add_argument("--copies", type=int, default=1500, help="windows under each disguise")
    parser.add_argument("--divisions", type=int, default=50, help="for each dose")
    parser.add_argument("--out", type=Path, default=Path("doses.json"))
    asked = parser.parse_args()
    threadpool_limits(limits=1)
    splits = ecgbench.splits(
        asked.dataset, asked.seed, windows=asked.windows, data_dir=asked.data_dir
    )
    cohort = Cohort(splits, asked.seed, asked.divisions)
    rest = clearest(cohort.nearest(splits.fresh.signals))
    found: dict[str, Any] = {"seed": asked.seed, "synthetic": len(splits.fresh), "alarms": {}}
    honest = {
        "fresh": rest,
        "gaussian": clearest(cohort.nearest(gaussian(splits, cohort.rng))),
        "collapsed": clearest(cohort.nearest(collapsed(splits, cohort.rng))),
    }
    for name, each in honest.items():
        found["alarms"][name] = alarms(cohort, each)
        print(name, found["alarms"][name], flush=True)
    found["doses"] = {}
    for name, disguise in DISGUISES.items():
        copies = cohort.copies(disguise, asked.copies, of_two=name.startswith(OF_TWO))
        tried = {0.05: cohort.scores(rest, 0.05, copies)}
        at_5 = tried[0.05]
        found["doses"][name] = {
            "p": smallest(cohort, rest, copies, tried, 1),
            "p-scan": smallest(cohort, rest, copies, tried, 2),
            "value at .05": None if at_5 is None else round(float(at_5[:, 0].mean()), 4),
            "seen": copies.seen,
        }
        print(name, found["doses"][name], flush=True)
        asked.out.write_text(json.dumps(found, indent=1) + "\n")
    found["seconds for 10,000"] = {
        name: round(1e4 * seconds / cohort.searched, 1) for name, seconds in cohort.seconds.items()
    }
    print("seconds for 10,000 windows", found["seconds for 10,000"])
    asked.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
