"""All windows of a dataset that a file describes."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ecgbench.contracts.errors import DataError
from ecgbench.contracts.windows import EcgWindows
from ecgbench.large import Growing
from ecgbench.processing import BeatWindowConfig, StripWindowConfig, resampling
from ecgbench.recordings import cut
from ecgbench.recordings.account import Account
from ecgbench.recordings.classes import by_rhythm, marked_beats
from ecgbench.recordings.description import FASTEST
from ecgbench.recordings.detect import detected
from ecgbench.recordings.faults import faulty
from ecgbench.recordings.formats import read
from ecgbench.recordings.labels import read_labels
from ecgbench.recordings.people import Register, value
from ecgbench.recordings.which import Named, which

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from ecgbench.recordings.description import Description
    from ecgbench.recordings.labels import Labels
    from ecgbench.recordings.recording import Recording
    from ecgbench.recordings.settings import BeatSettings, Settings, StripSettings

NOTHING = np.zeros((0, 0, 0), dtype=np.float32)
"""The windows of a part after they are put to the others."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class _Part:
    """The windows of one record."""

    name: str
    signals: NDArray[np.float32]
    labels: NDArray[np.int64]
    positions: NDArray[np.float64]


def load(description: Description, config: Settings, folder: Path) -> EcgWindows:
    """Return the windows of a dataset, in the order of records and time; log what was left out.

    Args:
        description: the dataset file.
        config: how to filter, resample and cut; which leads.
        folder: of the records.

    Returns:
        Windows with ``records`` and ``positions``: seconds from the record's start to the R peak, or to
        the first sample of a strip.

    Raises:
        DataError: a record cannot be read, or disagrees with its header or the dataset file; or there
            are no windows.  The message names the record.
    """
    windows, account = survey(description, config, folder)
    assert windows is not None
    made, *left = account.lines("beats" if isinstance(config, BeatWindowConfig) else "strips")
    logger.info("%s: %s", description.name, made)
    expected = set(account.records_left_out) <= set(description.records.left_out.values())
    for line in left:
        logger.log(logging.INFO if expected else logging.WARNING, "%s: %s", description.name, line)
    return windows


def survey(
    description: Description,
    config: Settings,
    folder: Path,
    *,
    go_on: bool = False,
    look: Callable[[Recording], None] = lambda _recording: None,
) -> tuple[EcgWindows | None, Account]:
    """Return the windows of a dataset, and an account of them.

    Args:
        description: the dataset file.
        config: how to filter, resample and cut; which leads.
        folder: of the records.
        go_on: whether damaged records are noted in the account and no error, and a dataset without
            windows is None and no error.
        look: called with each recording.

    Raises:
        DataError: as `load`.
    """
    with Growing() as signals:
        return _survey(description, config, folder, signals, go_on=go_on, look=look)


def _survey(
    description: Description,
    config: Settings,
    folder: Path,
    signals: Growing,
    *,
    go_on: bool,
    look: Callable[[Recording], None],
) -> tuple[EcgWindows | None, Account]:
    account, register = Account(), Register(description.people, folder, description.windows.label)
    labels = read_labels(description, folder, getattr(config, "labels", "first"))
    parts: list[_Part] = []
    lacking: dict[str, tuple[str, ...]] = {}
    for named in which(description, folder):
        if reason := description.records.left_out.get(named.key):
            account.records_left_out[reason].append(named.key)
            continue
        try:
            recording = _recording(description, folder, named, config)
            look(recording)
            absent = [lead for lead in config.leads if lead not in recording.leads]
            if absent:
                lacking[named.key] = recording.leads
                account.records_left_out[f"no lead {', '.join(absent)}"].append(named.key)
                continue
            register.add(recording)
            part = _part(description, recording, register, labels, config, account)
            signals.add(part.signals)
            parts.append(replace(part, signals=NOTHING))
        except DataError as error:
            if not go_on:
                raise
            account.damaged[named.key] = str(error)
    if not parts and lacking and not go_on:
        raise DataError(
            f"dataset {description.name}: no record has {' and '.join(config.leads)}; the leads of a record "
            f"are one of: {_some({' with '.join(leads) for leads in lacking.values()})}"
        )
    account.records, account.windows = len(parts), sum(len(part.labels) for part in parts)
    account.notes += register.notes()
    if not account.windows:
        if go_on:
            return None, account
        raise DataError(_none(description, account))
    return _gather(description, signals, parts, register, config), account


def _recording(description: Description, folder: Path, named: Named, config: Settings) -> Recording:
    """Read a record, with the dataset file's names of leads, and check its facts against that file."""
    told, leads = description.records, description.leads
    marks = description.windows.marks.replace("{lead}", config.leads[0].lower()) or None
    found = read(folder / named.below, named.key, told, marks)
    names = {other: lead for lead, others in leads.names.items() for other in others}
    recording = replace(found, leads=tuple(names.get(lead, lead) for lead in found.leads))
    for lead in config.leads:
        if recording.leads.count(lead) > 1:
            called = [own for own in found.leads if names.get(own, own) == lead]
            raise DataError(
                f"record {named.key}: {' and '.join(called)} are both {lead} by leads.names; one is wanted"
            )
    if not 0 < recording.sampling_rate <= FASTEST:
        raise DataError(
            f"record {named.key}: its header says {recording.sampling_rate:g} Hz; above 0 and at most "
            f"{FASTEST:g} Hz are wanted"
        )
    for lead in leads.everywhere:
        recording.select([lead])
    if told.rate is not None and recording.sampling_rate != told.rate:
        raise DataError(
            f"record {named.key}: its header says {recording.sampling_rate:g} Hz; {told.rate:g} Hz are "
            "wanted"
        )
    return recording


