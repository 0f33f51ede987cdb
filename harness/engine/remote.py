"""The work of a Dask worker on a cell.

The worker's own process runs no plugin: as on any machine, the cell runs in processes of its own
(`ecgbench.harness.engine.perform.perform`), so whatever a plugin does, the worker stays.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from distributed import Worker, get_worker
from filelock import FileLock

from ecgbench.contracts.errors import EcgbenchError, UsageError
from ecgbench.environment import memory
from ecgbench.harness.cell.shadows import SHADOWS
from ecgbench.harness.cell.task import check_plugins, plugins_of
from ecgbench.harness.engine.perform import FIT, perform
from ecgbench.harness.planning.catalog import discover
from ecgbench.results.store.progress import Step, Usage
from ecgbench.results.store.store import Store, write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecgbench.harness.cell.messages import Told
    from ecgbench.harness.cell.task import Task

TELL_EVERY = 1.0
"""Seconds between two reports of the same kind: they cross the network."""

LOOK_EVERY = 0.5
"""Seconds between two looks at whether the cell is still wanted."""

_at_work: Counter[str] = Counter()


@dataclass(frozen=True, kw_only=True)
class Order:
    """The order to a worker, besides the data.

    Attributes:
        task: with its store if workers share it; the worker replaces paths of the client's machine.
        topic: of the reports.
        plugin_files: contents by name.
        inbox: files of the cell, by path in its folder, that the client's store holds; None where
            the store is shared.
    """

    task: Task
    topic: str
    plugin_files: Mapping[str, bytes]
    inbox: Mapping[str, bytes] | None


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result of a worker.

    Attributes:
        failure: as `perform` returns it.
        messages: how many it has sent.
        files: of the cell, by path in its folder; None if the store is shared.
        refused: why this worker cannot run the cell as it is meant.
    """

    failure: str | None = None
    messages: int = 0
    files: dict[str, bytes] | None = None
    refused: str = ""


def carry_out(order: Order, windows: dict[str, bytes]) -> Result:
    """Perform a task on this worker."""
    worker = get_worker()
    room = Path(worker.local_directory) / "ecgbench"
    name = order.task.cell.name
    stop, done = threading.Event(), threading.Event()
    key = worker.get_current_task()
    watcher = threading.Thread(target=_watch, args=(worker, key, stop, done), daemon=True)
    teller = _Teller(worker, order.topic, name)
    _at_work[order.topic] += 1
    watcher.start()
    try:
        task = _localise(order, windows, room, worker.state.nthreads)
        failure = perform(task, teller.tell, stop)
        files = None if order.inbox is None else _collect(Store(task.store), name)
        return Result(failure=failure, messages=teller.sent, files=files)
    except EcgbenchError as error:
        return Result(refused=f"worker {worker.address}: {error}", messages=teller.sent)
    finally:
        done.set()
        _at_work[order.topic] -= 1


def at_work(topic: str) -> int:
    """Return how many tasks of a client this worker is still at."""
    return _at_work[topic]


def _localise(order: Order, windows: dict[str, bytes], room: Path, slots: int) -> Task:
    """The task with this machine's paths, once everything it needs stands there."""
    task = order.task
    data = room / "windows" / task.cell.dataset.key
    _keep(data, windows)
    files = []
    for name, content in order.plugin_files.items():
        folder = room / "plugins" / hashlib.sha256(content).hexdigest()[:12]
        _keep(folder, {name: content})
        files.append(str(folder / name))
    check_plugins(plugins_of(task), discover(files))
    if order.inbox is None and not task.store.is_dir():
        raise UsageError(
            f"there is no folder {task.store} here; --results wire sends results to a store that "
            "workers do not share"
        )
    if order.inbox is not None:
        store = Store(room / "store")
        for name, content in order.inbox.items():
            write(store.folder(task.cell.name) / name, content)
        task = replace(task, store=store.path)
    return replace(
        task,
        windows=data,
        plugin_files=tuple(files),
        memory=task.memory or memory() // slots,
    )


def _keep(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files once, however many cells want them at the same time."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not folder.is_dir():
            building = folder.with_suffix(".tmp")
            shutil.rmtree(building, ignore_errors=True)
            building.mkdir()
            for name, content in files.items():
                (building / name).write_bytes(content)
            building.rename(folder)


def _collect(store: Store, cell: str) -> dict[str, bytes]:
    """The files of a cell, to be sent; nothing of it stays here."""
    folder = store.folder(cell)
    files = {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and file.relative_to(folder).parts[0] not in (FIT, SHADOWS)
    }
    shutil.rmtree(folder)
    return files


def _watch(worker: Worker, key: str, stop: threading.Event, done: threading.Event) -> None:
    """Stop when nobody wants the cell any more: its client has gone, or the scheduler."""
    while not done.wait(LOOK_EVERY):
        state = worker.state.tasks.get(key)
        unwanted = state is None or state.state == "cancelled"
        if unwanted or worker.status.name in ("closing", "closed", "failed"):
            stop.set()
            return


class _Teller:
    """Sends a cell's messages to the client, streams of them once a second."""

    def __init__(self, worker: Worker, topic: str, cell: str) -> None:
        self.worker = worker
        self.topic = topic
        self.cell = cell
        self.sent = 0
        self.told: dict[type, float] = {}

    def tell(self, message: Told) -> None:
        """Send a message, unless it is one of many and one of its kind has just been sent."""
        kind = type(message)
        last = isinstance(message, Step) and message.step == message.total
        if isinstance(message, Step | Usage) and not last:
            if time.monotonic() - self.told.get(kind, 0.0) < TELL_EVERY:
                return
            self.told[kind] = time.monotonic()
        self.sent += 1
        self.worker.log_event(self.topic, (self.cell, msgspec.msgpack.encode(message)))
