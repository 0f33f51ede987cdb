"""`lead-spectral-distance`: the power of each frequency in each lead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Contributions, Score, Skip
from ecgbench.shared import people_behind
from ecgbench.spectra import log_spectra

if TYPE_CHECKING:
    from ecgbench import Comparison
    from ecgbench.metrics.leads import LeadSpectralConfig


def lead_spectral_distance(comparison: Comparison, config: LeadSpectralConfig) -> Score:
    """Return the difference of mean log spectra in dB, of the lead in which it is largest.

    It is `log-spectral-distance` of a single lead, and that metric is the root mean square over leads.
    Here one bad lead among twelve is not averaged away.

    Parts: ``log-spectral-distance-LEAD``, of each lead.

    Contributions, to first order: a window counts with the log spectrum of that lead, each frequency
    weighed by the difference of the means; a synthetic window for the person of its nearest control
    window.

    Raises:
        Skip: there are fewer than two windows on a side, or no frequency of a window is in the band.
    """
    control, synthetic = comparison.splits.control, comparison.synthetic
    if min(len(control), len(synthetic)) < 2:
        raise Skip("it needs two windows of control and two synthetic ones")
    real, drawn = (
        log_spectra(windows.signals, windows.sampling_rate, config.lowest, config.highest)
        for windows in (control, synthetic)
    )
    differences = drawn.mean(axis=0) - real.mean(axis=0)
    values = np.sqrt(np.mean(differences**2, axis=1))
    worst = int(values.argmax())
    value = float(values[worst])
    difference = differences[worst]
    weights = difference / (value * len(difference)) if value else np.zeros_like(difference)
    return Score(
        value=value,
        parts={
            f"log-spectral-distance-{lead}": float(of_lead)
            for lead, of_lead in zip(synthetic.leads, values, strict=True)
        },
        contributions=Contributions.first_order(
            value,
            (control.patients, -real[:, worst] @ weights),
            (people_behind(comparison), drawn[:, worst] @ weights),
        ),
        n=len(control) + len(synthetic),
    )
