"""`rhythm-agreement`: do the RR intervals of a strip go with its label?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Contributions, Score, Skip
from ecgbench.metrics.rhythm.strips import strips
from ecgbench.metrics.rhythm.variability import FEWEST_INTERVALS
from ecgbench.transport import FEWEST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison
    from ecgbench.metrics.rhythm import RhythmConfig
    from ecgbench.metrics.rhythm.strips import Intervals

LEAST = 0.005
"""Share of the mean interval added before logarithms: the resolution of R peaks at 100 Hz."""


def rhythm_agreement(comparison: Comparison, config: RhythmConfig) -> Score:
    """Return the mean share of each class's synthetic strips whose rhythm is that of the class.

    A multinomial logistic regression, classes weighed equally, is fitted to the `features` of
    ``control``.  It sees R peaks alone and no waveform: a strip of the label atrial fibrillation agrees if
    it is as irregular as real ones.  The value is the mean over classes of the share of synthetic strips
    with the label that the regression gives; a strip with fewer than three intervals never agrees.
    Classes with 20 strips in ``control`` and a synthetic one count.

    The ``real`` row is the best possible: classes of equal rhythm agree by chance.  One by the number of
    classes is chance.

    Parts: ``agreement-CLASS``, the share of a class; ``given-CLASS``, the share of all synthetic strips that
    are given the class.

    Contributions are of first order; a synthetic strip counts for the person of its nearest control window.

    Raises:
        Skip: fewer than two classes have 20 strips with R peaks in ``control`` and a synthetic one.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - a second to import

    real, synthetic = strips(comparison, config)
    x, y = features(real.intervals), features(synthetic.intervals)
    known = np.isfinite(x).all(axis=1)
    counts = np.bincount(real.labels[known], minlength=len(comparison.classes))
    classes = np.intersect1d(np.flatnonzero(counts >= FEWEST), synthetic.labels)
    if len(classes) < 2:
        raise Skip(f"fewer than two classes have {FEWEST} strips with R peaks in control")
    known &= np.isin(real.labels, classes)
    mean, deviation = x[known].mean(axis=0), x[known].std(axis=0)
    deviation[deviation == 0] = 1
    model = LogisticRegression(class_weight="balanced", max_iter=1000)
    model.fit((x[known] - mean) / deviation, real.labels[known])

    counted = np.flatnonzero(np.isin(synthetic.labels, classes))
    labels, people = synthetic.labels[counted], synthetic.people[counted]
    given = np.full(len(counted), -1)
    there = np.isfinite(y[counted]).all(axis=1)
    if there.any():
        given[there] = model.predict((y[counted][there] - mean) / deviation)
    agrees = (given == labels).astype(np.float64)
    shares = {int(c): float(agrees[labels == c].mean()) for c in classes}
    value = float(np.mean([*shares.values()]))
    influences = np.zeros(len(counted))
    for c, share in shares.items():
        of_class = labels == c
        influences[of_class] = (agrees[of_class] - share) / of_class.mean() / len(shares)
    return Score(
        value=value,
        parts={
            **{f"agreement-{comparison.classes[c]}": share for c, share in shares.items()},
            **{f"given-{comparison.classes[c]}": float((given == c).mean()) for c in shares},
        },
        contributions=Contributions.first_order(value, (people, influences)),
        n=len(counted),
    )


def features(intervals: Intervals) -> NDArray[np.float64]:
    """Return what tells rhythms apart, shape (strip, 5); NaN with fewer than three intervals.

    The logarithm of the mean interval; of the deviation, of the root mean squared and of the median absolute
    successive difference, as shares of the mean interval; and the share of successive differences above a
    tenth of it.  One ectopic beat moves the first two differences and not the median.
    """
    found = np.full((len(intervals), 5), np.nan)
    for strip, rr in enumerate(intervals):
        if len(rr) >= FEWEST_INTERVALS:
            steps = np.abs(np.diff(rr)) / rr.mean()
            spread = (rr.std(ddof=1) / rr.mean(), np.sqrt(np.mean(steps**2)), np.median(steps))
            found[strip] = (
                np.log(rr.mean()),
                *np.log(np.array(spread) + LEAST),
                np.mean(steps > 0.1),
            )
    return found
