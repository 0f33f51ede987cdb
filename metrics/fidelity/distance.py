"""`distance` between synthetic and real windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecgbench import Contributions, Score, Skip
from ecgbench.shared import neighbours, people_behind

if TYPE_CHECKING:
    from ecgbench import Comparison, Config


def distance(comparison: Comparison, _config: Config) -> Score:
    """Return the mean nearest-neighbour distance of synthetic windows and ``control``, both ways.

    This is the Chamfer distance of two sets, unsquared, with means instead of sums (symmetric, as in
    Fan, Su, Guibas, CVPR 2017, section 4.3).  The norm is Euclidean over all samples of all leads.
    Nothing is compared by row number.  A generator that repeats one good window has a small distance
    from synthetic to ``control``, but a large one from ``control`` to synthetic.

    A real window has no twin, so an ideal generator scores not 0 but the value of the ``real`` row.

    Parts, in mV unless they are ratios:

    - ``synthetic-to-control`` and ``control-to-synthetic``, the two means;
    - ``control-to-control``, the mean distance of a control window to the nearest other one, and
      ``ratio``, the value over it, if it is not 0: about 1 if the synthetic set is real and as large as
      ``control``, more if it is smaller;
    - ``distance-CLASS``, the value over the synthetic and control windows of a class; their nearest
      neighbours may be of any class.

    Contributions, to first order: a control window counts for its person, a synthetic window for the
    person of its nearest control window.

    Raises:
        Skip: there is but one control window.
    """
    control, synthetic = comparison.splits.control, comparison.synthetic
    if len(control) < 2:
        raise Skip("it needs two control windows")
    to_control = neighbours(comparison, "synthetic", "control").distances[:, 0]
    to_synthetic = neighbours(comparison, "control", "synthetic").distances[:, 0]
    own = comparison.once(
        "control-nearest-control",
        lambda: {
            "mean": neighbours(comparison, "control", "control").distances[:, 0].mean(keepdims=True)
        },
        version=2,
    )["mean"][0]
    value = float(to_control.mean() + to_synthetic.mean()) / 2
    parts = {
        "synthetic-to-control": to_control.mean(),
        "control-to-synthetic": to_synthetic.mean(),
        "control-to-control": own,
    }
    if own:
        parts["ratio"] = value / own
    for c, label in enumerate(comparison.classes):
        of_synthetic, of_control = synthetic.labels == c, control.labels == c
        if of_synthetic.any() and of_control.any():
            means = to_control[of_synthetic].mean() + to_synthetic[of_control].mean()
            parts[f"distance-{label}"] = means / 2
    return Score(
        value=value,
        parts={name: float(part) for name, part in parts.items()},
        contributions=Contributions.first_order(
            value,
            (control.patients, to_synthetic / 2),
            (people_behind(comparison), to_control / 2),
        ),
        n=len(synthetic) + len(control),
    )
