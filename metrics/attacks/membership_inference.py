"""`membership-inference`: the distance attack on single training windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binomtest

from ecgbench import Contributions, Score, Term

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison
    from ecgbench.metrics.attacks import MembershipInferenceConfig


def membership_inference(comparison: Comparison, config: MembershipInferenceConfig) -> Score:
    r"""AUC of the full black-box attack of GAN-Leaks.

    Chen, Yu, Zhang, Fritz (CCS 2020, and ``attack_models/fbb.py`` of their code): whoever has the synthetic windows and nothing else
    takes a window for a member the more readily, the nearer its nearest synthetic window is::

        d(x) = min_{s in synthetic} ‖x − s‖     (Euclidean, all samples of all leads, mV)
        value = mean over members i, non-members j of  1[d_i < d_j] + ½·1[d_i = d_j]

    Members are ``train``, non-members ``control``: windows of the same people, divided at random, so
    an attack that learnt nothing scores ½ whatever the generator.  Half of the value of a tie goes
    to each side; copies make many, at distance 0.

    Lower is better.  Range (0, 1).  An ideal generator scores ½, up to noise of either sign.  Exact
    copies of all of ``train`` score 1; copies of a share p of it about ½ + p/2.

    Parts: ``tpr``, the largest true-positive rate at a false-positive rate of no more than the
    setting's (1%), with its 95% Wilson interval given the threshold, ``tpr-low`` and ``tpr-high``;
    and ``smallest-fpr`` = 1/non-members, the smallest rate that can be told from 0: where it exceeds
    the setting, ``tpr`` is that of no false positive at all.

    Returns:
        The value with its parts.  Per-person contributions are DeLong's structural components
        (Biometrics 44:837, 1988): exact unweighted, of first order under resampling.
    """
    train, control = comparison.splits.train, comparison.splits.control
    members = comparison.neighbours("train", "synthetic").distances[:, 0]
    others = comparison.neighbours("control", "synthetic").distances[:, 0]
    of_members = 1 - _share_below(members, others)
    of_others = _share_below(others, members)
    value = float(of_members.mean())
    caught = int(np.sum(members < _threshold(others, config.false_positive_rate)))
    interval = binomtest(caught, len(members)).proportion_ci(0.95, method="wilson")
    return Score(
        value=value,
        parts={
            "tpr": caught / len(members),
            "tpr-low": float(interval.low),
            "tpr-high": float(interval.high),
            "smallest-fpr": 1 / len(others),
        },
        contributions=Contributions.of(
            [
                Term(patients=train.patients, numerators=of_members),
                Term(patients=control.patients, numerators=of_others),
            ],
            offset=-value,
        ),
        n=len(members) + len(others),
    )


def _share_below(
    values: NDArray[np.float64], reference: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Of each value, the share of ``reference`` that is less, equal ones counting half."""
    ordered = np.sort(reference)
    less = np.searchsorted(ordered, values, side="left")
    not_more = np.searchsorted(ordered, values, side="right")
    return np.asarray((less + not_more) / (2 * len(reference)), dtype=np.float64)


def _threshold(others: NDArray[np.float64], false_positive_rate: float) -> float:
    """The distance below which lie as many non-members as the rate allows, and no more."""
    allowed = int(false_positive_rate * len(others) + 1e-9)
    return float(np.partition(others, allowed)[allowed])
