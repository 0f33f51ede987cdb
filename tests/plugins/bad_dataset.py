"""A dataset that breaks the contract, or ends its process, as its setting ``how`` says."""

import ctypes
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecgbench import Config, DatasetSpec, EcgWindows, hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable


class HowConfig(Config, frozen=True):
    how: str = "well"


ENDS: dict[str, "Callable[[], object]"] = {
    "sys.exit()": sys.exit,
    "segfault": lambda: ctypes.string_at(0),
    "os._exit(0)": lambda: os._exit(0),
}


def bad_dataset(config: Any, folder: Path | None) -> Any:
    import numpy as np

    if config.how in ENDS:
        ENDS[config.how]()
    if config.how == "raises":
        raise KeyError("record 101")
    if config.how == "an array":
        return np.zeros((10, 1, 16))
    n = 60
    good = EcgWindows(
        signals=np.random.default_rng(1).standard_normal((n, 1, 16)).astype(np.float32),
        labels=np.zeros(n, dtype=np.int64),
        patients=np.arange(n, dtype=np.int64) % 3,
        sampling_rate=16.0,
        leads=("II",),
        classes=("N",),
    )
    wrong: dict[str, Callable[[], Any]] = {
        "NaN": lambda: replace(good, signals=np.full((n, 1, 16), np.nan, dtype=np.float32)),
        "objects": lambda: replace(good, records=np.array([None] * n)),
        "short records": lambda: replace(good, records=np.array(["100"])),
    }
    return wrong[config.how]() if config.how in wrong else good


@hookimpl
def ecgbench_datasets() -> list[DatasetSpec]:
    return [
        DatasetSpec(
            name="bad-dataset",
            target=bad_dataset,
            config=HowConfig,
            summary="breaks the contract on request",
            leads=("II",),
            sampling_rate=16.0,
            classes=("N",),
            licence="MIT",
        )
    ]
