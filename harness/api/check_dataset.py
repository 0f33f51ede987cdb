"""Reads a whole dataset and tells what it holds, what was left out, and what looks wrong."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec
import numpy as np

from ecgbench.contracts.config import build
from ecgbench.contracts.errors import DataError, EcgbenchError
from ecgbench.harness.data import physionet
from ecgbench.harness.data.returned import as_windows, twins

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ecgbench.contracts.config import Config
    from ecgbench.contracts.specs import DatasetSpec
    from ecgbench.contracts.windows import EcgWindows
    from ecgbench.harness.planning.catalog import Catalog
    from ecgbench.recordings.account import Account
    from ecgbench.recordings.look import Look
    from ecgbench.recordings.settings import Settings

ONE_PERSON = 0.5
"""Of a person's windows: as many in common with another person, and both may be one."""

MOST = 10
"""Of a kind in one list."""


class Checked(msgspec.Struct, frozen=True):
    """A dataset, read.

    Attributes:
        facts: title and text of each.
        problems: what somebody should look at.
    """

    facts: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]


def check_dataset(
    what: str, catalog: Catalog, settings: Mapping[str, Any], data_dir: Path | None
) -> Checked:
    """Read a dataset; nothing is cached.

    Args:
        what: its name.
        catalog: of plugins.
        settings: of the dataset.
        data_dir: the user's folder of databases.

    Raises:
        EcgbenchError: it is not on this machine, or cannot be read at all.
    """
    spec = catalog.dataset(what)
    config = build(spec.config, settings, where=f"dataset {what}")
    folder = None
    if spec.source is not None:
        folder = physionet.find(spec.source, data_dir)
        if folder is None:
            raise DataError(f"dataset {what} is not on this machine: ecgbench fetch {what}")
        physionet.verify(spec.source, folder)
    facts: list[tuple[str, str]] = []
    problems: list[str] = []
    windows: EcgWindows | None
    if spec.described is None:
        windows = spec.load()(config, folder)
    else:
        windows, account, looks = _survey(spec, config, folder)
        _tell_records(account, looks, facts, problems)
    if windows is None:
        problems.append("there are no windows")
        return Checked(tuple(facts), tuple(problems))
    try:
        windows = as_windows(windows, what)
    except EcgbenchError as error:
        problems.append(str(error))
    else:
        _tell_windows(windows, facts, problems)
    return Checked(tuple(facts), tuple(problems))


def _survey(
    spec: DatasetSpec, config: Config, folder: Path | None
) -> tuple[EcgWindows | None, Account, list[Look]]:
    from ecgbench.recordings.description import read  # noqa: PLC0415 - other datasets need none
    from ecgbench.recordings.load import survey  # noqa: PLC0415 - as above
    from ecgbench.recordings.look import look  # noqa: PLC0415 - as above

    assert spec.described is not None
    description = read(spec.described)
    looks: list[Look] = []
    if folder is None:
        assert callable(spec.files)
        (folder,) = (Path(each) for each in spec.files(config))
    windows, account = survey(
        description,
        cast("Settings", config),
        folder,
        go_on=True,
        look=lambda recording: looks.append(look(description, recording)),
    )
    return windows, account, looks


