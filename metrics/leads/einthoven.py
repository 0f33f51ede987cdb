"""`einthoven-residual`: limb leads are three potentials, so two of them say the other four."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Contributions, Score, Skip
from ecgbench.shared import people_behind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison, Config, EcgWindows

EQUATIONS = {
    "II": {"I": 1.0, "III": 1.0},
    "aVR": {"I": -0.5, "II": -0.5},
    "aVL": {"I": 0.5, "III": -0.5},
    "aVF": {"II": 0.5, "III": 0.5},
}
"""Each lead as a sum of others: Einthoven's law, and Goldberger's augmented leads."""


def einthoven_residual(comparison: Comparison, _config: Config) -> Score:
    """Return how far synthetic limb leads are from the equations that all recorders fulfil.

    A recorder measures two limb leads and computes the other four, so the equations hold in any real
    recording, also after a linear filter, up to the rounding of its samples.  A window's residual is
    √(Σ residual² / Σ lead²), over the equations whose leads are there and over samples; lead is
    the left side of an equation.  A window that is flat there has the residual 1; six leads that are
    independent and of equal power have √(15/8) = 1.37.  The value is the mean over windows.

    A constant counts, as it does in a recorder.  Chest leads and leads that are no limb leads do not.

    Parts: ``real``, the value of ``control``; ``residual-LEAD``, the residual of one equation.

    Contributions are of first order; a synthetic window counts for the person of its nearest control
    window.

    Raises:
        Skip: there are no leads of one equation, by name.
    """
    synthetic, control = comparison.synthetic, comparison.splits.control
    found = _residuals(synthetic)
    if not found:
        named = "; ".join(f"{lead} with {' and '.join(of)}" for lead, of in EQUATIONS.items())
        raise Skip(
            f"it needs leads of an equation, {named}; the leads are {', '.join(synthetic.leads)}"
        )
    residuals = _relative(found)
    value = float(residuals.mean())
    return Score(
        value=value,
        parts={
            "real": float(_relative(_residuals(control)).mean()),
            **{f"residual-{lead}": float(_relative({lead: s}).mean()) for lead, s in found.items()},
        },
        contributions=Contributions.first_order(value, (people_behind(comparison), residuals)),
        n=len(synthetic),
    )


def _residuals(windows: EcgWindows) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return for each equation the sums of squares of its residual and its lead, of each window."""
    found = {}
    for lead, others in EQUATIONS.items():
        if {lead, *others} <= set(windows.leads):
            left = windows.signals[:, windows.leads.index(lead)].astype(np.float64)
            right = sum(
                weight * windows.signals[:, windows.leads.index(name)].astype(np.float64)
                for name, weight in others.items()
            )
            found[lead] = ((left - right) ** 2).sum(axis=1), (left**2).sum(axis=1)
    return found


def _relative(
    sums: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> NDArray[np.float64]:
    """Return each window's residual, as a share of its leads."""
    residual, lead = (np.sum([pair[k] for pair in sums.values()], axis=0) for k in (0, 1))
    return np.asarray(np.sqrt(np.divide(residual, lead, out=np.ones_like(lead), where=lead > 0)))
