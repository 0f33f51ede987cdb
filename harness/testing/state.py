"""The state of a process that no plugin should leave changed."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import random
import sys
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ecgbench.harness.isolation.plugin_state import plugin_state

if TYPE_CHECKING:
    from collections.abc import Iterator

GLOBAL_SEED = 918_273
"""Seeds the global random states; a plugin that seeds them by its own seed then changes them."""

RANDOM = ("random", "numpy.random", "torch")


@contextlib.contextmanager
def as_in_a_cell() -> Iterator[None]:
    """Give a plugin a state of its own, as the harness does, and keep its output from the terminal."""
    output = io.StringIO()
    with (
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(output),
        plugin_state(GLOBAL_SEED),
        warnings.catch_warnings(),
    ):
        torch.set_num_threads(1)  # as the context says, so that a change is seen on every machine
        warnings.simplefilter("default")
        yield


@dataclass(frozen=True)
class State:
    """What was seen at one moment, by name."""

    seen: dict[str, Any]

    @classmethod
    def now(cls) -> State:
        """Look at the state of this process."""
        return cls(
            {
                "random": random.getstate(),
                "numpy.random": np.random.get_state(),  # noqa: NPY002 - to see whether it changes
                "torch": torch.get_rng_state().numpy().tobytes(),
                "the working folder": os.getcwd(),  # noqa: PTH109 - text is compared
                "environment variables": dict(os.environ),
                "sys.path": list(sys.path),
                "torch's threads": torch.get_num_threads(),
                "torch's default dtype": torch.get_default_dtype(),
                "torch's gradient mode": torch.is_grad_enabled(),
                "torch's deterministic mode": torch.are_deterministic_algorithms_enabled(),
                "numpy's error handling": np.geterr(),
                "warning filters": list(warnings.filters),
                "handlers of the root logger": list(logging.root.handlers),
            }
        )

    def changed(self) -> list[str]:
        """Return the names of what is different now."""
        now = State.now().seen
        return [name for name, value in self.seen.items() if not _same(value, now[name])]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    return bool(one == other)
