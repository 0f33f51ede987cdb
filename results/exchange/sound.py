"""Checks records and windows from elsewhere: digests, names and numbers must agree."""

from __future__ import annotations

import math
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from ecgbench.contracts.errors import DamagedError, StoreError
from ecgbench.contracts.windows import EcgWindows
from ecgbench.results.exchange.archive import CELL, MAX_SYNTHETIC, limit
from ecgbench.results.store.contributions import contributions
from ecgbench.results.store.npz import parse_npz, synthetic_digest
from ecgbench.results.store.records import (
    CellId,
    CellRecord,
    PlanRecord,
    ScoreRecord,
    digest_of,
)
from ecgbench.results.store.states import no_number
from ecgbench.results.store.store import decode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ecgbench.results.store.store import Record

MAX_PEOPLE = 20_000
"""People of a score's contributions: a board resamples them 2000 times, in memory."""

MAX_STUDY = 200
"""Characters of a study's name, the title of a board."""

MAX_DEPTH = 100
"""Nested brackets in a record: a deep one may be readable, and not writable from a deeper call."""

MAX_COUNT = 2**53
"""Windows: greater numbers are not exact in every reader of a table."""

_REST = bytes(set(range(256)) - {*b'"[]{}'})
"""All bytes without a part in the nesting of a JSON text."""

_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_STEPS = np.zeros(256, dtype=np.int64)
_STEPS[[*b"[{"]], _STEPS[[*b"]}"]] = 1, -1
_DIGEST = re.compile(r"[0-9a-f]{64}")


def check_cell(content: bytes, name: str, digests: Mapping[str, str]) -> CellRecord:
    """Read the record of a cell, and check it and its files.

    Args:
        content: of ``cell.json``.
        name: the cell's.
        digests: SHA-256 of the cell's other files, by path below its folder.

    Raises:
        StoreError: it is not sound; the message gives the reason, but not the cell.
    """
    with _unsound("cell.json"):
        record = _decode(content, CellRecord, "cell.json")
        if record.cell.name != name:
            raise StoreError(f"it is the record of cell {record.cell.name}")
        if record.costs is not None:
            numbers = msgspec.structs.asdict(record.costs)
            _check_numbers({n: value for n, value in numbers.items() if value is not None})
        ended_well = record.status == "ok"
        if bool(_DIGEST.fullmatch(record.synthetic)) != ended_well:
            raise StoreError(f"it ended as {record.status} with windows {record.synthetic!r}")
        has_file = bool(record.synthetic_file)
        must_have = ended_well and record.stored
        may_have = must_have or (ended_well and record.reference)
        if not must_have <= has_file <= may_have:
            raise StoreError(f"it ended as {record.status} with a file {record.synthetic_file!r}")
        _check_artefacts(record.artefacts, digests)
    if has_file and digests.get("synthetic.npz") != record.synthetic_file:
        is_there = "synthetic.npz" in digests
        wrong = "does not have the SHA-256 that cell.json tells" if is_there else "is missing"
        raise StoreError(f"synthetic.npz: it {wrong}")
    return record


def check_windows(content: bytes, record: CellRecord) -> None:
    """Check the arrays of a sound cell.

    Args:
        content: of ``synthetic.npz``.
        record: from `check_cell`.

    Raises:
        StoreError: the arrays are not sound, or not the cell's; the message gives the reason.
    """
    with _unsound("synthetic.npz"):
        _check_arrays(content, record)


def check_score(
    content: bytes, file: str, name: str, record: CellRecord, digests: Mapping[str, str]
) -> ScoreRecord:
    """Read a score of a sound cell, and check it and its artefacts.

    Args:
        content: of the score's file.
        file: the file's name below ``scores/``.
        name: the cell's.
        record: from `check_cell`.
        digests: SHA-256 of the cell's other files, by path below its folder.

    Raises:
        StoreError: it is not sound; the message gives the reason, but not the cell.
    """
    with _unsound(f"scores/{file}"):
        score = _decode(content, ScoreRecord, file)
        metric = score.metric
        if file != metric.file:
            raise StoreError(f"it is the score {metric.name}-{metric.key}")
        if record.status != "ok" or score.cell != name:
            raise StoreError(f"it is a score of cell {score.cell}, and here is {record.status}")
        if score.synthetic != record.synthetic:
            raise StoreError("it is the score of other windows than the cell's")
        _check_numbers(
            {"seconds": score.seconds, "cpu_seconds": score.cpu_seconds, "n": score.n or 0}
        )
        if score.n is not None and score.n >= MAX_COUNT:
            raise StoreError(f"n is {score.n}; at most {MAX_COUNT - 1}")
        _check_value(score)
        for artefact in score.artefacts:
            if not artefact.startswith(f"{metric.name}-"):
                raise StoreError(f"its artefact {artefact!r} is not called {metric.name}-…")
        _check_artefacts(score.artefacts, digests)
    return score


