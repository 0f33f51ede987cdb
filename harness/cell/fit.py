"""Fits a cell's generator and draws from it; this process gets the training windows alone."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import time
import traceback
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ecgbench.contracts.config import build
from ecgbench.contracts.errors import Skip, StoreError
from ecgbench.contracts.protocols import Context
from ecgbench.harness.cell.curve import Curve
from ecgbench.harness.cell.messages import Drawn, Failed, Note, Skipped
from ecgbench.harness.cell.models import (
    Model,
    can_be_kept,
    draw,
    fit_model,
    new_models,
    save_models,
)
from ecgbench.harness.cell.room import Room, read_windows, write_windows
from ecgbench.harness.cell.task import check_plugins
from ecgbench.harness.cell.trouble import full_disk, say, tell_trouble
from ecgbench.harness.isolation.frozen import Frozen
from ecgbench.harness.isolation.plugin_state import plugin_state
from ecgbench.harness.isolation.warden import RUSAGE_UNIT
from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.planning.file_plugins import let_children_import
from ecgbench.results.store.progress import Part, Stage
from ecgbench.results.store.records import CostsRecord, PluginRecord

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from ecgbench.contracts.specs import GeneratorSpec
    from ecgbench.contracts.windows import EcgWindows
    from ecgbench.harness.cell.messages import Send

SECRETS = ("ECGBENCH_DATA_DIR", "ECGBENCH_STORE")
"""Environment variables of the user's folders; a generator needs neither."""

MOST_NAMED = 5
"""Names of left files in one message, at most."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """The orders of a fitting process; nothing in them leads to windows other than ``train``.

    Attributes:
        folder: of the fit (`Room`).
        generator: the plugin, with its settings.
        seed: of fit and sampling.
        plugin_files: given with ``--plugin``.
        device: ``"cpu"`` or ``"cuda"``.
        threads: for the generator.
        keep: whether to write the fitted models into the folder.
    """

    folder: Path
    generator: PluginRecord
    seed: int
    plugin_files: tuple[str, ...] = ()
    device: str = "cpu"
    threads: int = 1
    keep: bool = False


@tell_trouble
def fit(order: Order, send: Send) -> None:
    """Fit a generator, draw from it, and write the drawn windows into the folder of the fit.

    Args:
        order: names generator, seed and folder.
        send: is told stages, parts and steps, and at last `Drawn`, `Skipped` or `Failed`.
    """
    catalog = discover(order.plugin_files)
    let_children_import()
    check_plugins([("generator", order.generator)], catalog)
    fitting = _Fitting(order, catalog.generator(order.generator.name), send)
    try:
        synthetic, costs = fitting.fit_and_sample()
        write_windows(fitting.room.drawn, synthetic)
    except Skip as skip:
        send(Skipped(str(skip)))
    except StoreError:
        raise
    except Exception as error:
        if full := full_disk(error, order.folder):
            raise full from error
        traceback.print_exc()
        send(Failed(say(error)))
    else:
        send(Drawn(costs))
    if left := left_behind(fitting.room.work):
        print(left)  # noqa: T201 - to log.txt
        send(Note(left))


class _Fitting:
    def __init__(self, order: Order, spec: GeneratorSpec, send: Send) -> None:
        self.order = order
        self.spec = spec
        self.send = send
        self.room = Room(order.folder)
        self.train = read_windows(self.room.train, is_trusted=True)
        self.labels: NDArray[np.int64] = np.load(self.room.labels, allow_pickle=False)
        self.fresh = read_windows(self.room.fresh) if spec.draws_on_fresh else None
        self.curve = Curve(self.room.curve, send)

    def fit_and_sample(self) -> tuple[EcgWindows, CostsRecord]:
        """Return the drawn windows and their costs.

        Raises:
            Skip: the generator does not apply.
            PluginError: it returned other windows than asked for, or changed the training windows.
        """
        frozen = Frozen(self.train)
        self.send(Stage("fit"))
        cpu = cpu_seconds()
        with self._state():
            started = time.perf_counter()
            models = self._fit()
            fitted = time.perf_counter()
            if self.order.keep:
                self._keep(models)
        self.send(Stage("sample"))
        with self._state():
            resumed = time.perf_counter()
            synthetic = draw(self.spec, models, self.train, self.labels)
            sampled = time.perf_counter()
        frozen.check(f"generator {self.spec.name}")
        counts = [getattr(model.generator, "parameters", None) for model in models]
        known = [int(count) for count in counts if isinstance(count, int | np.integer)]
        return synthetic, CostsRecord(
            fit_seconds=fitted - started,
            sample_seconds=sampled - resumed,
            cpu_seconds=cpu_seconds() - cpu,
            peak_memory=peak_memory(),
            parameters=sum(known) if len(known) == len(models) else None,
        )

    @contextlib.contextmanager
    def _state(self) -> Iterator[None]:
        """Give the generator the state of a plugin, without the variables `SECRETS`."""
        with plugin_state(self.order.seed):
            for name in SECRETS:
                os.environ.pop(name, None)
            yield

    def _fit(self) -> list[Model]:
        """Return one model for all labels, or one for each class."""
        where = f"generator {self.spec.name}"
        config = build(self.spec.config, self.order.generator.settings, where=where)
        models = new_models(
            self.spec, config, self.labels, work=self.room.work, context_of=self._context
        )
        for place, model in enumerate(models, 1):
            if model.label is not None:
                name = self.train.classes[model.label]
                self.send(Part(f"class {name}, {place} of {len(models)}"))
            fit_model(model, self.train)
        return models

    def _keep(self, models: list[Model]) -> None:
        """Write the fitted models; a model that cannot be kept costs a note, if it is no reference row."""
        if self.spec.reference:
            return
        if not all(can_be_kept(model.generator) for model in models):
            text = f"generator {self.spec.name} has no save and load, so no model is kept"
        else:
            try:
                save_models(models, self.room.model)
            except OSError:
                raise
            except Exception as error:  # noqa: BLE001 - any generator, any error
                shutil.rmtree(self.room.model, ignore_errors=True)
                text = f"the model of generator {self.spec.name} is not kept: {say(error)}"
            else:
                return
        self.send(Note(text))

    def _context(self, part: str) -> Context:
        checkpoint = self.room.checkpoint / part
        checkpoint.mkdir(parents=True, exist_ok=True)
        return Context(
            seed=self.order.seed,
            device=self.order.device,
            threads=self.order.threads,
            log=partial(self.curve.log, part, any(checkpoint.iterdir())),
            checkpoint_dir=checkpoint,
            fresh=self.fresh,
        )


def left_behind(work: Path) -> str:
    """Return a sentence on the files in a generator's working folders; empty if there are none."""
    files = sorted(file for file in work.rglob("*") if file.is_file())
    if not files:
        return ""
    size = sum(file.stat().st_size for file in files)
    names = ", ".join(file.relative_to(work).as_posix() for file in files[:MOST_NAMED])
    more = f" and {len(files) - MOST_NAMED} more" if len(files) > MOST_NAMED else ""
    return (
        f"the generator left {len(files)} file{'s' if len(files) > 1 else ''} ({size:,} bytes) in its "
        f"working folder, which is removed: {names}{more}"
    )


def peak_memory() -> int:
    """Return the largest resident set so far, bytes: of this process or an ended child."""
    processes = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    return max(resource.getrusage(each).ru_maxrss for each in processes) * RUSAGE_UNIT


def cpu_seconds() -> float:
    """Return the processor time of this process and its ended children, seconds."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
