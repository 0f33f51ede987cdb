"""All records of the database as windows."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from ecgbench import EcgWindows
from ecgbench.datasets.ludb.patients import attributes
from ecgbench.datasets.ludb.record import SAMPLING_RATE, boundaries, signals
from ecgbench.processing import beat_windows

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.datasets.ludb import LudbConfig

logger = logging.getLogger(__name__)


def load(config: LudbConfig, folder: Path) -> EcgWindows:
    """Return one window for each marked beat of the first of the chosen leads.

    A beat stands at the cardiologist's mark of the peak of its QRS complex, in all leads at the same
    sample.  The marked beats have no classes, and the database gives a rhythm to a patient and not to a
    beat.  So the one class is ``beat``, and rhythms are attributes.  A beat is left out if its window
    would leave its record; their number is logged.

    Args:
        config: how to filter, resample and cut; which leads.
        folder: the database's files: ``ludb.csv``, ``data/1.hea``, ``data/1.dat``, ``data/1.i`` and
            so on.

    Returns:
        Windows in order of patient and time; a patient is a record, and ``records`` hold its number;
        ``positions`` are seconds from the record's start to the marked peak; ``attributes`` are
        those of `ecgbench.datasets.ludb.patients.attributes`.

    Raises:
        DataError: a file is missing, corrupt or disagrees with its header.
    """
    people = attributes(folder)
    windows, positions, marked = [], [], 0
    for record in people:
        beats = boundaries(folder, record, config.leads[0])["QRS"][:, 1].astype(np.int64)
        cut, kept = beat_windows(
            signals(folder, record, config.leads), SAMPLING_RATE, beats, config
        )
        windows.append(cut)
        positions.append(beats[kept] / SAMPLING_RATE)
        marked += len(beats)
    patients = np.repeat(np.array(list(people), dtype=np.int64), [len(cut) for cut in windows])
    logger.info(
        "ludb: %d beats of %d records; left out: %d beats whose window would leave the record",
        len(patients),
        len(people),
        marked - len(patients),
    )
    return EcgWindows(
        signals=np.concatenate(windows),
        labels=np.zeros(len(patients), dtype=np.int64),
        patients=patients,
        sampling_rate=config.sampling_rate,
        leads=config.leads,
        classes=("beat",),
        records=patients.astype(np.str_),
        positions=np.concatenate(positions),
        attributes=people,
    )
