from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ecgbench.harness.isolation.streams import UnwritableError

if TYPE_CHECKING:
    from tests.harness.cli.conftest import Command


def test_a_run_ends_with_the_board_and_the_paths_of_the_tables(ecgbench: Command) -> None:
    assert ecgbench.tiny() == 0
    assert "plan study quick: 1 dataset × 1 generator × 2 seeds = 2 cells" in ecgbench.out
    assert "peak ↓" in ecgbench.out
    assert "written: ecgbench-results/board/tiny.{md,csv,json,tex}" in ecgbench.out
    for suffix in ("md", "csv", "json", "tex"):
        assert Path(f"ecgbench-results/board/tiny.{suffix}").stat().st_size > 100


def test_reference_rows_are_added_unless_told_otherwise(ecgbench: Command) -> None:
    flags = (
        "--plugin",
        ecgbench.stubs,
        "--datasets",
        "tiny",
        "--generators",
        "jitter",
        "--metrics",
        "peak",
    )
    assert ecgbench("run", *flags, "--seeds", "0") == 0
    rows = {row["generator"]: row["reference"] for row in ecgbench.boards[0]["rows"]}
    assert rows == {
        "jitter": False,
        "real": True,
        "copy": True,
        "noisy-copy": True,
        "gaussian-noise": True,
    }
    assert ecgbench("run", *flags, "--seeds", "0", "--no-references", "--store", "other") == 0
    assert "noisy-copy" not in ecgbench.out


def test_a_second_identical_run_computes_nothing(
    ecgbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUB_FITS", str(Path("fits.txt").absolute()))
    monkeypatch.setenv("STUB_SCORES", "scores.txt")
    first = ecgbench.start("run", *ecgbench.flags, "--metrics", "peak,never")
    first.communicate(timeout=60)
    assert first.returncode == 0
    before = {p: p.stat().st_mtime_ns for p in Path("ecgbench-results/cells").rglob("*")}
    assert Path("fits.txt").read_text().split() == ["0", "1"]
    second = ecgbench.start("run", *ecgbench.flags, "--metrics", "peak,never")
    out, _ = second.communicate(timeout=60)
    assert second.returncode == 0
    assert "2 done; 0 scores to compute" in out
    assert before == {p: p.stat().st_mtime_ns for p in Path("ecgbench-results/cells").rglob("*")}
    assert Path("fits.txt").read_text().split() == ["0", "1"]
    assert Path("scores.txt").read_text().split() == ["0", "1"]


def test_a_new_metric_is_scored_on_the_finished_cells(ecgbench: Command) -> None:
    assert ecgbench("run", *ecgbench.flags, "--metrics", "never") == 0
    cells = {p: p.stat().st_mtime_ns for p in Path().rglob("cell.json")}
    assert ecgbench("run", *ecgbench.flags, "--metrics", "never,peak") == 0
    assert "todo (1 scores)" in ecgbench.out
    assert cells == {p: p.stat().st_mtime_ns for p in Path().rglob("cell.json")}


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_an_interrupted_run_goes_on_where_it_was(
    ecgbench: Command, monkeypatch: pytest.MonkeyPatch, sent: signal.Signals, code: int
) -> None:
    monkeypatch.setenv("STUB_FITS", str(Path("fits.txt").absolute()))
    slow = (
        "run",
        *ecgbench.flags,
        "--metrics",
        "peak,never",
        "--set",
        "generator.jitter.seconds=3",
    )
    first = ecgbench.start(*slow)
    deadline = time.monotonic() + 60
    scores = Path("ecgbench-results", "cells", "tiny", "jitter")
    while not list(scores.glob("*/scores/peak-*.json")):  # rglob fails on folders that go meanwhile
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.5)
    os.killpg(first.pid, sent) if sent == signal.SIGINT else first.kill()
    _, err = first.communicate(timeout=20)
    assert first.returncode == code
    if sent == signal.SIGINT:
        assert "interrupted; finished work is kept" in err
        assert "Traceback" not in err
    second = ecgbench.start(*slow)
    out, err = second.communicate(timeout=60)
    assert second.returncode == 0, out + err
    assert "1 done, 1 todo" in out
    assert Path("fits.txt").read_text().split() == ["0", "1"]


