"""`lead-correlation-distance`: how leads of one window go together."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Contributions, Score, Skip, stratified
from ecgbench.contracts.streams import LeadStream
from ecgbench.shared import people_behind
from ecgbench.transport import FEWEST, Scale, distance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison
    from ecgbench.metrics.leads import LeadCorrelationConfig

SCALE = Scale(least=0.05)
"""Correlations of leads tied by an equation hardly vary; a smaller deviation would magnify their noise."""


def lead_correlation_distance(comparison: Comparison, config: LeadCorrelationConfig) -> Score:
    """Return the distance of the correlations of leads in synthetic windows from those in ``control``.

    A window has Pearson's correlation over its samples for each two leads.  Within each class with 20
    windows on both sides, and for each two leads, this is::

        d = min(a, b) · ∫ |F(z) − G(z)| dz + 5 · |a − b|

    F and G are the distribution functions in ``control`` and in the synthetic windows, in deviations of
    ``control`` (.05 at least) and cut off at five of them.  a and b are the shares of windows with a value:
    a flat lead has none.  The value is the mean over pairs, then over classes by their share of
    ``control``.

    It sees neither amplitude nor time: a gain of all leads, a delay of all leads and another heart rate
    change little.  Leads of different windows, each of them real, are far from right.

    Parts: ``correlation``, the mean distance in units of correlation; ``measured``, the share of pairs with
    a value; ``correlation-CLASS``, the value of a class.

    Contributions are of first order, by influence function; a synthetic window counts for the person of
    its nearest control window.

    Raises:
        Skip: no class has 20 windows on both sides.
    """
    control, synthetic = comparison.splits.control, comparison.synthetic
    rng = np.random.default_rng([comparison.seed, LeadStream.WINDOWS])
    rows, columns = (stratified(w.labels, config.windows, rng) for w in (control, synthetic))
    labels = control.labels[rows], synthetic.labels[columns]
    real, drawn = (
        correlations(windows.signals[which])
        for windows, which in ((control, rows), (synthetic, columns))
    )
    found = distance({"correlation": real}, {"correlation": drawn}, labels, {"correlation": SCALE})
    if found is None:
        raise Skip(f"no class has {FEWEST} windows of control and {FEWEST} synthetic ones")
    return Score(
        value=found.value,
        parts={
            **found.features,
            "measured": float(np.isfinite(drawn).mean()),
            **{f"correlation-{comparison.classes[c]}": v for c, v in found.classes.items()},
        },
        contributions=Contributions.first_order(
            found.value,
            (control.patients[rows], found.of_real),
            (people_behind(comparison)[columns], found.of_synthetic),
        ),
        n=len(rows) + len(columns),
    )


def correlations(signals: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the correlation of each two leads; float64, shape (window, pair), NaN if one is flat."""
    pairs = list(combinations(range(signals.shape[1]), 2))
    found = np.empty((len(signals), len(pairs)))
    for start in range(0, len(signals), 128):  # all windows of a dataset are large in float64
        part = signals[start : start + 128].astype(np.float64)
        part -= part.mean(axis=2, keepdims=True)
        products = np.einsum("wls,wms->wlm", part, part, optimize=True)
        size = np.sqrt(np.einsum("wll->wl", products))
        both = size[:, :, None] * size[:, None, :]
        whole = np.divide(products, both, out=np.full_like(products, np.nan), where=both > 0)
        found[start : start + 128] = np.clip(
            np.stack([whole[:, i, j] for i, j in pairs], axis=1), -1, 1
        )
    return found
