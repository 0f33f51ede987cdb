"""A large store of invented results, and what the commands that read all of it cost (docs/speed.md).

    python tests/benchmarks/large.py write FOLDER --generators 500
    python tests/benchmarks/large.py write FOLDER --generators 100 --boards 5
    python tests/benchmarks/large.py measure FOLDER --rounds 3

Names and facts of the metrics are those of the installed ones; people, terms and parts are as many as their
scores have on mitdb.  Windows, pictures and values are drawn.  Processor seconds and memory are those of
whole commands, each in a process of its own, as the operating system counts them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

import click
import msgspec
import numpy as np

from ecgbench import Contributions, EcgWindows
from ecgbench.environment import environment
from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.planning.identity import used
from ecgbench.harness.planning.plan import (
    cell_id,
    generator_records,
    metric_records,
    plan_of,
)
from ecgbench.harness.planning.study import Study
from ecgbench.results.store.npz import npz, synthetic_digest
from ecgbench.results.store.records import (
    CellRecord,
    ContributionsRecord,
    CostsRecord,
    DatasetRecord,
    GeneratorRecord,
    ScoreRecord,
    now,
)
from ecgbench.results.store.store import Store, sha256

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.results.store.records import CellId, MetricRecord

PEOPLE = 43
"""Of mitdb; the first 22 are the members of even seeds."""

HALVES = (np.arange(22), np.arange(22, PEOPLE))

TERMS = {
    **dict.fromkeys(
        [
            "authenticity",
            "copied-share",
            "coverage",
            "dcr-share",
            "density",
            "identity-agreement",
            "precision",
            "predictive",
            "recall",
        ],
        1,
    ),
    **dict.fromkeys(
        [
            "cross-classification",
            "cross-classification-boosting",
            "cross-classification-linear",
            "identifiability",
            "patient-closest",
            "patient-likelihood-ratio",
            "patient-membership",
        ],
        3,
    ),
    "augmentation-gain": 6,
    **dict.fromkeys(("inception-score", "nndr"), 0),
}
"""Of each person's contributions; two where nothing else is said, none of costs."""

PARTS = {
    "attribute-inference": 25,
    "cross-classification": 22,
    "copied-share": 13,
    "morphology": 12,
}
"""Of a score; four where nothing else is said."""

WINDOWS, SAMPLES = 64, 200

PICTURE = 10_000
"""Bytes."""


# --- the store -----------------------------------------------------------------------------------


def write(folder: Path, *, generators: int, seeds: int, boards: int = 1) -> None:
    """Write a store with a board of so many competitors beside the reference rows, or several.

    Nothing is synced: no power is lost in a benchmark.
    """
    store = Store(folder)
    with patch("os.fsync"):
        for number in range(boards):
            _write_board(store, number, generators, seeds)


def _write_board(store: Store, number: int, generators: int, seeds: int) -> None:
    catalog = discover()
    spec = catalog.dataset("ecgsyn")
    study = Study(name=f"large-{number}", seeds=tuple(range(seeds)))
    dataset = DatasetRecord(
        **msgspec.structs.asdict(used(catalog.entry("dataset", "ecgsyn"), study.settings(spec))),
        digest=sha256(b"%d" % number),
    )
    competitors = [
        GeneratorRecord(
            name=f"generator-{place}",
            version=1,
            settings={"components": 32, "shrinkage": 0.1, "place": place},
            origin="benchmark 1",
        )
        for place in range(generators)
    ]
    records = [*generator_records(study, catalog), *competitors]
    metrics = metric_records(study, catalog)
    ids = [cell_id(dataset, generator, seed) for seed in range(seeds) for generator in records]
    rng = np.random.default_rng(number)
    levels = rng.uniform(0.3, 0.7, (len(records), len(metrics)))
    of_people = rng.normal(0, 0.05, (len(metrics), PEOPLE))
    places = {record.key: place for place, record in enumerate(records)}
    machine = environment()
    settings = msgspec.to_builtins(study)
    for cell in ids:
        place = places[cell.generator.key]
        synthetic = _write_cell(store, cell, records[place].reference, machine, settings, rng)
        for column, metric in enumerate(metrics):
            level = levels[place, column] + rng.normal(0, 0.01)
            _write_score(store, cell, synthetic, metric, level + of_people[column], rng)
    store.write_plan(
        plan_of(study, [dataset], records, metrics, ids, Store(store.path / "none")).record
    )


