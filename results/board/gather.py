"""What the plans of one board asked for, and how it ended."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ecgbench.contracts.errors import UsageError, suggest
from ecgbench.contracts.specs import FAMILIES
from ecgbench.results.board.catalogue import NOT_INSTALLED
from ecgbench.results.exchange.provenance import origins
from ecgbench.results.exchange.sound import MAX_COUNT
from ecgbench.results.store.contributions import contributions
from ecgbench.results.store.states import NOT_RUN, CellOutcome, cell_outcome, score_outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ecgbench import Contributions
    from ecgbench.results.audit.records import Verdict
    from ecgbench.results.board.catalogue import Catalogue
    from ecgbench.results.exchange.provenance import Origins, Standing
    from ecgbench.results.store.records import (
        CellRecord,
        DatasetRecord,
        GeneratorRecord,
        MetricRecord,
        PlanRecord,
        PluginRecord,
    )
    from ecgbench.results.store.store import Store

NOT_VERIFIED = "merged, not verified"

MAX_TEXT = 1000
"""Characters of a reason or a note: a store may come from anywhere."""

MAX_STRANGE = 20
"""Metrics that are not installed, of a board: as above."""

LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "wfdb", "sleepecg")
"""Of a cell's environment, those on which its numbers depend."""

MAX_SETS = 500
"""Of seeds that are looked at in choosing the board's."""


class Used(NamedTuple):
    """A plan, and the one of its datasets that a board is of.

    Attributes:
        plan: what a run was asked for.
        dataset: of the board.
        own: whether a run on this store wrote it, or an archive that is trusted brought it.
    """

    plan: PlanRecord
    dataset: DatasetRecord
    own: bool = True


@dataclass(frozen=True)
class Asked:
    """A generator that plans asked for on a dataset.

    Attributes:
        generator: with its place on the board as the catalogue has it.
        cells: names by seed.
        counts: whether its results may be compared; else an archive brought what nobody verified, and
            the row is only shown.
        label: its name on the board.
    """

    generator: GeneratorRecord
    cells: dict[int, str]
    counts: bool = True
    label: str = ""

    @property
    def competes(self) -> bool:
        """Whether it is ranked."""
        return self.counts and not self.generator.reference


class Value(msgspec.Struct, frozen=True, gc=False):
    """What a board reads of a score that ended well.

    Attributes:
        metric: as it was used.
        value: the score.
        contributions: that make the value, or none.
        n: windows that it rests on.
    """

    metric: MetricRecord
    value: float
    contributions: Contributions | None = None
    n: int | None = None


class Ended(msgspec.Struct, frozen=True, gc=False):
    """How one metric ended on one cell; of a hundred thousand the collector need not look at each.

    Attributes:
        status: ``ok``, ``skipped``, ``todo`` or ``failed``.
        reason: why it is not ``ok``.
        score: where it has a value.
        notes: what a reader must know of the score.
        cell: the record of the cell, where it has ended.
        standing: of the cell and the score, the lower; None where both were made here.
    """

    status: str
    reason: str = ""
    score: Value | None = None
    notes: tuple[str, ...] = ()
    cell: CellRecord | None = None
    standing: Standing | None = None


def groups(
    store: Store, *, dataset: str | None = None, study: str | None = None
) -> list[list[Used]]:
    """The plans of each board, our own first, and the fullest first: the order of metrics and rows.

    Args:
        store: read only.
        dataset: the boards of this one only.
        study: the boards of studies of this name only.
    """
    known = origins(store)
    plans = [(plan, True) for plan in (*store.plans(), *known.trusted_plans)]
    plans += [(plan, False) for plan in known.plans]
    found: dict[tuple[str, str, str, str], list[Used]] = {}
    for plan, own in plans:
        for used in plan.datasets:
            if study in (None, plan.study) and dataset in (None, used.name):
                board = (used.name, plan.study, plan.board_key, used.key)
                found.setdefault(board, []).append(Used(plan, used, own))
    for group in found.values():
        group.sort(key=lambda used: (not used.own, -len(used[0].metrics) - len(used[0].generators)))
    return [group for _, group in sorted(found.items())]


