"""Runs a cell in a process of its own, started from a fork server that has imported torch."""

from __future__ import annotations

import faulthandler
import io
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from functools import cache
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from ecgbench.harness.errors import EcgbenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerContext
    from pathlib import Path

PRELOAD = ["ecgbench.harness.preload"]
GRACE = 10.0
"""Seconds for a process to end after its work: a plugin may have left a thread running."""


def call(
    function: Callable[..., None], *arguments: Any, log: Path | None = None, threads: int = 1
) -> Iterator[tuple[Any, ...]]:
    """Call ``function(*arguments, send)`` in a new process and yield what it sends.

    The last message is ``("exit", reason)``, with the reason why the process ended before its time,
    or None.  Closing the iterator, or an exception such as Ctrl-C in the caller's loop, ends the
    process; so does the end of this one, however it ends.

    Args:
        function: importable, like its arguments.
        arguments: for the function.
        log: what the process prints is appended to this file.
        threads: for torch, OpenMP and BLAS.
    """
    context = _context()
    receiver, sender = context.Pipe(duplex=False)
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(
        target=_child,
        args=(sender, ours, function, arguments, log, threads, dict(os.environ)),
        daemon=True,
    )
    process.start()
    sender.close()
    ours.close()
    failure: str | None = None
    returned = False
    try:
        while not returned:
            # a process that the plugin started may outlive ours and hold its end of the pipe
            if receiver not in wait([receiver, process.sentinel]):
                break
            try:
                message = receiver.recv()
            except (EOFError, OSError):
                break
            if message[0] == "returned":
                failure, returned = message[1], True
            else:
                yield message
        process.join(GRACE if returned else None)
        yield ("exit", failure if returned else _reason(process.exitcode))
    finally:
        if process.is_alive():
            process.kill()
            process.join()
        receiver.close()
        theirs.close()


def _child(
    sender: Connection,
    parent: Connection,
    function: Callable[..., None],
    arguments: tuple[Any, ...],
    log: Path | None,
    threads: int,
    environ: dict[str, str],
) -> None:
    # the fork server has the variables of its start, and what its imports have set since
    for name in [n for n in os.environ if n.startswith("ECGBENCH_") and n not in environ]:
        del os.environ[name]
    os.environ.update(environ)
    # a plugin may start processes of its own, as data loaders do
    multiprocessing.current_process().daemon = False
    # Ctrl-C reaches the whole process group; the parent decides what it means
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(file, 1)
        os.dup2(file, 2)
        os.close(file)
        _write_at_once()
    _limit_threads(threads)
    failure: str | None = None
    try:
        function(*arguments, sender.send)
    except EcgbenchError as error:
        failure = str(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
        traceback.print_exc()
        failure = f"{type(error).__name__}: {error}"
    sys.stdout.flush()
    sys.stderr.flush()
    sender.send(("returned", failure))
    sender.close()


def _die_with(parent: Connection) -> None:
    """End this process when the parent's end of the pipe closes: the parent has gone."""
    try:
        parent.recv()
    except (EOFError, OSError):
        os._exit(1)


def _write_at_once() -> None:
    """Let what was printed stand in the log, in any language, even when the process crashes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    faulthandler.enable()


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


def _reason(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        known = {number.value: number.name for number in signal.Signals}
        name = known.get(-exitcode, f"signal {-exitcode}")
        hint = " (out of memory?)" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{hint}"
    return f"its process ended before its work did, with exit code {exitcode}"


@cache
def _context() -> ForkServerContext:
    # threads that wait for each other by spinning cost a busy machine a factor of five and more; the
    # fork server and all its children read this when they start
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    return context
