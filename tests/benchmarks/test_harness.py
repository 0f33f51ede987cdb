"""What the harness costs: discovery, an empty cell, planning, a board, reading a dataset.

Run with ``python -m pytest tests/benchmarks --benchmark-enable``; without it each runs once, as a test.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import pytest

from ecgbench.harness.cli import main

STUBS = Path(__file__).parents[1] / "harness" / "cli" / "stubs.py"
TINY = ["--plugin", str(STUBS), "--datasets", "tiny", "--generators", "jitter", "--no-references"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ECGBENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "ecgbench", *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        env=os.environ,
    )


@pytest.mark.parametrize(("argument", "aim"), [("list", 1.7), ("--help", 1.2)])
def test_what_only_tells(benchmark, argument, aim):
    """A whole process, against one that imports what the command line stands on; median of 7 pairs."""
    imports = [sys.executable, "-c", "import click, pluggy, msgspec, rich.table"]

    def seconds(call, *arguments) -> float:
        began = time.perf_counter()
        call(*arguments)
        return time.perf_counter() - began

    command(argument)
    pairs = [
        (seconds(lambda: subprocess.run(imports, check=True)), seconds(command, argument))
        for _ in range(7 if benchmark.enabled else 1)
    ]
    ratio = median(ours / theirs for theirs, ours in pairs)
    benchmark.extra_info |= {"ratio": round(ratio, 2), "aim": aim}
    benchmark.pedantic(command, args=(argument,), rounds=7 if benchmark.enabled else 1)


@pytest.mark.long
def test_overhead_of_a_cell_whose_fit_takes_a_second(benchmark):
    """A run of 10 cells with 1 s of fit each, as a whole process: all above 10 s is the harness's."""
    flags = ("--seeds", "0-9", "--set", "generator.jitter.seconds=1", "--metrics", "peak")
    rounds = 3 if benchmark.enabled else 1

    def fresh() -> tuple[tuple[str, ...], dict[str, str]]:
        return ("run", *TINY, *flags, "--store", f"store-{os.urandom(4).hex()}"), {}

    benchmark.pedantic(command, setup=fresh, rounds=rounds)


@pytest.mark.long
def test_two_jobs_against_one(benchmark):
    """8 equal single-threaded cells, one and two at a time, in turn; the aim is a ratio of 1.8."""
    # cells so long that the start of the fork server, some three seconds, does not count
    work = 200_000_000 if benchmark.enabled else 1000
    flags = ["--seeds", "0-7", "--metrics", "peak", "--threads", "1"]
    flags += ["--set", f"generator.jitter.work={work}"]

    def seconds(jobs: int) -> float:
        store = f"store-{os.urandom(4).hex()}"
        began = time.perf_counter()
        command("run", *TINY, *flags, "--jobs", str(jobs), "--store", store)
        return time.perf_counter() - began

    pairs = [(seconds(1), seconds(2)) for _ in range(3 if benchmark.enabled else 1)]
    benchmark.extra_info["ratio"] = round(median(one / two for one, two in pairs), 2)
    benchmark.pedantic(seconds, args=(2,), rounds=1)


@pytest.mark.long
def test_a_second_run_of_200_finished_cells(benchmark, capsys):
    """Does nothing, and says so; the aim is under 2 s."""
    seeds = "0-199" if benchmark.enabled else "0-19"
    flags = [*TINY, "--seeds", seeds, "--metrics", "peak,never"]
    assert main(["run", *flags]) == 0
    benchmark.pedantic(command, args=("run", *flags), rounds=5, warmup_rounds=1)


@pytest.mark.real_data
def test_reading_all_records_of_mitdb_uncached(benchmark, data_dir):
    """48 records to windows, no cache; the aim is under 10 s."""
    from tests.shipped import shipped

    spec = shipped("mitdb")
    windows = benchmark.pedantic(
        spec.load(), args=(spec.config(), data_dir / "mitdb"), rounds=3 if benchmark.enabled else 1
    )
    assert len(windows) == 100_609


@pytest.mark.real_data
@pytest.mark.long
def test_all_metrics_on_a_cell_of_mitdb(benchmark, data_dir):
    """Every metric at its defaults on one cell of all windows; the aim is under 90 s in all."""
    if not benchmark.enabled:
        pytest.skip("a minute and a half, for the figures only")
    flags = ["run", "--datasets", "mitdb", "--data-dir", str(data_dir), "--seeds", "0"]
    flags += ["--generators", "pca-gaussian", "--no-references"]
    command(*flags, "--metrics", "fit-time")
    benchmark.pedantic(command, args=flags, rounds=1)
    seconds = {
        record["metric"]["name"]: round(record["seconds"], 1)
        for file in Path().rglob("scores/*.json")
        if (record := json.loads(file.read_text()))
    }
    benchmark.extra_info["seconds"] = seconds
