"""The comparison of the contracts' tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.contracts.conftest import make_comparison

if TYPE_CHECKING:
    from ecgbench import Comparison


@pytest.fixture
def comparison() -> Comparison:
    return make_comparison()
