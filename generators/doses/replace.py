"""Faults of some windows: they are replaced, and the rest stay fresh.

Each takes fresh and training windows, an amount and random numbers, and returns signals, shape
(window, lead, sample), in mV; None if the fault needs several classes, people or leads.

A replacement is a training window, also if it is not meant as a copy; only `outliers` and the rest of
`members` are noise.  Fidelity, diversity and utility compare with `control` and `test`, and so cannot
tell a training window from a fresh one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ecgbench import principal_components

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ecgbench import EcgWindows

    Signals = NDArray[Any]
    Replace = Callable[[EcgWindows, EcgWindows, float, np.random.Generator], Signals | None]

NEAR = 0.02
"""Noise on windows of a collapsed mode, in deviations of the lead."""

WILD, SPREAD = 3.0, 0.7
"""The median deviation of outliers, in deviations of the lead, and the deviation of its logarithm."""


def class_collapse(
    fresh: EcgWindows, train: EcgWindows, amount: float, rng: np.random.Generator
) -> Signals | None:
    """Replace the share ``amount`` of every rarer class by the commonest, under the old label."""
    counts = np.bincount(fresh.labels)
    if (counts > 0).sum() < 2:
        return None
    signals = fresh.signals.copy()
    rare = rng.permutation(np.flatnonzero(fresh.labels != counts.argmax()))
    rows = rare[: round(amount * len(rare))]
    signals[rows] = _draw(train.labels == counts.argmax(), train, len(rows), rng)
    return signals


def mode_drop(
    fresh: EcgWindows, train: EcgWindows, amount: float, rng: np.random.Generator
) -> Signals:
    """Remove the share ``amount`` of each class furthest along its first component."""
    signals = fresh.signals.copy()
    if amount == 0:
        return signals
    for label in np.unique(fresh.labels):
        rows, others = np.flatnonzero(fresh.labels == label), train.labels == label
        if len(rows) < 4 or others.sum() < 4:
            continue
        flat = train.signals[others].reshape(int(others.sum()), -1).astype(np.float64)
        axis = principal_components(flat, 1).axes[0]
        edge = np.quantile(flat @ axis, 1 - amount)
        lacking = rows[fresh.signals[rows].reshape(len(rows), -1) @ axis > edge]
        kept = others.copy()
        kept[others] = flat @ axis <= edge
        signals[lacking] = _draw(kept, train, len(lacking), rng)
    return signals


def patient_drop(
    fresh: EcgWindows, train: EcgWindows, amount: float, rng: np.random.Generator
) -> Signals | None:
    """Remove the share ``amount`` of the people; others' windows of the class stand for theirs."""
    people = rng.permutation(np.unique(train.patients))
    if len(people) < 2:
        return None
    lacking = people[: min(round(amount * len(people)), len(people) - 1)]
    signals = fresh.signals.copy()
    left = ~np.isin(train.patients, lacking)
    for label in np.unique(fresh.labels):
        rows = np.flatnonzero(np.isin(fresh.patients, lacking) & (fresh.labels == label))
        pool = left & (train.labels == label)
        if pool.any():
            signals[rows] = _draw(pool, train, len(rows), rng)
    return signals


def duplication(
    fresh: EcgWindows, _train: EcgWindows, amount: float, rng: np.random.Generator
) -> Signals:
    """Repeat each window 1 + ``amount`` times, and remove as many others of its class."""
    signals = fresh.signals.copy()
    for label in np.unique(fresh.labels):
        rows = rng.permutation(np.flatnonzero(fresh.labels == label))
        kept = max(1, round(len(rows) / (1.0 + amount)))
        signals[rows] = signals[rows[np.arange(len(rows)) % kept]]
    return signals


def outliers(
    fresh: EcgWindows, train: EcgWindows, amount: float, rng: np.random.Generator
) -> Signals:
    """Replace the share ``amount`` by smooth noise that resembles no ECG, some of it huge."""
    return _share(fresh, _wild(fresh, train, rng), amount, rng)


def mode_collapse(
    fresh: EcgWindows, train: EcgWindows, amount: float, rng: np.random.Generator
) -> Signals:
    """Replace the share ``amount`` by nearly the same training window of the class, under slight noise."""
    return _share(fresh, _one_mode(fresh, train, rng), amount, rng)


def collapse_outliers(
    fresh: EcgWindows, train: EcgWindows, amount: float, rng: np.random.Generator
) -> Signals:
    """Collapse the share ``amount`` as in `mode_collapse`, but make a tenth of it outliers."""
    collapsed, wild = _one_mode(fresh, train, rng), _wild(fresh, train, rng)
    is_wild = rng.random(len(fresh)) < 0.1
    return _share(fresh, np.where(is_wild[:, None, None], wild, collapsed), amount, rng)


def copies(
    fresh: EcgWindows, train: EcgWindows, amount: float, rng: np.random.Generator
) -> Signals:
    """Replace the share ``amount`` by training windows of the class, each once if they suffice."""
    rows = rng.permutation(len(fresh))[: round(amount * len(fresh))]
    return _copied(fresh, train, rows, rng)