def _write_cell(
    store: Store,
    cell: CellId,
    reference: bool,
    machine: dict[str, Any],
    study: dict[str, Any],
    rng: np.random.Generator,
) -> str:
    """Write windows, pictures and record of a cell; return the digest of the windows."""
    signals = rng.normal(0, 0.5, (WINDOWS, 1, SAMPLES)).astype(np.float32)
    labels = np.sort(rng.integers(0, 4, WINDOWS))
    windows = EcgWindows(
        signals=signals,
        labels=labels,
        patients=labels,
        sampling_rate=100.0,
        leads=("I",),
        classes=tuple("NSVF"),
    )
    arrays: dict[str, NDArray[Any]] = {"labels": labels}
    arrays |= {"indices": labels} if reference else {"signals": signals}
    content = npz(arrays)
    store.write_synthetic(cell.name, content)
    curve = b"step,loss\n" + b"".join(b"%d,%f\n" % (i, x) for i, x in enumerate(rng.random(100)))
    costs = CostsRecord(
        fit_seconds=rng.random(),
        sample_seconds=rng.random(),
        cpu_seconds=rng.random(),
        peak_memory=int(rng.integers(2**28, 2**29)),
        parameters=1000,
    )
    record = CellRecord(
        cell=cell,
        status="ok",
        synthetic=synthetic_digest(windows),
        synthetic_file=sha256(content),
        stored=not reference,
        reference=reference,
        fold=cell.seed % 2,
        sizes={
            "train": 500,
            "control": 200,
            "auxiliary": 150,
            "fresh": 64,
            "test": 1000,
            "members": 22,
            "unseen": 21,
        },
        costs=costs,
        environment=machine,
        study=study,
        finished=now(),
        artefacts={"training.csv": store.write_artefact(cell.name, "training.csv", curve)},
    )
    store.write_cell(record)
    return record.synthetic


def _write_score(
    store: Store,
    cell: CellId,
    synthetic: str,
    metric: MetricRecord,
    levels: NDArray[np.float64],
    rng: np.random.Generator,
) -> None:
    """Write a score whose people read about these levels, as shares of the metric's range."""
    low, high = metric.bounds
    low = 0.0 if low is None else low
    levels = low + levels * ((low + 1.0 if high is None else high) - low)
    found = _contributions(metric, cell.seed % 2, levels, rng)
    value = float(levels.mean()) if found is None else float(found.evaluate()[0])
    artefacts = {}
    if metric.name == "embedding-plots":
        name = f"{metric.name}-{metric.key}-pca.png"
        artefacts[name] = store.write_artefact(cell.name, name, rng.bytes(PICTURE))
    record = ScoreRecord(
        metric=metric,
        cell=cell.name,
        synthetic=synthetic,
        status="ok",
        value=value,
        parts={
            f"part-{i}": x for i, x in enumerate(rng.random(PARTS.get(metric.name, 4)).tolist())
        },
        contributions=None if found is None else _listed(found),
        n=WINDOWS,
        seconds=rng.random(),
        cpu_seconds=rng.random(),
        artefacts=artefacts,
        finished=now(),
    )
    store.write_score(record)


def _contributions(
    metric: MetricRecord, fold: int, levels: NDArray[np.float64], rng: np.random.Generator
) -> Contributions | None:
    terms = 0 if metric.family == "cost" else TERMS.get(metric.name, 2)
    if not terms:
        return None
    people = HALVES[1 - fold if metric.family == "utility" else fold]
    coefficients = np.full(terms, 1 / terms)
    if metric.needs_both_folds:  # the members', the unseen people's, and maybe each one's distance
        people, coefficients = np.arange(PEOPLE), np.array([0.5, 0.5, 0.0])[:terms]
    shape = (len(people), terms)
    denominators = rng.integers(5, 60, shape).astype(np.float64)
    if metric.needs_both_folds:
        is_member = np.isin(people, HALVES[fold])
        denominators[:, :2] *= np.column_stack([is_member, ~is_member])
    shares = levels[people, None] + rng.normal(0, 0.01, shape)
    return Contributions(
        people=people,
        numerators=denominators * shares,
        denominators=denominators,
        coefficients=coefficients,
    )


