from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench.contracts.errors import UsageError
from ecgbench.harness.api.splits import arrays_of
from ecgbench.harness.cli.options import WINDOWS
from ecgbench.harness.formats import parquet
from ecgbench.harness.formats.conform import Said, conform
from ecgbench.harness.formats.table import FORMATS, read_windows
from ecgbench.harness.formats.wfdb import gain
from tests.harness.formats.conftest import NAMES, windows

if TYPE_CHECKING:
    from pathlib import Path


def test_the_command_offers_each_format() -> None:
    assert tuple(FORMATS) == WINDOWS


@pytest.mark.parametrize("name", NAMES)
def test_what_a_format_writes_it_reads_without_an_option(tmp_path: Path, name: str) -> None:
    made = windows()
    path = FORMATS[name].write(tmp_path, "mine", arrays_of(made))
    found = read_windows(path)
    signals, labels, _ = conform("mine", found.arrays, Said(), made, len(made))
    step = 1 / gain(made.signals) if name == "wfdb" else 0.0
    assert np.abs(signals.astype(np.float32) - made.signals).max() <= step / 2 * (1 + 1e-3)
    assert np.array_equal(labels, made.labels)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_windows_are_the_same_bytes(tmp_path: Path, name: str) -> None:
    sides = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        FORMATS[name].write(folder, "mine", arrays_of(windows()))
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        sides.append({file.relative_to(folder): file.read_bytes() for file in files})
    assert sides[0] == sides[1]


@pytest.mark.parametrize("name", ["npy", "csv", "wfdb"])
def test_patients_records_and_positions_are_columns_of_a_table(tmp_path: Path, name: str) -> None:
    made = windows()
    FORMATS[name].write(tmp_path, "mine", arrays_of(made))
    file = {"npy": "mine.labels.csv", "csv": "mine.csv", "wfdb": "mine/labels.csv"}[name]
    with (tmp_path / file).open() as stream:
        rows = list(csv.DictReader(stream))
    assert made.records is not None
    assert made.positions is not None
    assert [int(row["patient"]) for row in rows] == made.patients.tolist()
    assert [row["record"] for row in rows] == made.records.tolist()
    assert [float(row["position"]) for row in rows] == made.positions.tolist()
    assert [row["label"] for row in rows] == [made.classes[label] for label in made.labels]


def test_records_and_positions_are_columns_of_parquet(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    made = windows()
    FORMATS["parquet"].write(tmp_path, "mine", arrays_of(made))
    table = pq.read_table(tmp_path / "mine.parquet")
    assert made.positions is not None
    assert table["position"].to_pylist() == made.positions.tolist()
    assert table["V1"].to_pylist()[2] == made.signals[2, 1].tolist()


@pytest.mark.parametrize("name", ["npz", "parquet"])
def test_a_format_with_a_place_for_the_split_carries_it(tmp_path: Path, name: str) -> None:
    if name == "parquet":
        pytest.importorskip("pyarrow")
    assert FORMATS[name].holds_split
    path = FORMATS[name].write(
        tmp_path, "mine", arrays_of(windows()) | {"split": np.array('{"seed": 1}')}
    )
    assert str(read_windows(path).arrays["split"]) == '{"seed": 1}'


@pytest.mark.parametrize("name", ["npy", "csv", "wfdb"])
def test_a_split_beside_the_windows_is_theirs_and_that_is_told(tmp_path: Path, name: str) -> None:
    path = FORMATS[name].write(tmp_path, "mine", arrays_of(windows()))
    assert "split" not in read_windows(path).arrays
    (tmp_path / "split.json").write_text('{"seed": 1}\n')
    found = read_windows(path)
    assert str(found.arrays["split"]) == '{"seed": 1}'
    assert any("split.json" in note for note in found.notes)
    if name == "wfdb":
        (path / "split.json").write_text('{"seed": 2}\n')
        assert str(read_windows(path).arrays["split"]) == '{"seed": 2}'


def test_a_missing_pyarrow_is_told_with_the_way_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    (tmp_path / "mine.parquet").write_bytes(b"PAR1")
    for call in (
        lambda: parquet.read(tmp_path / "mine.parquet", False),
        lambda: parquet.write(tmp_path, "mine", arrays_of(windows())),
    ):
        with pytest.raises(UsageError, match=r"pip install 'synthetic-ecgbench\[parquet\]'"):
            call()


@pytest.mark.parametrize("name", ["mine.pkl", "mine.pt", "mine.mat", "mine"])
def test_another_format_is_refused_with_the_names_of_ours(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(UsageError, match=r"\.npz, \.npy, \.csv, \.parquet.*pickles"):
        read_windows(tmp_path / name)


def test_a_pickle_in_an_npy_is_not_read(tmp_path: Path) -> None:
    np.save(tmp_path / "mine.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(UsageError, match="holds Python objects"):
        read_windows(tmp_path / "mine.npy")


def test_facts_that_are_not_ours_are_refused(tmp_path: Path) -> None:
    path = FORMATS["npy"].write(tmp_path, "mine", arrays_of(windows()))
    (tmp_path / "mine.windows.json").write_text('{"sampling_rate": "fast"}')
    with pytest.raises(UsageError, match=r"mine\.windows\.json does not hold the facts"):
        read_windows(path)


@pytest.mark.parametrize(
    ("name", "module", "bound"),
    [("csv", "csv", "MAX_CSV"), ("npy", "found", "MAX_BYTES"), ("npz", "found", "MAX_BYTES")],
)
def test_a_file_that_is_too_large_is_not_read(
    tmp_path: Path, name: str, module: str, bound: str
) -> None:
    from importlib import import_module

    most = getattr(import_module(f"ecgbench.harness.formats.{module}"), bound)
    with (tmp_path / f"mine.{name}").open("wb") as stream:
        stream.truncate(most + 1)  # sparse: it takes no space
    with pytest.raises(UsageError, match=r"GiB; at most [24] GiB of this format are read"):
        read_windows(tmp_path / f"mine.{name}")
