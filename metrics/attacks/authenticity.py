"""`authenticity`: whether synthetic windows keep the distance that real ones keep from each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Contributions, Score
from ecgbench.metrics.attacks.parts import parts_of_train
from ecgbench.shared import neighbours, people_behind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison, Config


def authenticity(comparison: Comparison, _config: Config) -> Score:
    r"""Authenticity with respect to ``train`` less that with respect to ``control``.

    Alaa, van Breugel, Saveliev, van der Schaar (ICML 2022, section 4; ``metrics/evaluation.py`` of
    their code looks from the real records instead): a synthetic window is authentic unless it is
    closer to its nearest training window than any other training window is::

        A(R) = share of synthetic windows s with  ‖s − x_s‖ > min_{x in R, x ≠ x_s} ‖x_s − x‖,
               x_s the window of R that is nearest to s
        value = (1/K) Σ_k A(T_k) − A(control)

    Euclidean over all samples of all leads, where they use the embedding of a one-class network that
    is trained on the real records.  T_k are K = ⌊n_train / n_control⌋ disjoint parts of ``train``, of
    control's size and stratified as it is, for A depends on the size of R.  It has no reading of its
    own: fresh windows of MIT-BIH's members have one of .53, of .55 where there are 6,000 windows in
    all, and noise has 1.

    Higher is better.  Range (−1, 1).  An ideal generator scores 0, up to noise of either sign; copies
    of a share p of the synthetic windows about −p · A(control) · n_control / n_train.

    Returns:
        The value, with parts ``train`` and ``control`` (the two A), and per-person contributions, by
        the person of the nearest control window.

    Raises:
        Skip: there are fewer than three windows to compare with on a side.
    """
    of_parts = [
        _authentic(part, _spacing(part, f"attack-spacing-part-{k}"))
        for k, part in enumerate(parts_of_train(comparison))
    ]
    of_train = np.mean(of_parts, axis=0)
    of_control = _authentic(comparison, _spacing(comparison, "attack-spacing-control"))
    gained = of_train - of_control
    value = float(gained.mean())
    return Score(
        value=value,
        parts={"train": float(of_train.mean()), "control": float(of_control.mean())},
        contributions=Contributions.first_order(value, (people_behind(comparison), gained)),
        n=len(comparison.synthetic),
    )


def _spacing(comparison: Comparison, name: str) -> NDArray[np.float64]:
    """Distance of each window of ``control`` to its nearest other one."""
    return comparison.once(
        name,
        lambda: {"distances": neighbours(comparison, "control", "control").distances[:, 0]},
        version=1,
    )["distances"]


def _authentic(comparison: Comparison, spacing: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each synthetic window, 1 if it is authentic with respect to ``control``."""
    found = neighbours(comparison, "synthetic", "control")
    return np.asarray(found.distances[:, 0] > spacing[found.indices[:, 0]], dtype=np.float64)
