"""`dtw`: the distance between synthetic and real windows under stretched time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from ecgbench import Contributions, Score, Skip, stratified
from ecgbench.contracts.streams import FidelityStream
from ecgbench.large import parts
from ecgbench.metrics.fidelity.dtw import dtw
from ecgbench.shared import people_behind

if TYPE_CHECKING:
    from typing import Literal

    from numpy.typing import NDArray

    from ecgbench import Comparison
    from ecgbench.metrics.fidelity import DtwConfig

    Side = Literal["synthetic", "control"]

SOME = 64
"""Windows at a time, for the memory of their candidates."""


def dtw_distance(comparison: Comparison, config: DtwConfig) -> Score:
    """Return the mean nearest-neighbour distance under dynamic time warping, both ways.

    This is `distance` with a norm that forgives stretched time (Sakoe, Chiba, IEEE Trans ASSP 26:43,
    1978; `dtw`).  The means are over at most ``windows`` windows of each side, every class in its
    proportion; the nearest is among all windows of the other side.  The search takes the
    ``candidates`` windows nearest by the Euclidean distance.  So the value is an upper bound, but never
    above that distance.

    A real window has no twin, so an ideal generator scores not 0 but the value of the ``real`` row.

    Parts: ``synthetic-to-control`` and ``control-to-synthetic``, the two means in mV;
    ``control-to-control``, the mean of a control window to the nearest other one, and ``ratio``, the
    value over it, if it is not 0: about 1 if the synthetic set is real and as large as ``control``, more
    if it is smaller.

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


class _Nearest(NamedTuple):
    """Some windows of one side, and the distance of each to the nearest of the other side."""

    rows: NDArray[np.int64]
    distances: NDArray[np.float64]


def _search(comparison: Comparison, config: DtwConfig, of: Side, among: Side) -> _Nearest:
    left, right = comparison.windows(of), comparison.windows(among)
    rng = np.random.default_rng([comparison.seed, FidelityStream.DTW])
    rows = stratified(left.labels, config.windows, rng)
    some, every = left.signals[rows].reshape(len(rows), -1), right.signals.reshape(len(right), -1)
    apart = np.concatenate([cdist(some, every[part]) for part in parts(*every.shape)], axis=1)
    if of == among:
        apart[np.arange(len(rows)), rows] = np.inf
    k = min(config.candidates, len(right) - (of == among))
    candidates = np.argpartition(apart, k - 1, axis=1)[:, :k]
    radius = round(config.band * comparison.sampling_rate)
    nearest = np.empty(len(rows))
    for start in range(0, len(rows), SOME):
        part = slice(start, start + SOME)
        copies = np.repeat(left.signals[rows[part]], k, axis=0)
        warped = dtw(copies, right.signals[candidates[part].ravel()], radius)
        nearest[part] = warped.reshape(-1, k).min(axis=1)
    return _Nearest(rows, nearest)
