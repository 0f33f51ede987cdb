"""Databases of PhysioNet, each described by a dataset file in this folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ecgbench import DatasetSpec, hookimpl
from ecgbench.recordings.spec import described

if TYPE_CHECKING:
    from collections.abc import Iterable

FOLDER = Path(__file__).parent


@hookimpl
def ecgbench_datasets() -> Iterable[DatasetSpec]:
    """Return the dataset of each file in this folder."""
    return [described(file) for file in sorted(FOLDER.glob("*.toml"))]
