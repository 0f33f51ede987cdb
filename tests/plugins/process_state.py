"""Metrics of the process they run in: its state, and its end from outside."""

# ruff: noqa: NPY002 - the state of global random numbers is part of it

import json
import os
import random
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from ecgbench import Config, MetricSpec, Score, hookimpl


class PidConfig(Config, frozen=True):
    pid: str = ""


def state(comparison: Any, config: Any) -> Score:
    """Return the state of the process around a plugin."""
    import numpy as np
    import torch
    from threadpoolctl import threadpool_info

    os.umask(mask := os.umask(0))
    settings = {
        "folder": str(Path.cwd()),
        "environ": dict(os.environ),
        "umask": mask,
        "draws": [random.random(), np.random.random(), torch.rand(1).item()],
        "threads": [torch.get_num_threads(), *(pool["num_threads"] for pool in threadpool_info())],
        "torch": [
            str(torch.get_default_dtype()),
            str(torch.zeros(1).device),
            torch.is_grad_enabled(),
            torch.are_deterministic_algorithms_enabled(),
        ],
        "numpy": np.geterr(),
        "warnings": [str(entry) for entry in warnings.filters],
        "depth": sys.getrecursionlimit(),
        "timer": signal.getitimer(signal.ITIMER_REAL)[0],
        "log": [str(Path("/proc/self/fd/1").readlink()).partition(":")[0], sys.stdout.fileno()],
    }
    return Score(value=0.0, artefacts={"state.json": json.dumps(settings, sort_keys=True).encode()})


def wait_metric(comparison: Any, config: Any) -> float:
    """Write down the process's number and wait to be killed; the next time, score."""
    file = Path(config.pid)
    if not file.exists():
        file.write_text(str(os.getpid()))
        time.sleep(60)
    return 0.5


@hookimpl
def ecgbench_metrics() -> list[MetricSpec]:
    return [
        MetricSpec(
            name="state",
            target=state,
            summary="state of the process around a plugin",
            family="fidelity",
            better="lower",
        ),
        MetricSpec(
            name="waits",
            target=wait_metric,
            config=PidConfig,
            summary="waits to be killed",
            family="fidelity",
            better="lower",
        ),
    ]
