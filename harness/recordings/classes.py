"""The class of each window."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from ecgbench.contracts.errors import DataError
from ecgbench.recordings.description import symbols

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.recordings.description import Description
    from ecgbench.recordings.recording import Recording

REST = "*"
"""Stands for any other rhythm or value."""


def marked_beats(
    description: Description, recording: Recording
) -> tuple[NDArray[np.int64], NDArray[np.int64], Counter[str]]:
    """Return the marked beats of a record.

    Returns:
        samples and labels, int64, shape (beat,); labels are −1 if classes are not by symbols; and the
        numbers of beats without a class, by reason.

    Raises:
        DataError: a mark has an unknown symbol.
    """
    marks, told = recording.annotations, description.windows
    assert marks is not None
    if told.no_beats is not None:
        _check_symbols(description, recording)
    left = Counter[str]()
    for reason, of in told.unclassed.items():
        if count := int(np.isin(marks.symbols, symbols(of)).sum()):
            left[reason] = count
    if description.by == "symbols":
        label_of = {
            symbol: at
            for at, each in enumerate(description.classes.values())
            for symbol in symbols(each.symbols)
        }
        labels = np.array([label_of.get(symbol, -1) for symbol in marks.symbols], dtype=np.int64)
        return marks.samples[labels >= 0], labels[labels >= 0], left
    beats = np.isin(marks.symbols, symbols(told.beats))
    return marks.samples[beats], np.full(int(beats.sum()), -1, dtype=np.int64), left


def _check_symbols(description: Description, recording: Recording) -> None:
    told, marks = description.windows, recording.annotations
    assert marks is not None
    known = [*symbols(told.beats), *symbols(told.no_beats or ())]
    for of in (*told.unclassed.values(), *(each.symbols for each in description.classes.values())):
        known += symbols(of)
    unknown = sorted(set(marks.symbols.tolist()) - set(known))
    if unknown:
        raise DataError(
            f"record {recording.name}: its marks are {', '.join(unknown)}; wanted are {' '.join(known)}"
        )


def by_rhythm(
    description: Description,
    recording: Recording,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> tuple[NDArray[np.int64], Counter[str]]:
    """Return the class of each window by the rhythm in force.

    Of several classes whose rhythm is in force long enough, the first counts.

    Args:
        description: with the rhythms of each class, and how long they must hold.
        recording: with notes of rhythm.
        starts: int64, shape (window,), the first sample of each window.
        ends: the same, one past the last.

    Returns:
        labels, int64, shape (window,), −1 for none; and the numbers of those, by reason.
    """
    marks, length = recording.annotations, recording.signals.shape[1]
    assert marks is not None
    rhythm = np.full(length, -1, dtype=np.int64)
    named = {note: at for at, c in enumerate(description.classes.values()) for note in c.rhythms}
    rest = named.get(REST, -2)
    order = np.argsort(marks.samples, kind="stable").tolist()  # tables of marks come in any order
    for at in order:
        if not marks.notes[at].startswith("("):
            continue
        rhythm[max(0, int(marks.samples[at])) :] = named.get(marks.notes[at], rest)
    labels = np.full(len(starts), -1, dtype=np.int64)
    for at, each in reversed(list(enumerate(description.classes.values()))):
        seconds = np.concatenate([[0], np.cumsum(rhythm == at)])
        held = (seconds[ends] - seconds[starts]) / recording.sampling_rate
        need = (ends - starts) / recording.sampling_rate
        labels[held >= (need if each.hold is None else np.minimum(need, each.hold)) - 1e-9] = at
    unknown = np.concatenate([[0], np.cumsum(rhythm == -1)])
    blank = (labels < 0) & (unknown[ends] > unknown[starts])
    left = Counter({"no rhythm annotated": int(blank.sum())})
    left["no rhythm holds long enough"] = int((labels < 0).sum() - blank.sum())
    return labels, +left
