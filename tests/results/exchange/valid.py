"""The files of a valid archive."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from ecgbench.contracts.windows import EcgWindows
from ecgbench.results.store.npz import npz, synthetic_digest
from ecgbench.results.store.records import (
    CellId,
    CellRecord,
    ContributionsRecord,
    CostsRecord,
    DatasetRecord,
    GeneratorRecord,
    MetricRecord,
    PlannedCell,
    PlanRecord,
    PluginRecord,
    ScoreRecord,
    digest_of,
    encode,
)
from ecgbench.results.store.store import sha256

PLUGIN: dict[str, Any] = {"version": 1, "origin": "x 1"}
DATASET = DatasetRecord(name="cohort", settings={"gain": 1.0}, digest="d" * 64, **PLUGIN)
GENERATOR = PluginRecord(name="jitter", settings={"sigma": 0.1}, **PLUGIN)
METRIC = MetricRecord(
    name="level",
    settings={},
    family="fidelity",
    better="lower",
    bounds=(0.0, 9.0),
    ideal=0.0,
    ranked=True,
    **PLUGIN,
)
CELL = CellId(dataset=DATASET, generator=GENERATOR, seed=0, protocol=1)
NAME = CELL.name
SKIPPED = msgspec.structs.replace(CELL, seed=1)


def valid() -> dict[str, bytes]:
    """The files of an archive of two cells, one of them with all that a cell can have."""
    windows = EcgWindows(
        signals=np.linspace(-1, 1, 24, dtype=np.float32).reshape(3, 1, 8),
        labels=np.array([0, 1, 1]),
        patients=np.full(3, -1),
        sampling_rate=8.0,
        leads=("II",),
        classes=("N", "V"),
    )
    synthetic = npz({"signals": windows.signals, "labels": windows.labels})
    record = CellRecord(
        cell=CELL,
        status="ok",
        synthetic=synthetic_digest(windows),
        synthetic_file=sha256(synthetic),
        costs=CostsRecord(fit_seconds=1.5, sample_seconds=0.1, cpu_seconds=2.5, peak_memory=10**9),
        environment={"python": "3.11"},
        study={"seeds": [0, 1]},
        artefacts={"training.csv": sha256(b"step\n1\n")},
    )
    contributions = ContributionsRecord(
        people=[4, 9],
        numerators=[[1.0], [2.0]],
        denominators=[[2.0], [1.0]],
        coefficients=[1.0],
        offset=0.5,
    )
    score = ScoreRecord(
        metric=METRIC,
        cell=NAME,
        synthetic=record.synthetic,
        status="ok",
        value=1.5,
        parts={"N": 0.5, "V": None},
        contributions=contributions,
        n=12,
        artefacts={"level-note.txt": sha256(b"a note")},
    )
    plan = PlanRecord(
        protocol=1,
        study="quick",
        settings={},
        datasets=[DATASET],
        generators=[GeneratorRecord(name="jitter", settings={"sigma": 0.1}, **PLUGIN)],
        metrics=[METRIC],
        cells=[
            PlannedCell(name=cell.name, dataset=0, generator=0, seed=cell.seed)
            for cell in (CELL, SKIPPED)
        ],
    )
    skipped = CellRecord(cell=SKIPPED, status="skipped", reason="it does not apply")
    return {
        f"cells/{NAME}/artefacts/level-note.txt": b"a note",
        f"cells/{NAME}/artefacts/training.csv": b"step\n1\n",
        f"cells/{NAME}/cell.json": encode(record),
        f"cells/{NAME}/scores/level-{METRIC.key}.json": encode(score),
        f"cells/{NAME}/synthetic.npz": synthetic,
        f"cells/{SKIPPED.name}/cell.json": encode(skipped),
        f"plans/{plan.board_key}/{digest_of(plan)}.json": encode(plan),
    }


VALID = valid()
SYNTHETIC = f"cells/{NAME}/synthetic.npz"
RECORDS = [path for path in VALID if path.endswith(".json")]
