"""`membership-inference`: the distance attack on single training windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecgbench.metrics.attacks.roc import attack_score
from ecgbench.shared import neighbours

if TYPE_CHECKING:
    from ecgbench import Comparison, Config, Score


def membership_inference(comparison: Comparison, _config: Config) -> Score:
    """Return the AUC of the full black-box attack of GAN-Leaks.

    The attacker has the synthetic windows and nothing else, and suspects a window the more, the nearer
    its nearest synthetic window is (Chen et al., CCS 2020, and ``attack_models/fbb.py`` of their
    code).  Distances are Euclidean over all samples of all leads, in mV.

    Members and non-members are windows of the same people, divided at random, so an attack that learnt
    nothing scores ½ with any generator.  A tie counts half for each side; copies make many ties, at
    distance 0.

    Exact copies of all of ``train`` score 1; copies of a share p of it score about ½ + p/2.

    `ecgbench.metrics.attacks.roc.attack_score` describes parts and contributions.
    """
    members = neighbours(comparison, "train", "synthetic").distances[:, 0]
    others = neighbours(comparison, "control", "synthetic").distances[:, 0]
    return attack_score(comparison, -members, -others)
