"""One cell, from its data to its scores: runs in a process of its own and writes to the store."""

from __future__ import annotations

import errno
import shutil
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from ecgbench.harness import data
from ecgbench.harness.catalog import discover
from ecgbench.harness.checks import as_score, check_metric_applies
from ecgbench.harness.comparison import Comparison
from ecgbench.harness.config import build
from ecgbench.harness.contracts import Costs, Score
from ecgbench.harness.environment import environment
from ecgbench.harness.errors import DamagedError, PluginError, Skip, StoreError, UsageError
from ecgbench.harness.fitting import Fitting, cpu_seconds, forget_fit
from ecgbench.harness.frozen import Frozen
from ecgbench.harness.isolation import plugin_state
from ecgbench.harness.once import OnceInStore
from ecgbench.harness.shadows import Shadows
from ecgbench.harness.split import split, subsample
from ecgbench.results.npz import npz, read_npz, synthetic_digest
from ecgbench.results.records import (
    CellId,
    CellRecord,
    ContributionsRecord,
    MetricRecord,
    PluginRecord,
    ScoreRecord,
    Status,
)
from ecgbench.results.store import Store, sha256, write

if TYPE_CHECKING:
    from ecgbench.harness.catalog import Catalog
    from ecgbench.harness.specs import GeneratorSpec, Kind
    from ecgbench.harness.windows import EcgWindows, Splits

SHADOWS = "shadows"
"""Folder of a cell in which fits on other training windows stand while a metric needs them."""

