"""Checks that windows can be millivolts, and can come from a model of the training windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench.contracts.errors import PluginError
from ecgbench.harness.data.same import TOLERANCE, is_flat, same_windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.contracts.windows import EcgWindows, Splits

    Signals = NDArray[np.float64]

TOO_LARGE, TOO_SMALL = 50.0, 1 / 500
"""Bounds of the deviation of windows in millivolts, in deviations of ``train``."""

VOLT = 1000.0
"""mV: no electrode on the skin shows so much."""

UNLIKE = 4.0
"""Factor between the deviations of two leads; beyond it a reader is told."""

ROUNDING = 1e-6
"""mV by which the samples of a flat window may differ; windows in volts differ by more."""

EDGE = 0.05
"""By how much scaled windows may miss 0 and 1."""

BLUR = 0.15
"""The same of the ends of single windows, under a little noise."""

SAMPLES = 2**26
"""Samples that are looked at: more than the windows of a usual dataset have, and half a gigabyte."""

FINE = 3e-3
"""Deviations of ``train`` within which samples are equal, where that is less than `TOLERANCE`."""

MOST = 0.9
"""Share of the windows that have to look scaled one by one."""


def check_origin(where: str, synthetic: EcgWindows, splits: Splits) -> None:
    """Check that no synthetic window is a real one from outside ``train``, within rounding.

    Flat windows do not count, nor real ones with an equal in ``train``.

    Raises:
        PluginError: some are; the message gives their number and the first.
    """
    tolerance = min(TOLERANCE, FINE * float(_some(splits.train.signals).std()))
    rows = np.flatnonzero(~is_flat(synthetic.signals, 2 * tolerance))
    signals = synthetic.signals[rows]
    for part in ("control", "auxiliary", "fresh", "test"):
        real = same_windows(signals, getattr(splits, part).signals, tolerance)
        found = np.flatnonzero(real >= 0)
        found = found[same_windows(signals[found], splits.train.signals, tolerance) < 0]
        if len(found):
            raise PluginError(
                f"{where}: {len(found)} of {len(synthetic)} windows are real ones of {part}, which "
                f"no generator is given; first window {rows[found[0]]}"
            )


def remarks(where: str, synthetic: EcgWindows, train: EcgWindows) -> list[str]:
    """Return remarks on the windows' scale and variety, one sentence each.

    Args:
        where: their origin, for messages.
        synthetic: the windows.
        train: the training windows, in millivolts.

    Raises:
        PluginError: they cannot be millivolts of the same kind of signal.
    """
    made, real = synthetic.signals.astype(np.float64), _some(train.signals)
    if problem := scale_problem(made, real, "the training windows"):
        raise PluginError(f"{where}: {problem}")
    largest = np.abs(made).max(axis=(1, 2))
    beyond = largest > max(VOLT, TOO_LARGE * float(np.abs(real).max()))
    if beyond.any():
        raise PluginError(
            f"{where}: {int(beyond.sum())} of {len(made)} windows hold samples of a volt or more, up to "
            f"{float(largest.max()):.3g} mV; first window {int(beyond.argmax())}"
        )
    flat = is_flat(synthetic.signals, ROUNDING)
    if flat.all():
        return [f"all {len(made)} windows are flat", *_levels(made, real, train.leads)]
    found = []
    if 10 * flat.sum() > len(made) and is_flat(train.signals, ROUNDING).mean() < 0.05:
        found.append(f"{int(flat.sum())} of {len(made)} windows are flat")
    distinct = len({window.tobytes() for window in synthetic.signals})
    if 2 * distinct <= len(made):
        found.append(f"only {distinct} of the {len(made)} windows are unlike the others")
    wild = _spread(made) > TOO_LARGE * np.median(_spread(real))
    if wild.any():
        found.append(
            f"{int(wild.sum())} of {len(made)} windows deviate {TOO_LARGE:g} times as much as a usual "
            f"training window; first window {int(wild.argmax())}"
        )
    own, theirs = float(made.std()), float(real.std())
    if abs(made.mean()) < EDGE and abs(own - 1) < EDGE and abs(theirs - 1) > 4 * EDGE:
        found.append(
            f"all samples together have mean 0 and deviation 1, those of the training windows {theirs:.3g} mV"
        )
    return found + _levels(made, real, train.leads)


def _some(signals: NDArray[np.float32]) -> Signals:
    """Return all windows, or at even steps as many as have `SAMPLES` samples together."""
    step = -(-signals.size // SAMPLES)
    return signals[:: max(1, step)].astype(np.float64)


def _levels(made: Signals, real: Signals, leads: tuple[str, ...]) -> list[str]:
    """Return a sentence for each lead with another deviation or another level than the training windows."""
    found = []
    for number, lead in enumerate(leads):
        own, theirs = (float(side[:, number].std()) for side in (made, real))
        if own and theirs and not theirs / UNLIKE < own < theirs * UNLIKE:
            found.append(
                f"the samples of lead {lead} deviate by {own:.3g} mV, those of the training windows by "
                f"{theirs:.3g} mV"
            )
        level, usual = (float(np.median(side[:, number])) for side in (made, real))
        if abs(level - usual) > UNLIKE * theirs:
            found.append(
                f"the samples of lead {lead} lie about {level:.3g} mV, those of the training windows about "
                f"{usual:.3g} mV"
            )
    return found


def scale_problem(made: Signals, real: Signals, whose: str) -> str:
    """Return the fault in the scale of windows; empty if they may be millivolts.

    Args:
        made: the samples.
        real: those of real windows, in millivolts.
        whose: a name for the real windows.
    """
    wanted = f"{whose} {{}} {{:.3g}} mV; millivolts are wanted: {{}}"
    own, theirs = (float(np.median(_spread(side))) for side in (made, real))
    if own > TOO_LARGE * theirs:
        hint = "are these µV or digital samples?"
        return f"samples deviate by {own:.3g}, {wanted.format('by', theirs, hint)}"
    if ROUNDING < own < TOO_SMALL * theirs:
        hint = "are these volts, or a model that draws nothing?"
        return f"samples deviate by {own:.3g}, {wanted.format('by', theirs, hint)}"
    level, usual = (float(np.median(np.abs(side))) for side in (made, real))
    if level > TOO_LARGE * (usual + theirs):
        hint = "are these µV or digital samples?"
        return f"samples lie about {level:.3g}, {wanted.format('about', usual, hint)}"
    low, high = float(made.min()), float(made.max())
    inside = (real >= -EDGE) & (real <= 1 + EDGE)
    if low >= -EDGE and high <= 1 + EDGE and high - low > 0.5 and inside.mean() < MOST:
        return (
            f"all samples lie between {low:.3g} and {high:.3g}, so they look scaled to [0, 1]; "
            "millivolts are wanted: undo the scaling"
        )
    for ends in ((0.0, 1.0), (-1.0, 1.0)):
        if _reach(made, ends) > MOST and _reach(real, ends) < 1 - MOST:
            return (
                f"each window reaches from {ends[0]:g} to {ends[1]:g}, so they look scaled one by one; "
                "millivolts are wanted: undo the scaling"
            )
    if _standardised(made) > MOST and _standardised(real) < 1 - MOST:
        return (
            "windows have mean 0 and deviation 1, so they look standardised one by one; millivolts "
            "are wanted: undo the scaling"
        )
    return ""


def _spread(windows: Signals) -> Signals:
    """Return the deviation of each window's samples, the largest of its leads."""
    return np.asarray(windows.std(axis=2).max(axis=1))


def _reach(windows: Signals, ends: tuple[float, float]) -> float:
    """Return the share of windows with these ends in every lead, nearly."""
    low, high = windows.min(axis=2), windows.max(axis=2)
    near = (np.abs(low - ends[0]) < BLUR) & (np.abs(high - ends[1]) < BLUR)
    return float(near.all(axis=1).mean())


def _standardised(windows: Signals) -> float:
    """Return the share of windows with mean 0 and deviation 1 in every lead."""
    means, deviations = np.abs(windows.mean(axis=2)), np.abs(windows.std(axis=2) - 1)
    return float(((means < EDGE).all(axis=1) & (deviations < EDGE).all(axis=1)).mean())
