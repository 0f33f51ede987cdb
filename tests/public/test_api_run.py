"""`ecgbench.run` and `ecgbench.score`: the command's numbers, errors, messages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import ecgbench
from ecgbench import CellEnded, CellProgress, CellStarted, EcgbenchError, Reading, ScoreEnded
from ecgbench.contracts.errors import ConfigError, UsageError
from ecgbench.harness.cli import main
from ecgbench.results.render.json import to_json

if TYPE_CHECKING:
    from tests.public.conftest import Small

STUBS = Path(__file__).parents[1] / "harness" / "cli" / "stubs.py"
PLUGIN: dict[str, Any] = {"plugins": [STUBS]}


def test_a_run_tells_how_each_cell_ended(small: Small) -> None:
    outcome = small.outcome
    assert outcome.ok
    assert outcome.counts == {"done": 4}
    assert [cell.seed for cell in outcome.cells] == [0, 1, 2, 3]
    frame = outcome.to_frame()
    assert list(frame.columns) == ["cell", "dataset", "generator", "seed", "state", "reason"]
    assert set(frame["state"]) == {"done"}
    assert "4 cells, 4 done" in str(outcome)


@pytest.mark.slow
def test_the_api_and_the_command_find_the_same_numbers(
    small: Small, alone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--plugin", str(STUBS), "--no-references", "--datasets", "tiny", "--seeds", "0-3"]
    flags += ["--generators", "jitter", "--metrics", "peak,never"]
    assert main(["run", *flags]) == 0
    capsys.readouterr()
    assert main(["leaderboard", "--format", "json", "--plugin", str(STUBS)]) == 0
    theirs = json.loads(capsys.readouterr().out)
    assert json.loads(to_json([*small.outcome.boards])) == theirs
    tables = sorted(path.name for path in small.outcome.written)
    assert tables == sorted(path.name for path in Path("ecgbench-results/board").iterdir())


def test_the_messages_of_a_run_are_typed_and_have_a_text(small: Small) -> None:
    messages = small.messages
    assert isinstance(messages[0], Reading)
    assert str(messages[0]) == "reading tiny …"
    started = [m for m in messages if isinstance(m, CellStarted)]
    ended = [m for m in messages if isinstance(m, CellEnded)]
    assert len(started) == len(ended) == 4
    assert {m.state for m in ended} == {"done"}
    scores = [m for m in messages if isinstance(m, ScoreEnded)]
    assert {(m.metric, m.status) for m in scores} == {("peak", "ok"), ("never", "skipped")}
    assert all((m.value is None) == (m.status != "ok") for m in scores)
    steps = [m.progress for m in messages if isinstance(m, CellProgress) and m.progress.step]
    assert {(p.stage, p.total) for p in steps} == {("fit", 10)}
    assert all(str(message) for message in messages)


@pytest.mark.slow
def test_a_finished_run_does_nothing_again_and_prints_nothing(
    small: Small, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(small.folder)
    monkeypatch.setenv("ECGBENCH_CACHE_DIR", str(small.folder / "cache"))
    messages: list[Any] = []
    again = ecgbench.run(
        "jitter",
        "tiny",
        "peak,never",
        range(4),
        references=False,
        store="store",
        on_progress=messages.append,
        **PLUGIN,
    )
    assert again.counts == {"done": 4}
    assert not [m for m in messages if isinstance(m, CellStarted)]
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_a_dry_run_plans_and_starts_nothing(alone: Path) -> None:
    planned = ecgbench.run("jitter", "tiny", seeds=[0, 1], references=False, dry_run=True, **PLUGIN)
    assert planned.counts == {"todo": 2}
    assert planned.boards == []
    assert not Path("ecgbench-results", "cells").exists()


@pytest.mark.slow
def test_a_failure_is_told_with_its_reason_and_raises_nothing(alone: Path) -> None:
    outcome = ecgbench.run(
        "jitter",
        "tiny",
        "peak",
        [1],
        settings={"generator.jitter.fail_on_odd_seeds": True},
        references=False,
        **PLUGIN,
    )
    assert not outcome.ok
    (cell,) = outcome.failed
    assert "odd [bold]seeds[/bold] are not for me" in cell.reason
    assert "odd [bold]seeds" in outcome._repr_html_()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"generators": ["jiter"]}, "did you mean 'jitter'"),
        ({"metrics": "peek"}, "did you mean 'peak'"),
        ({"datasets": ["tidy"]}, "did you mean 'tiny'"),
        ({"study": "quik"}, "did you mean 'quick'"),
        ({"seeds": [-1]}, "seeds"),
        ({"seeds": ["zero"]}, "whole numbers are wanted"),
        ({"seeds": 0.5}, "whole numbers are wanted"),
        ({"windows": 3}, "windows"),
        ({"windows": [30, 40]}, r"windows = \[30, 40\]: a whole number"),
        ({"generators": 3}, "generators = 3: names are wanted"),
        ({"metrics": [None]}, "metrics = .*: names are wanted"),
        ({"device": "gpu"}, "device = 'gpu'"),
        ({"threads": -1}, "threads = -1: a whole number from 1"),
        ({"jobs": "2"}, "jobs = '2': a whole number from 1"),
        ({"jobs": 0}, "jobs = 0"),
        ({"timeout": float("nan")}, "timeout = nan: a number of seconds above 0"),
        ({"memory": "2GB"}, "memory = '2GB': a whole number of bytes"),
        ({"scheduler": 3}, "scheduler = 3: an address"),
        ({"results": "stores"}, "results = 'stores': 'wire' or 'store'"),
        ({"settings": "generator.jitter.sigma=1"}, "a dict is wanted"),
        ({"store": 3}, "store = 3: a path is wanted"),
        ({"data_dir": 3}, "data_dir = 3: a path is wanted"),
        ({"plugins": None}, "plugins = None: paths"),
        ({"on_progress": "print"}, "on_progress = 'print': a function"),
        ({"settings": {"generator.jitter.sigm": 1}}, "did you mean 'sigma'"),
        ({"settings": {"generator.jitter.sigma": "much"}}, "sigma = 'much'"),
        ({"settings": {"jitter.sigma": 1}}, "not of the form KIND.NAME.SETTING"),
        ({"data_dir": "nowhere"}, "there is no such folder"),
        ({"plugins": ["nowhere.py"]}, "there is no such file"),
        ({"threads": 2, "jobs": 10_000}, "--jobs"),
    ],
)
def test_a_mistake_is_an_error_with_the_way_out(
    alone: Path, arguments: dict[str, Any], said: str
) -> None:
    plain: dict[str, Any] = {"generators": "jitter", "datasets": "tiny", **PLUGIN}
    with pytest.raises(EcgbenchError, match=said):
        ecgbench.run(**plain | arguments, dry_run=True)


def test_settings_take_typed_values_and_numpy_seeds(alone: Path) -> None:
    planned = ecgbench.run(
        "jitter",
        "tiny",
        seeds=np.arange(2),
        settings={"generator.jitter.sigma": 0.25, "dataset.tiny.windows": 200},
        references=False,
        dry_run=True,
        **PLUGIN,
    )
    assert planned.study.generator == {"jitter": {"sigma": 0.25}}
    assert planned.study.seeds == (0, 1)


@pytest.mark.slow
def test_a_script_needs_no_guard(alone: Path) -> None:
    script = alone / "script.py"
    script.write_text(
        "import ecgbench\n"
        f"outcome = ecgbench.run('jitter', 'tiny', 'peak', [0], references=False, plugins=[{str(STUBS)!r}])\n"
        "print(outcome.counts)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "{'done': 1}\n", "")


def drawn() -> tuple[Any, Any]:
    parts = ecgbench.splits("tiny", 0, **PLUGIN)
    labels = parts.fresh.labels
    rows = [np.flatnonzero(parts.train.labels == label)[0] for label in labels]
    return parts.train.signals[rows], labels


@pytest.mark.slow
def test_arrays_windows_and_a_file_get_the_same_score(alone: Path) -> None:
    signals, labels = drawn()
    windows = ecgbench.splits("tiny", 0, **PLUGIN).train.synthetic(signals, labels)
    np.savez("mine.npz", signals=signals, labels=labels)
    more: dict[str, Any] = {"dataset": "tiny", "seed": 0, "metrics": "peak", "references": False}
    values = []
    given: dict[str, tuple[Any, Any]] = {
        "arrays": (signals, labels),
        "windows": (windows, None),
        "file": (Path("mine.npz"), None),
    }
    for name, (what, of) in given.items():
        outcome = ecgbench.score(what, of, name=name, **more, **PLUGIN)
        assert outcome.ok
        rows = {row.label: row for row in outcome.boards[0].rows}
        assert rows[name].generator.submitted
        values.append(rows[name].scores["peak"].value)
    assert len(set(values)) == 1
    flags = ["--dataset", "tiny", "--seed", "0", "--metrics", "peak", "--no-references"]
    assert main(["score", "mine.npz", "--name", "command", *flags, "--plugin", str(STUBS)]) == 0
    (board,) = ecgbench.boards(**PLUGIN)
    rows = {row.label: row for row in board.rows}
    assert rows["command"].scores["peak"].value == values[0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": None}, "arrays need labels"),
        ({"name": "Mine"}, "lower-case letters"),
        ({"name": 3}, "name = 3: one name"),
        ({"dataset": ["tiny"]}, "dataset = .*: one name"),
        (
            {"windows": np.ma.masked_equal(np.zeros((3, 1, 16)), 0)},
            "windows: some values are masked",
        ),
        ({"name": "jitter"}, "is a generator plugin's name"),
        ({"dataset": None}, "does not say on which split"),
        ({"windows": np.zeros((3, 1, 16))}, "windows: signals have 3 windows"),
        ({"windows": [[1.0], [1.0, 2.0]]}, "windows is no array"),
        ({"windows": "mine.npz"}, "labels belong to arrays"),
        ({"windows": "nothing.npz", "labels": None}, "nothing.npz: there is no such file"),
    ],
)
def test_a_wrong_submission_is_an_error_with_the_way_out(
    alone: Path, changes: dict[str, Any], said: str
) -> None:
    plain: dict[str, Any] = {"windows": np.zeros((3, 1, 16)), "labels": np.zeros(3, dtype=int)}
    plain |= {"name": "mine", "dataset": "tiny", "seed": 0, **PLUGIN}
    given = plain | changes
    with pytest.raises(UsageError, match=said):
        ecgbench.score(given.pop("windows"), given.pop("labels"), **given)


def test_each_part_of_a_split_tells_of_its_own_people_alone() -> None:
    parts = ecgbench.splits("ecgsyn", seed=0, study="smoke")
    for part in (parts.train, parts.control, parts.auxiliary, parts.fresh, parts.test):
        assert part.attributes is not None
        assert set(part.attributes) == set(part.patients.tolist())


def test_splits_are_those_that_the_command_writes(alone: Path) -> None:
    parts = ecgbench.splits("tiny", 3, windows=200, **PLUGIN)
    flags = ["--seed", "3", "--windows", "200", "--plugin", str(STUBS)]
    assert main(["split", "tiny", "--out", "made", *flags]) == 0
    with np.load("made/train.npz") as train, np.load("made/draw.npz") as draw:
        assert np.array_equal(train["signals"], parts.train.signals)
        assert np.array_equal(train["patients"], parts.train.patients)
        assert np.array_equal(draw["labels"], parts.fresh.labels)
    assert parts.fold == 1


def test_a_setting_of_another_form_is_a_config_error(alone: Path) -> None:
    with pytest.raises(ConfigError, match=r"for example generator\.timegan\.hidden"):
        ecgbench.splits("tiny", settings={"patients": 3}, **PLUGIN)
