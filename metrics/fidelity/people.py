"""Whom a fidelity score rests on: what makes its interval over people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Contributions, Term

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison

Influence = tuple["NDArray[np.int64]", "NDArray[np.floating]"]
"""The person of each window, and how much the window alone moves the score."""


def people_behind(comparison: Comparison) -> NDArray[np.int64]:
    """The person of the control window that is nearest to each synthetic window.

    People are resampled together with what was synthesised after them: where a person's windows
    come twice, so do the synthetic ones like them.
    """
    nearest = comparison.neighbours("synthetic", "control").indices[:, 0]
    return comparison.splits.control.patients[nearest]


def first_order(value: float, *influences: Influence) -> Contributions:
    """Per-person contributions of a score that depends smoothly on the windows on each side.

    Each influence belongs to one side, and its mean over the windows is what the score gains, to
    first order, when the windows' weights change; only deviations from that mean matter::

        value(w) ≈ value + Σ over sides of Σ_i (w_i − 1) · (influence_i − mean influence) / windows

    with w_i how often the window's person was drawn.  A plain ratio would do for a mean over windows,
    but one person may be behind all synthetic windows of a bad generator, and a resample without
    this person would have nothing to take the mean of.
    """
    everyone = np.unique(np.concatenate([patients for patients, _ in influences]))
    terms = []
    for patients, influence in influences:
        # people share the windows equally in the denominator, which no resample changes then
        each = len(patients) / len(everyone)
        terms.append(
            Term(
                patients=np.concatenate([patients, everyone]),
                numerators=np.concatenate([influence - influence.mean(), np.zeros(len(everyone))]),
                denominators=np.concatenate(
                    [np.zeros(len(patients)), np.full(len(everyone), each)]
                ),
            )
        )
    return Contributions.of(terms, offset=value)
