"""`heart-rate-distance`, `sdnn-distance`, `rmssd-distance`, `pnn50-distance`: numbers of each strip."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Contributions, Score, Skip
from ecgbench.metrics.rhythm.strips import strips
from ecgbench.transport import FEWEST, Scale, distance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison
    from ecgbench.metrics.rhythm import RhythmConfig
    from ecgbench.metrics.rhythm.strips import Intervals

FEWEST_INTERVALS = 3
"""Intervals of a strip with two successive differences; with fewer nothing is measured."""

SCALES = {
    "heart-rate": Scale(least=1.0),  # beats a minute
    "sdnn": Scale(least=5.0),  # ms
    "rmssd": Scale(least=5.0),
    "pnn50": Scale(least=5.0),  # %
}
"""Deviations are at least the resolution of peaks found at 100 Hz."""


def measures(intervals: Intervals) -> dict[str, NDArray[np.float64]]:
    """Return heart rate, SDNN, RMSSD and pNN50 of each strip.

    Task Force, Circulation 93:1043, 1996, table 1; all intervals count, those around ectopic beats too.

    Args:
        intervals: s, of each strip.

    Returns:
        For each of `SCALES` an array of shape (strip,): beats a minute, ms, ms and %; NaN with fewer
        than three intervals.
    """
    found = np.full((len(SCALES), len(intervals)), np.nan)
    for strip, rr in enumerate(intervals):
        if len(rr) >= FEWEST_INTERVALS:
            steps = np.diff(rr)
            found[:, strip] = (
                60.0 / rr.mean(),
                1000 * rr.std(ddof=1),
                1000 * np.sqrt(np.mean(steps**2)),
                100 * np.mean(np.abs(steps) > 0.05),
            )
    return dict(zip(SCALES, found, strict=True))


def heart_rate_distance(comparison: Comparison, config: RhythmConfig) -> Score:
    """Return the distance of the heart rates of synthetic strips from those of ``control``.

    The heart rate of a strip is 60 s by the mean of its RR intervals, between R peaks of
    `ecgbench.r_peaks`.  Within each class with 20 strips on both sides::

        d = min(a, b) · ∫ |F(z) − G(z)| dz + 5 · |a − b|

    F and G are the distribution functions in ``control`` and in the synthetic strips, in deviations of
    ``control`` and cut off at five of them.  a and b are the shares of strips with a value: three
    intervals or more.  The value is the mean over classes by their share of ``control``.

    Parts: ``heart-rate``, the distance in beats a minute without the term of missing values; ``measured``
    and ``measured-real``, the shares of strips with a value; ``heart-rate-CLASS``, the value of a class.

    Contributions are of first order, by influence function; a synthetic strip counts for the person of
    its nearest control window.

    Raises:
        Skip: no class has 20 strips with a value in ``control`` and 20 synthetic strips.
    """
    return _distance(comparison, config, "heart-rate")


def sdnn_distance(comparison: Comparison, config: RhythmConfig) -> Score:
    """Return the distance of the SDNN of strips: the standard deviation of their RR intervals.

    As `heart_rate_distance`, in ms.  In ten seconds SDNN sees breathing and not much of slower
    variation, so it is near RMSSD; it is shown and never ranked.
    """
    return _distance(comparison, config, "sdnn")


def rmssd_distance(comparison: Comparison, config: RhythmConfig) -> Score:
    """Return the distance of the RMSSD of strips: the root mean square of successive differences.

    As `heart_rate_distance`, in ms.
    """
    return _distance(comparison, config, "rmssd")


def pnn50_distance(comparison: Comparison, config: RhythmConfig) -> Score:
    """Return the distance of the pNN50 of strips: the share of successive differences above 50 ms.

    As `heart_rate_distance`, in %.  A strip of ten intervals has ten values at most, so it is shown and
    never ranked.
    """
    return _distance(comparison, config, "pnn50")


def _distance(comparison: Comparison, config: RhythmConfig, name: str) -> Score:
    real, synthetic = strips(comparison, config)
    of_real, of_synthetic = (measures(side.intervals)[name] for side in (real, synthetic))
    found = distance(
        {name: of_real[:, None]},
        {name: of_synthetic[:, None]},
        (real.labels, synthetic.labels),
        {name: SCALES[name]},
    )
    if found is None:
        raise Skip(
            f"no class has {FEWEST} strips of control with R peaks and {FEWEST} synthetic ones"
        )
    return Score(
        value=found.value,
        parts={
            **found.features,
            "measured": float(np.isfinite(of_synthetic).mean()),
            "measured-real": float(np.isfinite(of_real).mean()),
            **{f"{name}-{comparison.classes[c]}": value for c, value in found.classes.items()},
        },
        contributions=Contributions.first_order(
            found.value, (real.people, found.of_real), (synthetic.people, found.of_synthetic)
        ),
        n=len(of_real) + len(of_synthetic),
    )