def named(store: Store, dataset: str | None, study: str | None) -> list[list[Used]]:
    """The groups of a dataset and a study that a user has named.

    Raises:
        UsageError: there are none; the nearest name is suggested.
    """
    if found := groups(store, dataset=dataset, study=study):
        return found
    boards = [group[0] for group in groups(store)]
    datasets = {used.dataset.name for used in boards}
    if not datasets:
        raise UsageError(
            f"{store.path} holds no results; ecgbench run makes some, --store names another folder"
        )
    if dataset is not None and dataset not in datasets:
        raise UsageError(f"{store.path} has no board of {dataset!r}; {suggest(dataset, datasets)}")
    studies = {used.plan.study for used in boards if dataset in (None, used.dataset.name)}
    asked = study or ""
    raise UsageError(f"{store.path} has no board of study {asked!r}; {suggest(asked, studies)}")


def metrics(
    group: list[Used], audited: Mapping[str, Verdict], catalogue: Catalogue
) -> dict[str, MetricRecord]:
    """The metrics of all plans by label, by family, with the facts of the installed specs.

    What is not installed, or in another version, stands last and is never ranked.  Nor is what fails its
    audit, and what merged plans alone ask for: else an archive could choose by what our rows are ranked.

    Args:
        group: the plans of a board.
        audited: the audit's verdicts on its dataset (`ecgbench.results.audit.records.verdicts`).
        catalogue: of the installed plugins.
    """
    own, others = _metrics(group, own=True), _metrics(group, own=False)
    others = {key: metric for key, metric in others.items() if key not in own}
    ranks = {*own} or {*others}
    unlike = {key: catalogue.metric(metric) for key, metric in (own | others).items()}
    strange = [key for key in others if unlike[key].family == NOT_INSTALLED]
    for key in strange[MAX_STRANGE:]:
        del unlike[key]
    names = _labels_of(own.values(), others.values())
    labelled = {
        names[key]: msgspec.structs.replace(
            metric, ranked=metric.ranked and key in ranks and audited.get(key) != "fails"
        )
        for key, metric in unlike.items()
    }
    return dict(sorted(labelled.items(), key=lambda item: _place(item[1])))


def _metrics(group: list[Used], *, own: bool) -> dict[str, MetricRecord]:
    found: dict[str, MetricRecord] = {}
    for used in group:
        for metric in used.plan.metrics if used.own is own else ():
            found.setdefault(metric.key, metric)
    return found


def _place(metric: MetricRecord) -> tuple[int, bool]:
    """Where a metric stands: by family, the ranked ones first."""
    place = FAMILIES.index(metric.family) if metric.family in FAMILIES else len(FAMILIES)
    return place, not metric.ranked


def asked(group: list[Used], catalogue: Catalogue, known: Origins) -> list[Asked]:
    """The generators that the plans asked for, each a row; those that do not count come last.

    A cell that merged plans alone ask for counts once all that was brought of it is verified.  The
    others make rows of their own, beside those of the same generators that count.

    Args:
        group: the plans of a board.
        catalogue: of the installed plugins.
        known: what of the store was made elsewhere.
    """
    counted: dict[str, Asked] = {}
    shown: dict[str, Asked] = {}
    for used in group:
        for key, seed, name, generator in _planned(used):
            if used.own or name in known.cells:
                record = catalogue.generator(generator, own=used.own)
                counted.setdefault(key, Asked(record, {})).cells[seed] = name
            if not used.own:
                record = catalogue.generator(generator, own=False)
                shown.setdefault(key, Asked(record, {}, counts=False)).cells[seed] = name
    rows = [*_joined(counted.values()), *_joined(shown.values())]
    names = _labels_of(
        *([row.generator for row in rows if row.counts is counts] for counts in (True, False))
    )
    taken: set[str] = set()
    for place, row in enumerate(rows):
        label = names[row.generator.key]
        label += " merged" * (label in taken)
        taken.add(label)
        rows[place] = replace(row, label=label)
    return rows


