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
"""False-positive rates with a shown true-positive rate."""

POINTS = 200
"""Of a stored ROC, at most."""


def attack_score(
    comparison: Comparison, members: NDArray[np.float64], others: NDArray[np.float64]
) -> Score:
    r"""Return the score of a membership attack: its AUC, and its catch at few false alarms.

    ::

        value = mean over members i, non-members j of  1[s_i > s_j] + ½·1[s_i = s_j]

    Args:
        comparison: its ``train`` are the members, its ``control`` the non-members.
        members: shape (window,), the suspicion of each window of ``train``; only its order counts.
        others: shape (window,), the suspicion of each window of ``control``.

    Returns:
        The value, with the parts

        - ``tpr-0.01`` and ``tpr-0.001``, the largest true-positive rates at a false-positive rate of
          no more than 1% and .1%, each with its 95% Wilson interval given the threshold
          (``-low``, ``-high``);
        - ``smallest-fpr`` = 1 / non-members, the smallest false-positive rate above 0: if it exceeds
          the wanted rate, the true-positive rate is the one without any false positive;
        - ``residual-risk`` = (attack − control) / (1 − control), of the attack at 1%, with its
          interval: 0 if nothing leaked, the share of caught members if much did.

        Artefact: ``roc.csv``, members caught and false alarms at falling thresholds.

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
        artefacts={"roc.csv": _curve(members, others)},
    )


def _curve(members: NDArray[np.float64], others: NDArray[np.float64]) -> bytes:
    """Return the ROC as CSV: members caught at numbers of false alarms, even on a logarithmic axis.

    The last line has the number of all non-members and of all members.
    """
    wanted = np.unique(np.geomspace(1, len(others), POINTS).astype(np.int64))
    falling_others, rising = -np.sort(-others), np.sort(members)
    thresholds = falling_others[np.concatenate([[0], wanted[wanted < len(others)]])]
    pairs = {
        (int(np.sum(others > threshold)), _above(rising, threshold)) for threshold in thresholds
    }
    lines = [f"{false},{true}" for false, true in sorted(pairs | {(len(others), len(members))})]
    return "\n".join(["false_positives,true_positives", *lines, ""]).encode()


def _above(rising: NDArray[np.float64], threshold: float) -> int:
    return len(rising) - int(np.searchsorted(rising, threshold, side="right"))


def _share_below(
    values: NDArray[np.float64], reference: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return for each value the share of ``reference`` below it; an equal one counts half."""
    ordered = np.sort(reference)
    less = np.searchsorted(ordered, values, side="left")
    not_more = np.searchsorted(ordered, values, side="right")
    return np.asarray((less + not_more) / (2 * len(reference)), dtype=np.float64)


def _threshold(others: NDArray[np.float64], false_positive_rate: float) -> float:
    """Return the suspicion below as many non-members as the rate allows, and no more."""
    allowed = len(others) - 1 - int(false_positive_rate * len(others) + 1e-9)
    return float(np.partition(others, allowed)[allowed])


def _caught(suspicions: NDArray[np.float64], threshold: float) -> Interval:
    return rate(int(np.sum(suspicions > threshold)), len(suspicions))
