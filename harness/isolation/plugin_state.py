"""The state of a process: a plugin may change it for itself, and the next call finds it as it was."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import random
import resource
import signal
import sys
import traceback
import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def plugin_state(seed: int) -> Iterator[None]:
    """Give a plugin process-wide state of its own, and put everything back after it.

    That is: the global random states (seeded, so plugins are deterministic with them, too), the
    working folder, environment variables, the mask of new files, standard input and output, the
    recursion limit, the interval timer, ``sys.path``, the default start method of processes, warning
    filters, the root logger, numpy's error handling and print options, scikit-learn's settings, and
    torch's threads, default dtype and device, gradient and deterministic mode, autocast and precision of
    products.  Files left open take no room from those of the next plugin.

    If a plugin forks and the child returns from it, the child ends here.

    Args:
        seed: of the global random states.
    """
    import torch  # noqa: PLC0415 - a second to import; the fork server has it already

    process = os.getpid()
    with (
        _standard_streams(),
        _room_for_files(),
        _python(),
        _libraries(),
        _torch(),
        torch.random.fork_rng(devices=range(torch.cuda.device_count())),
    ):
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002 - a plugin may use it, and gets the cell's seed
        torch.manual_seed(seed)
        try:
            yield
        finally:
            if os.getpid() != process:
                if sys.exc_info()[0] is not None:
                    traceback.print_exc()
                os._exit(1)


@contextlib.contextmanager
def _python() -> Iterator[None]:
    """Put back the state of the interpreter and the process."""
    folder, environ, path = os.getcwd(), dict(os.environ), list(sys.path)  # noqa: PTH109 - put back
    os.umask(mask := os.umask(0o022))
    depth, timer = sys.getrecursionlimit(), signal.getitimer(signal.ITIMER_REAL)
    start_method = multiprocessing.get_start_method(allow_none=True)
    level, handlers = logging.root.level, list(logging.root.handlers)
    quiet, state = logging.root.manager.disable, random.getstate()
    with warnings.catch_warnings():
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, *timer)
            sys.setrecursionlimit(depth)
            random.setstate(state)
            multiprocessing.set_start_method(start_method, force=True)
            logging.root.setLevel(level)
            logging.root.handlers[:] = handlers
            logging.disable(quiet)
            sys.path[:] = path
            os.umask(mask)
            os.chdir(folder)
            if os.environ != environ:
                os.environ.clear()
                os.environ.update(environ)


@contextlib.contextmanager
def _libraries() -> Iterator[None]:
    """Put back the state of numpy, scikit-learn and the libraries of threads."""
    import sklearn  # noqa: PLC0415 - a second to import; the fork server has it already
    from threadpoolctl import threadpool_info, threadpool_limits  # noqa: PLC0415 - as above

    state, options = np.random.get_state(), np.get_printoptions()  # noqa: NPY002 - to put it back
    pools = {pool["prefix"]: pool["num_threads"] for pool in threadpool_info()}
    with sklearn.config_context(), np.errstate():
        try:
            yield
        finally:
            np.random.set_state(state)  # noqa: NPY002 - as above
            np.set_printoptions(**options)
            threadpool_limits(limits=pools)


@contextlib.contextmanager
def _torch() -> Iterator[None]:
    """Put back the state of torch, but for its random state."""
    import torch  # noqa: PLC0415 - as above

    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    gradients, precision = torch.is_grad_enabled(), torch.get_float32_matmul_precision()
    deterministic, only_warn = _determinism()
    autocast = {
        device: (torch.is_autocast_enabled(device), torch.get_autocast_dtype(device))
        for device in ("cpu", "cuda")
    }
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_default_device(None)
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(gradients)
        if torch.get_float32_matmul_precision() != precision:
            torch.set_float32_matmul_precision(precision)
        if (deterministic, only_warn) != _determinism():
            torch.use_deterministic_algorithms(deterministic, warn_only=only_warn)
        for device, (enabled, kind) in autocast.items():
            torch.set_autocast_enabled(device, enabled)
            torch.set_autocast_dtype(device, kind)


@contextlib.contextmanager
def _standard_streams() -> Iterator[None]:
    """Put standard input and output back: a record with the number 1 would be printed into."""
    streams = sys.stdin, sys.stdout, sys.stderr
    kept: dict[int, int] = {}
    for number in range(3):
        with contextlib.suppress(OSError):
            kept[number] = os.dup(number)
    try:
        yield
    finally:
        for number, copy in kept.items():
            os.dup2(copy, number)
            os.close(copy)
        sys.stdin, sys.stdout, sys.stderr = streams
        for name, number in (("stdout", 1), ("stderr", 2)):
            if getattr(sys, name).closed:
                stream = os.fdopen(number, "w", 1, "utf-8", "backslashreplace", closefd=False)
                setattr(sys, name, stream)


@contextlib.contextmanager
def _room_for_files() -> Iterator[None]:
    """Raise the limit of open files by those left open, as far as the system lets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = len(os.listdir("/dev/fd"))  # noqa: PTH208 - names alone
    try:
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # to count takes a file, too
            left = max(len(os.listdir("/dev/fd")) - before, 0)  # noqa: PTH208 - as above
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, soft + left), hard))


def _determinism() -> tuple[bool, bool]:
    """Whether torch's deterministic mode is on, and whether it only warns; setting it costs a second."""
    import torch  # noqa: PLC0415 - as above

    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