Send = Callable[[tuple[Any, ...]], None]
"""Reports to whoever waits: ``("stage", name)``, ``("log", step, total, values)``,
``("aside", why)`` of what was damaged, ``("cell", status, reason)`` and ``("score", metric, status,
reason, value)``.  The stages are ``data``, ``fit``, ``sample`` and `scoring` of each metric."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a cell's process is told; plain values, so that it travels.

    Attributes:
        store: the store's folder.
        cell: what to run.
        metrics: the scores that are wanted; those that have ended stay as they are.
        windows: the folder of the dataset's windows (`ecgbench.harness.data.folder`).
        plugin_files: given with ``--plugin``.
        study: the resolved study, for the record.
        device: ``"cpu"`` or ``"cuda"``.
        threads: for plugins.
        timeout: seconds that fitting, sampling and each score may take; None for any.
        memory: bytes that the process and those it starts may use; None for any.
    """

    store: Path
    cell: CellId
    metrics: tuple[MetricRecord, ...]
    windows: Path
    plugin_files: tuple[str, ...] = ()
    study: dict[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    threads: int = 1
    timeout: float | None = None
    memory: int | None = None


def work(task: Task, send: Send) -> None:
    """Fit, sample and score a cell, as far as that has not been done, and store what ends.

    Whoever calls this holds the cell's lease.

    Raises:
        StoreError: the store cannot be written, which is no plugin's fault; ``("store", why)`` is sent.
        UsageError: the plugins here are not those that the run was planned with; the same is sent.
    """
    store = Store(task.store)
    try:
        catalog = discover(task.plugin_files)
        check_plugins(task, catalog)
        _Cell(task, store, catalog, send).work()
    except (StoreError, UsageError) as error:
        send(("store", str(error)))
        raise
    except OSError as error:
        if full := _full(error, store.folder(task.cell.name)):
            send(("store", str(full)))
            raise full from error
        raise


def check_plugins(task: Task, catalog: Catalog) -> None:
    """See that the plugins here are those that the run was planned with.

    Raises:
        UsageError: one is not there, or of another origin.
    """
    wanted: list[tuple[Kind, PluginRecord]] = [("dataset", task.cell.dataset)]
    wanted += [("metric", metric) for metric in task.metrics]
    if not task.cell.submitted:
        wanted.append(("generator", task.cell.generator))
    for kind, record in wanted:
        here = str(catalog.entry(kind, record.name).origin)
        if here != record.origin:
            raise UsageError(
                f"{kind} {record.name} is from {here} and was from {record.origin} when the run was "
                "planned: start again (on a cluster, with the same installed everywhere)"
            )


class _Cell:
    def __init__(self, task: Task, store: Store, catalog: Catalog, send: Send) -> None:
        self.task = task
        self.store = store
        self.catalog = catalog
        self.send = send
        self.folder = store.folder(task.cell.name)
        self.folder.mkdir(parents=True, exist_ok=True)

    def work(self) -> None:
        self.send(("stage", "data"))
        dataset = self.task.cell.dataset
        chosen = subsample(data.read(self.task.windows), dataset.windows)
        splits = split(chosen, self.task.cell.seed, self.catalog.dataset(dataset.name).halves)
        parts = (splits.train, splits.control, splits.auxiliary, splits.fresh, splits.test)
        self.real = Frozen(*parts)
        record, synthetic = self._stored(splits)
        if record is None:
            self.store.forget(self.task.cell)
            record, synthetic = self._make(splits)
        if record.status != "failed":
            forget_fit(self.folder)
        if record.status == "ok":
            self._score_all(record, splits, synthetic)

    def _stored(self, splits: Splits) -> tuple[CellRecord | None, EcgWindows | None]:
        """The cell as it stands in the store, with its windows if they are needed; None to make it.

        A cell that is not what was written is set aside.
        """
        name = self.task.cell.name
        try:
            record = self.store.cell(name)
            if record is None or record.status != "ok":
                return None, None
            missing = self._missing(record)
            return record, self._synthetic(record, splits) if missing else None
        except Skip as skip:
            assert record is not None
            for metric in missing:
                self._write_skipped(metric, record, str(skip))
            return record, None
        except DamagedError as error:
            print(f"{error}; it is now {self.store.set_aside(name)}")  # noqa: T201 - to log.txt
            self.send(("aside", str(error)))
            if self.task.cell.submitted:
                raise StoreError(
                    f"the submitted windows of cell {name} were damaged and are set aside; ecgbench "
                    "score takes them again"
                ) from error
            self.folder.mkdir(parents=True, exist_ok=True)
            return None, None

    def _missing(self, record: CellRecord) -> list[MetricRecord]:
        """The scores that have not ended; one that is damaged, or of other windows, is set aside."""
        name, missing = self.task.cell.name, []
        for metric in self.task.metrics:
            file, ended, damage = self.store.score_file(name, metric), None, None
            try:
                ended = self.store.score(name, metric)
                if ended is not None and ended.synthetic != record.synthetic:
                    damage = DamagedError(file, "it is of other windows")
            except DamagedError as error:
                damage = error
            if damage is not None:
                self.store.set_aside(name, file)
                self.send(("aside", str(damage)))
            if ended is None or damage is not None:
                missing.append(metric)
        return missing

    def _write_skipped(self, metric: MetricRecord, record: CellRecord, reason: str) -> None:
        score = ScoreRecord(
            metric=metric,
            cell=self.task.cell.name,
            synthetic=record.synthetic,
            status="skipped",
            reason=reason,
            finished=now(),
        )
        self.store.write_score(score)
        self.send(("score", metric.name, score.status, score.reason, score.value))

    # --- fit and sample ------------------------------------------------------------------------

    def _make(self, splits: Splits) -> tuple[CellRecord, EcgWindows | None]:
        spec = self.catalog.generator(self.task.cell.generator.name)
        common = CellRecord(
            cell=self.task.cell,
            status="failed",
            reference=spec.reference,
            fold=splits.fold,
            sizes=_sizes(splits),
            environment=environment() | {"device": self.task.device},
            study=self.task.study,
            threads=self.task.threads,
        )
        fitting = Fitting(self.task, spec, splits, self.folder, self.send)
        synthetic, costs, reason = None, None, ""
        status: Status = "ok"
        try:
            synthetic, costs = fitting.fit_and_sample()
            self.real.check(f"generator {spec.name}")
        except Skip as skip:
            status, reason = "skipped", str(skip)
        except StoreError:
            raise
        except Exception as error:
            if full := _full(error, self.folder):
                raise full from error
            traceback.print_exc()
            status, reason = "failed", say(error)
        artefacts = {}
        if (curve := fitting.curve()) is not None:
            name = self.task.cell.name
            artefacts["training.csv"] = self.store.write_artefact(name, "training.csv", curve)
        written = "" if synthetic is None else self._write_synthetic(synthetic, spec)
        record = msgspec.structs.replace(
            common,
            status=status,
            reason=reason,
            synthetic="" if synthetic is None else synthetic_digest(synthetic),
            synthetic_file=written,
            stored=not spec.reference,
            costs=costs,
            finished=now(),
            artefacts=artefacts,
        )
        self.store.write_cell(record)
        self.send(("cell", status, reason))
        return record, synthetic

    # --- the synthetic windows -----------------------------------------------------------------

    def _write_synthetic(self, synthetic: EcgWindows, spec: GeneratorSpec) -> str:
        """Store the windows, or the places of a reference's; return the file's SHA-256."""
        arrays: dict[str, Any] = {"labels": synthetic.labels}
        if not spec.reference:
            arrays["signals"] = synthetic.signals
        elif synthetic.indices is not None:
            arrays["indices"] = synthetic.indices
        content = npz(arrays)
        write(self.folder / "synthetic.npz", content)
        return sha256(content)

    def _synthetic(self, record: CellRecord, splits: Splits) -> EcgWindows:
        """The windows of a cell that has ended; those that are not stored are made again.

        Raises:
            DamagedError: they are not those that the record speaks of.
            Skip: they were left where they were made, and come out otherwise here.
        """
        file = self.folder / "synthetic.npz"
        if record.stored:
            arrays = read_npz(file, "signals", "labels")
            synthetic = splits.train.synthetic(arrays["signals"], arrays["labels"])
        else:
            spec = self.catalog.generator(self.task.cell.generator.name)
            fitting = Fitting(self.task, spec, splits, self.folder, self.send)
            synthetic, _ = fitting.fit_and_sample()
            self.real.check(f"generator {spec.name}")
            if not spec.reference and synthetic_digest(synthetic) != record.synthetic:
                raise Skip(
                    "its windows did not come with it, and made again they come out otherwise"
                )
        if synthetic_digest(synthetic) != record.synthetic:
            raise DamagedError(file, "these are not the windows that cell.json speaks of")
        return synthetic

    # --- scores --------------------------------------------------------------------------------

    def _score_all(self, record: CellRecord, splits: Splits, synthetic: EcgWindows | None) -> None:
        missing = self._missing(record)
        if not missing:
            return
        assert synthetic is not None
        made = Frozen(synthetic)
        spec = self.catalog.dataset(self.task.cell.dataset.name)
        comparison = Comparison(
            synthetic=synthetic,
            splits=splits,
            seed=self.task.cell.seed,
            threads=self.task.threads,
            device=self.task.device,
            headline_classes=spec.headline_classes or splits.train.classes,
            redistributable=spec.redistributable,
            reference=record.reference,
            costs=None if record.costs is None else Costs(**msgspec.structs.asdict(record.costs)),
            once_per_seed=OnceInStore(self.store, self.task.cell),
            refit=self._shadows(splits),
        )
        for metric in missing:
            self.send(("stage", scoring(metric)))
            score = self._score(metric, record, comparison)
            for windows in (self.real, made):
                windows.check(f"metric {metric.name}")
            self.store.write_score(score)
            self.send(("score", metric.name, score.status, score.reason, score.value))
        shutil.rmtree(self.folder / SHADOWS, ignore_errors=True)

    def _shadows(self, splits: Splits) -> Shadows | None:
        if self.task.cell.submitted:
            return None
        spec = self.catalog.generator(self.task.cell.generator.name)
        return Shadows(self.task, spec, splits, self.folder / SHADOWS, self.send)

    def _score(
        self, metric: MetricRecord, record: CellRecord, comparison: Comparison
    ) -> ScoreRecord:
        spec = self.catalog.metric(metric.name)
        common = ScoreRecord(
            metric=metric, cell=self.task.cell.name, synthetic=record.synthetic, status="failed"
        )
        started, cpu = time.perf_counter(), cpu_seconds()
        try:
            check_metric_applies(spec, comparison)
            config = build(spec.config, metric.settings, where=f"metric {spec.name}")
            with plugin_state(self.task.cell.seed):
                score = as_score(spec, spec.load()(comparison, config))
            names = {name: f"{metric.name}-{metric.key}-{name}" for name in score.artefacts}
            artefacts = {
                names[name]: self.store.write_artefact(record.cell.name, names[name], content)
                for name, content in score.artefacts.items()
            }
            ended: dict[str, Any] = {
                "status": "ok",
                "value": score.value,
                "parts": {name: float(part) for name, part in score.parts.items()},
                "contributions": _contributions(score),
                "n": None if score.n is None else int(score.n),
                "artefacts": artefacts,
            }
        except Skip as skip:
            ended = {"status": "skipped", "reason": str(skip)}
        except StoreError:
            raise
        except Exception as error:
            if full := _full(error, self.folder):
                raise full from error
            traceback.print_exc()
            ended = {"status": "failed", "reason": say(error)}
        return msgspec.structs.replace(
            common,
            **ended,
            seconds=time.perf_counter() - started,
            cpu_seconds=cpu_seconds() - cpu,
            finished=now(),
        )


def scoring(metric: MetricRecord) -> str:
    """The stage of a cell at which the metric is computed; no metric's name has a space in it."""
    return f"score {metric.name}"


def say(error: BaseException) -> str:
    """An error in one line, with the place in the plugin where it was raised."""
    if isinstance(error, PluginError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:500]}{place}"


