"""`distance`: how far synthetic and real windows are from each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ecgbench import Score, Skip
from ecgbench.metrics.fidelity.draw import stratified
from ecgbench.metrics.fidelity.dtw import dtw
from ecgbench.metrics.fidelity.people import first_order

if TYPE_CHECKING:
    from typing import Literal

    from numpy.typing import NDArray

    from ecgbench import Comparison
    from ecgbench.metrics.fidelity import DistanceConfig

    Side = Literal["synthetic", "control"]


def distance(comparison: Comparison, config: DistanceConfig) -> Score:
    r"""Mean nearest-neighbour distance between synthetic windows S and ``control`` C, both ways.

    The Chamfer distance (Barrow, Tenenbaum, Bolles, Wolf, IJCAI 1977; symmetric, as Fan, Su, Guibas,
    CVPR 2017, equation 1) of the two sets, unsquared::

        value = ½ (mean over y in S of min over x in C of ‖x − y‖
                   + mean over x in C of min over y in S of ‖x − y‖)   [mV]

    with the Euclidean norm over all samples of all leads.  Nothing is compared by row number.  A
    generator that repeats one good window does well from S to C alone; from C to S it does not.

    Lower is better.  Range (0, ∞).  An ideal generator does not score 0 (a real window has no twin)
    but what the ``real`` row scores.

    Parts, in mV unless they are ratios:

    - ``synthetic-to-control`` and ``control-to-synthetic``, the two means;
    - ``control-to-control``, the mean distance of a control window to the nearest other one, and
      ``ratio``, the value over it: about 1 where S is real and as large as C, more where it is
      smaller;
    - ``distance-CLASS``, the value over the synthetic and control windows of a class, whose nearest
      neighbours may be of any class;
    - ``dtw``, ``dtw-synthetic-to-control``, ``dtw-control-to-synthetic``, ``dtw-control-to-control``
      and ``dtw-ratio``: the same under dynamic time warping (`dtw`) in a Sakoe–Chiba band of ±``band``
      seconds, over at most ``dtw_windows`` windows of each side, every class in its proportion.  The
      nearest is searched among the ``dtw_candidates`` windows that are nearest by the Euclidean
      distance, so that it is an upper bound, never above the Euclidean distance.

    Contributions, to first order: a control window counts for its person, a synthetic window for the
    person of its nearest control window.

    Raises:
        Skip: there is but one control window.
    """
    control, synthetic = comparison.splits.control, comparison.synthetic
    if len(control) < 2:
        raise Skip("it needs two control windows")
    there = _Search(comparison, config, "synthetic", "control")
    back = _Search(comparison, config, "control", "synthetic")
    own = comparison.once(
        "control-nearest-control",
        lambda: _Search(comparison, config, "control", "control").means(),
        version=1,
        settings=[config.dtw_windows, config.dtw_candidates, config.band],
    )
    value = (there.nearest.mean() + back.nearest.mean()) / 2
    warped = (there.warped.mean() + back.warped.mean()) / 2
    parts = {
        "synthetic-to-control": there.nearest.mean(),
        "control-to-synthetic": back.nearest.mean(),
        "control-to-control": own["nearest"][0],
        "ratio": value / own["nearest"][0],
        "dtw": warped,
        "dtw-synthetic-to-control": there.warped.mean(),
        "dtw-control-to-synthetic": back.warped.mean(),
        "dtw-control-to-control": own["warped"][0],
        "dtw-ratio": warped / own["warped"][0],
    }
    for c, label in enumerate(comparison.classes):
        of_synthetic, of_control = synthetic.labels == c, control.labels == c
        if of_synthetic.any() and of_control.any():
            means = there.nearest[of_synthetic].mean() + back.nearest[of_control].mean()
            parts[f"distance-{label}"] = means / 2
    return Score(
        value=float(value),
        parts={name: float(part) for name, part in parts.items()},
        contributions=first_order(
            float(value),
            (control.patients, back.nearest / 2),
            (control.patients[there.partner], there.nearest / 2),
        ),
        n=len(synthetic) + len(control),
    )


class _Search:
    """The nearest window ``among`` one side of each window ``of`` another.

    Attributes:
        nearest: Euclidean distance, of every window.
        partner: which window that is.
        warped: distance under dynamic time warping, of a subsample.
    """

    def __init__(
        self, comparison: Comparison, config: DistanceConfig, of: Side, among: Side
    ) -> None:
        left, right = comparison.windows(of), comparison.windows(among)
        k = min(config.dtw_candidates, len(right) - (of == among))
        found = comparison.neighbours(of, among, k)
        self.nearest = found.distances[:, 0]
        self.partner = found.indices[:, 0]
        rng = np.random.default_rng([comparison.seed, 6])
        rows = stratified(left.labels, config.dtw_windows, rng)
        warped = dtw(
            np.repeat(left.signals[rows], k, axis=0),
            right.signals[found.indices[rows].ravel()],
            round(config.band * comparison.sampling_rate),
        )
        self.warped = warped.reshape(-1, k).min(axis=1)

    def means(self) -> dict[str, NDArray[Any]]:
        return {
            "nearest": np.array([self.nearest.mean()]),
            "warped": np.array([self.warped.mean()]),
        }
