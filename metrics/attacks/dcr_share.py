"""`dcr-share`: the share of synthetic windows that are closer to training than to control windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Contributions, Score
from ecgbench.metrics.attacks.parts import parts_of_train
from ecgbench.shared import neighbours, people_behind

if TYPE_CHECKING:
    from ecgbench import Comparison, Config


def dcr_share(comparison: Comparison, _config: Config) -> Score:
    r"""Share of synthetic windows whose closest training window is closer than their closest other.

    Platzer, Reutterer (Frontiers in Big Data 4:679939, 2021, share of closer distances to closest
    record; `calculate_dcr_share` of ``mostlyai-qa``, and the same as DCR overfitting protection in
    ``sdmetrics``, which gives min(2 − 2·share, 1) and takes ties for no closer)::

        value = mean over s of  (1/K) Σ_k  1[d(s, T_k) < d(s, control)] + ½·1[d(s, T_k) = d(s, control)]
        d(s, R) = min_{x in R} ‖s − x‖     (Euclidean, all samples of all leads, mV)

    T_k are K = ⌊n_train / n_control⌋ disjoint parts of ``train``, of control's size and stratified as it
    is: against all of ``train`` an innocent generator would score n_train / (n_train + n_control).

    Lower is better.  Range (0, 1).  An ideal generator scores ½, up to noise of either sign.  Copies of a
    share p of the synthetic windows score about ½ + ½ p · n_control / n_train.  Windows that are far
    from all real ones have one and the same nearest real window, and share the toss of a coin on which
    side that is: for white noise the value is anything from 0 to 1.

    **No evidence of safety.**  A value of ½ says that synthetic windows are on average no closer to
    members.  It says nothing of those members who were copied or can be told (Yao, Krčo, Ganev, de
    Montjoye, The DCR Delusion, arXiv:2505.01524, find private by DCR what attacks tell with ease).

    Returns:
        The value and its per-person contributions, by the person of the nearest control window.

    Raises:
        Skip: there are fewer than three windows to compare with on a side.
    """
    parts = parts_of_train(comparison)
    to_control = neighbours(comparison, "synthetic", "control").distances[:, 0]
    of_parts = []
    for part in parts:
        to_part = neighbours(part, "synthetic", "control").distances[:, 0]
        of_parts.append((to_part < to_control) / 2 + (to_part <= to_control) / 2)
    closer = np.mean(of_parts, axis=0)
    value = float(closer.mean())
    return Score(
        value=value,
        contributions=Contributions.first_order(value, (people_behind(comparison), closer)),
        n=len(comparison.synthetic),
    )
