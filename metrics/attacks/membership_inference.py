"""`membership-inference`: the distance attack on single training windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecgbench.metrics.attacks.roc import judged
from ecgbench.shared import neighbours

if TYPE_CHECKING:
    from ecgbench import Comparison, Config, Score


def membership_inference(comparison: Comparison, _config: Config) -> Score:
    r"""AUC of the full black-box attack of GAN-Leaks.

    Chen, Yu, Zhang, Fritz (CCS 2020, and ``attack_models/fbb.py`` of their code): whoever has the
    synthetic windows and nothing else takes a window for a member the more readily, the nearer its
    nearest synthetic window is::

        d(x) = min_{s in synthetic} ‖x − s‖     (Euclidean, all samples of all leads, mV)
        value = mean over members i, non-members j of  1[d_i < d_j] + ½·1[d_i = d_j]

    Members are ``train``, non-members ``control``: windows of the same people, divided at random, so
    an attack that learnt nothing scores ½ whatever the generator.  Half of the value of a tie goes
    to each side; copies make many, at distance 0.

    Lower is better.  Range (0, 1).  An ideal generator scores ½, up to noise of either sign.  Exact
    copies of all of ``train`` score 1; copies of a share p of it about ½ + p/2.

    Parts and contributions: see `ecgbench.metrics.attacks.roc.judged`.
    """
    members = neighbours(comparison, "train", "synthetic").distances[:, 0]
    others = neighbours(comparison, "control", "synthetic").distances[:, 0]
    return judged(comparison, -members, -others)
