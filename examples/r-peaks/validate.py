"""How well R peaks are found: the table of docs/rhythm.md.

    python examples/r-peaks/validate.py --data-dir DIR
    python examples/r-peaks/validate.py --data-dir DIR --detector sleepecg

DIR/mitdb and DIR/ludb are the databases as PhysioNet lays them out.  Strips are the 10 s of a recording one
after another, filtered and resampled to 100 Hz as windows of beats are; whole records keep their 360 Hz.
An annotated beat and a found one are the same if no more than 150 ms apart, each of them once.  Left out
are beats nearer than a quarter of a second to the ends of a signal, ventricular flutter (record 207), and
LUDB before its first and after its last mark.  ``--every 8`` takes every eighth strip of a record.
"""

# ruff: noqa: T201 - it is a program

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import sleepecg
import wfdb.processing

from ecgbench.datasets.ludb import LEADS
from ecgbench.datasets.ludb.patients import attributes
from ecgbench.datasets.ludb.record import SAMPLING_RATE, boundaries, signals
from ecgbench.datasets.mitdb.protocol import RECORDS
from ecgbench.datasets.mitdb.record import read
from ecgbench.processing import BeatWindowConfig, beat_windows
from ecgbench.r_peaks import r_peaks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Detector = Callable[[NDArray[np.floating], float], Sequence[Floats]]

TOLERANCE, EDGE = 0.15, 0.25
"""Seconds."""

BEATS = tuple("NLRejAaJSVEFQ/f")
"""Symbols of beats in annotations of mitdb."""

STRIP = BeatWindowConfig(length=1000, r_sample=0)


class Marked(NamedTuple):
    """A signal and its beats.

    Attributes:
        signal: shape (lead, sample), mV.
        rate: Hz.
        beats: s, of all marked beats.
        left_out: stretches in which nothing counts, s.
    """

    signal: NDArray[np.floating]
    rate: float
    beats: Floats
    left_out: list[tuple[float, float]]


class Table(NamedTuple):
    """What a detector did.

    Attributes:
        marked: number of beats.
        sensitivity, predictivity: in %.
        deviation: median absolute deviation of the times, ms.
        seconds: processor time for 1,000 signals of 10 s.
    """

    marked: int
    sensitivity: float
    predictivity: float
    deviation: float
    seconds: float