def copied_people(
    fresh: EcgWindows, train: EcgWindows, amount: float, rng: np.random.Generator
) -> Signals:
    """Replace every window of the share ``amount`` of the people by a training window of theirs."""
    people = rng.permutation(np.unique(fresh.patients))[
        : max(1, round(amount * len(np.unique(fresh.patients)))) if amount else 0
    ]
    return _copied(fresh, train, np.flatnonzero(np.isin(fresh.patients, people)), rng, own=True)


def shuffled_leads(
    fresh: EcgWindows, _train: EcgWindows, amount: float, rng: np.random.Generator
) -> Signals | None:
    """Take each lead of the share ``amount`` of every class from another window among them.

    Each lead alone keeps its windows; only leads of one window no longer belong together.
    """
    if len(fresh.leads) < 2:
        return None
    signals = fresh.signals.copy()
    order = rng.permutation(len(fresh))
    for label in np.unique(fresh.labels):
        rows = order[fresh.labels[order] == label]
        rows = rows[: round(amount * len(rows))]
        for lead in range(1, len(fresh.leads)):
            signals[rows, lead] = fresh.signals[np.roll(rows, lead), lead]
    return signals


def members(
    fresh: EcgWindows, train: EcgWindows, amount: float, rng: np.random.Generator
) -> Signals:
    """Keep the share ``amount`` of fresh windows; make the rest white noise, which knows nobody."""
    mean = train.signals.mean(axis=(0, 2), keepdims=True, dtype=np.float64)
    signals = mean + _deviation(train) * rng.standard_normal(fresh.signals.shape)
    rows = rng.permutation(len(fresh))[: round(amount * len(fresh))]
    signals[rows] = fresh.signals[rows]
    return np.asarray(signals)


REPLACEMENTS: dict[str, Replace] = {
    "class-collapse": class_collapse,
    "mode-drop": mode_drop,
    "patient-drop": patient_drop,
    "duplication": duplication,
    "outliers": outliers,
    "mode-collapse": mode_collapse,
    "collapse-outliers": collapse_outliers,
    "copies": copies,
    "copied-people": copied_people,
    "members": members,
    "shuffled-leads": shuffled_leads,
}


def _share(fresh: EcgWindows, others: Signals, amount: float, rng: np.random.Generator) -> Signals:
    """Return the fresh windows, the share ``amount`` of them replaced by the others in their place."""
    signals = fresh.signals.copy()
    rows = rng.permutation(len(fresh))[: round(amount * len(fresh))]
    signals[rows] = others[rows]
    return signals


def _one_mode(fresh: EcgWindows, train: EcgWindows, rng: np.random.Generator) -> Signals:
    """Return for each fresh window nearly the same training window of its class."""
    noise = NEAR * _deviation(train) * rng.standard_normal(fresh.signals.shape)
    modes = fresh.signals.copy()
    for label in np.unique(fresh.labels):
        if (pool := train.labels == label).any():
            modes[fresh.labels == label] = _draw(pool, train, 1, rng)
    return np.asarray(modes + noise)


def _wild(fresh: EcgWindows, train: EcgWindows, rng: np.random.Generator) -> Signals:
    """Return for each fresh window noise, smooth over 10 to 120 ms, of log-normal amplitude."""
    signals = rng.standard_normal(fresh.signals.shape)
    for window, width in zip(signals, rng.uniform(0.01, 0.12, len(fresh)), strict=True):
        window[:] = gaussian_filter1d(window, width * fresh.sampling_rate, axis=-1)
    signals /= signals.std(axis=-1, keepdims=True)
    amplitude = WILD * np.exp(SPREAD * rng.standard_normal((len(fresh), 1, 1)))
    return np.asarray(signals * amplitude * _deviation(train))


def _deviation(train: EcgWindows) -> NDArray[np.float64]:
    """Return the deviation of each lead, to scale windows by."""
    return np.asarray(train.signals.std(axis=(0, 2), keepdims=True, dtype=np.float64))


def _copied(
    fresh: EcgWindows,
    train: EcgWindows,
    rows: NDArray[np.int64],
    rng: np.random.Generator,
    *,
    own: bool = False,
) -> Signals:
    """Return the fresh windows, those of ``rows`` replaced by training windows of class (and person)."""
    signals = fresh.signals.copy()
    strata = fresh.labels * (1 + fresh.patients.max()) + fresh.patients if own else fresh.labels
    for stratum in np.unique(strata[rows]):
        of_stratum = rows[strata[rows] == stratum]
        first = of_stratum[0]
        pool = train.labels == fresh.labels[first]
        if own and (pool & (train.patients == fresh.patients[first])).any():
            pool &= train.patients == fresh.patients[first]
        if pool.any():
            signals[of_stratum] = _draw(pool, train, len(of_stratum), rng)
    return signals


def _draw(
    pool: NDArray[np.bool_], train: EcgWindows, count: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return so many training windows of the pool, none again before all have been."""
    rows = np.flatnonzero(pool)
    rounds = -(-count // len(rows))
    drawn = np.concatenate([rng.permutation(rows) for _ in range(max(1, rounds))])[:count]
    return np.asarray(train.signals[drawn])
