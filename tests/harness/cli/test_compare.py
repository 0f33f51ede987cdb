from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from ecgbench.harness.cli import main
from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    from tests.harness.cli.conftest import Command

STORE = Path("ecgbench-results")


def flags(stubs: Path) -> tuple[str, ...]:
    """Of a run of ``jitter`` and the reference rows."""
    plugins = ("--plugin", str(stubs), "--datasets", "tiny", "--generators", "jitter")
    return (*plugins, "--metrics", "peak,never")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store, made once."""
    store = tmp_path_factory.mktemp("made") / "store"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECGBENCH_CACHE_DIR", str(store.with_name("cache")))
        stubs = Path(__file__).with_name("stubs.py")
        assert main(["run", *flags(stubs), "--store", str(store)]) == 0
    return store


@pytest.fixture
def done(made: Path, ecgbench: Command) -> Command:
    """The command where such a run has ended."""
    shutil.copytree(made, STORE)
    return ecgbench


def compared(ecgbench: Command, *arguments: str) -> dict[str, Any]:
    assert ecgbench("compare", *arguments, "--json") == 0
    found: dict[str, Any] = json.loads(ecgbench.out)
    return found


def write(store: Store, row: str, metric: str, **fields: Any) -> None:
    """Change the scores of a row by a metric."""
    (plan,) = store.plans()
    (record,) = [each for each in plan.metrics if each.name == metric]
    for cell in store.cell_names():
        if cell.startswith(f"tiny/{row}/"):
            score = store.score(cell, record)
            assert score is not None
            store.write_score(msgspec.structs.replace(score, **fields))


def test_the_table_has_each_metric_family_and_overall(done: Command) -> None:
    assert done("compare", "jitter", "gaussian-noise") == 0
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    heading = lines.index("metric jitter noise difference effect p")
    assert lines[heading - 1] == "gaussian-"
    metric = next(place for place, line in enumerate(lines) if line.startswith("peak ↓"))
    assert lines[metric + 1].startswith("gaussian-noise better [")
    for family in ("fidelity", "overall"):
        assert f"{family} – 1 – – – gaussian-noise better" in lines
    assert any("corrected for 1 metrics (Holm)" in line for line in lines)
    assert "With one seed a fold, the noise of training is unknown" in done.out
    assert "skipped: never (all rows): it never [red]applies[/red]" in done.out


def test_json_holds_what_is_documented(done: Command) -> None:
    found = compared(done, "jitter", "copy")
    assert list(found) == ["schema", "a", "b", "boards", "lacking"]
    assert (found["schema"], found["a"], found["b"]) == (1, "jitter", "copy")
    (board,) = found["boards"]
    (ranked,) = done.boards
    same = ("dataset", "data", "study", "settings", "seeds", "people")
    assert list(board) == [*same, "merged", "compared", "metrics", "families", "overall", "notes"]
    assert board["notes"] == []
    assert {key: board[key] for key in same} == {key: ranked[key] for key in same}
    assert board["compared"] == 1
    (row,) = [row for row in ranked["rows"] if row["generator"] == "jitter"]
    peak = board["metrics"]["peak"]
    assert peak["a"] | {"rank": 1} == row["scores"]["peak"]
    assert peak["difference"] == pytest.approx(peak["a"]["value"] - peak["b"]["value"])
    # what the synthetic windows add to this metric is the same for all people
    assert peak["low"] == pytest.approx(peak["difference"]) == peak["high"]
    assert peak["p"] == 0
    assert 0 < peak["effect"] < 1
    assert peak["verdict"] == "A better"
    assert board["metrics"]["never"]["verdict"] is None
    assert board["families"] == {"fidelity": board["overall"]}
    assert board["overall"]["counts"] == {peak["verdict"]: 1}


def test_each_board_that_has_both_is_a_table_and_the_others_are_named(done: Command) -> None:
    more = ("run", *flags(done.stubs))
    assert done(*more, "--windows", "200") == 0
    assert done(*more, "--study", "smoke", "--no-references") == 0
    found = compared(done, "jitter", "copy")
    assert [board["settings"] for board in found["boards"]] == [{}, {"windows": 200}]
    assert found["lacking"] == ["tiny · study smoke has no row 'copy'"]
    assert done("compare", "jitter", "copy") == 0
    assert done.out.count("tiny · study quick") == 2
    assert "a subsample of 200 windows" in done.out
    assert "tiny · study smoke has no row 'copy'" in done.out
    assert (
        compared(done, "jitter", "copy", "--study", "quick", "--dataset", "tiny")["lacking"] == []
    )


def test_a_failed_score_is_told_by_the_table_and_the_exit_code(done: Command) -> None:
    write(Store(STORE), "jitter", "peak", status="failed", reason="no [red]memory")
    assert done("compare", "jitter", "copy") == 1
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert "fidelity – – – – 1 not tested" in lines
    assert any(line.startswith("peak ↓ failed") for line in lines)
    assert "failed: peak (jitter): no [red]memory" in done.out
    assert done("compare", "real", "copy") == 0


def test_a_score_of_some_seeds_only_is_told(done: Command) -> None:
    store = Store(STORE)
    (cell,) = [name for name in store.cell_names() if name.startswith("tiny/jitter/seed-1")]
    (file,) = (store.folder(cell) / "scores").glob("peak-*")
    file.unlink()
    assert done("compare", "jitter", "copy") == 0
    assert "(1 of 2 seeds)" in done.out
    assert "todo: peak (jitter): seed 1: not scored yet" in done.out


def test_what_is_better_and_lacks_a_value_is_open(done: Command) -> None:
    write(Store(STORE), "copy", "never", status="ok", value=1.0, reason="")
    assert done("compare", "jitter", "copy") == 0
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert "fidelity 1 – – – – jitter better" in lines
    assert "overall 1 – – – 1 open" in lines
    assert "Open: better, but without a value where the other has one." in done.out


def test_without_an_error_nothing_is_tested(done: Command) -> None:
    for row in ("jitter", "copy"):
        write(Store(STORE), row, "peak", contributions=None)
    assert done("compare", "jitter", "copy") == 0
    assert "Not tested: there is neither an interval over people nor" in done.out


def test_the_nearest_row_dataset_and_study_are_suggested(done: Command) -> None:
    assert done("compare", "jiter", "copy") == 2
    assert "has no row 'jiter'; did you mean 'jitter'?" in done.err
    assert done("compare", "jitter", "copy", "--dataset", "tinny") == 2
    assert "did you mean 'tiny'?" in done.err
    assert done("compare", "jitter", "copy", "--study", "quik") == 2
    assert "did you mean 'quick'?" in done.err
    assert done("compare", "jitter") == 2
    assert "Missing argument 'B'" in done.err


def test_an_empty_store_is_said(ecgbench: Command) -> None:
    assert ecgbench("compare", "jitter", "copy") == 2
    assert "holds no results; ecgbench run makes some" in ecgbench.err


def test_nothing_is_cut_from_a_narrow_terminal(
    done: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert done("compare", "jitter", "gaussian-noise") == 0
    assert "…" not in done.out
    assert "gaussian-noise better" in done.out
    assert max(map(len, done.out.splitlines())) <= 80


def test_it_reads_only(done: Command) -> None:
    before = {file: file.stat().st_mtime_ns for file in STORE.rglob("*")}
    assert done("compare", "jitter", "copy") == 0
    assert {file: file.stat().st_mtime_ns for file in STORE.rglob("*")} == before
