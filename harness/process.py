"""Calls a function in a process of its own, with limits, and relays what it sends.

Three processes take part: this one; a *warden*, forked from a server that has imported torch; and the
*worker*, forked from the warden, which calls the function (`ecgbench.harness.warden`).
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, NamedTuple

from ecgbench.harness.warden import Ended, Worker, guard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerContext
    from pathlib import Path

PRELOAD = ["ecgbench.harness.preload"]
GRACE = 10.0
"""Seconds for a process to end after its work: a plugin may have left a thread running."""

POLL = 0.25
"""Seconds between two looks at the clock and at ``stop``."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a called function may use.

    Attributes:
        threads: for torch, OpenMP and BLAS.
        timeout: seconds between two messages ``("stage", …)``, and from the last to the end.
        memory: bytes that the worker and all processes it starts may use together.
    """

    threads: int = 1
    timeout: float | None = None
    memory: int | None = None


class Exit(NamedTuple):
    """The last message of a call.

    Attributes:
        kind: ``"exit"``.
        reason: why the worker ended before its time; None if it did not.
        cpu_seconds: processor time of the worker and of the processes that it started.
        peak_memory: bytes, the largest resident set among them.
    """

    kind: str
    reason: str | None
    cpu_seconds: float
    peak_memory: int


def call(
    function: Callable[..., None],
    *arguments: Any,
    log: Path | None = None,
    limits: Limits = Limits(),  # noqa: B008 - it is frozen
    stop: threading.Event | None = None,
) -> Iterator[tuple[Any, ...]]:
    """Call ``function(*arguments, send)`` in a new process and yield what it sends.

    In between come ``("usage", memory, cpu_seconds)`` messages, bytes and seconds, about one a second;
    the last message is an `Exit`.  Closing the iterator, or an exception such as Ctrl-C in the
    caller's loop, ends the process and whatever it has started; so does the end of this one, however
    it ends.

    Args:
        function: importable, like its arguments.
        arguments: for the function.
        log: what the process prints is appended to this file.
        limits: beyond which it is ended.
        stop: ends it when set, as if it had failed for the reason "stopped".
    """
    context = _context()
    receiver, sender = context.Pipe(duplex=False)
    control, theirs = context.Pipe()
    worker = Worker(
        function=function,
        arguments=arguments,
        log=log,
        threads=limits.threads,
        memory=limits.memory,
        environ=dict(os.environ),
        folder=os.getcwd(),  # noqa: PTH109 - a string travels
    )
    process = context.Process(target=guard, args=(sender, theirs, worker), daemon=True)
    with _startable():
        process.start()
    sender.close()
    theirs.close()
    try:
        yield from _relay(receiver, control, limits, stop)
    finally:
        control.close()  # the warden ends whatever still runs, then itself
        receiver.close()
        process.join(GRACE)
        if process.is_alive():
            process.kill()
            process.join()


def _relay(
    receiver: Connection, control: Connection, limits: Limits, stop: threading.Event | None
) -> Iterator[tuple[Any, ...]]:
    failure: str | None = None
    returned = silent = False
    since = time.monotonic()
    while True:
        ready = wait([control] if silent else [receiver, control], POLL)
        if receiver in ready:
            # what was sent comes before the news of the sender's end
            try:
                message = receiver.recv()
            except (EOFError, OSError):
                silent = True
                continue
            if message[0] == "returned":
                failure, returned, since = message[1], True, time.monotonic()
                continue
            if message[0] == "stage":
                since = time.monotonic()
            yield message
        elif control in ready:
            try:
                told = control.recv()
            except (EOFError, OSError):
                yield Exit("exit", failure or "the process that guarded it was killed", 0.0, 0)
                return
            if isinstance(told, Ended):
                reason = failure if returned else failure or _reason(told, limits)
                yield Exit("exit", reason, told.cpu_seconds, told.peak_memory)
                return
            yield told
        if failure is None and stop is not None and stop.is_set():
            failure = "stopped"
            _end(control)
        spent = time.monotonic() - since
        if returned and spent > GRACE:
            since = time.monotonic()
            _end(control)
        elif failure is None and limits.timeout is not None and spent > limits.timeout:
            failure = f"it took longer than its time limit of {limits.timeout:g} s (--timeout)"
            _end(control)


def _end(control: Connection) -> None:
    with suppress(OSError):
        control.send("end")


def _reason(ended: Ended, limits: Limits) -> str:
    if ended.over_memory is not None:
        assert limits.memory is not None
        return (
            f"it used {ended.over_memory / 2**30:.2f} GiB of memory, more than its limit of "
            f"{limits.memory / 2**30:.2f} GiB (--memory)"
        )
    if ended.exitcode < 0:
        known = {number.value: number.name for number in signal.Signals}
        name = known.get(-ended.exitcode, f"signal {-ended.exitcode}")
        hint = " (out of memory?)" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{hint}"
    return f"its process ended before its work did, with exit code {ended.exitcode}"


class _startable:  # noqa: N801 - a context manager, named as one
    """Let a daemonic process, such as a Dask worker under its nanny, start one of its own.

    What is started so dies with it: its control pipe closes.
    """

    lock = threading.Lock()

    def __enter__(self) -> None:
        self.lock.acquire()
        me = multiprocessing.current_process()
        self.daemon = me.daemon
        if self.daemon:
            me.daemon = False

    def __exit__(self, *_: object) -> None:
        if self.daemon:
            multiprocessing.current_process().daemon = True
        self.lock.release()


@cache
def _context() -> ForkServerContext:
    # threads that wait for each other by spinning cost a busy machine a factor of five and more; the
    # fork server and all its children read this when they start
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    return context