def test_dry_run_prints_the_plan_and_stops(ecgbench: Command) -> None:
    assert ecgbench.tiny("--dry-run") == 0
    assert "2 todo; 4 scores to compute" in ecgbench.out
    assert not Path("ecgbench-results").exists()


def test_a_plan_of_many_seeds_is_counted_by_row(ecgbench: Command) -> None:
    assert ecgbench.tiny("--seeds", "0-3") == 0
    assert ecgbench.tiny("--seeds", "0-99", "--threads", "1", "--dry-run") == 0
    lines = [line.split() for line in ecgbench.out.splitlines()]
    assert ["dataset", "generator", "cells"] in lines
    assert ["tiny", "jitter", "done", "4,", "todo", "96"] in lines
    assert "4 done, 96 todo; 192 scores to compute" in ecgbench.out
    assert "cpu, 1 job, 1 thread each" in ecgbench.out


def test_a_failed_cell_is_exit_code_1_and_visible_and_others_go_on(ecgbench: Command) -> None:
    failing = ("--set", "generator.jitter.fail_on_odd_seeds=true")
    assert ecgbench.tiny(*failing) == 1
    assert "odd [bold]seeds[/bold] are not for me" in ecgbench.out
    score = ecgbench.boards[0]["rows"][0]["scores"]["peak"]
    assert score["status"] == "failed"
    assert "odd [bold]seeds[/bold] are not for me" in score["reason"]
    assert score["seeds"] == [0]
    assert ecgbench.tiny(*failing) == 1
    assert "1 done, 1 failed; 0 scores to compute" in ecgbench.out
    assert ecgbench.tiny(*failing, "--retry-failed", "--dry-run") == 0
    assert "1 done, 1 todo" in ecgbench.out


def test_a_skipped_score_is_no_failure_and_shows_its_reason(ecgbench: Command) -> None:
    assert ecgbench.tiny() == 0
    assert ecgbench("leaderboard", "--all") == 0
    assert "it never [red]applies[/red]" in ecgbench.out


