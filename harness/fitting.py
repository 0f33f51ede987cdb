"""Fits a cell's generator and draws from it, and keeps what the fit reports."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ecgbench.harness.checks import check_applies, check_sample
from ecgbench.harness.config import build
from ecgbench.harness.contracts import Context
from ecgbench.harness.isolation import plugin_state
from ecgbench.harness.warden import RUSAGE_UNIT
from ecgbench.results.records import CostsRecord

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ecgbench.harness.cell import Send, Task
    from ecgbench.harness.contracts import Generator
    from ecgbench.harness.specs import GeneratorSpec
    from ecgbench.harness.windows import EcgWindows, Splits

    Fitted = tuple[int | None, Generator, Context]
    """A model, and the label that it is for; None for all."""

TELL_EVERY = 0.1
"""Seconds between two reports of a step: a fast fit must not drown whoever watches."""


class Fitting:
    """A cell's generator, from its training windows to its synthetic ones.

    Args:
        task: the cell's.
        spec: the generator's.
        splits: the cell's.
        folder: the cell's; holds checkpoints and the training curve while the fit is under way.
        send: is told of stages and steps.
    """

    def __init__(
        self, task: Task, spec: GeneratorSpec, splits: Splits, folder: Path, send: Send
    ) -> None:
        self.task = task
        self.spec = spec
        self.splits = splits
        self.folder = folder
        self.send = send
        self.told = 0.0

    def fit_and_sample(self) -> tuple[EcgWindows, CostsRecord]:
        """The windows that the generator draws for the labels of ``fresh``, and what they cost.

        Raises:
            Skip: the generator does not apply.
            PluginError: it returns other than what it was asked for.
        """
        labels = np.array(self.splits.fresh.labels)
        check_applies(self.spec, self.splits.train, labels)
        self.send(("stage", "fit"))
        cpu = cpu_seconds()
        with plugin_state(self.task.cell.seed):
            started = time.perf_counter()
            models = self._fit()
            fitted = time.perf_counter()
        self.send(("stage", "sample"))
        with plugin_state(self.task.cell.seed):
            resumed = time.perf_counter()
            synthetic = self._sample(models, labels)
            sampled = time.perf_counter()
        counts = [getattr(model, "parameters", None) for _, model, _ in models]
        known = [int(count) for count in counts if isinstance(count, int | np.integer)]
        return synthetic, CostsRecord(
            fit_seconds=fitted - started,
            sample_seconds=sampled - resumed,
            cpu_seconds=cpu_seconds() - cpu,
            peak_memory=peak_memory(),
            parameters=sum(known) if len(known) == len(models) else None,
        )

    def _fit(self) -> list[Fitted]:
        """One model for all labels, or one for each class."""
        settings = self.task.cell.generator.settings
        config = build(self.spec.config, settings, where=f"generator {self.spec.name}")
        wanted: list[int | None] = [None]
        if not self.spec.conditional:
            wanted = [int(label) for label in np.unique(self.splits.fresh.labels)]
        models: list[Fitted] = []
        for label in wanted:
            train = self.splits.train
            if label is not None:
                train = train.take(train.labels == label)
            context = self._context("all" if label is None else f"class-{label}")
            model = self.spec.load()(config)
            model.fit(train, context)
            models.append((label, model, context))
        return models

    def _sample(self, models: list[Fitted], labels: NDArray[np.int64]) -> EcgWindows:
        train = self.splits.train
        if self.spec.conditional:
            _, model, context = models[0]
            synthetic = model.sample(labels.copy(), context)
            check_sample(self.spec.name, synthetic, train, labels)
            if self.spec.reference:
                return synthetic
            return train.synthetic(synthetic.signals, labels)
        signals = np.empty((len(labels), *train.signals.shape[1:]), dtype=np.float32)
        for label, model, context in models:
            rows = labels == label
            part = model.sample(labels[rows], context)
            check_sample(self.spec.name, part, train, labels[rows])
            signals[rows] = part.signals
        return train.synthetic(signals, labels)

    def _context(self, part: str) -> Context:
        checkpoint = self.folder / "checkpoint" / part
        checkpoint.mkdir(parents=True, exist_ok=True)
        return Context(
            seed=self.task.cell.seed,
            device=self.task.device,
            threads=self.task.threads,
            log=partial(self._log, part),
            checkpoint_dir=checkpoint,
            fresh=self.splits.fresh if self.spec.draws_on_fresh else None,
        )

    def _log(self, part: str, step: int, /, *, total: int | None = None, **values: float) -> None:
        numbers = {name: float(value) for name, value in values.items()}
        total = None if total is None else int(total)
        with (self.folder / "training.jsonl").open("a", encoding="utf-8") as curve:
            # the break goes before: a line that a kill cut short does not spoil the next
            curve.write("\n" + json.dumps({"part": part, "step": int(step), **numbers}))
        if time.monotonic() - self.told > TELL_EVERY or step == total:
            self.told = time.monotonic()
            self.send(("log", int(step), total, numbers))

    def curve(self) -> bytes | None:
        """What the fit has reported, in this process or before a kill, as CSV; None if nothing."""
        curve = self.folder / "training.jsonl"
        if not curve.exists():
            return None
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
        return table.to_csv(index=False).encode()


def forget_fit(folder: Path) -> None:
    """Remove what a fit that is over has left in a cell's folder to go on from."""
    shutil.rmtree(folder / "checkpoint", ignore_errors=True)
    (folder / "training.jsonl").unlink(missing_ok=True)


def peak_memory() -> int:
    """Bytes, the largest resident set of this process so far, or of a child that has ended."""
    who = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    return max(resource.getrusage(each).ru_maxrss for each in who) * RUSAGE_UNIT


def cpu_seconds() -> float:
    """Processor time of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
