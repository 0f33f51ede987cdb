"""The differentially private reference point: `dp-pca-gaussian`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecgbench import GeneratorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def ecgbench_generators() -> Iterable[GeneratorSpec]:
    """A generator whose training windows are protected by differential privacy."""
    return []