def test_a_run_ends_in_a_summary_and_names_the_way_to_all_columns(
    ecgbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert ecgbench.tiny("--seeds", "0", "--store", "my store") == 0
    assert "No ranks: they need two competitors" in ecgbench.out
    assert "ecgbench leaderboard --all --store 'my store'" in ecgbench.out
    assert ecgbench.tiny("--seeds", "0") == 0
    assert (
        ecgbench.out.count("All metrics, with intervals and notes: ecgbench leaderboard --all\n")
        == 1
    )


def test_the_plan_names_the_cells_that_train_what_all_share(ecgbench: Command) -> None:
    more = ("--generators", "jitter,gmm", "--dry-run")
    assert ecgbench.tiny("--dry-run") == 0
    assert "takes longer" not in ecgbench.out
    assert ecgbench("run", *ecgbench.flags, "--metrics", "peak", *more) == 0
    assert "The first cell of each dataset and seed takes longer" in ecgbench.out


def test_a_smoke_study_runs_several_jobs_of_one_thread(
    ecgbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecgbench.harness.api.machine.cores", lambda: 3)
    assert ecgbench.tiny("--dry-run", "--study", "smoke") == 0
    assert "cpu, 3 jobs, 1 thread each" in ecgbench.out
    assert ecgbench.tiny("--dry-run", "--study", "smoke", "--threads", "2") == 0
    assert "cpu, 1 job, 2 threads each" in ecgbench.out
    assert ecgbench.tiny("--dry-run") == 0
    assert "cpu, 1 job, 3 threads each" in ecgbench.out


def test_boards_never_mix_unlike_settings(ecgbench: Command) -> None:
    assert ecgbench.tiny("--seeds", "0") == 0
    assert ecgbench.tiny("--seeds", "1", "--set", "dataset.tiny.patients=8") == 0
    boards = ecgbench.boards
    assert [board["seeds"] for board in boards] in ([[0], [1]], [[1], [0]])
    assert {json.dumps(board["settings"]) for board in boards} == {
        "{}",
        '{"dataset.tiny.patients": 8}',
    }


def test_unlike_settings_of_a_generator_are_rows_of_one_board(ecgbench: Command) -> None:
    assert ecgbench.tiny("--seeds", "0") == 0
    assert ecgbench.tiny("--seeds", "0", "--set", "generator.jitter.sigma=0.3") == 0
    (board,) = ecgbench.boards
    assert {row["generator"] for row in board["rows"]} == {"jitter", "jitter:sigma=0.3"}
    assert board["settings"] == {}


def test_the_resolved_study_is_stored_with_every_cell(ecgbench: Command, tmp_path: Path) -> None:
    study = tmp_path / "mine.toml"
    study.write_text(
        'datasets = ["tiny"]\ngenerators = ["jitter"]\nmetrics = ["peak"]\nseeds = [4]\n'
        "references = false\n[generator.jitter]\nsigma = 0.25\n[dataset.tiny]\npatients = 8\n"
    )
    assert ecgbench("run", "--study", study, "--plugin", ecgbench.stubs) == 0
    (record,) = [json.loads(p.read_text()) for p in Path().rglob("cell.json")]
    assert record["study"]["name"] == "mine"
    assert record["study"]["generator"] == {"jitter": {"sigma": 0.25}}
    assert record["cell"]["generator"]["settings"]["sigma"] == 0.25
    assert record["cell"]["dataset"]["settings"]["patients"] == 8
    assert record["cell"]["seed"] == 4


def test_without_datasets_the_embedded_ones_are_used_and_the_plan_says_so(
    ecgbench: Command,
) -> None:
    flags = ("--generators", "pca-gaussian", "--metrics", "mmd", "--study", "smoke", "--dry-run")
    assert ecgbench("run", *flags) == 0
    assert "embedded ones are used: ecgsyn, mitdb-208" in ecgbench.out
    assert "ecgbench fetch mitdb" in ecgbench.out


def test_device_cuda_where_there_is_none_is_said(ecgbench: Command) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is one")
    assert ecgbench.tiny("--device", "cuda") == 2
    assert "torch finds no CUDA device here; use --device cpu" in ecgbench.err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--generators", "timgan"), "no generator is called 'timgan'; did you mean 'timegan'?"),
        (("--datasets", "mitbd"), "no dataset is called 'mitbd'; did you mean 'mitdb'?"),
        (("--metrics", "mdd"), "no metric is called 'mdd'; did you mean 'mmd'?"),
        (("--study", "quik"), "did you mean 'quick'?"),
        (
            ("--set", "generator.timegan.hiden=3"),
            "generator timegan has no setting 'hiden'; did you mean 'hidden'?",
        ),
        (("--set", "generator.timegan.hidden=many"), "generator timegan: hidden = 'many'"),
        (("--set", "timegan.hidden=3"), "KIND.NAME.SETTING=VALUE"),
        (("--seeds", "one"), "'one' is no seed; for example 0,1 or 0-5"),
        (("--plugin", "nowhere.py"), "there is no such file"),
    ],
)
def test_a_mistake_is_exit_code_2_and_one_line_that_helps(
    ecgbench: Command, flags: tuple[str, ...], message: str
) -> None:
    assert ecgbench("run", *flags) == 2
    assert message in ecgbench.err
    assert "Traceback" not in ecgbench.err


def test_an_unknown_command_is_suggested(ecgbench: Command) -> None:
    assert ecgbench("leaderbord") == 2
    assert "did you mean 'leaderboard'?" in ecgbench.err


