"""What a recording looks like: rate, leads, amplitude, heart rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecgbench.recordings.description import symbols
from ecgbench.recordings.detect import detected

if TYPE_CHECKING:
    from ecgbench.recordings.description import Description
    from ecgbench.recordings.recording import Recording

SMALL, LARGE = 0.05, 20.0
"""mV: the usual span of a lead of ECG, by a wide margin."""

LONGEST = 600.0
"""s of a recording in which beats are detected: the start tells enough."""


@dataclass(frozen=True)
class Look:
    """Facts of one recording.

    Attributes:
        name: of the recording.
        sampling_rate: Hz.
        seconds: its length.
        missing: the share of missing samples.
        spans: mV between the 1st and the 99th percentile of each lead.
        heart_rate: beats in a minute, from the median interval; None without two beats.
        others: the signals of its files that are no leads, with the reason.
    """

    name: str
    sampling_rate: float
    seconds: float
    missing: float
    spans: dict[str, float]
    heart_rate: float | None
    others: dict[str, str]

    @property
    def suspicious(self) -> str:
        """Return leads of an unlikely span, with a guess at the reason; empty without one."""
        odd = {lead: span for lead, span in self.spans.items() if not SMALL <= span <= LARGE}
        told = [f"{lead} spans {span:.3g} mV" for lead, span in odd.items()]
        if not told:
            return ""
        middle = float(np.median(list(odd.values())))
        guess = "µV or digital samples" if middle > LARGE else "V, or a lead that is off"
        more = f" and {len(told) - 3} more" if told[3:] else ""
        return f"{', '.join(told[:3])}{more}: {guess}?"


def look(description: Description, recording: Recording) -> Look:
    """Return the facts of a recording; beats are marked ones, or else detected in its first minutes."""
    signals, rate = recording.signals, recording.sampling_rate
    leads = {}
    for lead, signal in zip(recording.leads, signals, strict=True):
        present = signal[~np.isnan(signal)]
        if len(present):
            low, high = np.quantile(present, [0.01, 0.99])
            leads[lead] = float(high - low)
    return Look(
        name=recording.name,
        sampling_rate=rate,
        seconds=signals.shape[1] / rate,
        missing=float(np.isnan(signals).mean()) if signals.size else 0.0,
        spans=leads,
        heart_rate=_heart_rate(description, recording),
        others=dict(recording.others),
    )


def _heart_rate(description: Description, recording: Recording) -> float | None:
    told, marks = description.windows, recording.annotations
    beats = set(symbols(told.beats))
    for each in description.classes.values():
        beats |= set(symbols(each.symbols))
    if beats and marks is not None:
        samples = marks.samples[np.isin(marks.symbols, list(beats))]
    else:
        leads = [lead for lead in description.leads.default if lead in recording.leads]
        if not leads:
            return None
        signals = recording.select(leads)[:, : int(LONGEST * recording.sampling_rate)]
        samples = detected(signals, recording.sampling_rate)
    intervals = np.diff(np.sort(samples)) / recording.sampling_rate
    usual = float(np.median(intervals)) if len(intervals) else 0.0
    return 60 / usual if usual else None
