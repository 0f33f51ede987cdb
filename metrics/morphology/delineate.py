"""Onset, peak and offset of the waves of the beat at the middle of a window."""

from __future__ import annotations

from dataclasses import dataclass, fields
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from scipy.signal import resample_poly

from ecgbench.metrics.morphology.qrs import Complexes, complexes
from ecgbench.metrics.morphology.search import at, first, highest, last
from ecgbench.metrics.morphology.wave import P, T, Wave, wave
from ecgbench.metrics.morphology.wavelet import slopes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.metrics.morphology.search import Places

    Floats = NDArray[np.float64]

RATE = 250
"""Hz: the rate of the delineation, on which the scales of the wavelet depend."""

CHUNK = 2**17
"""Samples in work at a time, few enough to stay in the processor's cache."""

LOWEST = 0.01
"""mV: a lower P or T wave does not count."""

DISTINCT = 0.85
"""The least sharpness of a P wave, over that of anything else within `EARLIEST_P`."""

EARLIEST_P = 75
"""Samples before the QRS complex to look for a P wave in; earlier, the last T wave stands."""

ISOELECTRIC = 5
"""Samples before the QRS complex; their mean is the isoelectric level."""

NO_R = 0.05
"""A complex has an R wave if it rises by more than this share of its depth."""

ST = 15
"""Samples from the end of the QRS complex to the reading of the ST level: 60 ms."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Beats:
    """The delineated beat of each window; all arrays are float64 of shape (window,).

    Times are in seconds from the first sample of the window, NaN if the wave is absent.

    Attributes:
        p_onset, p_peak, p_offset: of the P wave.
        qrs_onset, qrs_offset: of the QRS complex; in a window without one these and all others are NaN.
        r: the R peak, or the lowest point of a QRS complex without R.
        t_onset, t_peak, t_offset: of the T wave.
        p_amplitude, t_amplitude: mV, signed, from the line between onset and offset, and from the
            isoelectric level; 0 if the beat lacks the wave.
        q_amplitude, r_amplitude, s_amplitude: mV from the isoelectric level, Q and S ≤ 0 ≤ R; 0
            if the beat lacks the wave.  The depth of a complex without R is that of S.
        st_level: mV from the isoelectric level, 60 ms after the end of the QRS complex.
    """

    p_onset: Floats
    p_peak: Floats
    p_offset: Floats
    qrs_onset: Floats
    r: Floats
    qrs_offset: Floats
    t_onset: Floats
    t_peak: Floats
    t_offset: Floats
    p_amplitude: Floats
    q_amplitude: Floats
    r_amplitude: Floats
    s_amplitude: Floats
    t_amplitude: Floats
    st_level: Floats


def delineate(signals: NDArray[np.floating], sampling_rate: float, place: float) -> Beats:
    """Delineate the beat of each window.

    After Martínez, Almeida, Olmos, Rocha, Laguna (IEEE TBME 51:570, 2004), in the same wavelet.  The
    rules need no more than one beat, and the constants are fitted to the first hundred people of
    LUDB.  docs/morphology.md has the rules, and their errors on the other hundred.

    Args:
        signals: shape (window, sample), mV; one lead.
        sampling_rate: Hz, 100 at least.
        place: the expected place of the QRS complex, in seconds from the first sample; it may be
            some 0.15 s off.
    """
    ratio = Fraction(RATE) / Fraction(sampling_rate).limit_denominator(1000)
    rows = max(1, int(CHUNK / (signals.shape[1] * ratio)))
    parts = [
        _delineate(_resampled(signals[start : start + rows], ratio), place * RATE)
        for start in range(0, max(1, len(signals)), rows)
    ]
    names = [field.name for field in fields(Beats)]
    return Beats(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})


def _resampled(signals: NDArray[np.floating], ratio: Fraction) -> Floats:
    """Return the windows at `RATE`; the line between the two ends of a window passes unfiltered."""
    wide = signals.astype(np.float64)
    if ratio == 1:
        return wide
    first_one, rise = wide[:, :1], wide[:, -1:] - wide[:, :1]
    steps = max(1, signals.shape[1] - 1)
    over = wide - first_one - rise * (np.arange(signals.shape[1]) / steps)
    finer: Floats = np.asarray(resample_poly(over, ratio.numerator, ratio.denominator, axis=1))
    finer += first_one + rise * (np.arange(finer.shape[1]) / (steps * float(ratio)))
    return finer


def _delineate(x: Floats, place: float) -> Beats:
    """Return the same as `delineate`, at `RATE`; ``place`` in samples."""
    slope = slopes(x, 2)[1]
    qrs = complexes(slope, place)
    preceding, following = _other_beats(slope, qrs)
    y = _levelled(x, qrs, preceding, following)
    scales = slopes(y, 5)
    t = wave(
        T,
        y,
        scales,
        begin=qrs.offset + 20,
        end=np.minimum(qrs.offset + 125, following - 30),  # before the next P wave
        expected=qrs.offset + 55,
    )
    p = wave(
        P,
        y,
        scales,
        begin=np.maximum(preceding, qrs.onset - EARLIEST_P),
        end=qrs.onset - 5,
        expected=qrs.onset - 30,
    )
    return _measured(x, y, qrs, p, t)


def _other_beats(slope: Floats, qrs: Complexes) -> tuple[Places, Places]:
    """Return the end of an earlier beat and the begin of a later one; without, the window's ends."""
    steep = np.abs(slope) > 0.4 * qrs.steepest[:, None]
    length = slope.shape[1]
    preceding, following = last(steep, qrs.onset - 62), first(steep, qrs.offset + 50)
    return (
        np.where(preceding >= 0, preceding + 15, 0),
        np.where(following < length, following - 10, length),
    )


