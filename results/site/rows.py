"""The cells of a row on a site: machine, timings, sizes, files, training curves, parts of scores."""

from __future__ import annotations

import csv
import io
import math
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from ecgbench.contracts.errors import DamagedError
from ecgbench.results.store.records import CURVE, ROC
from ecgbench.results.store.store import content_of, sha256

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ecgbench.results.board.rows import PlannedRow
    from ecgbench.results.store.records import MetricRecord
    from ecgbench.results.store.store import Store

MOST_POINTS = 150
"""Of a training curve: more cannot be told apart on a screen."""

MOST_ROC = 60
"""Points of a ROC curve: a board draws one for each of its rows."""

MOST_LINES = 8
"""Of a training curve."""

MOST_BYTES = 8_000_000
"""Of a curve's file: a store may come from anywhere."""


TRUE_POSITIVES = re.compile(r"tpr-(0?\.\d+)")
"""Names of parts: the share of true positives at a false-positive rate."""


def study_of(store: Store, row: PlannedRow) -> dict[str, Any]:
    """Return the resolved study of a row's first cell that has ended; empty without one."""
    for name in row.cells.values():
        with suppress(DamagedError):
            if (record := store.cell(name)) is not None:
                return record.study
    return {}


def attacks_of(parts: Mapping[str, Mapping[str, float]]) -> dict[str, list[list[float | None]]]:
    """Return the known points of each attack's ROC curve, by metric label.

    A point is the false-positive rate, the share of true positives, and the ends of its interval.

    >>> attacks_of({"mia": {"tpr-0.01": 0.02, "tpr-0.01-low": 0.01, "tpr-0.01-high": 0.03, "p": 0.5}})
    {'mia': [[0.01, 0.02, 0.01, 0.03]]}
    """
    found: dict[str, list[list[float | None]]] = {}
    for label, of in parts.items():
        points = [
            [float(match[1]), value, of.get(f"{name}-low"), of.get(f"{name}-high")]
            for name, value in of.items()
            if (match := TRUE_POSITIVES.fullmatch(name))
        ]
        if points:
            found[label] = sorted(points, key=lambda point: point[0] or 0.0)
    return found


def cells_of(store: Store, row: PlannedRow) -> list[dict[str, Any]]:
    """Return the facts of a row's cells, by seed; of one that has not ended its name and status alone."""
    cells = []
    for seed, name in sorted(row.cells.items()):
        told: dict[str, Any] = {"seed": seed, "name": name, "status": "todo"}
        try:
            record = store.cell(name)
        except DamagedError as error:
            record, told["status"], told["reason"] = None, "damaged", str(error)
        if record is not None:
            told |= {
                "status": record.status,
                "reason": record.reason,
                "fold": record.fold,
                "threads": record.threads,
                "finished": record.finished,
                "sizes": record.sizes,
                "costs": msgspec.to_builtins(record.costs),
                "environment": record.environment,
                "synthetic": record.synthetic,
                "artefacts": {**record.artefacts, **_of_scores(store, name)},
                "notes": record.notes,
                "curve": curve(content_of(store.folder(name) / "artefacts" / CURVE)),
            }
        cells.append(told)
    return cells


def _of_scores(store: Store, cell: str) -> dict[str, str]:
    """Return the artefacts that the metrics wrote beside a cell, with their digests."""
    found: dict[str, str] = {}
    with suppress(DamagedError):
        for score in store.scores(cell):
            found |= score.artefacts
    return found


def curve(content: bytes | None) -> dict[str, Any] | None:
    r"""Return a training curve: its steps, and a list of values for each name; None without one.

    Long curves are thinned.  A fit of several parts or phases has a line for each part and phase.

    Args:
        content: of ``training.csv``.

    >>> curve(b"step,loss\n1,0.5\n2,0.25\n")
    {'loss': [[1.0, 0.5], [2.0, 0.25]]}
    """
    if content is None or len(content) > MOST_BYTES:
        return None
    lines: dict[str, list[list[float]]] = {}
    for row in csv.DictReader(io.StringIO(content.decode("utf-8", "replace"))):
        where = " ".join(str(row.pop(key)) for key in ("part", "phase") if key in row)
        step = _number(row.pop("step", None))
        if step is None:
            continue
        for name, given in row.items():
            value = _number(given)
            if name and value is not None:
                lines.setdefault(f"{where} {name}".strip(), []).append([step, value])
    kept = [*lines.items()][:MOST_LINES]
    return {name: _thinned(points) for name, points in kept} or None


def _thinned(points: list[list[float]]) -> list[list[float]]:
    every = -(-len(points) // MOST_POINTS)
    return [[x, float(f"{y:.5g}")] for x, y in points[::every]]


def _number(given: object) -> float | None:
    try:
        value = float(str(given))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def roc_of(
    store: Store, cells: Iterable[dict[str, Any]], metrics: Mapping[str, MetricRecord]
) -> dict[str, list[list[float]]]:
    """Return the ROC curve of each attack on a row's first seed with one, by metric label.

    A point is the false-positive rate and the share of true positives.

    Args:
        store: has the artefacts.
        cells: from `cells_of`.
        metrics: by label.
    """
    labels = {
        f"{metric.file.removesuffix('.json')}{ROC}": label for label, metric in metrics.items()
    }
    found: dict[str, list[list[float]]] = {}
    for cell in cells:
        for file, digest in cell.get("artefacts", {}).items():
            label = labels.get(file)
            if label is None or label in found:
                continue
            content = content_of(store.folder(cell["name"]) / "artefacts" / file)
            if content and sha256(content) == digest and (points := roc(content)):
                found[label] = points
    return found


def roc(content: bytes | None) -> list[list[float]]:
    r"""Return the points of an attack's ROC curve, from its artefact; none if they cannot be read.

    >>> roc(b"false_positives,true_positives\n0,1\n1,3\n10,4\n")
    [[0.0, 0.25], [0.1, 0.75], [1.0, 1.0]]
    """
    if content is None or len(content) > MOST_BYTES:
        return []
    rows = csv.DictReader(io.StringIO(content.decode("utf-8", "replace")))
    pairs = [(_number(r.get("false_positives")), _number(r.get("true_positives"))) for r in rows]
    known = [(false, true) for false, true in pairs if false is not None and true is not None]
    if not known or min(known[-1]) <= 0:
        return []
    others, members = known[-1]
    every = -(-len(known) // MOST_ROC)
    thinned = [*known[:-1:every], known[-1]]
    return [[float(f"{f / others:.4g}"), float(f"{t / members:.4g}")] for f, t in thinned]


def parts_of(
    store: Store, row: PlannedRow, metrics: Mapping[str, MetricRecord], seeds: Iterable[int]
) -> dict[str, dict[str, float]]:
    """Return the further numbers of each metric, by label and name: means over the seeds with them."""
    collected: dict[str, dict[str, list[float]]] = {}
    for seed in seeds:
        if seed not in row.cells:
            continue
        for label, metric in metrics.items():
            with suppress(DamagedError):
                score = store.score(row.cells[seed], metric)
                for name, value in (score.parts if score else {}).items():
                    if value is not None:
                        of = collected.setdefault(label, {})
                        of.setdefault(name, []).append(value)
    return {
        label: {name: sum(values) / len(values) for name, values in of.items()}
        for label, of in collected.items()
    }
