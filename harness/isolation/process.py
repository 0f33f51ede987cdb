"""Calls a function in a process of its own, with limits, and relays what it sends.

Three processes take part: this one; a *warden*, forked from a server that has imported torch; and the
*worker*, forked from the warden, which calls the function (`ecgbench.harness.isolation.warden`).
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import wait
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import psutil

from ecgbench.contracts.errors import EcgbenchError
from ecgbench.harness.isolation.warden import Ended, Worker, guard, receive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerContext, ForkServerProcess
    from pathlib import Path

PRELOAD = ["ecgbench.harness.engine.preload"]
GRACE = 10.0
"""Seconds for a process to end after its work: a plugin may have left a thread running."""

POLL = 0.25
"""Seconds between two looks at the clock and at ``stop``."""

TRIES = 3
"""How often a process is started before the fork server is given up."""

GUARD_KILLED = "the process that guarded it was killed"


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
    limits: Limits = Limits(),
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
    process = _started(sender, theirs, worker)
    sender.close()
    theirs.close()
    try:
        yield from _Relay(process, receiver, control, limits, stop).messages()
    finally:
        control.close()  # the warden ends whatever still runs, then itself
        receiver.close()
        process.join(GRACE)
        if process.is_alive():
            _kill(process)
        if process.exitcode:
            _sweep(process)


def _started(sender: Connection, control: Connection, worker: Worker) -> ForkServerProcess:
    """Start a warden; where the fork server was killed meanwhile, from a new one.

    Raises:
        EcgbenchError: it ends again and again.
    """
    for _ in range(TRIES):
        process = _context().Process(target=guard, args=(sender, control, worker), daemon=True)
        with suppress(EOFError, ConnectionError, FileNotFoundError), _startable():
            process.start()
            return process
    raise EcgbenchError(
        f"the process from which cells are started was ended {TRIES} times before it could start one: by "
        "the system, for want of memory, or by its own imports (python -m ecgbench.harness.engine.preload "
        "shows what they say); what was finished stands"
    )


class _Relay:
    """Passes on what worker and warden send, and sees to time limit and ``stop``.

    Args:
        process: the warden's.
        receiver: of the worker's messages.
        control: to and from the warden.
        limits: of the call.
        stop: of the call.
    """

    def __init__(
        self,
        process: ForkServerProcess,
        receiver: Connection,
        control: Connection,
        limits: Limits,
        stop: threading.Event | None,
    ) -> None:
        self.process = process
        self.receiver = receiver
        self.control = control
        self.limits = limits
        self.stop = stop
        self.failure: str | None = None
        self.returned = False
        self.spent = 0.0
        self.looked = self.heard = time.monotonic()
        self.asked: float | None = None

    def messages(self) -> Iterator[tuple[Any, ...]]:
        """All that comes, an `Exit` at last."""
        used = 0, 0.0
        sources = [self.receiver, self.control]
        while True:
            ready = wait(sources, POLL)
            # what was sent comes before the news of the sender's end
            if self.receiver in ready:
                try:
                    message = receive(self.receiver)
                except Exception:  # noqa: BLE001 - its end, or a plugin has written into the pipe
                    sources = [self.control]
                    continue
                if message[0] in ("returned", "stage"):
                    self.spent = 0.0
                if message[0] == "returned":
                    self.failure, self.returned = message[1], True
                else:
                    yield message
            elif ready:
                self.heard = time.monotonic()
                try:
                    told = self.control.recv()
                except (EOFError, OSError):
                    told = None
                if told is None or isinstance(told, Ended):
                    yield self._exit(told, used)
                    return
                used = told[1:]
                yield told
            self._look()

    def _exit(self, ended: Ended | None, used: tuple[int, float]) -> Exit:
        reason = self.failure
        if reason is None and not self.returned:
            reason = GUARD_KILLED if ended is None else _reason(ended, self.limits)
        if ended is None:
            memory, cpu_seconds = used  # what was last heard of it
            return Exit("exit", reason, cpu_seconds, memory)
        return Exit("exit", reason, ended.cpu_seconds, ended.peak_memory)

    def _look(self) -> None:
        """End the worker if its time is up, and the warden if it does not do so."""
        now = time.monotonic()
        # time in which this process was suspended, or its caller busy, is not the worker's
        self.spent += min(now - self.looked, 2 * POLL)
        self.looked = now
        if self.asked is not None:
            if now - self.asked > GRACE:
                _kill(self.process)
            return
        timeout = self.limits.timeout
        if self.returned:
            if self.spent > GRACE:
                self._ask(now)
        elif self.stop is not None and self.stop.is_set():
            self.failure = "stopped"
            self._ask(now)
        elif timeout is not None and self.spent > timeout:
            self.failure = f"it took longer than its time limit of {timeout:g} s (--timeout)"
            self._ask(now)
        elif now - self.heard > GRACE:
            self.heard = now
            self._wake()

    def _ask(self, now: float) -> None:
        """Have the warden end the worker."""
        self.asked = now
        with suppress(OSError):
            self.control.send("end")
        self._wake()

    def _wake(self) -> None:
        """Let a warden go on that a plugin has stopped."""
        if self.process.pid is not None and self.process.is_alive():
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGCONT)


def _kill(warden: ForkServerProcess) -> None:
    """End a warden that does not end, and what it was to end."""
    with suppress(psutil.Error):
        for each in psutil.Process(warden.pid).children(recursive=True):
            with suppress(psutil.Error):
                each.kill()
    warden.kill()
    warden.join()


def _sweep(warden: ForkServerProcess) -> None:
    """End what a warden has left that was killed: all of its session."""
    for pid in psutil.pids():
        with suppress(OSError):
            if os.getsid(pid) == warden.pid:
                os.kill(pid, signal.SIGKILL)


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
    """Let any process start one of its own, also a daemonic one, such as a Dask worker under its nanny.

    A started process dies with its parent: its control pipe closes.  It does not run the user's script
    again, as multiprocessing would have it: so a script needs no ``if __name__ == "__main__"``.
    """

    lock = threading.Lock()

    def __enter__(self) -> None:
        self.lock.acquire()
        me = multiprocessing.current_process()
        self.daemon = me.daemon
        if self.daemon:
            me.daemon = False
        self.main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")

    def __exit__(self, *_: object) -> None:
        sys.modules["__main__"] = self.main
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
