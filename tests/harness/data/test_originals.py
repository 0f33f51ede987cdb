from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from ecgbench.contracts.errors import DataError
from ecgbench.harness.data import cache as data
from ecgbench.harness.data import originals
from ecgbench.harness.data.originals import Originals
from tests.harness.data.conftest import source

if TYPE_CHECKING:
    from ecgbench.results.store.records import DatasetRecord
    from tests.harness.conftest import Bench


@pytest.fixture
def cohort(bench: Bench) -> DatasetRecord:
    return data.record(source(bench), None)


@pytest.fixture
def real(bench: Bench) -> Originals:
    return Originals(bench.catalog, None)


def test_a_dataset_is_redistributable_if_its_plugin_says_so(bench: Bench) -> None:
    real = Originals(bench.catalog, None)
    for name in ("cohort", "bad-dataset"):
        record = data.record(source(bench, name), None)
        assert real.is_redistributable(record) == bench.catalog.dataset(name).redistributable
    assert not real.is_redistributable(msgspec.structs.replace(record, name="not-installed"))


def test_equal_windows_are_found_within_a_microvolt_and_flat_ones_are_not(
    bench: Bench, cohort: DatasetRecord, real: Originals
) -> None:
    signals = data.windows(source(bench)).signals[:5].copy()
    signals[1] += np.float32(5e-4)
    signals[2] += np.float32(5e-3)
    signals[3] = 0.0
    assert real.rows(cohort, signals).tolist() == [0, 1, -1, -1, 4]


def test_windows_of_another_shape_cannot_be_compared(
    cohort: DatasetRecord, real: Originals
) -> None:
    with pytest.raises(DataError, match=r"of shape \(1, 3\), real ones of \(1, "):
        real.rows(cohort, np.zeros((2, 1, 3), np.float32))


def test_windows_cannot_be_compared_with_a_dataset_that_is_not_here(
    bench: Bench, cohort: DatasetRecord, real: Originals, monkeypatch: pytest.MonkeyPatch
) -> None:
    signals = np.zeros((1, 1, 16), np.float32)
    other = msgspec.structs.replace(cohort, digest="0" * 64)
    with pytest.raises(DataError, match="dataset cohort is another here than it was for the cell"):
        real.rows(other, signals)
    monkeypatch.delenv("ECGBENCH_DISABLE")
    absent = msgspec.structs.replace(cohort, name="mitdb", settings={})
    with pytest.raises(DataError, match="mitdb is not on this machine: ecgbench fetch mitdb"):
        Originals(bench.catalog, Path("none")).rows(absent, signals)
    unknown = msgspec.structs.replace(cohort, name="not-installed")
    with pytest.raises(DataError, match=r"cannot be compared with the real ones: .*not-installed"):
        real.rows(unknown, signals)


def test_a_dataset_is_read_once_also_where_it_cannot_be_read(
    bench: Bench, cohort: DatasetRecord, real: Originals, monkeypatch: pytest.MonkeyPatch
) -> None:
    signals = data.windows(source(bench)).signals[:1].copy()
    other = msgspec.structs.replace(cohort, digest="0" * 64)
    with pytest.raises(DataError, match="is another here"):
        real.rows(other, signals)
    real.rows(cohort, signals)
    monkeypatch.setattr(originals, "prepare", None)
    assert real.rows(cohort, signals).tolist() == [0]
    with pytest.raises(DataError, match="is another here"):
        real.rows(other, signals)
