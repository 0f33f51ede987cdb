"""Checks a cell's synthetic windows and computes its scores; no generator runs in this process."""

from __future__ import annotations

import time
import traceback
from typing import TYPE_CHECKING, Any

import msgspec

from ecgbench.contracts.comparison import Comparison
from ecgbench.contracts.config import build
from ecgbench.contracts.errors import DamagedError, PluginError, Skip, StoreError
from ecgbench.contracts.protocols import Costs
from ecgbench.environment import environment
from ecgbench.harness.cell.checks import (
    as_contributions,
    as_score,
    check_metric_applies,
    check_sample,
)
from ecgbench.harness.cell.divide import splits_of
from ecgbench.harness.cell.fit import cpu_seconds
from ecgbench.harness.cell.messages import CellMade, Damaged, Failed, ScoreMade
from ecgbench.harness.cell.once import OnceInStore
from ecgbench.harness.cell.pictures import pictures_of
from ecgbench.harness.cell.plausible import check_origin, remarks
from ecgbench.harness.cell.room import Room, read_windows
from ecgbench.harness.cell.shadows import SHADOWS, Shadows
from ecgbench.harness.cell.task import check_plugins, plugins_of, scoring
from ecgbench.harness.cell.trouble import full_disk, say, tell_trouble
from ecgbench.harness.isolation.frozen import Frozen
from ecgbench.harness.isolation.plugin_state import plugin_state
from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.planning.file_plugins import let_children_import
from ecgbench.results.store.npz import npz, read_npz, synthetic_digest
from ecgbench.results.store.progress import Stage
from ecgbench.results.store.records import CellRecord, MetricRecord, ScoreRecord, encode, now
from ecgbench.results.store.store import Store, sha256

if TYPE_CHECKING:
    from ecgbench.contracts.windows import EcgWindows
    from ecgbench.harness.cell.messages import Send
    from ecgbench.harness.cell.task import Fitted, Task
    from ecgbench.harness.planning.catalog import Catalog


@tell_trouble
def judge(task: Task, fitted: Fitted | None, send: Send) -> None:
    """Check the drawn windows of a fit, or take the stored ones, and score them.

    Args:
        task: the cell's, with the metrics of this process alone.
        fitted: the fit; None if the cell's windows are stored.
        send: is told `CellMade` of a new cell, `Failed` of refused windows, `Damaged` of a cell to be
            made again, and `ScoreMade` of each metric.
    """
    catalog = discover(task.plugin_files)
    let_children_import()
    check_plugins(plugins_of(task), catalog)
    _Judge(task, catalog, send).work(fitted)