def check_plan(content: bytes, path: str) -> PlanRecord:
    """Read a plan, and check its own name and the names of its cells.

    Args:
        content: of the file.
        path: ``plans/<settings>/<key>.json``.

    Raises:
        StoreError: it is not sound; the message gives the reason.
    """
    with _unsound(path):
        plan = _decode(content, PlanRecord, path)
        if len(plan.study) > MAX_STUDY:
            raise StoreError(f"its study's name has more than {MAX_STUDY} characters")
        if path != f"plans/{plan.board_key}/{digest_of(plan)}.json":
            raise StoreError(f"it is the plan {plan.board_key}/{digest_of(plan)}")
        for cell in plan.cells:
            if not (
                0 <= cell.dataset < len(plan.datasets)
                and 0 <= cell.generator < len(plan.generators)
            ):
                raise StoreError(
                    f"cell {cell.name} is of a dataset or generator that it does not name"
                )
            generator = plan.generators[cell.generator]
            cell_id = CellId(
                dataset=plan.datasets[cell.dataset],
                generator=generator.used,
                seed=cell.seed,
                protocol=plan.protocol,
                submitted=generator.submitted,
            )
            if cell.name != cell_id.name or not CELL.fullmatch(cell.name):
                raise StoreError(f"it calls a cell {cell.name!r} whose name is {cell_id.name}")
    return plan


@contextmanager
def _unsound(name: str) -> Iterator[None]:
    """Name the file in each error."""
    try:
        yield
    except StoreError as error:
        raise StoreError(f"{name}: {error}") from error
    except (ValueError, IndexError, OverflowError, RecursionError, MemoryError) as error:
        raise StoreError(f"{name}: {error or type(error).__name__}") from error


def _decode(content: bytes, record: type[Record], file: str) -> Record:
    # each level opens a bracket, and few records have so many at all
    may_be_deep = content.count(b"[") + content.count(b"{") > MAX_DEPTH
    if may_be_deep and _depth(content) > MAX_DEPTH:
        raise StoreError(f"its brackets are nested more than {MAX_DEPTH} deep")
    try:
        return decode(content, record, file)
    except DamagedError as error:
        # its own words promise a new file from the next run
        raise StoreError(error.how) from None


def _depth(content: bytes) -> int:
    """Return the depth of nested brackets in a JSON text."""
    shape = content
    if b"\\" not in content:  # else a quote may be part of a text
        shape = content.translate(None, _REST).replace(b'""', b"")
    brackets = np.frombuffer(_TEXT.sub(b"", shape), dtype=np.uint8)
    return int(_STEPS[brackets].cumsum().max(initial=0))


def _check_numbers(numbers: Mapping[str, float]) -> None:
    for name, number in numbers.items():
        if not 0 <= number < math.inf:
            raise StoreError(f"{name} is {number}")


def _check_artefacts(artefacts: Mapping[str, str], digests: Mapping[str, str]) -> None:
    for name, digest in artefacts.items():
        if limit(f"cells/a/a/seed-0-{'0' * 12}/artefacts/{name}") is None:
            raise StoreError(f"no artefact can be called {name!r}")
        if digests.get(f"artefacts/{name}") != digest:
            raise StoreError(f"its artefact {name} is missing, or not what it was")


def _check_arrays(content: bytes, record: CellRecord) -> None:
    names = {"signals", "labels"} if record.stored else {"labels", "indices"}
    arrays = parse_npz(content, "labels", *names & {"signals"}, most=MAX_SYNTHETIC)
    labels = arrays["labels"]
    if not arrays.keys() <= names:
        raise StoreError(f"it holds {', '.join(arrays)}")
    for name in arrays.keys() - {"signals"}:
        array = arrays[name]
        if array.dtype != np.int64 or array.shape != (len(labels),) or (array < 0).any():
            raise StoreError(f"{name} are {array.dtype} of shape {array.shape}; whole numbers ≥ 0")
    if not record.stored:
        return
    signals = arrays["signals"]
    if signals.dtype != np.float32 or signals.ndim != 3 or len(signals) != len(labels):
        raise StoreError(f"signals are {signals.dtype} of shape {signals.shape}")
    if not np.isfinite(signals).all():
        raise StoreError("signals hold NaN or infinite samples")
    windows = EcgWindows(
        signals=signals, labels=labels, patients=labels, sampling_rate=1.0, leads=(), classes=()
    )
    if synthetic_digest(windows) != record.synthetic:
        raise StoreError("these are not the windows that cell.json speaks of")


def _check_value(score: ScoreRecord) -> None:
    if (score.status == "ok") != (score.value is not None):
        raise StoreError(f"it ended as {score.status} with the value {score.value}")
    if score.value is None:
        if score.contributions is not None:
            raise StoreError(f"it ended as {score.status} with contributions")
        return
    if why := no_number(score.value, score.metric.bounds):
        raise StoreError(why)
    if score.contributions is None:
        return
    if len(score.contributions.people) > MAX_PEOPLE:
        raise StoreError(f"it is made of more than {MAX_PEOPLE} people")
    contributions(score.contributions, score.value)
