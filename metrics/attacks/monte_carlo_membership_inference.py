"""`monte-carlo-membership-inference`: how many synthetic windows fall close to a window."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ecgbench.metrics.attacks.roc import judged
from ecgbench.metrics.attacks.space import coordinates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ecgbench import Comparison, Score
    from ecgbench.metrics.attacks import MonteCarloMembershipInferenceConfig

CHUNK = 512
"""Windows whose distances are held at a time."""

ROUNDING = 1e-12
"""Of a squared distance, in units of the squared norms that it is the difference of."""


def monte_carlo_membership_inference(
    comparison: Comparison, config: MonteCarloMembershipInferenceConfig
) -> Score:
    r"""AUC of the Monte Carlo attack.

    Hilprecht, Härterich, Bernau (PoPETs 2019(4):232, f_MC-ε with the distance in principal
    components and the median heuristic, equation 4; ``mc_attack.py`` of their code): a model that
    overfits puts much of its probability close to its members, which its samples estimate::

        f(x) = share of synthetic windows s with ‖P x − P s‖ ≤ ε
        ε = median over x in train ∪ control of  min_s ‖P x − P s‖
        value = mean over members i, non-members j of  1[f_i > f_j] + ½·1[f_i = f_j]

    P are the leading ``components`` (40) principal components of ``auxiliary``, which is disjoint from
    both sides as theirs is.  They take as many members as non-members; here ``train`` is larger, so
    ε is rather the members' median, which does not move the value where nothing leaked.

    Members are ``train``, non-members ``control``: windows of the same people, divided at random, so
    an attack that learnt nothing scores ½ whatever the generator.  Half of the windows have f = 0, by
    the choice of ε, and many have one synthetic window, so ties are many; half of each goes to
    either side, and what is caught at few false alarms is only what lies in crowds.

    Lower is better.  Range (0, 1).  An ideal generator scores ½, up to noise of either sign.  Few
    copies hide among ties: the attack sees a generator that crowds about its members.

    Parts and contributions: see `ecgbench.metrics.attacks.roc.judged`; further ``epsilon``, mV.
    """
    synthetic = coordinates(comparison, "synthetic", config.components)
    members = coordinates(comparison, "train", config.components)
    others = coordinates(comparison, "control", config.components)
    candidates = np.concatenate([members, others])
    least = np.concatenate([d.min(axis=1) for d, _ in _squared_distances(candidates, synthetic)])
    epsilon = float(np.median(np.sqrt(np.maximum(least, 0))))
    close = np.concatenate(
        [
            np.count_nonzero(d <= epsilon**2 + rounding, axis=1)
            for d, rounding in _squared_distances(candidates, synthetic)
        ]
    )
    share = close / len(synthetic)
    score = judged(comparison, share[: len(members)], share[len(members) :])
    return replace(score, parts={**score.parts, "epsilon": epsilon})


def _squared_distances(
    left: NDArray[np.float64], right: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Squared distances of a chunk of ``left`` to all of ``right``, and how far off they may be."""
    norms = np.einsum("ij,ij->i", right, right)
    for start in range(0, len(left), CHUNK):
        chunk = left[start : start + CHUNK]
        both = np.einsum("ij,ij->i", chunk, chunk)[:, None] + norms
        yield both - 2 * chunk @ right.T, ROUNDING * both
