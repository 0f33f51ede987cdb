"""Small flows on small windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from ecgbench.generators.spline_flow import SplineFlowConfig
from ecgbench.generators.spline_flow.model import SplineFlow
from tests.generators.timegan.conftest import make_context, windows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ecgbench import Context, EcgWindows

SMALL = SplineFlowConfig(
    dimensions=5, transforms=2, bins=4, hidden=8, batch=16, iterations=12, every=4
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As the contexts say."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return make_context(tmp_path)


def fitted(
    context: Context, config: SplineFlowConfig = SMALL, train: EcgWindows | None = None
) -> Any:
    model = SplineFlow(config)
    model.fit(windows() if train is None else train, context)
    return model
