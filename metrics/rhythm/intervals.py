"""`rr-distance`: the distribution of all RR intervals."""

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
    from ecgbench.metrics.rhythm.strips import Strips

SCALE = Scale(least=0.01)
"""s: a sample at 100 Hz."""


def rr_distance(comparison: Comparison, config: RhythmConfig) -> Score:
    """Return the distance of the RR intervals of synthetic strips from those of ``control``.

    All intervals of a class are one distribution, and are compared as `heart_rate_distance` compares heart
    rates.  A strip without intervals has one missing interval.  A class needs 20 intervals on both sides.

    Within a class it sees how strips differ and how the intervals of a strip differ, but not their order:
    that is RMSSD's.  It goes with heart rate and SDNN, so it is shown and never ranked.

    Parts: ``rr``, the distance in s without the term of missing values; ``rr-CLASS``, the value of a class.

    Contributions are of first order: a strip counts with the influences of its intervals; a synthetic
    one for the person of its nearest control window.

    Raises:
        Skip: no class has 20 intervals on both sides.
    """
    real, synthetic = strips(comparison, config)
    (values, rows), (others, columns) = _together(real), _together(synthetic)
    found = distance(
        {"rr": values[:, None]},
        {"rr": others[:, None]},
        (real.labels[rows], synthetic.labels[columns]),
        {"rr": SCALE},
    )
    if found is None:
        raise Skip(f"no class has {FEWEST} RR intervals in control and in the synthetic strips")
    return Score(
        value=found.value,
        parts={
            **found.features,
            **{f"rr-{comparison.classes[c]}": value for c, value in found.classes.items()},
        },
        contributions=Contributions.first_order(
            found.value,
            (real.people, _by_strip(found.of_real, rows, len(real.labels))),
            (synthetic.people, _by_strip(found.of_synthetic, columns, len(synthetic.labels))),
        ),
        n=len(real.labels) + len(synthetic.labels),
    )


def _together(side: Strips) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return all intervals and the strip of each."""
    each = [rr if len(rr) else np.array([np.nan]) for rr in side.intervals]
    return np.concatenate(each), np.repeat(np.arange(len(each)), [len(rr) for rr in each])


def _by_strip(
    influences: NDArray[np.float64], rows: NDArray[np.int64], count: int
) -> NDArray[np.float64]:
    """Return the sum of each strip's influences, as if strips and not intervals were the windows."""
    sums = np.bincount(rows, influences, count)
    return np.asarray(sums * (count / len(influences)), dtype=np.float64)