def test_an_unwritable_store_is_said(ecgbench: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert ecgbench.tiny("--store", tmp_path / "file" / "store") == 2
    assert "Traceback" not in ecgbench.err


@pytest.mark.long
def test_two_runs_on_one_store_share_the_work(
    ecgbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUB_FITS", str(Path("fits.txt").absolute()))
    flags = ("run", *ecgbench.flags, "--metrics", "peak", "--seeds", "0-3")
    flags += ("--set", "generator.jitter.seconds=0.5")
    both = [ecgbench.start(*flags) for _ in range(2)]
    outs = [process.communicate(timeout=90) for process in both]
    assert [process.returncode for process in both] == [0, 0], outs
    assert sorted(Path("fits.txt").read_text().split()) == ["0", "1", "2", "3"]


@pytest.mark.slow
def test_fresh_computes_again_what_other_code_of_the_same_version_made(
    ecgbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A distribution that was edited where it is installed, at the same version."""
    library = Path("library").resolve()
    package, facts = library / "acme_ecg", library / "acme_ecg-1.0.dist-info"
    for folder in (package, facts):
        folder.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-ecg\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[ecgbench]\nacme = acme_ecg.plugin\n")
    (package / "__init__.py").touch()
    (package / "plugin.py").write_text(
        "from ecgbench import MetricSpec, hookimpl\n"
        "@hookimpl\n"
        "def ecgbench_metrics():\n"
        "    return [MetricSpec(name=name, target=f'acme_ecg.{name}:f', summary='x', "
        "family='fidelity', better='lower') for name in ('one', 'two')]\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(library), prepend=os.pathsep)
    monkeypatch.setenv("STUB_FITS", str(Path("fits.txt").absolute()))

    def run(*flags: str, one: float) -> tuple[str, list[float]]:
        (package / "one.py").write_text(f"def f(comparison, config): return {one}\n")
        (package / "two.py").write_text("def f(comparison, config): return 5.0\n")
        command = (*ecgbench.flags, "--seeds", "0", "--metrics", "one,two", *flags)
        started = ecgbench.start("run", *command)
        out, err = started.communicate(timeout=120)
        assert started.returncode == 0, err
        scores = ecgbench.boards[0]["rows"][0]["scores"]
        return out, [scores[name]["value"] for name in ("one", "two")]

    says = "metric one, version 1: stored results were made by other code"
    out, values = run(one=1.0)
    assert (says in out, values) == (False, [1.0, 5.0])
    out, values = run(one=2.0)
    assert f"{says}; --fresh computes them again" in out
    assert "1 done; 0 scores to compute" in out
    assert values == [1.0, 5.0]
    out, values = run("--fresh", one=2.0)
    assert f"{says}; they are computed again" in out
    assert "1 todo; 1 scores to compute" in out
    assert values == [2.0, 5.0]
    out, values = run("--fresh", one=2.0)
    assert (says in out, values) == (False, [2.0, 5.0])
    assert Path("fits.txt").read_text().split() == ["0"]


def test_the_tables_are_written_though_the_terminal_fails(
    ecgbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise UnwritableError("output", "it has gone")

    monkeypatch.setattr("ecgbench.harness.cli.report.summarise", fail)
    assert ecgbench.tiny("--seeds", "0") == 2
    assert ecgbench.err.endswith("standard output: it has gone; finished work is kept\n")
    assert Path("ecgbench-results/board/tiny.json").exists()


@pytest.mark.parametrize("seeds", ["0-99999999999", "2147483648", "9" * 40, "0-", "²"])
def test_seeds_that_cannot_be_are_refused_before_anything_is_made_of_them(
    ecgbench: Command, seeds: str
) -> None:
    assert ecgbench.tiny("--seeds", seeds) == 2
    assert "Invalid value for '--seeds'" in ecgbench.err


@pytest.mark.slow
def test_a_run_without_a_standard_output_does_its_work(ecgbench: Command) -> None:
    command = [sys.executable, "-m", "ecgbench", "run", *ecgbench.flags, "--metrics", "peak"]
    done = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *command, "--seeds", "0"],
        check=False,
        stderr=subprocess.PIPE,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert ecgbench.boards[0]["rows"][0]["scores"]["peak"]["status"] == "ok"
