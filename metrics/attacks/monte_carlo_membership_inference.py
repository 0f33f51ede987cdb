"""`monte-carlo-membership-inference`: how many synthetic windows fall close to a window."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ecgbench.metrics.attacks.roc import attack_score
from ecgbench.metrics.attacks.space import coordinates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ecgbench import Comparison, Score
    from ecgbench.metrics.attacks import MonteCarloMembershipInferenceConfig

CHUNK = 512
"""Windows with distances in memory at a time."""

ROUNDING = 1e-12
"""Rounding of a squared distance, in units of the squared norms: it is a difference of those."""


def monte_carlo_membership_inference(
    comparison: Comparison, config: MonteCarloMembershipInferenceConfig
) -> Score:
    """Return the AUC of the Monte Carlo attack.

    A model that overfits puts much of its probability close to its members, and its samples show how
    much (Hilprecht et al., PoPETs 2019(4):232, f_MC-ε with the distance in principal components and
    the median heuristic, equation 4; ``mc_attack.py`` of their code).  ε is the median over ``train`` ∪
    ``control`` of the distance to the nearest synthetic window.

    The space is the leading ``components`` (40) principal components of ``auxiliary``, which is disjoint
    from both sides as in the paper.  The paper takes as many members as non-members.  Here ``train`` is
    larger, so ε is rather the members' median; this does not move the value if nothing leaked.

    Members and non-members are windows of the same people, divided at random, so an attack that learnt
    nothing scores ½ with any generator.  By the choice of ε half of the windows have f = 0, and many
    have one synthetic window, so ties are many; each counts half for either side.  At few false alarms
    the attack catches only windows in crowds.

    Few copies hide among ties: the attack sees a generator that crowds about its members.

    `ecgbench.metrics.attacks.roc.attack_score` describes parts and contributions; a further part is
    ``epsilon``, mV.
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
    score = attack_score(comparison, share[: len(members)], share[len(members) :])
    return replace(score, parts={**score.parts, "epsilon": epsilon})


def _squared_distances(
    left: NDArray[np.float64], right: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield the squared distances of a chunk of ``left`` to all of ``right``, and their rounding."""
    norms = np.einsum("ij,ij->i", right, right)
    for start in range(0, len(left), CHUNK):
        chunk = left[start : start + CHUNK]
        both = np.einsum("ij,ij->i", chunk, chunk)[:, None] + norms
        yield both - 2 * chunk @ right.T, ROUNDING * both
