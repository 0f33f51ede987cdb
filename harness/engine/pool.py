"""Pools for tasks: this machine, or a Dask cluster (`ecgbench.harness.engine.cluster`)."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

from ecgbench.harness.engine.perform import perform

if TYPE_CHECKING:
    from ecgbench.harness.cell.messages import Told
    from ecgbench.harness.cell.task import Task


class Files(msgspec.Struct, frozen=True):
    """The files of a cell have come from another machine.

    Attributes:
        contents: of its files, by path in its folder.
    """

    contents: dict[str, bytes]


@dataclass(frozen=True)
class TaskEnd:
    """A task has ended; its last message.

    Attributes:
        failure: as `perform` returns it, or its error.
    """

    failure: str | BaseException | None


Message = tuple[str, "Told | Files | TaskEnd"]
"""The name of a cell, and a message of its task."""


class Pool(Protocol):
    """Performs tasks side by side."""

    @property
    def slots(self) -> int:
        """How many tasks it takes at a time, now."""
        ...

    def start(self, task: Task) -> None:
        """Begin a task."""
        ...

    def stop(self, cell: str) -> None:
        """End the task of a cell; nothing is recorded."""
        ...

    def messages(self, seconds: float) -> list[Message]:
        """Return messages of tasks, a `TaskEnd` at last; wait so long for the first."""
        ...

    def end(self) -> None:
        """End all running tasks, and wait for their ends."""
        ...


class LocalPool:
    """Performs tasks in processes of this machine.

    Args:
        jobs: how many at a time.
    """

    def __init__(self, jobs: int = 1) -> None:
        self.slots = jobs
        self._queue: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._running: dict[str, tuple[threading.Thread, threading.Event]] = {}

    def start(self, task: Task) -> None:
        """Begin a task."""
        stop = threading.Event()
        thread = threading.Thread(target=self._perform, args=(task, stop))
        self._running[task.cell.name] = thread, stop
        thread.start()

    def stop(self, cell: str) -> None:
        """End the task of a cell; nothing is recorded."""
        if cell in self._running:
            self._running[cell][1].set()

    def messages(self, seconds: float) -> list[Message]:
        """Return messages of tasks; see `Pool`."""
        arrived = []
        try:
            arrived.append(self._queue.get(timeout=seconds))
            while not self._queue.empty():
                arrived.append(self._queue.get_nowait())
        except queue.Empty:
            pass
        for cell, message in arrived:
            if isinstance(message, TaskEnd):
                self._running.pop(cell)[0].join()
        return arrived

    def _perform(self, task: Task, stop: threading.Event) -> None:
        name = task.cell.name
        failure: str | BaseException | None
        try:
            failure = perform(task, lambda message: self._queue.put((name, message)), stop)
        except Exception as error:  # noqa: BLE001 - raised again by the engine, in the main thread
            failure = error
        self._queue.put((name, TaskEnd(failure)))

    def end(self) -> None:
        """End all running tasks, and wait for their ends."""
        for _, stop in self._running.values():
            stop.set()
        for thread, _ in self._running.values():
            thread.join()
