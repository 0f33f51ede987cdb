"""The datasets of the stub plugins, as sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecgbench.contracts.config import build
from ecgbench.harness.data import cache as data

if TYPE_CHECKING:
    from tests.harness.conftest import Bench


def source(bench: Bench, name: str = "cohort", **settings: Any) -> data.Source:
    """Return an embedded dataset with these settings."""
    entry = bench.catalog.entry("dataset", name)
    return data.Source(entry, build(entry.spec.config, settings, where=name), None)
