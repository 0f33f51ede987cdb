"""Calls a function in a process of its own, with limits, and relays its messages.

Three processes take part: this one; a *warden* (`ecgbench.harness.isolation.warden`), forked from a server
with torch imported; and the *worker* (`ecgbench.harness.isolation.worker`), forked from the warden, for the
function.
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
from typing import TYPE_CHECKING, Any

import msgspec
import psutil

from ecgbench.contracts.errors import EcgbenchError
from ecgbench.harness.isolation.messages import (
    OF_WARDEN,
    Exit,
    Inbox,
    Returned,
    WorkerEnd,
    receive,
)
from ecgbench.harness.isolation.warden import guard
from ecgbench.harness.isolation.worker import Worker
from ecgbench.results.store.progress import Stage, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerContext, ForkServerProcess
    from pathlib import Path

PRELOAD = ["ecgbench.harness.engine.preload"]
SAFE_PATH = ("PYTHONSAFEPATH", "ecgbench")
"""Variable and value: the fork server must not import from the folder that a user works in.

A file ``random.py`` there would stand for Python's own.  The variable is of the fork server alone, so
`ecgbench.harness.engine.preload` removes it.
"""

GRACE = 10.0
"""Seconds for a process to end after its work: a plugin may have left a thread running."""

POLL = 0.25
"""Seconds between two looks at the clock and at ``stop``."""

TRIES = 3
"""How often a process is started before the fork server is given up."""

PAUSE = 0.5
"""Seconds before the second try; twice as long before the third."""

GUARD_KILLED = "the process that guarded it was killed"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of a called function.

    Attributes:
        threads: for torch, OpenMP and BLAS.
        timeout: seconds of each stage: between two `Stage` messages, and from the last to the end.
        memory: bytes for the worker and all its children together.
    """

    threads: int = 1
    timeout: float | None = None
    memory: int | None = None


