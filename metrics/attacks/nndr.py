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
    """Return the nearest-neighbour distance ratio to training windows less that to control windows.

    A ratio near 0 is a window with one real counterpart (Zhao et al., CTAB-GAN, ACML 2021;
    ``model/eval/evaluation.py`` of their code starts from the real records).  Distances are Euclidean
    over all samples of all leads; the ratio is 1 if both distances are 0.  The ratio depends on the
    number of real windows.  So that of ``train`` is the mean over K = ⌊n_train / n_control⌋ disjoint
    parts of ``train``, of control's size and stratified as it is.

    If all synthetic windows are copies of ``train``, the value is below 0 by up to the median ratio
    to ``control``.

    **No evidence of safety.**  A median does not see copies in a third of the windows; the fifth
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
    """Return the median and the fifth percentile of the ratio to ``control``."""
    first, second = neighbours(comparison, "synthetic", "control", 2).distances.T
    ratios = np.divide(first, second, out=np.ones(len(first)), where=second > 0)
    return np.asarray(np.quantile(ratios, [0.5, 0.05]))