def _full(error: BaseException, folder: Path) -> StoreError | None:
    """The error of a full disk, so that it is not recorded as a plugin's failure; else None."""
    if not isinstance(error, OSError) or error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return None
    file = error.filename or f"a file, probably below {folder}"
    return StoreError(f"cannot write {file}: {error.strerror}; what was finished before stays")


def now() -> str:
    """The time, UTC, ISO 8601, in seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _contributions(score: Score) -> ContributionsRecord | None:
    found = score.contributions
    if found is None:
        return None
    arrays = (found.numerators, found.denominators, found.coefficients, found.offset)
    if not all(np.isfinite(array).all() for array in arrays):
        raise PluginError("its contributions hold NaN or infinite numbers")
    if abs(float(found.evaluate()[0]) - score.value) > 1e-6 * max(1.0, abs(score.value)):
        print(f"contributions give {found.evaluate()[0]}, the value is {score.value}")  # noqa: T201 - to log.txt
        return None
    return ContributionsRecord(
        people=found.people.tolist(),
        numerators=found.numerators.tolist(),
        denominators=found.denominators.tolist(),
        coefficients=found.coefficients.tolist(),
        offset=float(found.offset),
    )


def _sizes(splits: Splits) -> dict[str, int]:
    parts = ("train", "control", "auxiliary", "fresh", "test")
    return {part: len(getattr(splits, part)) for part in parts} | {
        "members": len(np.unique(splits.train.patients)),
        "unseen": len(np.unique(splits.test.patients)),
    }
