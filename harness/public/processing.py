"""Windows from a recording: around its beats, or strips; and the place of the beat in a window.

Importing this module costs no numpy, so a dataset's light module can derive its settings from
`BeatWindowConfig` or `StripWindowConfig`.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from ecgbench.contracts.config import Config
from ecgbench.contracts.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BUTTERWORTH_ORDER = 2
"""Order of the band-pass, applied to the signal twice; low, so that a steep QRS rings least."""

DECIMALS = 10
"""Digits of the filter's coefficients.  Versions of numpy agree in 16 of them and no more; without
the others, they filter a recording to the same bytes."""


class BeatWindowConfig(Config, frozen=True):
    """Settings of a dataset of windows around beats."""

    sampling_rate: Annotated[
        float, msgspec.Meta(gt=0, le=2000, description="Hz, the rate of the windows")
    ] = 100.0
    length: Annotated[int, msgspec.Meta(ge=2, description="samples in a window")] = 200
    r_sample: Annotated[
        int,
        msgspec.Meta(ge=0, description="sample of the R peak in a window, from 0"),
    ] = 100
    band: Annotated[
        tuple[float, float], msgspec.Meta(description="Hz, edges of the zero-phase band-pass")
    ] = (0.5, 40.0)

    def __post_init__(self) -> None:
        _check_band(self.band, self.sampling_rate)
        if self.r_sample >= self.length:
            raise ValueError(
                f"r_sample = {self.r_sample} lies outside a window of {self.length} samples "
                f"(0 to {self.length - 1})"
            )


class StripWindowConfig(Config, frozen=True):
    """Settings of a dataset of strips: windows one after another, without overlap."""

    sampling_rate: Annotated[
        float, msgspec.Meta(gt=0, le=2000, description="Hz, the rate of the windows")
    ] = 100.0
    length: Annotated[int, msgspec.Meta(ge=2, description="samples in a window")] = 1000
    band: Annotated[
        tuple[float, float], msgspec.Meta(description="Hz, edges of the zero-phase band-pass")
    ] = (0.5, 40.0)

    def __post_init__(self) -> None:
        _check_band(self.band, self.sampling_rate)


def beat_windows(
    signals: NDArray[Any], sampling_rate: float, beats: NDArray[np.int64], config: BeatWindowConfig
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Cut one window around each beat.

    The whole recording is filtered forward and backward (a Butterworth band-pass, so the phase is
    zero and the gain at the edges of the band is ½) and then resampled by a polyphase filter.  Each
    beat is moved to the nearest new sample, at most half of one away.

    Args:
        signals: shape (lead, sample), of the whole recording.
        sampling_rate: Hz, of ``signals``.
        beats: int64, shape (beat,), the sample of each R peak.
        config: how to filter, resample and cut.

    Returns:
        The windows, float32, shape (kept beat, lead, ``config.length``), in the unit of ``signals``;
        and a mask, shape (beat,), of the kept beats: their windows lie within the recording.

    Raises:
        DataError: the recording's sampling rate is too low for the band.
    """
    import numpy as np  # noqa: PLC0415 - discovery imports this module and no numpy

    ratio = resampling(sampling_rate, config.sampling_rate)
    resampled = _resampled(signals, sampling_rate, config)
    starts = np.rint(beats * float(ratio)).astype(np.int64) - config.r_sample
    kept = (starts >= 0) & (starts + config.length <= resampled.shape[1])
    samples = starts[kept, np.newaxis] + np.arange(config.length)
    windows = resampled[:, samples].swapaxes(0, 1)
    return np.ascontiguousarray(windows, dtype=np.float32), kept


def strip_windows(
    signals: NDArray[Any], sampling_rate: float, config: StripWindowConfig, start: int = 0
) -> NDArray[np.float32]:
    """Cut a recording into strips, one after another; what is left at its end is no strip.

    It is filtered and resampled as by `beat_windows`.

    Args:
        signals: shape (lead, sample), of the whole recording.
        sampling_rate: Hz, of ``signals``.
        config: how to filter, resample and cut.
        start: the sample of the first strip, at the rate of the windows.

    Returns:
        The strips, float32, shape (strip, lead, ``config.length``), in the unit of ``signals``.

    Raises:
        DataError: the recording's sampling rate is too low for the band.
    """
    import numpy as np  # noqa: PLC0415 - as above

    resampled = _resampled(signals, sampling_rate, config)[:, start:]
    leads, count = len(resampled), resampled.shape[1] // config.length
    strips = resampled[:, : count * config.length].reshape(leads, count, config.length)
    return np.ascontiguousarray(strips.swapaxes(0, 1), dtype=np.float32)


def resampling(from_rate: float, to_rate: float) -> Fraction:
    """Return samples at the second rate for each at the first; rates count to a thousandth."""
    return _fraction(to_rate) / _fraction(from_rate)


def usual_place(signals: NDArray[np.floating], sampling_rate: float) -> float:
    """Return the usual place of the QRS complex in a window, in seconds from the first sample.

    It is the time of the largest squared slope, averaged over 80 ms and over windows; the squared slope
    of every window has the sum 1.

    Args:
        signals: shape (window, sample), mV; one lead.
        sampling_rate: Hz.
    """
    import numpy as np  # noqa: PLC0415 - as above
    from scipy.ndimage import uniform_filter1d  # noqa: PLC0415 - as above

    share = np.zeros(signals.shape[1])
    for start in range(0, len(signals), 4096):  # all windows of a dataset are large in float64
        power = np.gradient(signals[start : start + 4096].astype(np.float64), axis=1) ** 2
        total = power.sum(axis=1, keepdims=True)
        share += np.divide(power, total, out=np.zeros_like(power), where=total > 0).sum(axis=0)
    width = max(1, round(0.08 * sampling_rate))
    return float(uniform_filter1d(share, width, mode="constant").argmax() / sampling_rate)


def _check_band(band: tuple[float, float], sampling_rate: float) -> None:
    low, high = band
    if not 0 < low < high <= sampling_rate / 2:
        raise ValueError(
            f"band = {low:g}, {high:g} does not ascend between 0 and half the sampling_rate, "
            f"{sampling_rate / 2:g} Hz"
        )


def _resampled(
    signals: NDArray[Any], sampling_rate: float, config: BeatWindowConfig | StripWindowConfig
) -> NDArray[np.float64]:
    """Return signals, filtered and at the rate of the windows."""
    import numpy as np  # noqa: PLC0415 - as above
    from scipy.signal import resample_poly  # noqa: PLC0415 - as above

    ratio = resampling(sampling_rate, config.sampling_rate)
    filtered = _band_pass(signals, sampling_rate, config.band)
    return np.asarray(resample_poly(filtered, ratio.numerator, ratio.denominator, axis=1))


def _band_pass(
    signals: NDArray[Any], sampling_rate: float, band: tuple[float, float]
) -> NDArray[np.float64]:
    import numpy as np  # noqa: PLC0415 - as above
    from scipy.signal import butter, sosfiltfilt  # noqa: PLC0415 - as above

    if band[1] >= sampling_rate / 2:
        raise DataError(
            f"a band up to {band[1]:g} Hz cannot be taken from a recording of {sampling_rate:g} Hz; "
            f"set band below {sampling_rate / 2:g} Hz"
        )
    sections = butter(BUTTERWORTH_ORDER, band, "bandpass", fs=sampling_rate, output="sos")
    return np.asarray(sosfiltfilt(np.round(sections, DECIMALS), signals, axis=1))


def _fraction(rate: float) -> Fraction:
    return Fraction(rate).limit_denominator(1000)