def _planned(used: Used) -> Iterable[tuple[str, int, str, GeneratorRecord]]:
    """Key of the generator, seed, name and generator of each cell that a plan has of a dataset."""
    plan = used.plan
    keys = [generator.key for generator in plan.generators]
    of_board = {place for place, d in enumerate(plan.datasets) if d.key == used.dataset.key}
    for cell in plan.cells:
        if cell.dataset in of_board and 0 <= cell.generator < len(keys):
            yield keys[cell.generator], cell.seed, cell.name, plan.generators[cell.generator]


def _joined(found: Iterable[Asked]) -> list[Asked]:
    """The rows, with one for the submissions of a model."""
    found = list(found)
    rows = [row for row in found if not row.generator.submitted]
    submitted: dict[str, list[Asked]] = {}
    for row in found:
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
    cells = {seed: name for part in parts for seed, name in part.cells.items()}
    return [replace(parts[0], generator=generator, cells=cells)]


def seeds(rows: Sequence[Asked]) -> tuple[int, ...]:
    """The seeds of a board: the most that more than half of the competitors share.

    Rows are paired by seed, so all need the same seeds.  Chosen so, no row that has run more seeds than
    the others puts them behind, none that has run fewer takes their seeds from them, and none that does
    not count has a say.  Where no seed is shared by so many, the set counts that the most share.
    """
    competing = next(
        filter(
            None,
            (
                [row for row in rows if row.competes],
                [row for row in rows if row.counts],
                [row for row in rows if not row.generator.reference],
                rows,
            ),
        ),
        [],
    )
    sets = Counter(frozenset(row.cells) for row in competing)
    candidates = set[frozenset[int]]()
    for of_row, _ in sets.most_common(MAX_SETS):
        candidates |= {of_row, *(of_row & other for other in candidates)} - {frozenset()}
        if len(candidates) > MAX_SETS:
            break

    def worth(chosen: frozenset[int]) -> tuple[bool, int, int, list[int]]:
        complete = sum(count for of_row, count in sets.items() if chosen <= of_row)
        most = 2 * complete > len(competing)
        sizes = (len(chosen), complete) if most else (complete, len(chosen))
        return most, *sizes, sorted(-seed for seed in chosen)

    best: frozenset[int] = max(candidates, key=worth, default=frozenset())
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


def _labels_of(ours: Iterable[PluginRecord], others: Iterable[PluginRecord]) -> dict[str, str]:
    """Labels by key; those of ours are what they would be without the others."""
    ours = list(ours)
    return labels([*ours, *others]) | labels(ours)


def ended(
    store: Store,
    row: Asked,
    metrics_by_label: Mapping[str, MetricRecord],
    seeds_of_board: Iterable[int],
    known: Origins,
) -> dict[str, dict[int, Ended]]:
    """How each metric, by label, ended on each seed; what was never asked for is still to do.

    In a row that counts, what nobody verified is still to do, too.

    Raises:
        StoreError: a record cannot be read.
    """
    outcomes: dict[str, dict[int, Ended]] = {label: {} for label in metrics_by_label}
    files = {label: f"{m.name}-{m.key}.json" for label, m in metrics_by_label.items()}
    for seed in seeds_of_board:
        name = row.cells.get(seed, "")
        cell = cell_outcome(store, name) if name else CellOutcome("todo", NOT_RUN)
        for label, metric in metrics_by_label.items():
            if cell.record is None:
                outcomes[label][seed] = Ended(cell.status, cell.reason)
                continue
            seals = [cell.seal]
            if cell.status == "ok":
                file = f"{store.path}/cells/{name}/scores/{files[label]}"
                end = _score_ended(file, cell.record, metric, seals)
            else:
                end = Ended(cell.status, cell.reason)
            standing = known.of(*seals)
            if row.counts and standing == "merged":
                outcomes[label][seed] = Ended("todo", NOT_VERIFIED)
                continue
            notes = tuple(map(_short, end.notes))
            reason = _short(end.reason)
            outcomes[label][seed] = Ended(
                end.status, reason, end.score, notes, cell.record, standing
            )
    return outcomes


