from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ecgbench.contracts.comparison import Comparison, Once


def test_it_tells_what_is_compared(comparison: Comparison) -> None:
    assert comparison.classes == ("N", "S", "V")
    assert comparison.sampling_rate == 4.0
    assert comparison.windows("synthetic") is comparison.synthetic
    assert comparison.windows("auxiliary") is comparison.splits.auxiliary


def test_what_metrics_share_is_computed_once_by_its_key(comparison: Comparison) -> None:
    calls: list[int] = []

    def compute() -> int:
        calls.append(1)
        return len(calls)

    assert comparison.memo("spectra", compute) == comparison.memo("spectra", compute) == 1
    assert comparison.memo("spectra 50 Hz", compute) == 2


def test_two_cells_share_no_memo(comparison: Comparison, make_windows: Any) -> None:
    other = Comparison(
        synthetic=comparison.synthetic, splits=comparison.splits, seed=0, headline_classes=()
    )
    comparison.memo("x", lambda: 1)
    assert other.memo("x", lambda: 2) == 2


def test_once_is_by_name_version_and_settings(comparison: Comparison) -> None:
    calls: list[int] = []

    def compute() -> dict[str, Any]:
        calls.append(1)
        return {"n": np.array(len(calls))}

    def asked(name: str, version: int, settings: object = None) -> int:
        return int(comparison.once(name, compute, version=version, settings=settings)["n"])

    assert asked("encoder", 1) == asked("encoder", 1) == 1
    assert asked("encoder", 2) == 2
    assert asked("encoder", 1, {"width": 8}) == 3
    assert asked("ceiling", 1) == 4
    assert asked("encoder", 1) == 1


def test_cells_can_share_what_depends_on_dataset_and_seed(comparison: Comparison) -> None:
    kept = Once()
    one, other = (
        Comparison(
            synthetic=comparison.synthetic,
            splits=comparison.splits,
            seed=0,
            headline_classes=(),
            once_per_seed=kept,
        )
        for _ in range(2)
    )
    one.once("x", lambda: {"a": np.ones(1)}, version=1)
    found = other.once("x", lambda: {"a": np.zeros(1)}, version=1)
    assert found["a"].tolist() == [1.0]


def test_a_cut_is_made_once_and_shares_nothing_in_the_store(comparison: Comparison) -> None:
    cut = comparison.cut(0, 2)
    assert comparison.cut(0, 2) is cut
    np.testing.assert_array_equal(cut.splits.test.signals, comparison.splits.test.signals[:, :, :2])
    assert cut.synthetic.length == 2
    comparison.once("thing", lambda: {"it": np.zeros(1)}, version=1)
    assert cut.once("thing", lambda: {"it": np.ones(1)}, version=1)["it"] == 1


def test_a_shared_result_cannot_be_changed(comparison: Comparison) -> None:
    numbers = np.arange(3.0)
    comparison.memo("deep", lambda: {"one": [numbers], "other": comparison.synthetic})
    kept = comparison.once("kept", lambda: {"values": np.ones(2)}, version=1)
    windows = comparison.cut(0, 2).splits.control
    for array in (numbers, comparison.synthetic.labels, kept["values"], windows.signals):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 7
