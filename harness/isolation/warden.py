"""The warden: starts a worker process, holds it to its limits, and leaves nothing of it behind.

It is a small process between the run and the worker, of which no plugin's code runs.  It inherits every
process that the worker starts and leaves (Linux's child subreaper), so it can end them all; it learns
from the operating system what they used; it keeps the log short; and when the run dies, it ends them.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import faulthandler
import functools
import io
import multiprocessing
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import psutil

from ecgbench.contracts.errors import EcgbenchError
from ecgbench.harness.isolation.messages import Returned, WorkerEnd, send
from ecgbench.harness.isolation.streams import open_closed
from ecgbench.results.store.progress import Usage

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from pathlib import Path

LOOK_EVERY = 0.1
"""Seconds between two looks at the memory."""

TELL_EVERY = 1.0
"""Seconds between two reports of memory and time."""

PATIENCE = 2.0
"""Seconds from a SIGTERM to the SIGKILL, and from there until what cannot be killed is given up."""

LOG_HEAD, LOG_TAIL = 4 * 2**20, 2**20
"""Bytes of what a worker prints that are kept, from its beginning and from its end."""

READ = 2**16
"""Bytes that are read from a worker's output at a time; a pipe holds at most 1 MiB."""

RUSAGE_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in the unit of ``ru_maxrss``."""

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


@dataclass(frozen=True, kw_only=True)
class Worker:
    """What a worker process does, and under which conditions.

    Attributes:
        function: called with the arguments and ``send``.
        arguments: for the function.
        log: what is printed is appended to this file; None to print where the run does.
        threads: for torch, OpenMP and BLAS.
        memory: bytes; None for any.
        environ: environment variables.
        folder: the working folder.
    """

    function: Callable[..., None]
    arguments: tuple[Any, ...]
    log: Path | None
    threads: int
    memory: int | None
    environ: dict[str, str]
    folder: str


def guard(sender: Connection, control: Connection, worker: Worker) -> None:
    """Run a worker to its end; the target of the warden's process.

    Args:
        sender: given to the worker.
        control: receives `Usage` once a second and `WorkerEnd` at last; a byte from the other end, or
            its closing, ends the worker.
        worker: what to run.
    """
    os.setsid()  # Ctrl-C reaches the run's process group; the run decides what it means
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _prctl(PR_SET_CHILD_SUBREAPER)
    multiprocessing.current_process().daemon = False
    open_closed()
    output = os.pipe() if worker.log is not None else None
    sys.stdout.flush()
    sys.stderr.flush()
    me, pid = os.getpid(), os.fork()
    if pid == 0:
        control.close()
        _be_worker(me, sender, output, worker)
    sender.close()
    if output is None:
        _Guard(pid, control, worker.memory, None).watch()
        return
    os.close(output[1])
    assert worker.log is not None
    with _Log(worker.log, output[0]) as log:
        _Guard(pid, control, worker.memory, log).watch()


class _Guard:
    def __init__(self, pid: int, control: Connection, memory: int | None, log: _Log | None) -> None:
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
        """See that the memory is within its limit; where ``whole``, look for processes, and tell."""
        if whole:
            self.alive = self.process.children(recursive=True)
        used = _resident(self.alive)
        if self.memory is not None and used > self.memory:
            # pages that processes share count once
            used = _proportional(self.alive)
            if used > self.memory:
                self.over = used
        if whole:
            self._tell(Usage(used, self.cpu + _cpu(self.alive)))

    def _reap(self) -> None:
        """Take note of every process that has ended."""
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
        asked: set[int] = set()
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
                    elif child.pid not in asked:
                        asked.add(child.pid)
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
    for each in processes:
        with contextlib.suppress(psutil.Error):
            used += each.memory_info().rss
    return used


def _proportional(processes: list[psutil.Process]) -> int:
    """Bytes in use by them, a page that n processes share counted as 1/n of a page for each."""
    used = 0
    for each in processes:
        with contextlib.suppress(psutil.Error):
            info = each.memory_full_info()
            used += getattr(info, "pss", info.uss)
    return used


def _cpu(processes: list[psutil.Process]) -> float:
    """Seconds of processor time that they have used so far."""
    total = 0.0
    for each in processes:
        with contextlib.suppress(psutil.Error):
            total += sum(each.cpu_times()[:2])
    return total


class _Log:
    """Appends what a worker prints to a file, from its middle nothing when it is too much.

    Args:
        file: to append to.
        source: the reading end of the worker's output.
    """

    def __init__(self, file: Path, source: int) -> None:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self.file = file.open("ab", buffering=0)
        except OSError:
            self.file = open(os.devnull, "ab", buffering=0)  # noqa: PTH123, SIM115 - as `_write`
        self.source = source
        self.open = True
        self.written = 0
        self.left_out = 0
        self.tail: deque[bytes] = deque()
        self.kept = 0
        os.set_blocking(source, False)

    def fileno(self) -> int:
        """For select."""
        return self.source

    def read(self) -> bool:
        """Take over what there is; return whether there may be more."""
        try:
            content = os.read(self.source, READ)
        except BlockingIOError:
            return False
        if not content:
            self.open = False
            return False
        if self.written < LOG_HEAD:
            self._write(content)
            return True
        self.tail.append(content)
        self.kept += len(content)
        while self.kept - len(self.tail[0]) >= LOG_TAIL:
            dropped = len(self.tail.popleft())
            self.kept -= dropped
            self.left_out += dropped
        return True

    def drain(self) -> None:
        """Take over what a pipe holds, and no more: its writer may be one that never stops."""
        for _ in range(2**20 // READ):
            if not self.open or not self.read():
                return

    def _write(self, content: bytes) -> None:
        self.written += len(content)
        with contextlib.suppress(OSError):  # a full disk must not cost the worker its guard
            self.file.write(content)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.left_out:
            self._write(f"\n[… {self.left_out / 2**20:.1f} MiB left out …]\n".encode())
        for content in self.tail:
            self._write(content)
        self.file.close()
        os.close(self.source)


def _end_of(pid: int) -> int | None:
    """A file descriptor that is readable when the process has ended, where there is such a thing."""
    if hasattr(os, "pidfd_open"):
        try:
            return os.pidfd_open(pid)
        except OSError as error:
            if error.errno not in (errno.ENOSYS, errno.EPERM, errno.ESRCH):
                raise
    return None


def _prctl(option: int, value: int = 1) -> None:
    """Ask Linux for something that other systems do not have."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


