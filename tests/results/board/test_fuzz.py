"""Boards of records with anything in their schema: ``ECGBENCH_FUZZ_EXAMPLES`` is their number."""

from __future__ import annotations

import dataclasses
import io
import math
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import inspect
from rich.console import Console

from ecgbench.contracts.errors import UsageError
from ecgbench.harness.cli.compare import _board as compared_as_json
from ecgbench.results.board.board import boards
from ecgbench.results.board.compare import compare
from ecgbench.results.board.critical import DATASETS, critical
from ecgbench.results.exchange.provenance import ArchiveRecord, BroughtRecord
from ecgbench.results.render import FORMATS, render, write_boards
from ecgbench.results.render.compare import show_compared
from ecgbench.results.render.critical import show_critical
from ecgbench.results.render.terminal import show, summarise
from ecgbench.results.store.records import (
    CellRecord,
    ContributionsRecord,
    GeneratorRecord,
    MetricRecord,
    PlanRecord,
    ScoreRecord,
    digest_of,
    encode,
    seal_of,
)
from ecgbench.results.store.store import Store, write_record
from tests.results.conftest import Bench, installed
from tests.results.drawn import changed, of_type

if TYPE_CHECKING:
    from ecgbench.results.board.table import Board

EXAMPLES = int(os.environ.get("ECGBENCH_FUZZ_EXAMPLES", "60"))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A store of two competitors and a reference row, two seeds and five metrics.

    ``took-part`` is tested by the roles of people, ``one-term`` wants to be and cannot.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _: None)
        bench = Bench(Store(tmp_path_factory.mktemp("sound") / "store"))
        people = {seed: bench.by_person({p: p + seed / 9 for p in range(12)}) for seed in (0, 1)}
        both: dict[str, Any] = {
            "mmd": people,
            "auc": {0: 0.6, 1: 0.7},
            "trtr": {0: 0.5, 1: ("skipped", "no")},
            "took-part": {seed: took_part(seed, 3) for seed in (0, 1)},
            "one-term": {seed: took_part(seed, 1) for seed in (0, 1)},
        }
        folds = {"family": "privacy", "null": 0.5, "needs_both_folds": True}
        used = [
            bench.metric("auc", family="privacy", null=0.5, bounds=(0.0, 1.0)),
            bench.metric("trtr", family="utility", better="higher"),
            *(bench.metric(name, **folds) for name in ("took-part", "one-term")),
        ]
        bench.run({"a": both, "b": both, "real": both}, *used)
        return bench


def took_part(seed: int, terms: int, people: int = 12, scale: float = 1.0) -> ContributionsRecord:
    """Contributions of members, of unseen people, and the distance of each, or fewer or more terms."""
    ones = np.ones((people, terms))
    is_member = np.arange(people) % 2 == seed % 2
    numerators = scale * np.random.default_rng([seed, terms]).random((people, terms))
    ones[:, 0], ones[:, 1:2] = is_member, ~is_member[:, None]
    return ContributionsRecord(
        people=list(range(people)),
        numerators=(numerators * (ones > 0)).tolist(),
        denominators=ones.tolist(),
        coefficients=[1.0, *[0.0] * (terms - 1)],
        offset=0.0,
    )


@pytest.fixture
def copy(sound: Bench, tmp_path: Path) -> Store:
    shutil.copytree(sound.store.path, tmp_path / "store")
    return Store(tmp_path / "store")


def show_all(store: Store, sound: Bench) -> None:
    """Make every board, every rendering, and a comparison of each row with the next."""
    known = installed(metric for plan in sound.store.plans() for metric in plan.metrics)
    found = boards(store, known)
    assert found
    for form in FORMATS:
        assert render(found, form)
    console = Console(file=io.StringIO(), width=100)
    show(found, console)
    for board in found:
        for row in board.rows:
            for score in row.scores.values():
                numbers = (score.value, score.low, score.high, score.spread, score.p)
                assert all(x is None or math.isfinite(x) for x in numbers)
        for row, other in zip(board.rows, board.rows[1:], strict=False):
            for compared in compare(store, row.label, other.label, known)[0]:
                assert msgspec.json.encode(compared_as_json(compared))
        if len(board.rows) > 1:
            show_compared(compared, console)
        over_datasets(board, console)


def over_datasets(board: Board, console: Console) -> None:
    """Draw the critical differences over ten datasets with this board, for two competitors."""
    boards_of_all = [
        dataclasses.replace(
            board, dataset=msgspec.structs.replace(board.dataset, name=f"d{number}")
        )
        for number in range(DATASETS)
    ]
    try:
        diagrams = critical(boards_of_all)
    except UsageError:
        return  # submitted windows of one name, say, are one competitor
    for diagram in diagrams:
        show_critical(diagram, console)


def fuzz(examples: int = EXAMPLES) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )


