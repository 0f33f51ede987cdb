"""How well the delineator of the metric `morphology` agrees with the cardiologists of LUDB.

    python examples/delineation/validate.py --data-dir DIR

prints the tables of docs/morphology.md.  DIR/ludb is the database as PhysioNet lays it out.  Windows are
cut as the dataset `ludb` cuts them, each lead by its own marks, at 100 and at 500 Hz.  The people are
those by whom no constant was chosen, 101 to 200; ``--people fitted`` takes the others.

A mark and a found point are the same if no more than 150 ms apart.  Se is the share of found marks, P+ the
share of marked points among the found ones; error is found − marked.  At either end of a
record the database leaves waves unmarked: the P wave of its first marked beat and the T wave of its last
one are not counted, nor a mark outside of the window.
"""

# ruff: noqa: T201 - it is a program

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgbench.metrics.morphology.delineate import delineate
from ecgbench.processing import BeatWindowConfig, beat_windows
from ecgbench.recordings.waves import boundaries
from ecgbench.recordings.wfdb import read

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
PEOPLE = {"fitted": range(1, 101), "held-out": range(101, 201)}
CONFIGS = {
    100: BeatWindowConfig(),
    500: BeatWindowConfig(sampling_rate=500.0, length=1000, r_sample=500),
}
TOLERANCE = 150.0
"""The most ms between a mark and a found point."""

POINTS = (
    ("P onset", "p_onset", 10.2),
    ("P peak", "p_peak", None),
    ("P offset", "p_offset", 12.7),
    ("QRS onset", "qrs_onset", 6.5),
    ("R", "r", None),
    ("QRS offset", "qrs_offset", 11.6),
    ("T onset", "t_onset", None),
    ("T peak", "t_peak", None),
    ("T offset", "t_offset", 30.6),
)
"""In order of time, with the two-standard-deviations limit of the CSE working party in ms."""


class Marked(NamedTuple):
    """Windows of one lead, and the waves as cardiologists marked them.

    Attributes:
        windows: float32, shape (beat, sample), mV.
        marks: float64, shape (beat, 9), ms from the QRS peak; NaN without a mark.
        known: of the same shape: whether the database marks such points there.
    """

    windows: NDArray[np.float32]
    marks: NDArray[np.float64]
    known: NDArray[np.bool_]


def marked(folder: Path, people: range, lead: str, config: BeatWindowConfig) -> Marked:
    """All beats of these people in one lead."""
    windows, marks, known = [], [], []
    for record in people:
        suffix = lead.lower()
        recording = read(folder / "data", str(record), marks=suffix, counts_per_mv=1000)
        assert recording.annotations is not None
        rate, waves = recording.sampling_rate, boundaries(recording.annotations)
        peaks = waves["QRS"][:, 1]
        cut, kept = beat_windows(recording.select([suffix]), rate, peaks.astype(np.int64), config)
        windows.append(cut[:, 0])
        edges = np.concatenate([[-np.inf], peaks, [np.inf]])
        for beat in np.flatnonzero(kept):
            p = _between(waves["P"], edges[beat], peaks[beat])[-1]
            t = _between(waves["T"], peaks[beat], edges[beat + 2])[0]
            row = np.concatenate([p, waves["QRS"][beat], t]) - peaks[beat]
            marks.append(row / rate * 1000)
            known.append([beat > 0] * 3 + [True] * 3 + [beat < len(peaks) - 1] * 3)
    return Marked(np.concatenate(windows), np.array(marks), np.array(known))


def _between(waves: NDArray[np.float64], start: float, end: float) -> NDArray[np.float64]:
    """Return the waves with a peak between two samples; one of NaN if there is none."""
    inside = waves[(waves[:, 1] > start) & (waves[:, 1] < end)]
    return inside if len(inside) else np.full((1, 3), np.nan)


def found(windows: NDArray[np.float32], config: BeatWindowConfig) -> NDArray[np.float64]:
    """Return the same points as the delineator sees them, in ms from the sample of the QRS peak."""
    place = config.r_sample / config.sampling_rate
    beats = delineate(windows, config.sampling_rate, place)
    return 1000 * (np.stack([getattr(beats, name) for _, name, _ in POINTS], axis=1) - place)


def table(truth: Marked, places: NDArray[np.float64], config: BeatWindowConfig) -> str:
    """Sensitivity, positive predictivity and error of each point."""
    start = -1000 * config.r_sample / config.sampling_rate
    end = start + 1000 * (config.length - 1) / config.sampling_rate
    lines = [
        "| point | marks | Se % | P+ % | error, mean ± SD, ms | CSE limit, ms |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for column, (name, _, limit) in enumerate(POINTS):
        mark, place = truth.marks[:, column], places[:, column]
        # a marked peak without this end of its wave tells nothing about this end
        unmarked_end = np.isfinite(truth.marks[:, column // 3 * 3 + 1]) & np.isnan(mark)
        counted = truth.known[:, column] & ~unmarked_end & ~(mark < start) & ~(mark > end)
        mark, place = mark[counted], place[counted]
        error = place - mark
        same = np.abs(error) <= TOLERANCE
        lines.append(
            f"| {name} | {np.isfinite(mark).sum()} | {100 * same.sum() / np.isfinite(mark).sum():.1f} "
            f"| {100 * same.sum() / np.isfinite(place).sum():.1f} "
            f"| {error[same].mean():+.1f} ± {error[same].std():.1f} | {limit or ''} |"
        )
    p = 1
    none = truth.known[:, p] & np.isnan(truth.marks[:, p])
    right = np.isnan(places[none, p]).mean()
    complexes = np.isfinite(places[:, 4]).mean()
    lines.append(
        f"\nOf {none.sum()} beats without a P wave, {100 * right:.1f}% are seen to have none.  "
        f"A QRS complex is found in {100 * complexes:.2f}% of {len(places)} windows."
    )
    return "\n".join(lines)


def main() -> None:
    """Print a table for lead II and one for all leads, at each sampling rate."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--people", choices=PEOPLE, default="held-out")
    chosen = parser.parse_args()
    for rate, config in CONFIGS.items():
        leads = [
            marked(chosen.data_dir / "ludb", PEOPLE[chosen.people], lead, config) for lead in LEADS
        ]
        start = time.perf_counter()
        places = [found(truth.windows, config) for truth in leads]
        seconds = time.perf_counter() - start
        ii = LEADS.index("II")
        everything = Marked(*map(np.concatenate, zip(*leads, strict=True)))
        print(f"\n### Lead II, {rate} Hz\n\n{table(leads[ii], places[ii], config)}")
        print(
            f"\n### All twelve leads, {rate} Hz\n\n{table(everything, np.concatenate(places), config)}"
        )
        print(f"\n{len(everything.windows)} windows in {seconds:.1f} s.")


if __name__ == "__main__":
    main()