class _Judge:
    def __init__(self, task: Task, catalog: Catalog, send: Send) -> None:
        self.task = task
        self.catalog = catalog
        self.send = send
        self.store = Store(task.store)
        self.splits = splits_of(task, catalog)
        splits = self.splits
        parts = (splits.train, splits.control, splits.auxiliary, splits.fresh, splits.test)
        self.real = Frozen(*parts)

    def work(self, fitted: Fitted | None) -> None:
        record = self.store.cell(self.task.cell.name)
        try:
            if record is None or record.status != "ok":
                assert fitted is not None
                record, synthetic = self._make(fitted)
            else:
                synthetic = self._again(record, fitted)
        except PluginError as error:
            self.send(Failed(str(error)))
        except DamagedError as error:
            self.send(Damaged(str(error)))
        except Skip as skip:
            assert record is not None
            for metric in self.task.metrics:
                self._send(self._record_of(metric, record, status="skipped", reason=str(skip)), {})
        else:
            self._score_all(record, synthetic)

    # --- the synthetic windows -----------------------------------------------------------------

    def _make(self, fitted: Fitted) -> tuple[CellRecord, EcgWindows]:
        """Check the drawn windows; send the record, and the windows or a reference row's indices.

        Raises:
            PluginError: no generator may return such windows.
        """
        synthetic = self._drawn(fitted)
        reference = fitted.divided.reference
        name = self.task.cell.generator.name
        check_sample(name, synthetic, self.splits.train, self.splits.fresh.labels)
        notes: list[str] = []
        if not reference:
            check_origin(f"generator {name}", synthetic, self.splits)
            notes = remarks(f"generator {name}", synthetic, self.splits.train)
        arrays: dict[str, Any] = {"labels": synthetic.labels}
        if not reference:
            arrays["signals"] = synthetic.signals
        elif synthetic.indices is not None:
            arrays["indices"] = synthetic.indices
        content = npz(arrays)
        pictures, trouble = self._pictures(synthetic, reference=reference)
        record = CellRecord(
            cell=self.task.cell,
            status="ok",
            synthetic=synthetic_digest(synthetic),
            synthetic_file=sha256(content),
            stored=not reference,
            reference=reference,
            fold=fitted.divided.fold,
            sizes=fitted.divided.sizes,
            costs=fitted.costs,
            environment=environment() | {"device": self.task.device},
            study=self.task.study,
            threads=self.task.threads,
            finished=now(),
            notes=notes + trouble,
        )
        self.send(CellMade(encode(record), content, pictures))
        return record, synthetic

    def _pictures(
        self, synthetic: EcgWindows, *, reference: bool
    ) -> tuple[dict[str, bytes], list[str]]:
        """Return the pictures of the cell and a note on trouble; nobody looks at the doses of an audit."""
        cell = self.task.cell
        if self.catalog.generator(cell.generator.name).audit:
            return {}, []
        spec = self.catalog.dataset(cell.dataset.name)
        return pictures_of(cell, synthetic, self.splits, spec, reference=reference)

    def _drawn(self, fitted: Fitted) -> EcgWindows:
        """Return the windows of a fit.

        Raises:
            PluginError: the files are not those of the fit; the generator can reach them.
        """
        try:
            return read_windows(Room(fitted.folder).drawn)
        except StoreError as error:
            name = self.task.cell.generator.name
            raise PluginError(f"generator {name} spoilt its own windows: {error}") from error

    def _again(self, record: CellRecord, fitted: Fitted | None) -> EcgWindows:
        """Return the windows of an ended cell: the stored ones, or new ones of the same fit.

        Raises:
            DamagedError: they do not have the digest of the record.
            Skip: they are not in this store, and the same fit gives other windows here.
        """
        file = self.store.folder(record.cell.name) / "synthetic.npz"
        if fitted is None:
            arrays = read_npz(file, "signals", "labels")
            synthetic = self.splits.train.synthetic(arrays["signals"], arrays["labels"])
        else:
            synthetic = self._drawn(fitted)
            if not record.reference and synthetic_digest(synthetic) != record.synthetic:
                raise Skip(
                    "its windows did not come with it, and made again they come out otherwise"
                )
        if synthetic_digest(synthetic) != record.synthetic:
            raise DamagedError(file, "these are not the windows that cell.json speaks of")
        if not record.reference:
            check_origin(f"generator {record.cell.generator.name}", synthetic, self.splits)
        return synthetic

    # --- scores --------------------------------------------------------------------------------

    def _score_all(self, record: CellRecord, synthetic: EcgWindows) -> None:
        frozen = Frozen(synthetic)
        spec = self.catalog.dataset(self.task.cell.dataset.name)
        comparison = Comparison(
            synthetic=synthetic,
            splits=self.splits,
            seed=self.task.cell.seed,
            threads=self.task.threads,
            device=self.task.device,
            headline_classes=spec.headline_classes or self.splits.train.classes,
            redistributable=spec.redistributable,
            reference=record.reference,
            costs=None if record.costs is None else Costs(**msgspec.structs.asdict(record.costs)),
            once_per_seed=OnceInStore(self.store, self.task.cell),
            refit=self._shadows(),
        )
        for metric in self.task.metrics:
            self.send(Stage(scoring(metric)))
            score, artefacts = self._score(metric, record, comparison)
            for windows in (self.real, frozen):
                windows.check(f"metric {metric.name}")
            self._send(score, artefacts)

    def _shadows(self) -> Shadows | None:
        if self.task.cell.submitted:
            return None
        spec = self.catalog.generator(self.task.cell.generator.name)
        folder = self.store.folder(self.task.cell.name) / SHADOWS
        return Shadows(self.task, spec, self.splits, folder, self.send)

    def _score(
        self, metric: MetricRecord, record: CellRecord, comparison: Comparison
    ) -> tuple[ScoreRecord, dict[str, bytes]]:
        """Return how a metric ended, and its artefacts by file name."""
        spec = self.catalog.metric(metric.name)
        started, cpu = time.perf_counter(), cpu_seconds()
        artefacts: dict[str, bytes] = {}
        try:
            check_metric_applies(spec, comparison)
            config = build(spec.config, metric.settings, where=f"metric {spec.name}")
            with plugin_state(self.task.cell.seed):
                score = as_score(spec, spec.load()(comparison, config))
            contributions, notes = as_contributions(spec, score, self.splits)
            artefacts = {
                f"{metric.name}-{metric.key}-{name}": content
                for name, content in score.artefacts.items()
            }
            outcome: dict[str, Any] = {
                "status": "ok",
                "value": score.value,
                "parts": dict(score.parts),
                "contributions": contributions,
                "n": score.n,
                "artefacts": {name: sha256(content) for name, content in artefacts.items()},
                "notes": notes,
            }
        except Skip as skip:
            outcome = {"status": "skipped", "reason": str(skip)}
        except StoreError:
            raise
        except Exception as error:
            if full := full_disk(error, self.store.folder(record.cell.name)):
                raise full from error
            traceback.print_exc()
            outcome = {"status": "failed", "reason": say(error)}
        seconds, cpu = time.perf_counter() - started, cpu_seconds() - cpu
        if outcome["status"] != "ok":
            artefacts = {}
        return self._record_of(
            metric, record, seconds=seconds, cpu_seconds=cpu, **outcome
        ), artefacts

    def _record_of(self, metric: MetricRecord, record: CellRecord, **how: Any) -> ScoreRecord:
        return ScoreRecord(
            metric=metric,
            cell=record.cell.name,
            synthetic=record.synthetic,
            finished=now(),
            **how,
        )

    def _send(self, score: ScoreRecord, artefacts: dict[str, bytes]) -> None:
        self.send(ScoreMade(encode(score), artefacts))
