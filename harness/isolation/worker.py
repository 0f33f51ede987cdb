"""The worker: a process for one function, under the conditions of a `Worker`."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import functools
import io
import multiprocessing
import os
import resource
import signal
import sys
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecgbench.contracts.errors import EcgbenchError
from ecgbench.harness.isolation.messages import Returned, send

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


@dataclass(frozen=True, kw_only=True)
class Worker:
    """Function and conditions of a worker process.

    Attributes:
        function: called with the arguments and ``send``.
        arguments: for the function.
        log: file for its output, appended; None for the output of the run.
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


def be_worker(
    warden: int, sender: Connection, output: tuple[int, int] | None, worker: Worker
) -> None:
    """Call the function and end this process; never returns."""
    code = 1
    try:
        os.setpgid(0, 0)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != warden:
            os._exit(1)
        for number in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # if memory runs out, the system ends a worker and not the run
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "wb") as score:  # noqa: PTH123
            score.write(b"1000")
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # the fork server has the variables of its start, and those of its imports
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
    """End this process as the interpreter would, without the frames of its parent."""
    with contextlib.suppress(Exception):
        import threading  # noqa: PLC0415 - only here

        multiprocessing.util._exit_function()  # type: ignore[attr-defined]  # noqa: SLF001 - as Process does
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - as Process does
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _write_at_once() -> None:
    """Let all output stand in the log, or on the terminal, at once and in any language."""
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
    # for libraries still to be loaded, and for programs
    for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR"):
        os.environ[f"{library}_NUM_THREADS"] = str(threads)

    import torch  # noqa: PLC0415 - imported by the fork server
    from threadpoolctl import threadpool_limits  # noqa: PLC0415 - as above

    # gradients of recurrent networks go subnormal, and cost a processor 2-15 times as much; later
    # threads inherit the flag
    torch.set_flush_denormal(True)
    torch.set_num_threads(threads)
    threadpool_limits(limits=threads)


def keep_freed_memory() -> None:
    """Let glibc keep freed memory for the next allocations of this process.

    A network in training allocates the same tensors in every iteration.  If their memory goes back to
    the system in between, the pages' coming and going takes a tenth of the time.
    """
    with contextlib.suppress(OSError, AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_TRIM_THRESHOLD, -1)  # never
        mallopt(M_MMAP_THRESHOLD, 32 << 20)  # the most it takes; larger blocks do go back


def prctl(option: int, value: int = 1) -> None:
    """Ask Linux for something; do nothing on other systems."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
