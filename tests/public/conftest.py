"""One small run by the API, for all tests of the API."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import ecgbench
from tests.harness.contracts.conftest import make_comparison

STUBS = Path(__file__).parents[1] / "harness" / "cli" / "stubs.py"
TINY: dict[str, Any] = {
    "datasets": ["tiny"],
    "generators": ["jitter"],
    "metrics": ["peak", "never"],
    "references": False,
    "plugins": [STUBS],
}
"""Arguments of a run of seconds."""


@dataclass(frozen=True)
class Small:
    """A finished run.

    Attributes:
        folder: the working folder of the run.
        outcome: what the API returned.
        messages: what it told.
    """

    folder: Path
    outcome: Any
    messages: list[Any]


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """Run jitter on the stub dataset, seeds 0 to 3."""
    folder = tmp_path_factory.mktemp("small")
    messages: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        _alone(patch, folder)
        outcome = ecgbench.run(**TINY, seeds=range(4), store="store", on_progress=messages.append)
    return Small(folder, outcome, messages)


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, without the user's variables."""
    _alone(monkeypatch, tmp_path)
    return tmp_path


def _alone(patch: pytest.MonkeyPatch, folder: Path) -> None:
    for name in [n for n in os.environ if n.startswith("ECGBENCH_")]:
        patch.delenv(name)
    patch.setenv("ECGBENCH_CACHE_DIR", str(folder / "cache"))
    patch.setenv("COLUMNS", "120")
    patch.chdir(folder)


@pytest.fixture
def comparison() -> ecgbench.Comparison:
    """Return the comparison of the contracts' tests."""
    return make_comparison()
