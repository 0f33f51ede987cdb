"""`frechet-distance-fixed`: the Fréchet distance in one space for all datasets and seeds."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import load
from scipy.signal import resample_poly

from ecgbench import Contributions, Score, Skip
from ecgbench.metrics.embedding import WEIGHTS
from ecgbench.metrics.embedding.frechet import frechet
from ecgbench.nn import FixedEncoder
from ecgbench.shared import people_behind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison, Config

RATE = 100
"""Hz, of the windows that the encoder has learnt from; others are resampled."""

SHORTEST = 0.64
"""Seconds of a window, at least: three halvings must leave the eight segments."""


def frechet_distance_fixed(comparison: Comparison, config: Config) -> Score:
    """Return the squared Fréchet distance of synthetic windows and ``control`` in a fixed encoder's space.

    `frechet-distance` trains an encoder for each seed, so its value is in units of that encoder, and much
    of its spread over seeds is the encoder's.  Here the weights come with the package: an
    `ecgbench.nn.Encoder` of simulated people (`ecgsyn`, 300 people of a seed that no board uses), which
    has never seen a patient.  So values compare between seeds, datasets and papers, as those of
    Inception's space do (Heusel et al., NeurIPS 2017, equation 6), at an equal number of windows.  The
    unit is the squared deviation of the simulated windows in one dimension.

    Each lead is embedded by itself; the distance is that of all leads together.  Windows of another rate
    are resampled to 100 Hz.

    Contributions: as those of `frechet-distance`.

    Raises:
        Skip: there are fewer than four control windows, or windows are shorter than .64 s.
    """
    del config
    control = comparison.splits.control
    if len(control) < 4:
        raise Skip("it needs four control windows")
    if control.length < SHORTEST * control.sampling_rate:
        raise Skip(f"windows are shorter than {SHORTEST:g} s")
    encoder = _encoder()
    real = encoder.embed(_resampled(control.signals, control.sampling_rate))
    synthetic = encoder.embed(_resampled(comparison.synthetic.signals, control.sampling_rate))
    distance = frechet(real, synthetic)
    return Score(
        value=distance.value,
        contributions=Contributions.first_order(
            distance.value,
            (control.patients, distance.of_left),
            (people_behind(comparison), distance.of_right),
        ),
        n=len(real) + len(synthetic),
    )


@lru_cache(maxsize=1)
def _encoder() -> FixedEncoder:
    return FixedEncoder(load(WEIGHTS.read_bytes()))


def _resampled(signals: NDArray[np.float32], sampling_rate: float) -> NDArray[np.float32]:
    ratio = RATE / Fraction(sampling_rate).limit_denominator(1000)
    if ratio == 1:
        return signals
    resampled = resample_poly(signals, ratio.numerator, ratio.denominator, axis=2)
    return np.asarray(resampled, dtype=np.float32)
