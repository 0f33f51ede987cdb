"""`calibrated-membership-inference`: the distance attack, less each window's expected distance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecgbench.metrics.attacks.roc import attack_score
from ecgbench.shared import neighbours

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ecgbench import Comparison, Config, Score


def calibrated_membership_inference(comparison: Comparison, _config: Config) -> Score:
    """Return the AUC of the calibrated attack of GAN-Leaks.

    A plain window is near the windows of any generator; a rare one is far from all, member or not.
    So the attack subtracts the distance of a window to a reference that never saw the members (Chen
    et al., CCS 2020, attack calibration, and ``attack_models/tools/eval_roc.py`` of their code).

    Distances are Euclidean over all samples of all leads, in mV.  Their reference is a second generator,
    trained on windows of the attacker's own.  Here the reference is those windows themselves,
    ``auxiliary``, as in van Breugel et al. (AISTATS 2023, ``baselines.py`` of their code); this
    avoids the noise of another fit.  ``auxiliary`` has about as many windows as ``synthetic``.

    The attack is weaker than `membership-inference` if plain windows of some members were copied: a copy
    of a plain window gains little distance.  On MIT-BIH with copies of 30% of ``train``, it catches 14%
    of the members at 1% of false alarms; `membership-inference` catches 31%.

    Members and non-members are windows of the same people, divided at random, so an attack that learnt
    nothing scores ½ with any generator.

    `ecgbench.metrics.attacks.roc.attack_score` describes parts and contributions.
    """
    expected = comparison.once(
        "attack-reference-distances", lambda: _expected(comparison), version=1
    )
    members = neighbours(comparison, "train", "synthetic").distances[:, 0]
    others = neighbours(comparison, "control", "synthetic").distances[:, 0]
    return attack_score(comparison, expected["train"] - members, expected["control"] - others)


def _expected(comparison: Comparison) -> dict[str, NDArray[np.float64]]:
    return {
        "train": neighbours(comparison, "train", "auxiliary").distances[:, 0],
        "control": neighbours(comparison, "control", "auxiliary").distances[:, 0],
    }