def _tell_records(
    account: Account, looks: list[Look], facts: list[tuple[str, str]], problems: list[str]
) -> None:
    facts.append(("records", f"{account.records} used of {len(looks)} read"))
    for reason, names in account.records_left_out.items():
        facts.append(("left out", f"{len(names)} records: {reason} ({_few(names)})"))
    for reason, count in sorted(account.windows_left_out.items()):
        facts.append(("left out", f"{count} windows: {reason}"))
    if not looks:
        problems += list(account.damaged.values())
        return
    rates = Counter(f"{look.sampling_rate:g} Hz" for look in looks)
    facts.append(("rates", ", ".join(f"{r} ({n})" for r, n in rates.most_common(MOST))))
    seconds = [look.seconds for look in looks]
    facts.append(("length", f"{min(seconds):.4g} to {max(seconds):.4g} s"))
    spans = defaultdict(list)
    for each in looks:
        for lead, span in each.spans.items():
            spans[lead].append(span)
    for lead, found in sorted(spans.items(), key=lambda item: -len(item[1]))[:24]:
        low, middle, high = np.quantile(found, [0, 0.5, 1])
        facts.append(
            (
                f"lead {lead}",
                f"{len(found)} records, spans {middle:.3g} mV ({low:.3g} to {high:.3g})",
            )
        )
    others = Counter(f"{lead}: {why}" for look in looks for lead, why in look.others.items())
    facts += [("no lead", f"{text} ({n} records)") for text, n in others.most_common(MOST)]
    gaps = [look for look in looks if look.missing]
    if gaps:
        most = max(gaps, key=lambda look: look.missing)
        facts.append(
            ("gaps", f"{len(gaps)} records, at most {most.missing:.1%} of a record ({most.name})")
        )
    hearts = [look.heart_rate for look in looks if look.heart_rate]
    if hearts:
        low, middle, high = np.quantile(hearts, [0, 0.5, 1])
        facts.append(("heart rate", f"{middle:.0f} /min ({low:.0f} to {high:.0f}), by record"))
    problems += list(account.damaged.values())
    problems += [f"record {look.name}: {look.suspicious}" for look in looks if look.suspicious]
    slow = [look.name for look in looks if look.heart_rate and not 25 <= look.heart_rate <= 250]
    if slow:
        problems.append(f"an unlikely heart rate, a wrong sampling rate?: records {_few(slow)}")
    problems += account.notes


def _tell_windows(windows: EcgWindows, facts: list[tuple[str, str]], problems: list[str]) -> None:
    people, counts = np.unique(windows.patients, return_counts=True)
    shape = f"{windows.signals.shape[1]} leads × {windows.length} samples at {windows.sampling_rate:g} Hz"
    facts.append(("windows", f"{len(windows)} of {shape}"))
    facts.append(
        (
            "people",
            f"{len(people)}, with {counts.min()} to {counts.max()} windows (median {np.median(counts):g})",
        )
    )
    for at, name in enumerate(windows.classes):
        mine = windows.labels == at
        owners = len(np.unique(windows.patients[mine]))
        facts.append((f"class {name}", f"{int(mine.sum())} windows of {owners} people"))
        if not mine.any():
            problems.append(f"class {name} has no windows")
    for what, values in _attributes(windows).items():
        facts.append((f"attribute {what}", values))
    deviations = windows.signals.std(axis=2).max(axis=1)
    low, middle, high = np.quantile(deviations, [0, 0.5, 1])
    facts.append(("deviation", f"{middle:.3g} mV ({low:.3g} to {high:.3g}), of a window"))
    if len(people) < 4:
        problems.append(f"{len(people)} people are too few to divide into members and unseen ones")
    has = dict(zip(people.tolist(), counts.tolist(), strict=True))
    for (a, b), common in Counter(twins(windows)).most_common(MOST):
        share = common / min(has[a], has[b])
        question = "; one person under two ids?" if share >= ONE_PERSON else ""
        problems.append(f"people {a} and {b} have {common} windows in common{question}")


def _attributes(windows: EcgWindows) -> dict[str, str]:
    """Return a line on each attribute: how many people have it, and its range or usual values."""
    found: dict[str, list[str | float]] = defaultdict(list)
    for told in (windows.attributes or {}).values():
        for what, value in told.items():
            found[what].append(value)
    lines = {}
    for what, values in found.items():
        numbers = [value for value in values if not isinstance(value, str)]
        if numbers:
            text = f"{min(numbers):.4g} to {max(numbers):.4g}"
        else:
            usual = Counter(map(str, values)).most_common(4)
            text = ", ".join(f"{v} ({n})" for v, n in usual)
        lines[what] = f"{len(values)} people: {text}"
    return lines


def _few(names: list[str]) -> str:
    return ", ".join(names[:MOST]) + (f" and {len(names) - MOST} more" if names[MOST:] else "")
