"""Checks that windows can be millivolts, and can come from a model of the training windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench.harness.cell.same import is_flat, same_windows
from ecgbench.harness.errors import PluginError

if TYPE_CHECKING:
    from ecgbench.harness.windows import EcgWindows, Splits

TOO_LARGE, TOO_SMALL = 50.0, 1 / 500
"""Bounds of the deviation of windows in millivolts, in deviations of ``train``."""

UNLIKE = 4.0
"""Factor between the deviations of two leads; beyond it a reader is told."""

ROUNDING = 1e-6
"""mV by which the samples of a flat window may differ; windows in volts differ by more."""

EDGE = 0.05
"""By how much scaled windows may miss 0 and 1."""

MOST = 0.9
"""Share of the windows that have to look scaled one by one."""


def check_origin(where: str, synthetic: EcgWindows, splits: Splits) -> None:
    """Check that no synthetic window is a real one from outside ``train``, within rounding.

    Flat windows do not count, nor real ones with an equal in ``train``.

    Raises:
        PluginError: some are; the message gives their number and the first.
    """
    rows = np.flatnonzero(~is_flat(synthetic.signals))
    signals = synthetic.signals[rows]
    for part in ("control", "auxiliary", "fresh", "test"):
        real = same_windows(signals, getattr(splits, part).signals)
        found = np.flatnonzero(real >= 0)
        found = found[same_windows(signals[found], splits.train.signals) < 0]
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
    made, real = synthetic.signals, train.signals
    flat = is_flat(made, ROUNDING)
    if flat.all():
        return [f"all {len(made)} windows are flat"]
    found = []
    if 10 * flat.sum() > len(made) and is_flat(real, ROUNDING).mean() < 0.05:
        found.append(f"{int(flat.sum())} of {len(made)} windows are flat")
    distinct = len({window.tobytes() for window in made})
    if 2 * distinct <= len(made):
        found.append(f"the {len(made)} windows are only {distinct} different ones")
    if problem := _scale(made.astype(np.float64), real.astype(np.float64)):
        raise PluginError(f"{where}: {problem}")
    for number, lead in enumerate(train.leads):
        own, theirs = (float(side[:, number].std(dtype=np.float64)) for side in (made, real))
        if theirs and not theirs / UNLIKE < own < theirs * UNLIKE:
            found.append(
                f"the samples of lead {lead} deviate by {own:.3g} mV, those of the training windows by "
                f"{theirs:.3g} mV"
            )
    return found


def _scale(made: np.ndarray, real: np.ndarray) -> str:
    """Return the fault in the scale of windows; empty if they may be millivolts."""
    own, theirs = float(made.std()), float(real.std())
    wanted = "the training windows by {:.3g} mV; millivolts are wanted: {}"
    if own > TOO_LARGE * theirs:
        hint = "are these µV or digital samples?"
        return f"samples deviate by {own:.3g}, {wanted.format(theirs, hint)}"
    if own < TOO_SMALL * theirs:
        hint = "are these volts, or a model that draws nothing?"
        return f"samples deviate by {own:.3g}, {wanted.format(theirs, hint)}"
    low, high = float(made.min()), float(made.max())
    inside = (real >= -EDGE) & (real <= 1 + EDGE)
    if low >= -EDGE and high <= 1 + EDGE and high - low > 0.5 and inside.mean() < MOST:
        return (
            f"all samples lie between {low:.3g} and {high:.3g}, so they look scaled to [0, 1]; "
            "millivolts are wanted: undo the scaling"
        )
    if _standardised(made) > MOST and _standardised(real) < 1 - MOST:
        return (
            "windows have mean 0 and deviation 1, so they look standardised one by one; millivolts "
            "are wanted: undo the scaling"
        )
    return ""


def _standardised(windows: np.ndarray) -> float:
    """Return the share of windows with mean 0 and deviation 1 in every lead."""
    means, deviations = np.abs(windows.mean(axis=2)), np.abs(windows.std(axis=2) - 1)
    return float(((means < EDGE).all(axis=1) & (deviations < EDGE).all(axis=1)).mean())