def call(
    function: Callable[..., None],
    *arguments: Any,
    kinds: Any = Returned,
    log: Path | None = None,
    limits: Limits = Limits(),
    stop: threading.Event | None = None,
) -> Iterator[Any]:
    """Call ``function(*arguments, send)`` in a new process and yield its messages.

    In between comes a `Usage` about once a second; the last message is an `Exit`.  Closing the iterator, or an exception such as Ctrl-C in the
    caller's loop, ends the process and whatever it has started; so does the end of this one, however
    it ends.

    Args:
        function: importable, like its arguments.
        arguments: for the function.
        kinds: the type of its messages, or a union of several; others are not heard.
        log: file for the output of the process; it is appended.
        limits: a process beyond them is ended.
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
        yield from _Relay(process, receiver, control, kinds, limits, stop).messages()
    finally:
        control.close()  # the warden ends whatever still runs, then itself
        receiver.close()
        process.join(GRACE)
        if process.is_alive():
            _kill(process)
        if process.exitcode:
            _sweep(process)


def _started(sender: Connection, control: Connection, worker: Worker) -> ForkServerProcess:
    """Start a warden; from a new fork server if the old one was killed meanwhile.

    Raises:
        EcgbenchError: it ends again and again.
    """
    for number in range(TRIES):
        time.sleep(number * PAUSE)  # on a busy machine a killed server is not gone at once
        process = _context().Process(target=guard, args=(sender, control, worker), daemon=True)
        with suppress(EOFError, ConnectionError, FileNotFoundError), _startable():
            process.start()
            return process
    raise EcgbenchError(
        f"the process from which cells are started was ended {TRIES} times before it could start one: by "
        "the system, for want of memory, or by its own imports (python -m ecgbench.harness.engine.preload "
        "shows what they say); finished work is kept"
    )


class _Relay:
    """Passes on the messages of worker and warden, and keeps time limit and ``stop``.

    Args:
        process: the warden's.
        receiver: of the worker's messages.
        control: to and from the warden.
        kinds: of the worker's messages.
        limits: of the call.
        stop: of the call.
    """

    def __init__(
        self,
        process: ForkServerProcess,
        receiver: Connection,
        control: Connection,
        kinds: Any,
        limits: Limits,
        stop: threading.Event | None,
    ) -> None:
        self.process = process
        self.receiver = receiver
        self.control = control
        self.inbox = Inbox(receiver, kinds | Returned)
        self.limits = limits
        self.stop = stop
        self.failure: str | None = None
        self.returned = False
        self.spent = 0.0
        self.looked = self.heard = time.monotonic()
        self.told_to_end: float | None = None

    def messages(self) -> Iterator[Any]:
        """Yield all messages, an `Exit` at last."""
        used = Usage(0, 0.0)
        sources = [self.receiver, self.control]
        while True:
            ready = wait(sources, POLL)
            # messages come before the news of the sender's end
            if self.receiver in ready:
                try:
                    for message in self.inbox.read():
                        # a worker may not send every message
                        if message is not None and self._is_for_others(message):
                            yield message
                        self._look()
                except (EOFError, OSError, msgspec.DecodeError):
                    # its end, or a plugin has written into the pipe
                    sources = [self.control]
                    continue
            elif ready:
                self.heard = time.monotonic()
                try:
                    told = receive(self.control, OF_WARDEN)
                except (OSError, EOFError, msgspec.DecodeError):
                    told = None
                if not isinstance(told, Usage):
                    yield self._exit(told, used)
                    return
                used = told
                yield used
            self._look()

    def _is_for_others(self, message: Any) -> bool:
        """Take note of a message; return whether the caller hears it."""
        if isinstance(message, Returned | Stage):
            self.spent = 0.0
        if isinstance(message, Returned):
            self.failure, self.returned = message.failure, True
        return not isinstance(message, Returned)

    def _exit(self, end: WorkerEnd | None, used: Usage) -> Exit:
        reason = self.failure
        if reason is None and not self.returned:
            reason = GUARD_KILLED if end is None else _reason(end, self.limits)
        if end is None:
            return Exit(reason, used.cpu_seconds, used.memory)  # as last heard
        return Exit(reason, end.cpu_seconds, end.peak_memory)

    def _look(self) -> None:
        """End the worker if its time is up, and the warden if it does not do so."""
        now = time.monotonic()
        # while this process was suspended, or its caller busy, the worker's time stood still
        self.spent += min(now - self.looked, 2 * POLL)
        self.looked = now
        if self.told_to_end is not None:
            if now - self.told_to_end > GRACE:
                _kill(self.process)
            return
        timeout = self.limits.timeout
        if self.returned:
            if self.spent > GRACE:
                self._tell_to_end(now)
        elif self.stop is not None and self.stop.is_set():
            self.failure = "stopped"
            self._tell_to_end(now)
        elif timeout is not None and self.spent > timeout:
            self.failure = f"it took longer than its time limit of {timeout:g} s (--timeout)"
            self._tell_to_end(now)
        elif now - self.heard > GRACE:
            self.heard = now
            self._wake()

    def _tell_to_end(self, now: float) -> None:
        """Have the warden end the worker."""
        self.told_to_end = now
        with suppress(OSError):
            self.control.send_bytes(b"end")
        self._wake()

    def _wake(self) -> None:
        """Let a warden go on after a plugin stopped it."""
        if self.process.pid is not None and self.process.is_alive():
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGCONT)


def _kill(warden: ForkServerProcess) -> None:
    """End a warden by force, and its children."""
    with suppress(psutil.Error):
        for child in psutil.Process(warden.pid).children(recursive=True):
            with suppress(psutil.Error):
                child.kill()
    warden.kill()
    warden.join()


def _sweep(warden: ForkServerProcess) -> None:
    """End the session of a killed warden."""
    for pid in psutil.pids():
        with suppress(OSError):
            if os.getsid(pid) == warden.pid:
                os.kill(pid, signal.SIGKILL)


def _reason(end: WorkerEnd, limits: Limits) -> str:
    if end.over_memory is not None:
        assert limits.memory is not None
        return (
            f"it used {end.over_memory / 2**30:.2f} GiB of memory, more than its limit of "
            f"{limits.memory / 2**30:.2f} GiB (--memory)"
        )
    if end.exitcode < 0:
        known = {number.value: number.name for number in signal.Signals}
        name = known.get(-end.exitcode, f"signal {-end.exitcode}")
        hint = " (out of memory?)" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{hint}"
    return f"its process ended before its work did, with exit code {end.exitcode}"


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
        self.is_ours = os.environ.setdefault(*SAFE_PATH) == SAFE_PATH[1]

    def __exit__(self, *_: object) -> None:
        if self.is_ours:
            del os.environ[SAFE_PATH[0]]
        sys.modules["__main__"] = self.main
        if self.daemon:
            multiprocessing.current_process().daemon = True
        self.lock.release()


@cache
def _context() -> ForkServerContext:
    # threads in busy waiting cost a busy machine a factor of five and more; the
    # fork server and all its children read this when they start
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    return context
