"""The costs of a cell, as measured by the harness.

A cost has no ideal: it is weighed against a generator's quality.  Windows from elsewhere have no
measured cost, and a reference row models nothing, so both are skipped.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ecgbench import Skip

if TYPE_CHECKING:
    from ecgbench import Comparison, Config, Costs


def fit_time(comparison: Comparison, _config: Config) -> float:
    """Return the wall-clock time of the fit, seconds.

    Raises:
        Skip: nothing was measured, or the row is a reference.
    """
    return _costs(comparison).fit_seconds


def sample_rate(comparison: Comparison, _config: Config) -> float:
    """Return the number of synthetic windows drawn in a second.

    Raises:
        Skip: nothing was measured, or the row is a reference.
    """
    # sampling faster than one step of the clock took more than nothing and at most that step
    seconds = max(_costs(comparison).sample_seconds, time.get_clock_info("perf_counter").resolution)
    return len(comparison.synthetic) / seconds


def peak_memory(comparison: Comparison, _config: Config) -> float:
    """Return the largest resident set of the cell's process during fit and sampling, MiB.

    Raises:
        Skip: nothing was measured, or the row is a reference.
    """
    return _costs(comparison).peak_memory / 2**20


def parameters(comparison: Comparison, _config: Config) -> float:
    """Return the number of parameters that the fit estimated, as the generator counts them.

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