def of_mitdb(
    folder: Path, which: Sequence[int] = (), every: int = 1, *, whole: bool = False
) -> Iterator[Marked]:
    """Return the strips (or whole records) of mitdb without its paced records.

    Args:
        folder: of the database.
        which: leads: 0 is MLII, or the first of a record without it, and 1 is the other one; all if
            empty.
        every: 1 for all strips.
        whole: whole records at their own rate.
    """
    for number in RECORDS:
        record = read(folder, str(number))
        order = sorted(record.leads, key=lambda lead: lead != "MLII")
        signal = record.select(tuple(order[i] for i in which or range(2)))
        beats = record.samples[np.isin(record.symbols, BEATS)] / record.sampling_rate
        begins, ends = (
            record.samples[record.symbols == sign] / record.sampling_rate for sign in "[]"
        )
        flutter = list(zip(begins, ends, strict=True))
        if whole:
            yield Marked(signal, record.sampling_rate, beats, flutter)
            continue
        seconds = np.arange(0, signal.shape[1] // int(record.sampling_rate), 10, dtype=np.int64)
        starts = (seconds * record.sampling_rate).astype(np.int64)
        strips, kept = beat_windows(signal, record.sampling_rate, starts, STRIP)
        for start, strip in [*zip(seconds[kept], strips, strict=True)][::every]:
            inside = beats[(beats >= start) & (beats < start + 10)] - start
            yield Marked(strip, 100.0, inside, [(a - start, b - start) for a, b in flutter])


def of_ludb(folder: Path, leads: Sequence[str], marks: str) -> Iterator[Marked]:
    """Return the records of LUDB with the marks of one lead."""
    for number in attributes(folder):
        signal = signals(folder, number, tuple(leads))
        [strip], _ = beat_windows(signal, SAMPLING_RATE, np.zeros(1, np.int64), STRIP)
        beats = boundaries(folder, number, marks)["QRS"][:, 1] / SAMPLING_RATE
        outside = [(0.0, beats[0] - EDGE), (beats[-1] + EDGE, 10.0)]
        yield Marked(strip, 100.0, beats, outside)


def table(signals: Iterator[Marked], detector: Detector) -> Table:
    """Compare the found beats with the marked ones."""
    hits, missed, wrong, errors = 0, 0, 0, []
    cpu = length = 0.0
    for signal, rate, beats, left_out in signals:
        before = time.process_time()
        found = np.sort(detector(signal[None], rate)[0])
        cpu += time.process_time() - before
        seconds = signal.shape[1] / rate
        length += seconds
        mark, hit = pairs(beats, found)
        errors.append(found[hit] - beats[mark])
        counts = [_counts(times, seconds, left_out) for times in (beats, found)]
        hits += int(counts[0][mark].sum())
        missed += int(np.delete(counts[0], mark).sum())
        wrong += int(np.delete(counts[1], hit).sum())
    error = np.concatenate(errors)
    return Table(
        marked=hits + missed,
        sensitivity=100 * hits / (hits + missed),
        predictivity=100 * hits / (hits + wrong),
        deviation=1000 * float(np.median(np.abs(error - np.median(error)))),
        seconds=cpu * 10_000 / length,
    )


def pairs(beats: Floats, found: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of beats and of found ones that are the same, the nearest first."""
    near = [
        (abs(found[j] - beat), i, j)
        for i, beat in enumerate(beats)
        for j in range(*np.searchsorted(found, [beat - TOLERANCE, beat + TOLERANCE]))
    ]
    taken: dict[int, int] = {}
    for _, i, j in sorted(near):
        if i not in taken and j not in taken.values():
            taken[i] = j
    return np.array([*taken], np.int64), np.array([*taken.values()], np.int64)


def _counts(
    times: Floats, seconds: float, left_out: list[tuple[float, float]]
) -> NDArray[np.bool_]:
    inside = (times >= EDGE) & (times <= seconds - EDGE)
    for begin, end in left_out:
        inside &= (times < begin) | (times > end)
    return inside


def sleepecg_peaks(windows: NDArray[np.floating], rate: float) -> list[Floats]:
    """Return the beats that sleepecg finds in the first lead."""
    detect = sleepecg.detect_heartbeats  # type: ignore[attr-defined]  # exported without saying so
    return [detect(w[0].astype(float), rate) / rate for w in windows]


def gqrs_peaks(windows: NDArray[np.floating], rate: float) -> list[Floats]:
    """Return the beats that wfdb's gqrs finds in the first lead."""
    detect = wfdb.processing.gqrs_detect
    return [
        np.asarray(detect(w[0].astype(float), rate, adc_gain=200.0, adc_zero=0)) / rate
        for w in windows
    ]


def xqrs_peaks(windows: NDArray[np.floating], rate: float) -> list[Floats]:
    """Return the beats that wfdb's XQRS finds in the first lead."""
    detect = wfdb.processing.xqrs_detect
    return [np.asarray(detect(w[0].astype(float), rate, verbose=False)) / rate for w in windows]


DETECTORS: dict[str, Detector] = {
    "r_peaks": r_peaks,
    "sleepecg": sleepecg_peaks,
    "gqrs": gqrs_peaks,
    "xqrs": xqrs_peaks,
}


def main() -> None:
    """Print the lines of a detector."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--detector", choices=DETECTORS, default="r_peaks")
    parser.add_argument("--every", type=int, default=1)
    given = parser.parse_args()
    mitdb, ludb = given.data_dir / "mitdb", given.data_dir / "ludb"
    lines = {
        "mitdb, MLII, strips": of_mitdb(mitdb, [0], given.every),
        "mitdb, the other lead, strips": of_mitdb(mitdb, [1], given.every),
        "mitdb, MLII, whole records": of_mitdb(mitdb, [0], whole=True),
        "mitdb, the other lead, whole records": of_mitdb(mitdb, [1], whole=True),
        "ludb, II": of_ludb(ludb, ["II"], "II"),
        "ludb, each lead alone": (
            marked for lead in LEADS for marked in of_ludb(ludb, [lead], lead)
        ),
    }
    if given.detector == "r_peaks":
        lines["mitdb, two leads, strips"] = of_mitdb(mitdb, [], given.every)
        lines["ludb, twelve leads"] = of_ludb(ludb, LEADS, "II")
    print("| signals | beats | Se | P+ | deviation, ms | s for 1,000 strips |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, marked in lines.items():
        t = table(marked, DETECTORS[given.detector])
        print(
            f"| {name} | {t.marked:,} | {t.sensitivity:.2f} | {t.predictivity:.2f} "
            f"| {t.deviation:.1f} | {t.seconds:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
