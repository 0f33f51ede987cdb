"""Stores of strangers, and archives of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from ecgbench.contracts.windows import EcgWindows
from ecgbench.results.exchange.archive import pack
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
)
from ecgbench.results.store.store import Store, sha256, write

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.results.exchange.outcome import Outcome

PLUGIN: dict[str, Any] = {"version": 1, "settings": {}, "origin": "x 1"}
DATASET = DatasetRecord(name="cohort", digest="d" * 64, **PLUGIN)


def metric(name: str = "level", **fields: Any) -> MetricRecord:
    given: dict[str, Any] = {
        "family": "fidelity",
        "better": "lower",
        "bounds": (0.0, 9.0),
        "ideal": 0.0,
        "ranked": True,
    }
    return MetricRecord(name=name, **PLUGIN | given | fields)


class Source:
    """Somebody else's store, and archives of all that is in it."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)

    def cell(self, generator: str = "jitter", seed: int = 0, **fields: Any) -> CellRecord:
        """Write a cell that ended well, unless told otherwise, with windows and a curve."""
        used = PluginRecord(name=generator, **PLUGIN)
        cell = CellId(dataset=DATASET, generator=used, seed=seed, protocol=1)
        arrays = fields.pop("arrays", {})
        windows = EcgWindows(
            signals=np.arange(24, dtype=np.float32).reshape(3, 1, 8) + fields.pop("shift", 0),
            labels=np.array([0, 1, 1]),
            patients=np.full(3, -1),
            sampling_rate=8.0,
            leads=("II",),
            classes=("N", "V"),
        )
        record = CellRecord(
            cell=cell,
            status="ok",
            costs=CostsRecord(fit_seconds=1.0, sample_seconds=0.1, cpu_seconds=1.0, peak_memory=9),
        )
        if fields.get("status", "ok") == "ok":
            file = npz({"signals": windows.signals, "labels": windows.labels} | arrays)
            write(self.store.folder(cell.name) / "synthetic.npz", file)
            digest = self.store.write_artefact(cell.name, "training.csv", b"step\n1\n")
            record = msgspec.structs.replace(
                record,
                synthetic=synthetic_digest(windows),
                synthetic_file=sha256(file),
                artefacts={"training.csv": digest},
            )
        record = msgspec.structs.replace(record, **fields)
        self.store.write_cell(record)
        return record

    def score(self, of: CellRecord, name: str = "level", **fields: Any) -> ScoreRecord:
        """Write a score of a cell, with an artefact."""
        artefact = f"{name}-note.txt"
        common = ScoreRecord(
            metric=fields.pop("metric", metric(name)),
            cell=of.cell.name,
            synthetic=of.synthetic,
            status="ok",
            value=1.5,
            artefacts={artefact: self.store.write_artefact(of.cell.name, artefact, b"a note")},
        )
        record = msgspec.structs.replace(common, **fields)
        self.store.write_score(record)
        return record

    def plan(self, *records: CellRecord) -> PlanRecord:
        """Write the plan of these cells."""
        generators = sorted({record.cell.generator.name for record in records})
        plan = PlanRecord(
            protocol=1,
            study="quick",
            settings={},
            datasets=[DATASET],
            generators=[GeneratorRecord(name=name, **PLUGIN) for name in generators],
            metrics=[metric()],
            cells=[
                PlannedCell(
                    name=record.cell.name,
                    dataset=0,
                    generator=generators.index(record.cell.generator.name),
                    seed=record.cell.seed,
                )
                for record in records
            ],
        )
        self.store.write_plan(plan)
        return plan

    def archive(self, without: str = "nothing") -> Path:
        """An archive of all of it but files of this name."""
        root = self.store.path
        files = [file for part in ("cells", "plans") for file in (root / part).rglob("*.*")]
        contents: dict[str, bytes | Path] = {
            file.relative_to(root).as_posix(): file for file in files if file.name != without
        }
        to = root.with_suffix(".zip")
        pack(to, contents, who="a stranger", when="2026-01-01", environment={"python": "3.11"})
        return to


CONTRIBUTIONS = ContributionsRecord(
    people=[4, 9],
    numerators=[[1.0], [2.0]],
    denominators=[[2.0], [1.0]],
    coefficients=[1.0],
    offset=0.5,
)


def ends(outcomes: list[Outcome]) -> list[tuple[str, str]]:
    return [(outcome.what, outcome.end) for outcome in outcomes]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }
