"""One cell, from its data to its scores: runs in a process of its own and writes to the store."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import random
import resource
import shutil
import sys
import time
import traceback
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec
import numpy as np
from filelock import Timeout

from ecgbench.harness import data
from ecgbench.harness.catalog import discover
from ecgbench.harness.checks import as_score, check_applies, check_metric_applies, check_sample
from ecgbench.harness.comparison import Comparison, Once
from ecgbench.harness.config import build
from ecgbench.harness.contracts import Context, Costs, Score
from ecgbench.harness.environment import environment
from ecgbench.harness.errors import PluginError, Skip, StoreError
from ecgbench.harness.split import split, subsample
from ecgbench.harness.windows import PROTOCOL, EcgWindows, Splits
from ecgbench.results.records import (
    CellId,
    CellRecord,
    ContributionsRecord,
    CostsRecord,
    MetricRecord,
    ScoreRecord,
    Status,
    digest_of,
)
from ecgbench.results.store import Store, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from ecgbench.harness.catalog import Catalog
    from ecgbench.harness.comparison import Arrays
    from ecgbench.harness.contracts import Generator
    from ecgbench.harness.specs import GeneratorSpec

UNREADABLE = (OSError, EOFError, ValueError, TypeError, KeyError, zipfile.BadZipFile, zlib.error)
"""What numpy raises for a file that is no archive of arrays, or a damaged one."""

RUSAGE_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in the unit of ``ru_maxrss``."""

Send = Callable[[tuple[Any, ...]], None]
"""Reports to whoever waits: ``("busy",)``, ``("stage", name)``, ``("log", step, total, values)``,
``("cell", status, reason)`` and ``("score", metric, status, reason, value)``.  The stages are
``data``, ``fit``, ``sample`` and `scoring` of each metric."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a cell's process is told; plain values, so that it travels.

    Attributes:
        store: the store's folder.
        cell: what to run.
        metrics: the scores that are wanted and have not ended.
        folder: where the dataset's files stand.
        plugin_files: given with ``--plugin``.
        study: the resolved study, for the record.
        device: ``"cpu"`` or ``"cuda"``.
        threads: for plugins.
    """

    store: Path
    cell: CellId
    metrics: tuple[MetricRecord, ...]
    folder: Path | None = None
    plugin_files: tuple[str, ...] = ()
    study: dict[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    threads: int = 1


def work(task: Task, send: Send) -> None:
    """Fit, sample and score a cell, as far as that has not been done, and store what ends.

    Another process that works on the same cell is left alone.
    """
    store = Store(task.store)
    try:
        with store.lock(task.cell.name).acquire(timeout=0):
            _Cell(task, store, discover(task.plugin_files), send).work()
    except Timeout:
        send(("busy",))


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
        entry = self.catalog.entry("dataset", self.task.cell.dataset.name)
        spec = self.catalog.dataset(self.task.cell.dataset.name)
        config = build(spec.config, self.task.cell.dataset.settings, where=f"dataset {spec.name}")
        everything = data.windows(data.Source(entry, config, self.task.folder))
        chosen = subsample(everything, self.task.cell.dataset.windows)
        splits = split(chosen, self.task.cell.seed, spec.halves)
        for part in (splits.train, splits.control, splits.auxiliary, splits.fresh, splits.test):
            _freeze(part)
        record = self.store.cell(self.task.cell.name)
        synthetic: EcgWindows | None = None
        if record is None or record.status != "ok":
            self.store.forget(self.task.cell)
            record, synthetic = self._make(splits)
        if record.status == "ok":
            self._score_all(record, splits, synthetic)

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
        synthetic, costs, reason = None, None, ""
        status: Status = "ok"
        try:
            synthetic, costs = self._fit_and_sample(spec, splits)
        except Skip as skip:
            status, reason = "skipped", str(skip)
        except Exception as error:  # noqa: BLE001 - any plugin, any error: the cell fails, the run goes on
            traceback.print_exc()
            status, reason = "failed", say(error)
        artefacts = self._keep_curve()
        if synthetic is not None:
            self._write_synthetic(synthetic, stored=not spec.reference)
        record = msgspec.structs.replace(
            common,
            status=status,
            reason=reason,
            synthetic="" if synthetic is None else synthetic_digest(synthetic),
            stored=not spec.reference,
            costs=costs,
            finished=now(),
            artefacts=artefacts,
        )
        self.store.write_cell(record)
        if status != "failed":
            self._remove_checkpoint()
        self.send(("cell", status, reason))
        return record, synthetic

    def _fit_and_sample(
        self, spec: GeneratorSpec, splits: Splits
    ) -> tuple[EcgWindows, CostsRecord]:
        labels = np.array(splits.fresh.labels)
        check_applies(spec, splits.train, labels)
        self.send(("stage", "fit"))
        started = time.perf_counter()
        with random_state_forked(self.task.cell.seed):
            models = self._fit(spec, splits)
        fitted = time.perf_counter()
        self.send(("stage", "sample"))
        with random_state_forked(self.task.cell.seed):
            synthetic = self._sample(spec, models, splits, labels)
        sampled = time.perf_counter()
        counts = [getattr(model, "parameters", None) for _, model, _ in models]
        known = [int(count) for count in counts if isinstance(count, int | np.integer)]
        return synthetic, CostsRecord(
            fit_seconds=fitted - started,
            sample_seconds=sampled - fitted,
            peak_memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RUSAGE_UNIT,
            parameters=sum(known) if len(known) == len(models) else None,
        )

    def _fit(
        self, spec: GeneratorSpec, splits: Splits
    ) -> list[tuple[int | None, Generator, Context]]:
        """Fitted models by label: one for all (None), or one for each class."""
        config = build(
            spec.config, self.task.cell.generator.settings, where=f"generator {spec.name}"
        )
        wanted: list[int | None] = [None]
        if not spec.conditional:
            wanted = [int(label) for label in np.unique(splits.fresh.labels)]
        models = []
        for label in wanted:
            train = splits.train
            if label is not None:
                train = train.take(train.labels == label)
            context = self._context(spec, splits, "all" if label is None else f"class-{label}")
            model = spec.load()(config)
            model.fit(train, context)
            models.append((label, model, context))
        return models

    def _sample(
        self,
        spec: GeneratorSpec,
        models: list[tuple[int | None, Generator, Context]],
        splits: Splits,
        labels: NDArray[np.int64],
    ) -> EcgWindows:
        if spec.conditional:
            _, model, context = models[0]
            synthetic = model.sample(labels.copy(), context)
            check_sample(spec.name, synthetic, splits.train, labels)
            if spec.reference:
                return synthetic
            return splits.train.synthetic(synthetic.signals, labels)
        signals = np.empty((len(labels), *splits.train.signals.shape[1:]), dtype=np.float32)
        for label, model, context in models:
            rows = labels == label
            part = model.sample(labels[rows], context)
            check_sample(spec.name, part, splits.train, labels[rows])
            signals[rows] = part.signals
        return splits.train.synthetic(signals, labels)

    def _context(self, spec: GeneratorSpec, splits: Splits, part: str) -> Context:
        checkpoint = self.folder / "checkpoint" / part
        checkpoint.mkdir(parents=True, exist_ok=True)
        return Context(
            seed=self.task.cell.seed,
            device=self.task.device,
            threads=self.task.threads,
            log=partial(self._log, part),
            checkpoint_dir=checkpoint,
            fresh=splits.fresh if spec.draws_on_fresh else None,
        )

    def _remove_checkpoint(self) -> None:
        shutil.rmtree(self.folder / "checkpoint", ignore_errors=True)

    def _log(self, part: str, step: int, /, *, total: int | None = None, **values: float) -> None:
        numbers = {name: float(value) for name, value in values.items()}
        with (self.folder / "training.jsonl").open("a", encoding="utf-8") as curve:
            # the break goes before: a line that a kill cut short does not spoil the next
            curve.write("\n" + json.dumps({"part": part, "step": int(step), **numbers}))
        self.send(("log", int(step), total, numbers))

    def _keep_curve(self) -> dict[str, str]:
        """Make the artefact ``training.csv`` of what was logged, in this process or before a kill."""
        curve = self.folder / "training.jsonl"
        if not curve.exists():
            return {}
        import pandas as pd  # noqa: PLC0415 - most cells have no curve

        rows = []
        for line in curve.read_text("utf-8").splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                rows.append(json.loads(line))
        table = pd.DataFrame(rows, columns=None if rows else ["part", "step"])
        # a fit that was resumed has told of some steps twice
        table = table.drop_duplicates(["part", "step"], keep="last").sort_values(["part", "step"])
        if table["part"].nunique() < 2:
            table = table.drop(columns="part")
        content = table.to_csv(index=False).encode()
        digest = self.store.write_artefact(self.task.cell.name, "training.csv", content)
        curve.unlink()
        return {"training.csv": digest}

    # --- the synthetic windows -----------------------------------------------------------------

    def _write_synthetic(self, synthetic: EcgWindows, *, stored: bool) -> None:
        arrays: dict[str, Any] = {"labels": synthetic.labels}
        if stored:
            arrays["signals"] = synthetic.signals
        elif synthetic.indices is not None:
            arrays["indices"] = synthetic.indices
        write(self.folder / "synthetic.npz", npz(arrays))

    def _synthetic(self, record: CellRecord, splits: Splits) -> EcgWindows:
        """The windows of a cell that has ended; a reference row makes its own again."""
        if record.stored:
            arrays = read_npz(self.folder / "synthetic.npz", "signals", "labels")
            synthetic = splits.train.synthetic(arrays["signals"], arrays["labels"])
        else:
            synthetic, _ = self._fit_and_sample(
                self.catalog.generator(self.task.cell.generator.name), splits
            )
            self._remove_checkpoint()
        if synthetic_digest(synthetic) != record.synthetic:
            raise StoreError(
                f"cell {self.task.cell.name}: its synthetic windows are not those that cell.json "
                "speaks of; remove the cell's folder to have it made again"
            )
        return synthetic

    # --- scores --------------------------------------------------------------------------------

    def _score_all(self, record: CellRecord, splits: Splits, synthetic: EcgWindows | None) -> None:
        if not self.task.metrics:
            return
        synthetic = synthetic or self._synthetic(record, splits)
        _freeze(synthetic)
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
            once_per_seed=_OnceInStore(self.store, self.task.cell),
        )
        for metric in self.task.metrics:
            ended = self.store.score(record.cell.name, metric)
            if ended is not None and ended.status != "failed":
                continue  # another process did it after this one's plan was made
            self.send(("stage", scoring(metric)))
            score = self._score(metric, record, comparison)
            self.store.write_score(score)
            self.send(("score", metric.name, score.status, score.reason, score.value))

    def _score(
        self, metric: MetricRecord, record: CellRecord, comparison: Comparison
    ) -> ScoreRecord:
        spec = self.catalog.metric(metric.name)
        common = ScoreRecord(
            metric=metric, cell=record.cell.name, synthetic=record.synthetic, status="failed"
        )
        started = time.perf_counter()
        try:
            check_metric_applies(spec, comparison)
            config = build(spec.config, metric.settings, where=f"metric {spec.name}")
            with random_state_forked(self.task.cell.seed):
                score = as_score(spec, spec.load()(comparison, config))
            names = {name: f"{metric.name}-{name}" for name in score.artefacts}
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
        except Exception as error:  # noqa: BLE001 - any plugin, any error: the score fails, the rest goes on
            traceback.print_exc()
            ended = {"status": "failed", "reason": say(error)}
        return msgspec.structs.replace(
            common, **ended, seconds=time.perf_counter() - started, finished=now()
        )


class _OnceInStore(Once):
    """Keeps what depends on dataset and seed alone in ``<store>/shared/``."""

    def __init__(self, store: Store, cell: CellId) -> None:
        super().__init__()
        self.store = store
        self.what = [cell.dataset.key, cell.seed, PROTOCOL]
        self.folder = store.path / "shared" / cell.dataset.name / f"seed-{cell.seed}"

    def get(self, name: str, settings: object, compute: Callable[[], Arrays]) -> Arrays:
        return super().get(name, settings, lambda: self._stored(name, settings, compute))

    def _stored(self, name: str, settings: object, compute: Callable[[], Arrays]) -> Arrays:
        key = digest_of([self.what, name, settings])
        file = self.folder / f"{name}-{key}.npz"
        with contextlib.suppress(StoreError):
            return read_npz(file)
        write(file, npz(compute()))  # it was not there, or damaged
        return read_npz(file)


def npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The bytes of a compressed ``.npz`` without pickles; the same arrays give the same bytes."""
    for name, array in arrays.items():
        if np.asarray(array).dtype.hasobject:
            raise TypeError(f"array {name!r} holds Python objects; numbers or text are wanted")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **cast("Any", dict(arrays)))
    return buffer.getvalue()


def read_npz(file: Path, *names: str) -> dict[str, NDArray[Any]]:
    """The arrays of an ``.npz`` file of a store.

    Args:
        file: to read.
        names: of arrays that it has to hold.

    Raises:
        StoreError: it is not there, or damaged.
    """
    try:
        # opened here, for numpy leaves a file open that is no archive
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
            return found | {name: found[name] for name in names}
    except UNREADABLE as error:
        raise StoreError(
            f"{file} cannot be read ({error}); remove its folder to have it made again"
        ) from error


def synthetic_digest(synthetic: EcgWindows) -> str:
    """SHA-256 over signals and labels."""
    total = hashlib.sha256()
    for array in (synthetic.signals, synthetic.labels):
        total.update(repr((array.dtype.str, array.shape)).encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()


@contextlib.contextmanager
def random_state_forked(seed: int) -> Iterator[None]:
    """Give a plugin global random states of its own, and put the old ones back after it."""
    import torch  # noqa: PLC0415 - a second to import; the fork server has it already

    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002 - what is put back
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002 - a plugin that uses it gets the cell's seed
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(legacy)  # noqa: NPY002 - as above


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


def _freeze(windows: EcgWindows) -> None:
    """Let nobody change in place what others are yet to see."""
    for array in (windows.signals, windows.labels, windows.patients):
        array.flags.writeable = False


def _sizes(splits: Splits) -> dict[str, int]:
    parts = ("train", "control", "auxiliary", "fresh", "test")
    return {part: len(getattr(splits, part)) for part in parts} | {
        "members": len(np.unique(splits.train.patients)),
        "unseen": len(np.unique(splits.test.patients)),
    }
