"""Sentences on a board: alarms, the notes of cells and scores, and the code behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ecgbench.results.board.gather import Ended, OfRow
    from ecgbench.results.board.table import Row
    from ecgbench.results.store.records import MetricRecord, PluginRecord

MAX_NOTES = 20
"""On a board beside its alarms, and of a score: a store may come from anywhere."""

LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "wfdb", "sleepecg")
"""Libraries of a cell's environment on which its numbers depend."""


def notes(rows: Iterable[Row], metrics: Mapping[str, MetricRecord]) -> list[str]:
    """Return sentences for readers of these rows: alarms, and the notes of cells and scores.

    The text of plugins and stores in them is as it came.
    """
    rows = list(rows)
    of_rows = [f"{row.label} {note}" for row in rows for note in row.notes]
    of_scores = [
        f"{row.label}, {label} {note}"
        for row in rows
        for label, score in row.scores.items()
        for note in score.notes
    ]
    alarms = filter(None, (_alarm(row, metrics) for row in rows))
    return [*alarms, *_bounded([*of_rows, *of_scores])]


def _alarm(row: Row, metrics: Mapping[str, MetricRecord]) -> str:
    """Return a question to a row with a value better than its null; empty without one."""
    better = [
        f"{label} {score.value:.3g} (null {metrics[label].null:.3g})"
        for label, score in row.scores.items()
        if score.against_null == "better"
    ]
    if not better:
        return ""
    return (
        f"{row.label}: {', '.join(better)}: significantly better than the null. These windows are "
        "nearer to windows outside train than chance allows: were they drawn from train alone?"
    )


def of_seeds(notes: Mapping[int, Iterable[str]]) -> tuple[str, ...]:
    """Return the notes of seeds as sentences, each once, behind its seeds."""
    seeds: dict[str, list[int]] = {}
    for seed, of_seed in notes.items():
        for note in dict.fromkeys(of_seed):
            seeds.setdefault(note, []).append(seed)
    return tuple(_bounded([f"({seed_list(noted)}): {note}" for note, noted in seeds.items()]))


def _bounded(notes: list[str]) -> list[str]:
    more = len(notes) - MAX_NOTES
    return notes if more <= 0 else [*notes[:MAX_NOTES], f"{more} more notes are in the store"]


def seed_list(seeds: Iterable[int]) -> str:
    """Return seeds in words.

    >>> seed_list([3]), seed_list([0, 1]), seed_list([0, 1, 2, 3, 5])
    ('seed 3', 'seeds 0, 1', 'seeds 0–3, 5')
    """
    runs: list[list[int]] = []
    for seed in sorted(seeds):
        if runs and seed == runs[-1][-1] + 1:
            runs[-1].append(seed)
        else:
            runs.append([seed])
    parts = [
        part
        for run in runs
        for part in ([f"{run[0]}–{run[-1]}"] if len(run) > 2 else map(str, run))
    ]
    return f"{'seed' if sum(map(len, runs)) == 1 else 'seeds'} {', '.join(parts)}"


def of_code(rows: Iterable[OfRow]) -> list[str]:
    """Return a sentence for each plugin if unlike code of one version made a board's numbers.

    Args:
        rows: how each metric ended on each seed, for each row.
    """
    codes: dict[str, set[str]] = {}
    for end in _ends(rows):
        plugins: list[tuple[str, PluginRecord]] = []
        if end.cell is not None:
            plugins.append(("dataset", end.cell.cell.dataset))
            plugins.append(("generator", end.cell.cell.generator))
        if end.score is not None:
            plugins.append(("metric", end.score.metric))
        for kind, plugin in plugins:
            if plugin.code and not plugin.from_file:
                called = f"{kind} {plugin.name}, version {plugin.version}"
                codes.setdefault(called, set()).add(plugin.code)
    return [
        f"{called}: {len(unlike)} unlike codes of this version made its results; ecgbench run --fresh "
        "computes again what the installed one did not"
        for called, unlike in codes.items()
        if len(unlike) > 1
    ]


def of_libraries(rows: Iterable[OfRow]) -> list[str]:
    """Return a sentence if cells of a board were made with unlike versions of a library.

    Args:
        rows: how each metric ended on each seed, for each row.
    """
    # all scores of a cell share its record, and its name costs three digests
    records = {id(end.cell): end.cell for end in _ends(rows) if end.cell is not None}
    versions: dict[str, set[str]] = {name: set() for name in LIBRARIES}
    for record in records.values():
        packages = record.environment.get("packages")
        if not isinstance(packages, dict):
            continue
        for name in LIBRARIES:
            if isinstance(packages.get(name), str):
                versions[name].add(packages[name])
    unlike = [
        f"{name} {', '.join(sorted(several))}"
        for name, several in versions.items()
        if len(several) > 1
    ]
    if not unlike:
        return []
    return [
        f"its cells were made with unlike versions of {'; '.join(unlike)}: numbers may differ a little"
    ]


def _ends(rows: Iterable[OfRow]) -> Sequence[Ended]:
    return [end for of_row in rows for of_metric in of_row.values() for end in of_metric.values()]
