"""The mean spectrum of each class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench.results.pictures.canvas import (
    BLACK,
    SMALL,
    USUAL,
    blank,
    grid_of,
    legend,
    letters,
    panels,
    style_of,
    tidy,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

FLOOR = 1e-7
"""mV²/Hz: the least power that counts, about the noise that recorders are allowed."""

MOST, SAMPLES = 2000, 4_000_000
"""Windows of a class and side, and samples in them, at most; the mean of more looks the same."""

KEYS = 4
"""Names in a line of the legend."""

Source = tuple[str, "NDArray[np.floating]", "NDArray[np.int64]"]
"""Name, signals of shape (window, lead, sample) in mV, and labels."""


def log_spectrum(signals: NDArray[np.floating], rate: float) -> NDArray[np.float64]:
    """Return the mean log power spectral density of windows and leads, in dB of 1 mV²/Hz.

    It is the periodogram under a Hann taper, as in the metric log-spectral-distance.

    Args:
        signals: shape (window, lead, sample), mV.
        rate: Hz.

    Returns:
        float64, shape (frequency,), from the first frequency above 0.
    """
    taper = np.hanning(signals.shape[2] + 1)[:-1]
    centred = signals - signals.mean(axis=2, keepdims=True)
    power = np.abs(np.fft.rfft(centred * taper, axis=2)) ** 2 / (rate * (taper**2).sum())
    power[:, :, 1 : (signals.shape[2] + 1) // 2] *= 2
    mean = 10 * np.log10(np.maximum(power, FLOOR)).mean(axis=(0, 1))
    return np.asarray(mean[1:], dtype=np.float64)


def _evenly(rows: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return rows at even steps, for windows stand in the order of people."""
    most = min(len(rows), MOST, max(1, SAMPLES // size))
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


def spectra(
    sources: Sequence[Source],
    real: Source | None,
    *,
    names: Sequence[str],
    rate: float,
    title: str,
) -> Figure:
    """Draw the mean log spectrum of each class, over all leads.

    Args:
        sources: synthetic windows, by generator.
        real: the real ones; None if they are not to be shown.
        names: of the classes.
        rate: Hz.
        title: of the picture.
    """
    rows, columns = grid_of(len(names))
    keys = len(sources) + (real is not None)
    below = 0.55 + 0.2 * -(-keys // KEYS)
    drawn, axes = panels(rows, columns, 1.9, 1.6, title=title, below=below)
    lines = [(real, {"color": BLACK, "lw": 1.8})] if real else []
    lines += [(source, style_of(number) | {"lw": 1.2}) for number, source in enumerate(sources)]
    for label, axis in enumerate(axes.flat[: len(names)]):
        for (_, signals, labels), style in lines:
            own = np.flatnonzero(labels == label)
            if len(own):
                density = log_spectrum(signals[_evenly(own, signals[0].size)], rate)
                frequency = np.arange(1, len(density) + 1) * rate / signals.shape[2]
                axis.plot(frequency, density, **style)
        axis.set_title(letters(names[label]), fontsize=USUAL, parse_math=False)
        axis.margins(x=0)
        tidy(axis)
    blank(axes.flat[len(names) :])
    for axis in axes[-1]:
        axis.set_xlabel("Hz", fontsize=SMALL)
    for axis in axes[:, 0]:
        axis.set_ylabel("dB of 1 mV²/Hz", fontsize=SMALL)
    handles = [
        axes[0, 0].plot([], [], label=letters(name), **style)[0] for (name, _, _), style in lines
    ]
    legend(drawn, handles, KEYS)
    return drawn
