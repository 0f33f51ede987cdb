"""`log-spectral-distance`: the power of each frequency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Contributions, Score, Skip
from ecgbench.metrics.statistics.halves import halves
from ecgbench.shared import people_behind
from ecgbench.spectra import log_spectra

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison, EcgWindows
    from ecgbench.metrics.statistics import LogSpectralDistanceConfig

FEWEST = 20
"""Windows of a class that the value of the class needs."""


def log_spectral_distance(comparison: Comparison, config: LogSpectralDistanceConfig) -> Score:
    """Return the difference of the mean log spectra of synthetic windows and of ``control``, in dB.

    S̄ and C̄ are means of 10 log₁₀ of the power spectral density: the periodogram of a window less its
    mean, under a Hann taper, at the frequencies of its Fourier transform from ``lowest`` to ``highest``.
    Without the taper the jump between a window's ends spreads over all frequencies and hides weak ones.  A
    power below 10⁻⁷ mV²/Hz, about the noise allowed to recorders, counts as 10⁻⁷.  With 10⁻⁹,
    `dp-pca-gaussian`, which has nothing in a band of 8 Hz, read worse (17.1 dB) than white noise
    (11.0); with 10⁻⁷ it reads 9.4.

    The value takes means of logs, because the few strongest windows rule the log of the mean.  It takes
    means and not distributions.  The Wasserstein distance of the powers' distributions at each frequency
    sees the same doses, but chance weighs more in it.  On MIT-BIH (6,000 windows, 8 splits) chance alone
    gives the means .22 dB and that distance .37 (order 1) or .70 dB (order 2).  Noise of a twentieth of
    the signal's deviation raises the means to .82 dB, 3.6 times as much, and that distance 1.7 or 1.6
    times.

    A gain of g dB and nothing else scores g; a tilt of the spectrum scores its root mean square in dB.
    The value hardly sees phase, and so time (the taper lets a little through).  It does not see how
    windows vary about the mean spectrum.

    Parts: ``control-to-control``, the value between two halves of ``control`` with every person's
    windows divided equally; by chance it is about √2 times that of the ``real`` row, or more if people
    have but one or two windows; ``log-spectral-distance-CLASS``, the value within each class with 20
    windows on both sides.

    Contributions, to first order: a window counts with its own log spectrum, each frequency weighed
    by the difference of the means; a synthetic window for the person of its nearest control window.

    Raises:
        Skip: there are fewer than two windows on a side, or no frequency of a window is in the band.
    """
    control, synthetic = comparison.splits.control, comparison.synthetic
    if min(len(control), len(synthetic)) < 2:
        raise Skip("it needs two windows of control and two synthetic ones")
    real_spectra, synthetic_spectra = _log_spectra(control, config), _log_spectra(synthetic, config)
    difference = synthetic_spectra.mean(axis=0) - real_spectra.mean(axis=0)
    value = _distance(real_spectra, synthetic_spectra)
    weights = difference / (value * len(difference)) if value else np.zeros_like(difference)
    one, other = halves(comparison)
    parts = {"control-to-control": _distance(real_spectra[one], real_spectra[other])}
    for c, label in enumerate(comparison.classes):
        rows, columns = control.labels == c, synthetic.labels == c
        if min(rows.sum(), columns.sum()) >= FEWEST:
            parts[f"log-spectral-distance-{label}"] = _distance(
                real_spectra[rows], synthetic_spectra[columns]
            )
    return Score(
        value=value,
        parts=parts,
        contributions=Contributions.first_order(
            value,
            (control.patients, -real_spectra @ weights),
            (people_behind(comparison), synthetic_spectra @ weights),
        ),
        n=len(control) + len(synthetic),
    )


def _distance(real: NDArray[np.float64], synthetic: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean((synthetic.mean(axis=0) - real.mean(axis=0)) ** 2)))


def _log_spectra(windows: EcgWindows, config: LogSpectralDistanceConfig) -> NDArray[np.float64]:
    """Return 10 log₁₀ of each window's power spectral density, shape (window, lead · frequency)."""
    spectra = log_spectra(windows.signals, windows.sampling_rate, config.lowest, config.highest)
    return spectra.reshape(len(windows), -1)