def _levelled(x: Floats, qrs: Complexes, preceding: Places, following: Places) -> Floats:
    """Return windows without QRS complexes: in widely smoothed slopes these hide P and T."""
    n = np.arange(x.shape[1])
    share = (n - qrs.onset[:, None]) / np.maximum(qrs.offset - qrs.onset, 1)[:, None]
    line = at(x, qrs.onset)[:, None] * (1 - share) + at(x, qrs.offset)[:, None] * share
    y = np.where((share > 0) & (share < 1), line, x)
    y = np.where(n < preceding[:, None], at(x, preceding)[:, None], y)
    return np.where(n >= following[:, None], at(x, np.minimum(following, n[-1]))[:, None], y)


def _measured(x: Floats, y: Floats, qrs: Complexes, p: Wave, t: Wave) -> Beats:
    n = np.arange(x.shape[1])
    has_p = qrs.present & (np.abs(p.height) > LOWEST) & (p.distinct > DISTINCT)
    has_t = qrs.present & (np.abs(t.height) > LOWEST)
    before = (n > qrs.onset[:, None] - ISOELECTRIC) & (n <= qrs.onset[:, None])
    level = (x * before).sum(axis=1) / before.sum(axis=1)
    r = highest(x, qrs.onset, qrs.offset)
    height = at(x, r) - level
    nadir = highest(-x, qrs.onset, qrs.offset)
    no_r = (height <= NO_R * (level - at(x, nadir))) | (r == qrs.onset) | (r == qrs.offset)
    r = np.where(no_r, qrs.onset, r)
    q = at(x, highest(-x, qrs.onset, r)) - level
    s = at(x, highest(-x, r, qrs.offset)) - level
    after = qrs.offset + ST
    in_window = after <= n[-1]

    def seconds(places: Places, there: NDArray[np.bool_]) -> Floats:
        return np.where(there, places / RATE, np.nan)

    def millivolts(values: Floats, there: NDArray[np.bool_]) -> Floats:
        return np.where(qrs.present, np.where(there, values, 0.0), np.nan)

    return Beats(
        p_onset=seconds(p.onset, has_p),
        p_peak=seconds(p.peak, has_p),
        p_offset=seconds(p.offset, has_p),
        qrs_onset=seconds(qrs.onset, qrs.present),
        r=seconds(np.where(no_r, nadir, r), qrs.present),
        qrs_offset=seconds(qrs.offset, qrs.present),
        t_onset=seconds(t.onset, has_t),
        t_peak=seconds(t.peak, has_t),
        t_offset=seconds(t.offset, has_t & (t.offset < n[-1])),
        p_amplitude=millivolts(p.height, has_p),
        q_amplitude=millivolts(np.minimum(q, 0), ~no_r),
        r_amplitude=millivolts(height, ~no_r),
        s_amplitude=millivolts(np.minimum(s, 0), qrs.present),
        t_amplitude=millivolts(at(y, t.peak) - level, has_t),
        st_level=np.where(qrs.present & in_window, at(x, np.minimum(after, n[-1])) - level, np.nan),
    )
