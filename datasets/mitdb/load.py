"""All records of the database as windows."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecgbench import DataError, EcgWindows
from ecgbench.datasets.mitdb.protocol import (
    CLASSES,
    PACED,
    RECORDS,
    SYMBOLS,
    UNCLASSED,
    person,
)
from ecgbench.datasets.mitdb.record import Record, read
from ecgbench.processing import beat_windows

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ecgbench.datasets.mitdb import MitdbConfig

LABEL_OF = {symbol: CLASSES.index(name) for name, symbols in SYMBOLS.items() for symbol in symbols}

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class _Beats:
    """The windows of one record, and the number of its beats left out."""

    number: int
    attributes: dict[str, str | float]
    signals: NDArray[np.float32]
    labels: NDArray[np.int64]
    positions: NDArray[np.float64]
    beyond: int
    unclassed: int


def load(config: MitdbConfig, folder: Path) -> EcgWindows:
    """Return one window for each annotated beat of classes N, S, V and F in the 44 records without a pacer.

    Leads are picked by name: record 114 has its two swapped.  A record without one of the chosen leads
    is left out, and so is a beat if its window would leave its record; their numbers are logged, as is
    the number of beats of class Q.  With the default settings all 44 records have the lead.

    Args:
        config: how to filter, resample and cut; which leads.
        folder: the database's files, ``100.hea``, ``100.dat``, ``100.atr`` and so on.

    Returns:
        Windows in order of record and time; ``patients`` are record numbers, but 202's is 201, the
        same person; ``positions`` are seconds from the record's start to the annotated R peak.

    Raises:
        DataError: a record is missing, corrupt, disagrees with its header or holds NaN samples, or
            no record has the chosen leads.
    """
    beats: list[_Beats] = []
    lacking: dict[int, tuple[str, ...]] = {}
    for number in RECORDS:
        record = read(folder, str(number))
        if set(config.leads) <= set(record.leads):
            beats.append(_beats(number, record, config))
        else:
            lacking[number] = record.leads
    if not beats:
        pairs = sorted({" with ".join(leads) for leads in lacking.values()})
        raise DataError(
            f"dataset mitdb: no record has {' and '.join(config.leads)}; the leads of a record are "
            f"one of: {'; '.join(pairs)}"
        )
    _report(beats, lacking, config)
    return _gather(beats, config)


def _beats(number: int, record: Record, config: MitdbConfig) -> _Beats:
    labels = np.array([LABEL_OF.get(symbol, -1) for symbol in record.symbols], dtype=np.int64)
    samples, labels = record.samples[labels >= 0], labels[labels >= 0]
    signals, kept = beat_windows(record.select(config.leads), record.sampling_rate, samples, config)
    return _Beats(
        number=number,
        attributes=record.attributes,
        signals=signals,
        labels=labels[kept],
        positions=samples[kept] / record.sampling_rate,
        beyond=int((~kept).sum()),
        unclassed=int(np.isin(record.symbols, list(UNCLASSED)).sum()),
    )


def _gather(beats: list[_Beats], config: MitdbConfig) -> EcgWindows:
    counts = [len(record.labels) for record in beats]
    people = [person(record.number) for record in beats]
    return EcgWindows(
        signals=np.concatenate([record.signals for record in beats]),
        labels=np.concatenate([record.labels for record in beats]),
        patients=np.repeat(np.array(people, dtype=np.int64), counts),
        sampling_rate=config.sampling_rate,
        leads=config.leads,
        classes=CLASSES,
        records=np.repeat([str(record.number) for record in beats], counts),
        positions=np.concatenate([record.positions for record in beats]),
        attributes={who: record.attributes for who, record in zip(people, beats, strict=True)},
    )


def _report(beats: list[_Beats], lacking: dict[int, tuple[str, ...]], config: MitdbConfig) -> None:
    logger.info(
        "mitdb: %d beats of %d records; left out: the paced records %s, %d beats of class Q, %d beats "
        "whose window would leave the record",
        sum(len(record.labels) for record in beats),
        len(beats),
        ", ".join(map(str, PACED)),
        sum(record.unclassed for record in beats),
        sum(record.beyond for record in beats),
    )
    if lacking:
        logger.warning(
            "mitdb: %d records lack a lead of %s and are left out: %s",
            len(lacking),
            ", ".join(config.leads),
            ", ".join(map(str, lacking)),
        )
