"""The costs of a cell, as measured by the harness.

All of them are at least 0 and have no ideal: they are what a generator's quality is weighed against.
Windows that were made elsewhere cost nothing that could be measured here, and a reference row models
nothing, so both are skipped.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ecgbench import Skip

if TYPE_CHECKING:
    from ecgbench import Comparison, Config, Costs


def fit_time(comparison: Comparison, _config: Config) -> float:
    """Wall-clock time of the fit, seconds; lower is better.

    Raises:
        Skip: nothing was measured, or the row is a reference.
    """
    return _costs(comparison).fit_seconds


def sample_rate(comparison: Comparison, _config: Config) -> float:
    """Synthetic windows per second of sampling; higher is better.

    Raises:
        Skip: nothing was measured, or the row is a reference.
    """
    # a sampling faster than the clock's step took at least nothing and at most that step
    seconds = max(_costs(comparison).sample_seconds, time.get_clock_info("perf_counter").resolution)
    return len(comparison.synthetic) / seconds


def peak_memory(comparison: Comparison, _config: Config) -> float:
    """Largest resident set of the cell's process while it fitted and sampled, MiB; lower is better.

    Raises:
        Skip: nothing was measured, or the row is a reference.
    """
    return _costs(comparison).peak_memory / 2**20


def parameters(comparison: Comparison, _config: Config) -> float:
    """How many parameters the fit estimated, as the generator says; lower is better.

    Raises:
        Skip: the generator does not say, nothing was measured, or the row is a reference.
    """
    count = _costs(comparison).parameters
    if count is None:
        raise Skip("the generator does not say how many parameters it estimated")
    return float(count)


def _costs(comparison: Comparison) -> Costs:
    if comparison.reference:
        raise Skip("a reference row models nothing, so its costs compare with nothing")
    if comparison.costs is None:
        raise Skip("the windows were made elsewhere, where nothing was measured")
    return comparison.costs
