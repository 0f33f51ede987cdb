"""`nndr`: how much nearer the nearest real window is than the second nearest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Score
from ecgbench.metrics.attacks.parts import parts_of_train
from ecgbench.shared import neighbours

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison, Config


def nndr(comparison: Comparison, _config: Config) -> Score:
    r"""Nearest-neighbour distance ratio to training windows less that to control windows.

    Zhao, Kunar, Birke, Chen, CTAB-GAN (ACML 2021; ``model/eval/evaluation.py`` of their code
    looks from the real records)::

        r_R(s) = ‖s − x₁‖ / ‖s − x₂‖,   x₁, x₂ the nearest and second nearest window of R
        value = (1/K) Σ_k median_s r_{T_k}(s) − median_s r_control(s)

    Euclidean over all samples of all leads; 1 where both are at distance 0.  T_k are
    K = ⌊n_train / n_control⌋ disjoint parts of ``train``, of control's size and stratified as it is.  A
    ratio near 0 is a window that has one real counterpart.

    Higher is better.  Range (−1, 1).  An ideal generator scores 0, up to noise of either sign; where
    all of the synthetic windows are copies of ``train``, less by up to median_s r_control.

    **No evidence of safety.**  A median does not see that a third of the windows was copied; the fifth
    percentiles, which are reported as often, do not see a twentieth.

    Parts: ``train`` and ``control``, the two medians; ``train-p05`` and ``control-p05``, the fifth
    percentiles.  A median has no simple per-person contributions, so there is no interval.

    Raises:
        Skip: there are fewer than three windows to compare with on a side.
    """
    of_train = np.mean([_quantiles(part) for part in parts_of_train(comparison)], axis=0)
    of_control = _quantiles(comparison)
    return Score(
        value=float(of_train[0] - of_control[0]),
        parts={
            "train": float(of_train[0]),
            "control": float(of_control[0]),
            "train-p05": float(of_train[1]),
            "control-p05": float(of_control[1]),
        },
        n=len(comparison.synthetic),
    )


def _quantiles(comparison: Comparison) -> NDArray[np.float64]:
    """The median and the fifth percentile of the ratio to ``control``."""
    first, second = neighbours(comparison, "synthetic", "control", 2).distances.T
    ratios = np.divide(first, second, out=np.ones(len(first)), where=second > 0)
    return np.asarray(np.quantile(ratios, [0.5, 0.05]))