def mark(of_row: Mapping[str, Mapping[int, Ended]], row: Asked) -> str:
    """What a board says of a row that was made elsewhere, all of it or in part; empty if it was not."""
    of_seed: dict[int, set[Standing]] = {}
    for of_metric in of_row.values():
        for seed, end in of_metric.items():
            if end.standing is not None:
                of_seed.setdefault(seed, set()).add(end.standing)
    verified = sum(found == {"verified"} for found in of_seed.values())
    cells = len(of_seed) if row.counts else max(len(row.cells), len(of_seed))
    if verified:
        return f"verified: {verified} of {cells} cells"
    if of_seed and row.counts:
        return "merged, trusted"
    return "" if row.counts else NOT_VERIFIED


def adds(shown: Mapping[str, Mapping[int, Ended]], row: Asked, counted: Iterable[Asked]) -> bool:
    """Whether a row that does not count shows anything that the rows which count do not."""
    cells = {name for each in counted for name in each.cells.values()}
    if not cells.issuperset(row.cells.values()):
        return True
    return any(end.standing == "merged" for of in shown.values() for end in of.values())


def with_values(
    metrics: Mapping[str, MetricRecord],
    group: list[Used],
    ended: Sequence[Mapping[str, Mapping[int, Ended]]],
) -> dict[str, MetricRecord]:
    """The metrics without those that merged plans alone ask for and no row has a value of."""
    own = _metrics(group, own=True)
    return {
        label: metric
        for label, metric in metrics.items()
        if metric.key in own
        or not own
        or any(end.score is not None for of_row in ended for end in of_row[label].values())
    }


def _short(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]} …"


def _score_ended(file: str, cell: CellRecord, metric: MetricRecord, seals: list[str]) -> Ended:
    """Return how a score ended; add the seal of its record to those given."""
    outcome = score_outcome(file, cell, metric)
    if outcome.seal:
        seals.append(outcome.seal)
    score = outcome.record
    if score is None:
        return Ended(outcome.status, outcome.reason)
    if outcome.status != "ok" or score.value is None:
        return Ended(outcome.status, outcome.reason, notes=tuple(score.notes))
    notes, n, terms = list(score.notes), score.n, None
    if n is not None and not 0 <= n < MAX_COUNT:
        n = None
        notes.append("it is of no number of windows that there can be")
    if score.contributions is not None:
        try:
            terms = contributions(score.contributions, score.value)
        except ValueError as error:
            notes.append(f"{error}, so there is no interval")
    # the lists of the record go at once: of a hundred thousand the collector would look at each
    value = Value(score.metric, score.value or 0.0, terms, n)  # 0 has no sign
    return Ended("ok", outcome.reason, value, tuple(notes))


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


def library_notes(ended: Iterable[Mapping[str, Mapping[int, Ended]]]) -> list[str]:
    """Return a sentence on the libraries of which unlike versions made a board's cells; none for one version.

    Args:
        ended: how each metric, by label, ended on each seed; of each row.
    """
    records = {
        end.cell.cell.name: end.cell
        for of_row in ended
        for of_metric in of_row.values()
        for end in of_metric.values()
        if end.cell is not None
    }
    versions: dict[str, set[str]] = {name: set() for name in LIBRARIES}
    for record in records.values():
        packages = record.environment.get("packages")
        if not isinstance(packages, dict):
            continue
        for name in LIBRARIES:
            if isinstance(packages.get(name), str):
                versions[name].add(packages[name])
    unlike = [
        f"{name} {', '.join(sorted(found))}" for name, found in versions.items() if len(found) > 1
    ]
    if not unlike:
        return []
    return [
        f"its cells were made with unlike versions of {'; '.join(unlike)}: numbers may differ a little"
    ]