@fuzz()
@given(data=st.data())
def test_a_board_is_made_whatever_a_score_says(sound: Bench, copy: Store, data: Any) -> None:
    names = sorted(copy.cell_names())
    for name in data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=3)):
        score = data.draw(st.sampled_from(sound.store.scores(name)))
        metric = data.draw(
            changed(score.metric, ("name", "version", "settings", "code", "from_file", "files"))
        )
        record = data.draw(
            changed(msgspec.structs.replace(score, metric=metric), ("metric", "cell"))
        )
        copy.score_file(name, score.metric).write_bytes(encode(record))
    show_all(copy, sound)


PEOPLE = st.one_of(st.integers(0, 13), st.sampled_from([-1, -(2**63), 2**63 - 1]))


@st.composite
def consistent(draw: st.DrawFn, value: float) -> ContributionsRecord:
    """Draw contributions of a value: of any people, terms and numbers."""
    people = sorted(draw(st.sets(PEOPLE, min_size=1, max_size=14)))
    terms = draw(st.integers(1, 4))
    number = st.sampled_from([0.0, 1.0, -1.0, 0.5, 1e-300, 1e50, -1e99, 7.0])
    weight = st.sampled_from([0.0, 1.0, 2.0, -1.0, 1e-300, 1e50])
    rows = st.lists(number, min_size=terms, max_size=terms)
    weights = st.lists(weight, min_size=terms, max_size=terms)
    record = ContributionsRecord(
        people=people,
        numerators=[draw(rows) for _ in people],
        denominators=[draw(weights) for _ in people],
        coefficients=draw(
            st.lists(st.sampled_from([0.0, 1.0, -0.5]), min_size=terms, max_size=terms)
        ),
        offset=0.0,
    )
    # numbers of any size: an infinite quotient is left out below
    with np.errstate(over="ignore"):
        made = _sum_of_terms(record)
    offset = float(value - made)
    return msgspec.structs.replace(record, offset=offset if math.isfinite(offset) else 0.0)


def _sum_of_terms(record: ContributionsRecord) -> Any:
    tops, bottoms = (np.sum(side, axis=0) for side in (record.numerators, record.denominators))
    return sum(
        c * (t / b if b else 0.0)
        for c, t, b in zip(record.coefficients, tops, bottoms, strict=True)
    )


@fuzz(EXAMPLES // 2)
@given(data=st.data())
def test_a_board_is_made_of_whatever_contributions_make_the_value(
    sound: Bench, copy: Store, data: Any
) -> None:
    names = sorted(copy.cell_names())
    for name in data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=6, unique=True)):
        for score in sound.store.scores(name):
            if score.value is None or not data.draw(st.booleans()):
                continue
            contributions = data.draw(st.none() | consistent(score.value))
            record = msgspec.structs.replace(score, contributions=contributions)
            copy.score_file(name, score.metric).write_bytes(encode(record))
    show_all(copy, sound)


@pytest.mark.parametrize(
    ("terms", "people"), [(1, 12), (2, 12), (3, 1), (3, 2), (3, 12), (3, 3000), (4, 12), (900, 12)]
)
def test_a_metric_of_both_folds_has_a_p_or_the_reason(
    sound: Bench, copy: Store, terms: int, people: int
) -> None:
    metric = next(m for m in sound.store.plans()[0].metrics if m.name == "took-part")
    for name in copy.cell_names():
        seed = int(name.rpartition("/")[2].split("-")[1])
        record = took_part(seed, terms, people)
        value = sum(row[0] for row in record.numerators) / max(
            1.0, sum(row[0] for row in record.denominators)
        )
        score = copy.score(name, metric)
        assert score is not None
        score = msgspec.structs.replace(score, value=value, contributions=record)
        copy.score_file(name, metric).write_bytes(encode(score))
    show_all(copy, sound)
    known = installed(metric for plan in sound.store.plans() for metric in plan.metrics)
    (board,) = boards(copy, known)
    for row in board.rows:
        shown = row.scores["took-part"]
        assert shown.value is not None
        if terms == 3 and people > 1:
            assert shown.p is not None
        else:
            assert shown.p is None
            assert any("no p: it" in note for note in shown.notes)


LARGE = ContributionsRecord(
    people=list(range(12)),
    numerators=[[1e308], [-1e308]] * 6,
    denominators=[[1.0]] * 12,
    coefficients=[1.0],
    offset=0.0,
)


