"""The dataset files that come with ecgbench."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecgbench import EcgWindows
from ecgbench.contracts.config import build
from ecgbench.datasets.physionet import FOLDER
from ecgbench.recordings.spec import described

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench import DatasetSpec


def shipped(name: str) -> DatasetSpec:
    """The spec of a dataset by its name."""
    return described(FOLDER / f"{name}.toml")


def load(spec: DatasetSpec, folder: Path, **settings: Any) -> EcgWindows:
    """All windows, read as the harness reads them."""
    found = spec.load()(build(spec.config, settings, where=f"dataset {spec.name}"), folder)
    assert isinstance(found, EcgWindows)
    return found
