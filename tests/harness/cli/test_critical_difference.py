from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ecgbench.harness.planning.catalog import discover
from ecgbench.results.store.records import (
    CellId,
    CellRecord,
    DatasetRecord,
    GeneratorRecord,
    MetricRecord,
    PlannedCell,
    PlanRecord,
    PluginRecord,
    ScoreRecord,
)
from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    from tests.harness.cli.conftest import Command


def write(datasets: int, values: dict[str, float]) -> None:
    """A store of one run in this folder: these rows on so many datasets, the least being the best."""
    store = Store(Path("ecgbench-results"))
    plugin = {"version": 1, "settings": {}, "origin": "tests 1"}
    metric = MetricRecord(
        **plugin | {"version": discover().metric("mmd").version},  # type: ignore[arg-type]
        name="mmd",
        family="fidelity",
        better="lower",
        bounds=(None, None),
        ideal=None,
        ranked=True,
    )
    used = [DatasetRecord(**plugin, name=f"d{i}", digest=f"{i:016}") for i in range(datasets)]  # type: ignore[arg-type]
    planned = []
    for place, dataset in enumerate(used):
        for number, (name, value) in enumerate(values.items()):
            generator = PluginRecord(**plugin, name=name)  # type: ignore[arg-type]
            cell = CellId(dataset=dataset, generator=generator, seed=0, protocol=1)
            planned.append(PlannedCell(name=cell.name, dataset=place, generator=number, seed=0))
            store.write_cell(CellRecord(cell=cell, status="ok"))
            store.write_score(
                ScoreRecord(metric=metric, cell=cell.name, status="ok", value=value / 10)
            )
    store.write_plan(
        PlanRecord(
            protocol=1,
            study="quick",
            settings={},
            datasets=used,
            generators=[GeneratorRecord(**plugin, name=name, reference=False) for name in values],  # type: ignore[arg-type]
            metrics=[metric],
            cells=planned,
        )
    )


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)


def test_average_ranks_over_ten_datasets_are_shown_and_drawn(ecgbench: Command) -> None:
    write(10, {"gmm": 3.0, "kde": 1.0, "vae": 2.0})
    assert ecgbench("leaderboard", "--critical-difference") == 0
    lines = [line.split() for line in ecgbench.out.splitlines()]
    assert [line for line in lines if line and line[0] in {"gmm", "kde", "vae"}] == [
        ["kde", "1.00", "a"],
        ["vae", "2.00", "ab"],
        ["gmm", "3.00", "b"],
    ]
    assert (
        "F(2, 18) = inf, p = 0. Nemenyi: average ranks that are 1.05 or more apart" in ecgbench.out
    )
    (line,) = [line for line in ecgbench.out.splitlines() if line.startswith("written: ")]
    assert Path(line.removeprefix("written: ")).read_bytes().startswith(b"\x89PNG")


def test_equal_competitors_share_a_letter_and_the_reason_is_said(ecgbench: Command) -> None:
    write(10, {"gmm": 1.0, "kde": 1.0})
    assert ecgbench("leaderboard", "--critical-difference") == 0
    assert "all may be equal, so none are told apart" in ecgbench.out


def test_with_nine_datasets_it_says_how_many_there_are_and_are_needed(ecgbench: Command) -> None:
    write(9, {"gmm": 3.0, "kde": 1.0})
    assert ecgbench("leaderboard", "--critical-difference") == 2
    assert "needs 10 datasets or more" in ecgbench.err
    assert "study quick has 9 datasets" in ecgbench.err
    assert not list(ecgbench.folder.rglob("*.png"))


@pytest.mark.parametrize("other", [("--dataset", "d0"), ("--format", "json")])
def test_it_is_over_all_datasets_in_the_terminal(ecgbench: Command, other: tuple[str, str]) -> None:
    write(10, {"gmm": 3.0, "kde": 1.0})
    assert ecgbench("leaderboard", "--critical-difference", *other) == 2
    assert "leave out --dataset and --format" in ecgbench.err
