"""`dcr-share`: the share of synthetic windows closer to training windows than to others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Contributions, Score
from ecgbench.metrics.attacks.parts import parts_of_train
from ecgbench.shared import neighbours, people_behind

if TYPE_CHECKING:
    from ecgbench import Comparison, Config


def dcr_share(comparison: Comparison, _config: Config) -> Score:
    """Return the share of synthetic windows with a training window closer than any control window.

    Platzer, Reutterer (Frontiers in Big Data 4:679939, 2021) define it as the share of closer
    distances to the closest record; it is `calculate_dcr_share` of ``mostlyai-qa``.  The DCR
    overfitting protection of ``sdmetrics`` is the same share as min(2 − 2·share, 1), with ties as
    not closer.

    Distances are Euclidean over all samples of all leads, in mV.  Against all of ``train`` an innocent
    generator would score n_train / (n_train + n_control).  So the value is the mean over
    K = ⌊n_train / n_control⌋ disjoint parts of ``train``, of control's size and stratified as it is.

    Copies of a share p of the synthetic windows score about ½ + ½ p · n_control / n_train.  Windows far
    from all real ones have the same nearest real window, which is on either side by chance: for white
    noise the value is anything from 0 to 1.

    **No evidence of safety.**  A value of ½ says that synthetic windows are on average no closer to
    members.  It says nothing of a few copied or recognisable members (Yao, Krčo, Ganev, de Montjoye,
    The DCR Delusion, arXiv:2505.01524: attacks easily tell members where DCR reads private).

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
