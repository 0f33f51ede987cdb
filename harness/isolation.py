"""What a plugin may change for itself, and finds as it was when it is called again."""

from __future__ import annotations

import contextlib
import os
import random
import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def plugin_state(seed: int) -> Iterator[None]:
    """Give a plugin process-wide state of its own, and put everything back after it.

    That is: the global random states (seeded, so that a plugin which uses them is deterministic), the
    working folder, environment variables, warning filters, numpy's error handling, and torch's
    threads, default dtype and gradient mode.

    Args:
        seed: of the global random states.
    """
    import torch  # noqa: PLC0415 - a second to import; the fork server has it already
    from threadpoolctl import threadpool_info, threadpool_limits  # noqa: PLC0415 - as above

    folder, environ = os.getcwd(), dict(os.environ)  # noqa: PTH109 - what is put back
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002 - what is put back
    threads, dtype, gradients = (
        torch.get_num_threads(),
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
    )
    pools = {pool["prefix"]: pool["num_threads"] for pool in threadpool_info()}
    with (
        warnings.catch_warnings(),
        np.errstate(),
        torch.random.fork_rng(devices=range(torch.cuda.device_count())),
    ):
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002 - a plugin that uses it gets the cell's seed
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(legacy)  # noqa: NPY002 - as above
            torch.set_num_threads(threads)
            torch.set_default_dtype(dtype)
            torch.set_grad_enabled(gradients)
            threadpool_limits(limits=pools)
            os.chdir(folder)
            if os.environ != environ:
                os.environ.clear()
                os.environ.update(environ)
