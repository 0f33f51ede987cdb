"""The warden: starts a worker process, holds it to its limits, and leaves nothing of it behind.

It is a small process between the run and the worker, and runs no code of plugins.  It inherits all orphans
of the worker (Linux's child subreaper), so it can end them all; it learns from the operating system how
much they used; it keeps the log short; and when the run dies, it ends them.
"""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import os
import select
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

import psutil

from ecgbench.harness.isolation.log import Log
from ecgbench.harness.isolation.messages import WorkerEnd, send
from ecgbench.harness.isolation.streams import open_closed
from ecgbench.harness.isolation.worker import PR_SET_CHILD_SUBREAPER, be_worker, prctl
from ecgbench.results.store.progress import Usage

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from ecgbench.harness.isolation.worker import Worker

LOOK_EVERY = 0.1
"""Seconds between two looks at the memory."""

TELL_EVERY = 1.0
"""Seconds between two reports of memory and time."""

PATIENCE = 2.0
"""Seconds from a SIGTERM to the SIGKILL, and from there until an unkillable process is given up."""

RUSAGE_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in the unit of ``ru_maxrss``."""


def guard(sender: Connection, control: Connection, worker: Worker) -> None:
    """Run a worker to its end; the target of the warden's process.

    Args:
        sender: given to the worker.
        control: receives `Usage` once a second and `WorkerEnd` at last; a byte from the other end, or
            its closing, ends the worker.
        worker: function and conditions.
    """
    os.setsid()  # Ctrl-C reaches the run's process group; the run decides
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    prctl(PR_SET_CHILD_SUBREAPER)
    multiprocessing.current_process().daemon = False
    open_closed()
    output = os.pipe() if worker.log is not None else None
    sys.stdout.flush()
    sys.stderr.flush()
    me, pid = os.getpid(), os.fork()
    if pid == 0:
        control.close()
        be_worker(me, sender, output, worker)
    sender.close()
    if output is None:
        _Guard(pid, control, worker.memory, None).watch()
        return
    os.close(output[1])
    assert worker.log is not None
    with Log(worker.log, output[0]) as log:
        _Guard(pid, control, worker.memory, log).watch()


class _Guard:
    def __init__(self, pid: int, control: Connection, memory: int | None, log: Log | None) -> None:
        self.pid = pid
        self.control = control
        self.memory = memory
        self.log = log
        self.process = psutil.Process()
        self.alive = [psutil.Process(pid)]
        self.status: int | None = None
        self.cpu = 0.0
        self.peak = 0
        self.over: int | None = None

    def watch(self) -> None:
        """Wait for the worker's end, or bring it about; tell how it ended."""
        looked = told = time.monotonic()
        wake = _end_of(self.pid)
        while self.status is None and self.over is None:
            ready = self._wait(wake, LOOK_EVERY)
            self._reap()
            if self.control in ready:
                break
            now = time.monotonic()
            if self.status is not None or now - looked < LOOK_EVERY:
                continue
            looked, whole = now, now - told > TELL_EVERY
            self._look(whole=whole)
            told = now if whole else told
        if wake is not None:
            os.close(wake)
        self._end_all()
        if self.log is not None:
            self.log.drain()
        assert self.status is not None
        code = os.waitstatus_to_exitcode(self.status)
        self._tell(WorkerEnd(code, self.cpu, self.peak, self.over))

    def _wait(self, wake: int | None, seconds: float) -> list[Any]:
        waiting: list[Any] = [self.control]
        if wake is not None:
            waiting.append(wake)
        else:
            seconds = min(seconds, 0.02)
        if self.log is not None and self.log.open:
            waiting.append(self.log)
        ready, _, _ = select.select(waiting, [], [], seconds)
        if self.log in ready:
            assert self.log is not None
            self.log.read()
        return ready

    def _look(self, *, whole: bool) -> None:
        """Check the memory against its limit; if ``whole``, look for processes, and tell."""
        if whole:
            self.alive = self.process.children(recursive=True)
        used = _resident(self.alive)
        if self.memory is not None and used > self.memory:
            # shared pages count once
            used = _proportional(self.alive)
            if used > self.memory:
                self.over = used
        if whole:
            self._tell(Usage(used, self.cpu + _cpu(self.alive)))

    def _reap(self) -> None:
        """Take note of every ended process."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status, used = os.wait4(-1, os.WNOHANG)
                if not pid:
                    return
                if pid == self.pid:
                    self.status = status
                self.cpu += used.ru_utime + used.ru_stime
                self.peak = max(self.peak, used.ru_maxrss * RUSAGE_UNIT)

    def _end_all(self) -> None:
        """End whatever the worker has started: politely first, unless it is eating the memory."""
        deadline = time.monotonic() + (PATIENCE if self.over is None else 0.0)
        terminated: set[int] = set()
        while True:
            self._reap()
            alive = self.process.children(recursive=True)
            late = time.monotonic() - deadline
            if not alive or late > PATIENCE:
                break
            for child in alive:
                with contextlib.suppress(psutil.Error):
                    if late > 0:
                        child.kill()
                    elif child.pid not in terminated:
                        terminated.add(child.pid)
                        child.terminate()
                        child.resume()
            if self.log is not None:
                self.log.drain()
            time.sleep(0.01)
        if self.status is None:
            self.status = signal.SIGKILL  # it cannot be killed, or somebody else has reaped it

    def _tell(self, message: Usage | WorkerEnd) -> None:
        with contextlib.suppress(OSError):  # the run has gone
            send(self.control, message)


def _resident(processes: list[psutil.Process]) -> int:
    """Bytes, the sum of their resident sets."""
    used = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            used += process.memory_info().rss
    return used


def _proportional(processes: list[psutil.Process]) -> int:
    """Return the bytes in use by them; a page shared by n processes counts 1/n for process."""
    used = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            info = process.memory_full_info()
            used += getattr(info, "pss", info.uss)
    return used


def _cpu(processes: list[psutil.Process]) -> float:
    """Return their processor time so far, seconds."""
    total = 0.0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            total += sum(process.cpu_times()[:2])
    return total


def _end_of(pid: int) -> int | None:
    """Return a file descriptor, readable at the end of the process; None if the system has none."""
    if hasattr(os, "pidfd_open"):
        try:
            return os.pidfd_open(pid)
        except OSError as error:
            if error.errno not in (errno.ENOSYS, errno.EPERM, errno.ESRCH):
                raise
    return None
