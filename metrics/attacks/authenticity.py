"""`authenticity`: do synthetic windows keep the distance between real ones?"""

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
    """Return the authenticity with respect to ``train`` less that with respect to ``control``.

    Alaa et al. (ICML 2022, section 4) call a synthetic window authentic unless it is closer to its
    nearest training window than any other training window is.  Their code
    (``metrics/evaluation.py``) starts from the real records instead.

    Distances are Euclidean over all samples of all leads; the paper uses the embedding of a one-class network
    trained on the real records.  A depends on the size of R.  So A(train) is the mean over
    K = ⌊n_train / n_control⌋ disjoint parts of ``train``, of control's size and stratified as it is.
    Alone, A cannot be read: fresh windows of MIT-BIH's members have an A of .53, of .55 if there are
    6,000 windows in all, and noise has 1.

    Copies of a share p of the synthetic windows score about −p · A(control) · n_control / n_train.

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
    """Return the distance of each window of ``control`` to its nearest other one."""
    return comparison.once(
        name,
        lambda: {"distances": neighbours(comparison, "control", "control").distances[:, 0]},
        version=1,
    )["distances"]


def _authentic(comparison: Comparison, spacing: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 for each synthetic window that is authentic with respect to ``control``, else 0."""
    nearest = neighbours(comparison, "synthetic", "control")
    return np.asarray(nearest.distances[:, 0] > spacing[nearest.indices[:, 0]], dtype=np.float64)