def _part(
    description: Description,
    recording: Recording,
    register: Register,
    labels: Labels,
    config: Settings,
    account: Account,
) -> _Part:
    signals = recording.select(config.leads)
    if description.records.whole:
        _check_whole(recording, signals, config.leads)
    label, reason = 0, ""
    if description.windows.label is not None:
        found = value(description.windows.label, recording, register.row(recording.name))
        label, reason = labels.class_of(found)
    if isinstance(config, StripWindowConfig):
        part, left = _strips(description, recording, signals, config)
    else:
        part, left = _beats(description, recording, signals, config)
    if (step := description.windows.every) > 1:
        taken = np.arange(len(part.labels)) % step == 0
        left[f"not every {step}th"] += int((~taken).sum())
        part = _keep(part, taken)
    account.windows_left_out += left
    if description.by in ("", "values"):
        if label < 0:
            account.windows_left_out[reason] += len(part.labels)
            part = _keep(part, np.zeros(len(part.labels), dtype=bool))
        part = replace(part, labels=np.full(len(part.labels), label, dtype=np.int64))
    return part


def _beats(
    description: Description,
    recording: Recording,
    signals: NDArray[np.float64],
    config: BeatSettings,
) -> tuple[_Part, Counter[str]]:
    rate, told = recording.sampling_rate, description.windows
    left = Counter[str]()
    if recording.annotations is not None and told.marks:
        samples, labels, left = marked_beats(description, recording)
        inside = (samples >= 0) & (samples < signals.shape[1])
        left["a mark beyond the end of the record"] = int((~inside).sum())
        samples, labels = samples[inside], labels[inside]
    else:
        samples = detected(signals, rate)
        labels = np.full(len(samples), -1, dtype=np.int64)
    windows, kept, lost = cut.beats(signals, rate, samples, config)
    samples, labels = samples[kept], labels[kept]
    part = _Part(recording.name, windows, labels, samples / rate)
    starts = samples - round(config.r_sample / config.sampling_rate * rate)
    part, more = _judged(description, recording, signals, part, starts, config)
    return part, +(left + lost + more)


def _strips(
    description: Description,
    recording: Recording,
    signals: NDArray[np.float64],
    config: StripSettings,
) -> tuple[_Part, Counter[str]]:
    rate = recording.sampling_rate
    windows, numbers, left = cut.strips(signals, rate, config)
    seconds = numbers * config.length / config.sampling_rate
    part = _Part(recording.name, windows, np.full(len(windows), -1, dtype=np.int64), seconds)
    starts = np.rint(seconds * rate).astype(np.int64)
    part, more = _judged(description, recording, signals, part, starts, config)
    return part, left + more


def _judged(
    description: Description,
    recording: Recording,
    signals: NDArray[np.float64],
    part: _Part,
    starts: NDArray[np.int64],
    config: Settings,
) -> tuple[_Part, Counter[str]]:
    """Return the windows without faults, with their classes by rhythm if there are any."""
    ratio = float(resampling(recording.sampling_rate, config.sampling_rate))
    last = signals.shape[1]
    ends = np.clip(starts + round(config.length / ratio), 0, last)
    starts = np.clip(starts, 0, last)
    leave_out = description.windows.leave_out
    faults = faulty(signals, recording.sampling_rate, starts, ends, leave_out)
    left = Counter(reason for reason in faults if reason)
    fine = np.array([not reason for reason in faults], dtype=bool)
    part, starts, ends = _keep(part, fine), starts[fine], ends[fine]
    if description.by == "rhythms":
        labels, unlabelled = by_rhythm(description, recording, starts, ends)
        part = _keep(replace(part, labels=labels), labels >= 0)
        left += unlabelled
    return part, left


def _keep(part: _Part, which: NDArray[np.bool_]) -> _Part:
    if which.all():
        return part
    return _Part(part.name, part.signals[which], part.labels[which], part.positions[which])


def _check_whole(
    recording: Recording, signals: NDArray[np.float64], leads: tuple[str, ...]
) -> None:
    """Check that no sample is missing and no mark outside."""
    gaps = np.isnan(signals)
    if gaps.any():
        lead, sample = np.argwhere(gaps)[0]
        raise DataError(
            f"record {recording.name}: {int(gaps.sum())} samples are missing (NaN), first sample {sample} "
            f"of lead {leads[lead]}"
        )
    marks, length = recording.annotations, signals.shape[1]
    if marks is None:
        return
    outside = (marks.samples < 0) | (marks.samples >= length)
    if outside.any():
        raise DataError(
            f"record {recording.name}: an annotation stands at sample {marks.samples[outside][0]}, outside "
            f"the record's {length} samples"
        )


def _gather(
    description: Description,
    signals: Growing,
    parts: list[_Part],
    register: Register,
    config: Settings,
) -> EcgWindows:
    counts = [len(part.labels) for part in parts]
    numbers = register.numbers()
    people = np.array([numbers[part.name] for part in parts], dtype=np.int64)
    return EcgWindows(
        signals=signals.together(),
        labels=np.concatenate([part.labels for part in parts]),
        patients=np.repeat(people, counts),
        sampling_rate=config.sampling_rate,
        leads=config.leads,
        classes=tuple(description.classes),
        records=np.repeat([part.name for part in parts], counts),
        positions=np.concatenate([part.positions for part in parts]),
        attributes=register.attributes(),
    )


def _none(description: Description, account: Account) -> str:
    *_, last = account.lines("windows")
    damaged = next(iter(account.damaged.values()), "")
    return f"dataset {description.name}: there are no windows; {damaged or last}"


def _some(texts: set[str]) -> str:
    shown = sorted(texts)
    return "; ".join(shown[:10]) + ("; …" if shown[10:] else "")