def _listed(found: Contributions) -> ContributionsRecord:
    return ContributionsRecord(
        people=found.people.tolist(),
        numerators=found.numerators.tolist(),
        denominators=found.denominators.tolist(),
        coefficients=found.coefficients.tolist(),
        offset=found.offset,
    )


# --- the commands --------------------------------------------------------------------------------


class Cost(NamedTuple):
    """Of a command: processor seconds of it and its children, wall seconds, MiB at most."""

    processor: float
    wall: float
    memory: float


def command(
    *arguments: str,
    program: str = "from ecgbench.harness.cli import main; raise SystemExit(main())",
) -> Cost:
    """Run a command in a process of its own, with nobody watching."""
    began = time.perf_counter()
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments], stdout=subprocess.DEVNULL, stderr=told
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            told.seek(0)
            reason = told.read().decode()
            raise RuntimeError(f"{arguments} ended with {process.returncode}: {reason}")
    wall = time.perf_counter() - began
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


PLANNED = """
import sys
from pathlib import Path
from ecgbench.harness.planning.plan import plan_of
from ecgbench.harness.planning.study import Study
from ecgbench.results.store.records import CellId
from ecgbench.results.store.store import Store
store = Store(Path(sys.argv[1]))
for asked in store.plans():
    ids = [
        CellId(
            dataset=asked.datasets[cell.dataset],
            generator=asked.generators[cell.generator].used,
            seed=cell.seed,
            protocol=asked.protocol,
        )
        for cell in asked.cells
    ]
    plan = plan_of(Study(name=asked.study), asked.datasets, asked.generators, asked.metrics, ids, store)
    assert not plan.todo
"""
"""What `ecgbench run --dry-run` does when it has found its plugins and its data."""


def commands(store: Path, scratch: Path) -> dict[str, Cost]:
    """What each command costs on a store; the archive and a copy of the store go into ``scratch``."""
    archive, copy = str(scratch / "archive.zip"), str(scratch / "copy")
    of_store = ("--store", str(store))
    cell = next(Store(store).cell_names())
    _, generator, _ = cell.split("/")
    found = {
        "status": command("status", *of_store),
        "show": command("show", cell, *of_store),
        "compare": command("compare", generator, "gaussian-noise", *of_store),
        "plan": command(str(store), program=PLANNED),
        "leaderboard": command("leaderboard", *of_store),
    }
    found["export"] = command("export", "--out", archive, *of_store)
    found["merge --dry-run"] = command("merge", archive, "--dry-run", "--store", copy)
    found["merge"] = command("merge", archive, "--store", copy)
    found["merge again"] = command("merge", archive, "--store", copy)
    found["merge --undo"] = command("merge", archive, "--undo", "--store", copy)
    return found


@click.group()
def main() -> None:
    """Write a large store, or measure the commands on one."""


@main.command("write")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--generators", default=500, show_default=True)
@click.option("--seeds", default=6, show_default=True)
@click.option("--boards", default=1, show_default=True)
def write_store(folder: Path, generators: int, seeds: int, boards: int) -> None:
    """Write a store with so many competitors, seeds and boards."""
    write(folder, generators=generators, seeds=seeds, boards=boards)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--rounds", default=3, show_default=True)
def measure(folder: Path, rounds: int) -> None:
    """Print the median of each command's processor seconds, wall seconds and peak memory."""
    found = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            found.append(commands(folder, Path(scratch)))
            shutil.rmtree(Path(scratch) / "copy", ignore_errors=True)
    click.echo("| command | processor s | wall s | memory, MiB |\n|---|---:|---:|---:|")
    for name in found[0]:
        processor, wall, memory = (median(cost[name][i] for cost in found) for i in range(3))
        click.echo(f"| `{name}` | {processor:.1f} | {wall:.1f} | {memory:.0f} |")


if __name__ == "__main__":
    main()
