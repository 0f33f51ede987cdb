"""Every built-in plugin keeps the contract."""

from __future__ import annotations

import os
import unittest
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ecgbench import discover
from ecgbench.testing import Plugin, parametrize_with_checks

if TYPE_CHECKING:
    from ecgbench.contracts.specs import Kind
    from ecgbench.testing import Check

pytestmark = pytest.mark.slow

DATA = Path(os.environ["ECGBENCH_DATA_DIR"]) if "ECGBENCH_DATA_DIR" in os.environ else None

NOISE = ("dp-vae", "the noise of the mechanism drowns so few training windows")


def built_in(kind: Kind, *without: str) -> list[Plugin]:
    return [
        Plugin(entry.spec, entry.origin.module, DATA)
        for entry in discover().of_kind(kind)
        if entry.origin.built_in and entry.spec.name not in without
    ]


# `dose` is no generator of a board: it changes the fresh windows for the audit
@parametrize_with_checks(*built_in("generator", "dose", NOISE[0]))
def test_generators(check: Check) -> None:
    with suppress(unittest.SkipTest):  # not every rule applies to every plugin
        check()


@parametrize_with_checks(
    *(plugin for plugin in built_in("generator") if plugin.spec.name == NOISE[0]),
    expected_failures={"millivolts": NOISE[1]},
)
def test_a_private_generator(check: Check) -> None:
    with suppress(unittest.SkipTest):  # not every rule applies to every plugin
        check()


@parametrize_with_checks(*built_in("metric"))
def test_metrics(check: Check) -> None:
    with suppress(unittest.SkipTest):  # not every rule applies to every plugin
        check()


@parametrize_with_checks(*built_in("dataset"))
def test_datasets(check: Check) -> None:
    with suppress(unittest.SkipTest):  # not every rule applies to every plugin
        check()
