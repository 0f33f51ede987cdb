"""What the plans of one board asked for, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from ecgbench.harness.errors import DamagedError, UsageError, suggest
from ecgbench.harness.specs import FAMILIES
from ecgbench.results import uncertainty
from ecgbench.results.records import (
    CellRecord,
    DatasetRecord,
    GeneratorRecord,
    MetricRecord,
    PlanRecord,
    PluginRecord,
    ScoreRecord,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ecgbench.results.audit import Verdict
    from ecgbench.results.store import Store

Used = tuple[PlanRecord, DatasetRecord]
"""A plan, and the one of its datasets that a board is of."""


@dataclass(frozen=True)
class Asked:
    """A generator that plans asked for on a dataset, and the names of its cells by seed."""

    generator: GeneratorRecord
    cells: dict[int, str]


@dataclass(frozen=True)
class Ended:
    """How one metric ended on one cell.

    Attributes:
        status: ``ok``, ``skipped``, ``todo`` or ``failed``.
        reason: why it is not ``ok``.
        score: where it has a value; with contributions that make the value, or none.
        notes: what a reader must know of the score.
        cell: the record of the cell, where it has ended.
    """

    status: str
    reason: str = ""
    score: ScoreRecord | None = None
    notes: tuple[str, ...] = ()
    cell: CellRecord | None = None


DAMAGED = Ended("todo", "its record is damaged; ecgbench run makes it again")


def groups(
    store: Store, *, dataset: str | None = None, study: str | None = None
) -> list[list[Used]]:
    """The plans of each board, the fullest first: it says in which order metrics and rows come.

    Args:
        store: read only.
        dataset: the boards of this one only.
        study: the boards of studies of this name only.
    """
    found: dict[tuple[str, str, str, str], list[Used]] = {}
    for plan in store.plans():
        for used in plan.datasets:
            if study in (None, plan.study) and dataset in (None, used.name):
                board = (used.name, plan.study, plan.board_key, used.key)
                found.setdefault(board, []).append((plan, used))
    for group in found.values():
        group.sort(key=lambda used: -len(used[0].metrics) - len(used[0].generators))
    return [group for _, group in sorted(found.items())]


def named(store: Store, dataset: str | None, study: str | None) -> list[list[Used]]:
    """The groups of a dataset and a study that a user has named.

    Raises:
        UsageError: there are none; the nearest name is suggested.
    """
    if found := groups(store, dataset=dataset, study=study):
        return found
    datasets = {used.name for plan in store.plans() for used in plan.datasets}
    if not datasets:
        raise UsageError(
            f"{store.path} holds no results; ecgbench run makes some, --store names another folder"
        )
    if dataset is not None and dataset not in datasets:
        raise UsageError(f"{store.path} has no board of {dataset!r}; {suggest(dataset, datasets)}")
    studies = {group[0][0].study for group in groups(store, dataset=dataset)}
    asked = study or ""
    raise UsageError(f"{store.path} has no board of study {asked!r}; {suggest(asked, studies)}")


def metrics(group: list[Used], audited: Mapping[str, Verdict]) -> dict[str, MetricRecord]:
    """The metrics of all plans by label, by family.

    Of several versions only the newest is ranked, and none that fails its audit.

    Args:
        group: the plans of a board.
        audited: the audit's verdicts on its dataset (`ecgbench.results.audit.verdicts`).
    """
    unlike: dict[str, MetricRecord] = {}
    newest: dict[str, int] = {}
    for plan, _ in group:
        for metric in plan.metrics:
            # a plan that tells no null takes it from nobody
            if unlike.setdefault(metric.key, metric).null is None:
                unlike[metric.key] = metric
            newest[metric.name] = max(metric.version, newest.get(metric.name, 0))
    names = labels(unlike.values())
    labelled = {
        names[key]: msgspec.structs.replace(
            metric,
            ranked=metric.ranked
            and metric.version == newest[metric.name]
            and audited.get(key) != "fails",
        )
        for key, metric in unlike.items()
    }
    return dict(sorted(labelled.items(), key=lambda item: _place(item[1])))


def _place(metric: MetricRecord) -> tuple[int, str, bool]:
    """Where a metric stands: by family, the ranked ones first."""
    if metric.family in FAMILIES:
        return FAMILIES.index(metric.family), "", not metric.ranked
    return len(FAMILIES), metric.family, not metric.ranked


def asked(group: list[Used]) -> list[Asked]:
    """The generators that the plans asked for, each a row."""
    found: dict[str, Asked] = {}
    for plan, dataset in group:
        keys = [generator.key for generator in plan.generators]
        for cell in plan.cells:
            if plan.datasets[cell.dataset].key == dataset.key:
                generator = plan.generators[cell.generator]
                row = found.setdefault(keys[cell.generator], Asked(generator, {}))
                row.cells[cell.seed] = cell.name
    rows = [row for row in found.values() if not row.generator.submitted]
    submitted: dict[str, list[Asked]] = {}
    for row in found.values():
        if row.generator.submitted:
            submitted.setdefault(row.generator.name, []).append(row)
    for parts in submitted.values():
        rows += _merged(parts)
    return rows


def _merged(parts: list[Asked]) -> list[Asked]:
    """One row for the windows of one model that were submitted for several seeds.

    Where two submissions of one name are for the same seed, nothing tells which belong together, and
    each is a row.
    """
    seeds = [seed for part in parts for seed in part.cells]
    if len(parts) == 1 or len(set(seeds)) < len(seeds):
        return parts
    parts = sorted(parts, key=lambda part: min(part.cells))
    windows = [part.generator.settings.get("windows") for part in parts]
    generator = msgspec.structs.replace(parts[0].generator, settings={"windows": windows})
    return [Asked(generator, {seed: name for part in parts for seed, name in part.cells.items()})]


def seeds(rows: Iterable[Asked]) -> tuple[int, ...]:
    """The seeds of a board: those of some competitor on which the most cells can be compared.

    Rows are paired by seed, so all need the same seeds.  Chosen so, one row on a seed of its own
    neither puts all others behind nor takes their seeds from them; of equals the larger set counts.
    """
    rows = list(rows)
    competing = [set(row.cells) for row in rows if not row.generator.reference]
    competing = competing or [set(row.cells) for row in rows]

    def worth(chosen: set[int]) -> tuple[int, int, list[int]]:
        complete = sum(chosen <= of_row for of_row in competing)
        return complete * len(chosen), len(chosen), sorted(-seed for seed in chosen)

    best = max(competing, key=worth) if competing else set[int]()
    return tuple(sorted(best))


def labels(records: Iterable[PluginRecord]) -> dict[str, str]:
    """Labels by key: the name; where several share it, with the version or digits of the key."""
    unlike: dict[str, dict[str, PluginRecord]] = {}
    for record in records:
        unlike.setdefault(record.name, {}).setdefault(record.key, record)
    found = {}
    for name, sharing in unlike.items():
        versions = {record.version for record in sharing.values()}
        for key, record in sharing.items():
            found[key] = name if len(sharing) == 1 else f"{name} v{record.version}"
            if len(versions) < len(sharing):
                found[key] += f" {key[:8]}"
    return found


def ended(
    store: Store,
    row: Asked,
    metrics_by_label: Mapping[str, MetricRecord],
    seeds_of_board: Iterable[int],
) -> dict[str, dict[int, Ended]]:
    """How each metric, by label, ended on each seed; what was never asked for is still to do.

    Raises:
        StoreError: a record cannot be read.
    """
    found: dict[str, dict[int, Ended]] = {label: {} for label in metrics_by_label}
    for seed in seeds_of_board:
        name = row.cells.get(seed, "")
        try:
            record = store.cell(name) if name else None
        except DamagedError:
            found = {label: of | {seed: DAMAGED} for label, of in found.items()}
            continue
        for label, metric in metrics_by_label.items():
            if record is None:
                found[label][seed] = Ended("todo", "not run yet")
                continue
            if record.status == "ok":
                end = _score_ended(store, record, metric)
            else:
                end = Ended(record.status, record.reason)
            found[label][seed] = replace(end, cell=record)
    return found


def _score_ended(store: Store, cell: CellRecord, metric: MetricRecord) -> Ended:
    try:
        score = store.score(cell.cell.name, metric)
    except DamagedError:
        return DAMAGED
    if score is not None and score.synthetic != cell.synthetic:
        return Ended("todo", "its score is of other windows; ecgbench run computes it again")
    if score is None:
        return Ended("todo", "not scored yet")
    if score.status == "ok" and score.value is None:
        return Ended("failed", "its record holds no number")
    notes = list(score.notes)
    if score.value is not None and score.contributions is not None:
        try:
            uncertainty.contributions(score.contributions, score.value)
        except ValueError as error:
            notes.append(f"{error}, so there is no interval")
            score = msgspec.structs.replace(score, contributions=None)
    return Ended(score.status, score.reason, score if score.status == "ok" else None, tuple(notes))


def code_notes(ended: Iterable[Mapping[str, Mapping[int, Ended]]]) -> list[str]:
    """Return which plugins made a board's numbers with unlike code of one version, a sentence each.

    Args:
        ended: how each metric, by label, ended on each seed; of each row.
    """
    codes: dict[str, set[str]] = {}
    for of_row in ended:
        for end in (end for of_metric in of_row.values() for end in of_metric.values()):
            found: list[tuple[str, PluginRecord]] = []
            if end.cell is not None:
                found.append(("dataset", end.cell.cell.dataset))
                found.append(("generator", end.cell.cell.generator))
            if end.score is not None:
                found.append(("metric", end.score.metric))
            for kind, plugin in found:
                if plugin.code and not plugin.from_file:
                    called = f"{kind} {plugin.name}, version {plugin.version}"
                    codes.setdefault(called, set()).add(plugin.code)
    return [
        f"{called}: {len(unlike)} unlike codes of this version made its results; ecgbench run --fresh "
        "computes again what the installed one did not"
        for called, unlike in codes.items()
        if len(unlike) > 1
    ]
