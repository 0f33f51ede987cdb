"""`dtw`: how far synthetic and real windows are from each other, time forgiven."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from ecgbench import Contributions, Score, Skip, stratified
from ecgbench.contracts.streams import FidelityStream
from ecgbench.metrics.fidelity.dtw import dtw
from ecgbench.shared import people_behind

if TYPE_CHECKING:
    from typing import Literal

    from numpy.typing import NDArray

    from ecgbench import Comparison
    from ecgbench.metrics.fidelity import DtwConfig

    Side = Literal["synthetic", "control"]


def dtw_distance(comparison: Comparison, config: DtwConfig) -> Score:
    r"""Mean nearest-neighbour distance under dynamic time warping, both ways.

    As `distance`, with a norm that lets time be stretched (Sakoe, Chiba, IEEE Trans ASSP 26:43,
    1978; `dtw`), between synthetic windows S and ``control`` C::

        value = ½ (mean over y in S of min over x in C of DTW(x, y)
                   + mean over x in C of min over y in S of DTW(x, y))   [mV]
        DTW(x, y) = least √(Σ ‖x(i) − y(j)‖²) over warping paths of (i, j) with |i − j| ≤ ``band``

    The means are over at most ``windows`` windows of S and of C, every class in its proportion; the
    nearest is among all of the other side.  It is searched among the ``candidates`` windows that are
    nearest by the Euclidean distance, so that it is an upper bound, never above that distance.

    Lower is better.  Range (0, ∞).  An ideal generator does not score 0 (a real window has no twin)
    but what the ``real`` row scores.

    Parts: ``synthetic-to-control`` and ``control-to-synthetic``, the two means in mV;
    ``control-to-control``, that of a control window to the nearest other one, and ``ratio``, the
    value over it, if it is not 0: about 1 where S is real and as large as C, more where it is smaller.

    Contributions, to first order: a control window counts for its person, a synthetic window for the
    person behind it (`ecgbench.shared.people_behind`).

    Raises:
        Skip: there is but one control window.
    """
    control = comparison.splits.control
    if len(control) < 2:
        raise Skip("it needs two control windows")
    there = _search(comparison, config, "synthetic", "control")
    back = _search(comparison, config, "control", "synthetic")
    own = comparison.once(
        "control-dtw-control",
        lambda: {
            "mean": _search(comparison, config, "control", "control").distances.mean(keepdims=True)
        },
        version=1,
        settings=[config.windows, config.candidates, config.band],
    )["mean"][0]
    value = float(there.distances.mean() + back.distances.mean()) / 2
    parts = {
        "synthetic-to-control": there.distances.mean(),
        "control-to-synthetic": back.distances.mean(),
        "control-to-control": own,
    }
    if own:
        parts["ratio"] = value / own
    return Score(
        value=value,
        parts={name: float(part) for name, part in parts.items()},
        contributions=Contributions.first_order(
            value,
            (control.patients[back.rows], back.distances / 2),
            (people_behind(comparison)[there.rows], there.distances / 2),
        ),
        n=len(there.rows) + len(back.rows),
    )


class _Found(NamedTuple):
    """Some windows of one side, and how far from each the nearest of the other side is."""

    rows: NDArray[np.int64]
    distances: NDArray[np.float64]


def _search(comparison: Comparison, config: DtwConfig, of: Side, among: Side) -> _Found:
    left, right = comparison.windows(of), comparison.windows(among)
    rng = np.random.default_rng([comparison.seed, FidelityStream.DTW])
    rows = stratified(left.labels, config.windows, rng)
    apart = cdist(left.signals[rows].reshape(len(rows), -1), right.signals.reshape(len(right), -1))
    if of == among:
        apart[np.arange(len(rows)), rows] = np.inf
    k = min(config.candidates, len(right) - (of == among))
    candidates = np.argpartition(apart, k - 1, axis=1)[:, :k]
    warped = dtw(
        np.repeat(left.signals[rows], k, axis=0),
        right.signals[candidates.ravel()],
        round(config.band * comparison.sampling_rate),
    ).reshape(-1, k)
    return _Found(rows, warped.min(axis=1))