@pytest.mark.parametrize(
    "fields",
    [
        {"value": 0.0, "contributions": LARGE},
        {"value": 1.7e308},
        {"value": 1e100},
        {"value": -1e99, "n": 2**63 + 5},
        {"n": -1},
        {
            "contributions": msgspec.structs.replace(
                LARGE, numerators=[[1e-300]] * 12, denominators=[[1e-300]] * 12
            )
        },
        {
            "contributions": msgspec.structs.replace(
                LARGE, numerators=[[1.0]] * 12, denominators=[[1e-320]] + [[0.0]] * 11
            )
        },
        {"contributions": msgspec.structs.replace(LARGE, people=list(range(2**63 - 12, 2**63)))},
        {"notes": ["x" * 10**5] * 99, "reason": "y" * 10**5},
        {"parts": {"a" * 99: 1.7e308}},
    ],
)
def test_a_board_is_made_of_sizes_that_overflow(
    sound: Bench, copy: Store, fields: dict[str, Any]
) -> None:
    for name in copy.cell_names():
        for score in sound.store.scores(name):
            record = msgspec.structs.replace(score, **fields)
            copy.score_file(name, score.metric).write_bytes(encode(record))
    show_all(copy, sound)
    known = installed(metric for plan in sound.store.plans() for metric in plan.metrics)
    found = boards(copy, known)
    assert write_boards(found, copy)
    summarise(found, Console(file=io.StringIO(), width=100))
    for board in found:
        assert len(render([board], "markdown")) < 10**6


@fuzz()
@given(data=st.data())
def test_a_board_is_made_whatever_a_cell_says(sound: Bench, copy: Store, data: Any) -> None:
    for name in data.draw(st.lists(st.sampled_from(sorted(copy.cell_names())), min_size=1)):
        record = sound.store.cell(name)
        assert record is not None
        (copy.folder(name) / "cell.json").write_bytes(encode(data.draw(changed(record, ("cell",)))))
    show_all(copy, sound)


@fuzz()
@given(data=st.data())
def test_a_board_of_ours_is_the_same_whatever_a_merged_plan_says(
    sound: Bench, copy: Store, data: Any
) -> None:
    (plan,) = sound.store.plans()
    lies = {
        "metrics": [data.draw(changed(each)) for each in plan.metrics],
        "generators": [data.draw(changed(each)) for each in plan.generators],
        "cells": data.draw(st.lists(st.one_of(*map(changed, plan.cells)), max_size=6)),
    }
    chosen = data.draw(st.sets(st.sampled_from(sorted(lies)), min_size=1))
    merge_plan(copy, msgspec.structs.replace(plan, **{name: lies[name] for name in chosen}))
    name = data.draw(st.sampled_from(sorted(copy.cell_names())))
    brought(copy, data.draw(changed(sound.store.scores(name)[0], ("metric", "cell"))), plan)
    known = installed(metric for each in sound.store.plans() for metric in each.metrics)
    (before,) = boards(sound.store, known)
    board = boards(copy, known)[0]
    told = [(row.label, row.ranks, row.left_out) for row in board.rows if row.counts]
    assert told == [(row.label, row.ranks, row.left_out) for row in before.rows]
    assert board.seeds == before.seeds
    show_all(copy, sound)


def merge_plan(store: Store, plan: PlanRecord) -> Path:
    folder = store.path / "provenance" / ("0" * 12)
    archive = ArchiveRecord(who="", when="", merged="", environment={}, archive="0" * 64)
    write_record(folder / "archive.json", archive)
    shutil.rmtree(folder / "plans", ignore_errors=True)
    write_record(folder / "plans" / plan.board_key / f"{digest_of(plan)}.json", plan)
    return folder


def brought(store: Store, score: ScoreRecord, plan: PlanRecord) -> None:
    """Write a score of a metric in no plan of ours, as a merge does."""
    metric = msgspec.structs.replace(plan.metrics[0], settings={"bins": 9})
    content = encode(msgspec.structs.replace(score, metric=metric))
    file = store.score_file(score.cell, metric)
    file.write_bytes(content)
    note = BroughtRecord(cell=score.cell, files={f"scores/{file.name}": seal_of(content)})
    write_record(store.path / "provenance" / ("0" * 12) / "cells" / f"{score.cell}.json", note)


@fuzz(EXAMPLES // 2)
@given(data=st.data())
def test_a_board_is_made_whatever_a_plan_of_ours_says(sound: Bench, copy: Store, data: Any) -> None:
    (plan,) = sound.store.plans()
    metrics = [data.draw(changed(each, ("name",))) for each in plan.metrics]
    generators = [data.draw(changed(each, ("name",))) for each in plan.generators]
    assert all(isinstance(each, MetricRecord) for each in metrics)
    assert all(isinstance(each, GeneratorRecord) for each in generators)
    lies = msgspec.structs.replace(plan, metrics=metrics, generators=generators)
    shutil.rmtree(copy.path / "plans")
    copy.write_plan(lies)
    show_all(copy, sound)


def test_every_record_of_a_board_is_drawn() -> None:
    for record in (CellRecord, ScoreRecord, PlanRecord):
        assert of_type(inspect.type_info(record)) is not None
    with pytest.raises(UsageError):
        compare(Store(Path("nothing")), "a", "b", installed([]))
