"""How well an attack's suspicions tell members from non-members."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Contributions, Score, Term
from ecgbench.metrics.attacks.risk import Interval, rate, residual_risk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison

FALSE_POSITIVE_RATES = (0.01, 0.001)
"""At which the true-positive rate is shown."""


def judged(
    comparison: Comparison, members: NDArray[np.float64], others: NDArray[np.float64]
) -> Score:
    r"""The score of a membership attack: its AUC, and what it catches at few false alarms.

    ::

        value = mean over members i, non-members j of  1[s_i > s_j] + ½·1[s_i = s_j]

    Args:
        comparison: whose ``train`` are the members, and whose ``control`` the non-members.
        members: shape (window,), the suspicion of each window of ``train``; only its order counts.
        others: shape (window,), that of each window of ``control``.

    Returns:
        The value, with the parts

        - ``tpr-0.01`` and ``tpr-0.001``, the largest true-positive rates at a false-positive rate of
          no more than 1% and .1%, each with its 95% Wilson interval given the threshold
          (``-low``, ``-high``);
        - ``smallest-fpr`` = 1 / non-members, the smallest rate that can be told from 0: where it
          exceeds the wanted rate, the true-positive rate is that of no false positive at all;
        - ``residual-risk`` = (attack − control) / (1 − control), of the attack at 1%, with its
          interval; 0 where nothing leaked, the share of members that are caught where much did.

        Per-person contributions are DeLong's structural components (DeLong, DeLong, Clarke-Pearson,
        Biometrics 44:837, 1988): exact unweighted, of first order under resampling.
    """
    train, control = comparison.splits.train, comparison.splits.control
    of_members = _share_below(members, others)
    of_others = 1 - _share_below(others, members)
    value = float(of_members.mean())
    parts = {"smallest-fpr": 1 / len(others)}
    for wanted in FALSE_POSITIVE_RATES:
        parts |= _caught(members, _threshold(others, wanted)).parts(f"tpr-{wanted}")
    threshold = _threshold(others, FALSE_POSITIVE_RATES[0])
    parts |= residual_risk(_caught(members, threshold), _caught(others, threshold)).parts(
        "residual-risk"
    )
    return Score(
        value=value,
        parts=parts,
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
    """The suspicion above which lie as many non-members as the rate allows, and no more."""
    allowed = len(others) - 1 - int(false_positive_rate * len(others) + 1e-9)
    return float(np.partition(others, allowed)[allowed])


def _caught(suspicions: NDArray[np.float64], threshold: float) -> Interval:
    return rate(int(np.sum(suspicions > threshold)), len(suspicions))