# --- the worker ------------------------------------------------------------------------------------


def _be_worker(
    warden: int, sender: Connection, output: tuple[int, int] | None, worker: Worker
) -> None:
    """Call the function and end this process; never returns."""
    code = 1
    try:
        os.setpgid(0, 0)
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != warden:
            os._exit(1)
        for each in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(each, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # where memory runs out, the system ends a worker and not the run
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "wb") as score:  # noqa: PTH123
            score.write(b"1000")
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # the fork server has the variables of its start, and what its imports have set since
        for name in [
            n for n in os.environ if n.startswith("ECGBENCH_") and n not in worker.environ
        ]:
            del os.environ[name]
        os.environ.update(worker.environ)
        os.chdir(worker.folder)
        # a process of the fork server's would start others in the same way; a plugin expects the usual
        multiprocessing.set_start_method(None, force=True)
        if output is not None:
            os.dup2(output[1], 1)
            os.dup2(output[1], 2)
            os.close(output[0])
            os.close(output[1])
            faulthandler.enable()
        _write_at_once()
        _limit_threads(worker.threads)
        keep_freed_memory()
        send(sender, Returned(_call(worker, sender)))
        sender.close()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)  # noqa: T201 - as the interpreter does
    except BaseException:  # noqa: BLE001 - the fork server's own code must not go on from here
        traceback.print_exc()
    finally:
        _exit(code)


def _call(worker: Worker, sender: Connection) -> str | None:
    """Call the function; return why it failed, or None."""
    try:
        worker.function(*worker.arguments, functools.partial(send, sender))
    except EcgbenchError as error:
        return str(error)
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever it is, the run must hear of it
        traceback.print_exc()
        return "".join(traceback.format_exception_only(error)).strip()
    return None


def _exit(code: int) -> None:
    """End this process as the interpreter would, without the frames that it was forked from."""
    with contextlib.suppress(Exception):
        import threading  # noqa: PLC0415 - only here

        multiprocessing.util._exit_function()  # type: ignore[attr-defined]  # noqa: SLF001 - as Process does
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - as Process does
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _write_at_once() -> None:
    """Let what was printed stand in the log, or on the terminal, in any language, whatever follows."""
    # not reconfigured: the fork server's streams may be files, and remember a place in them
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(
            os.fdopen(number, "wb", closefd=False),
            encoding="utf-8",
            errors="backslashreplace",
            line_buffering=True,
        )
        for number in (1, 2)
    )


def _limit_threads(threads: int) -> None:
    # for libraries that a plugin has yet to load, and for programs that it starts
    for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR"):
        os.environ[f"{library}_NUM_THREADS"] = str(threads)

    import torch  # noqa: PLC0415 - imported by the fork server
    from threadpoolctl import threadpool_limits  # noqa: PLC0415 - as above

    # gradients of recurrent networks go subnormal, which costs a processor 2-15 times as much; the
    # flag is inherited by threads that start after it is set
    torch.set_flush_denormal(True)
    torch.set_num_threads(threads)
    threadpool_limits(limits=threads)


def keep_freed_memory() -> None:
    """Let glibc keep what this process frees, for its next allocations.

    A network in training allocates the same tensors in every iteration.  Where their memory goes back to
    the system in between, the pages' coming and going takes a tenth of the time.
    """
    with contextlib.suppress(OSError, AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_TRIM_THRESHOLD, -1)  # never
        mallopt(M_MMAP_THRESHOLD, 32 << 20)  # the most it takes; larger blocks do go back
