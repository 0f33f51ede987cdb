"""No bad file of any format is a traceback, and none allocates on the word of its header."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecgbench.contracts.errors import UsageError
from ecgbench.harness.api.splits import arrays_of
from ecgbench.harness.engine.submission import Submission
from ecgbench.harness.formats.conform import Said, conform
from ecgbench.harness.formats.labels import read_labels
from ecgbench.harness.formats.table import FORMATS, read_windows
from tests.harness.formats.conftest import NAMES, windows

MADE = windows(4, length=8)
QUICK = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
WITH = {
    "npz": ["mine.npz"],
    "npy": ["mine.npy", "mine.labels.csv", "mine.windows.json"],
    "csv": ["mine.csv", "mine.windows.json"],
    "parquet": ["mine.parquet"],
    "wfdb": ["mine/w000000.hea", "mine/w000000.dat", "mine/RECORDS", "mine/labels.csv"],
}
SPOIL = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8
)


@cache
def good(name: str) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        FORMATS[name].write(Path(folder), "mine", arrays_of(MADE))
        files = [file for file in Path(folder).rglob("*") if file.is_file()]
        return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def check(name: str, files: dict[str, bytes]) -> None:
    """Read files as windows of a dataset: well, or with a message."""
    with tempfile.TemporaryDirectory() as folder:
        for path, content in files.items():
            (Path(folder) / path).parent.mkdir(exist_ok=True)
            (Path(folder) / path).write_bytes(content)
        try:
            found = read_windows(Path(folder) / f"mine{FORMATS[name].suffix}")
            submission = Submission("mine", found.arrays, Said(), found.notes)
            made = conform("mine", submission.arrays, Said(), MADE, len(MADE))
        except UsageError:
            return
    assert made.signals.shape == MADE.signals.shape
    assert np.isfinite(made.signals).all()
    assert made.labels.shape == (len(MADE),)
    assert set(made.labels) <= set(range(len(MADE.classes)))


@pytest.mark.parametrize("name", NAMES)
@QUICK
@given(data=st.data())
def test_spoilt_bytes_and_cut_files_are_told(name: str, data: st.DataObject) -> None:
    files = dict(good(name))
    path = data.draw(st.sampled_from(WITH[name]))
    content = bytearray(files[path])
    for place, value in data.draw(SPOIL):
        content[int(place * len(content))] = value
    cut = data.draw(st.one_of(st.just(1.0), st.floats(0, 1)))
    check(name, files | {path: bytes(content[: int(cut * len(content))])})


@pytest.mark.parametrize("name", NAMES)
@QUICK
@given(data=st.data())
def test_other_content_is_told(name: str, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(WITH[name]))
    text = st.text(alphabet="0123456789.,;-+e\n\"'# NVaItl:/()[]", max_size=200).map(str.encode)
    check(name, good(name) | {path: data.draw(st.one_of(st.binary(max_size=300), text))})


@QUICK
@given(content=st.one_of(st.binary(max_size=200), st.text(max_size=100).map(str.encode)))
def test_any_file_of_labels_is_read_or_told(tmp_path: Path, content: bytes) -> None:
    for name in ("labels.csv", "labels.txt", "labels.npy"):
        (tmp_path / name).write_bytes(content)
        with suppress(UsageError):
            assert read_labels(tmp_path / name)["labels"].size < 1000


@pytest.mark.parametrize("samples", [10**12, 2**22, 9])
def test_a_header_of_wfdb_that_claims_other_samples_than_its_file_holds_is_told(
    tmp_path: Path, samples: int
) -> None:
    path = FORMATS["wfdb"].write(tmp_path, "mine", arrays_of(MADE))
    header = (path / "w000000.hea").read_text()
    (path / "w000000.hea").write_text(header.replace(" 100 8\n", f" 100 {samples}\n"))
    with pytest.raises(UsageError, match="record w000000"):
        read_windows(path)


@pytest.mark.parametrize("shape", ["(1000000000000, 1, 8)", "(-4, 1, 8)", "(5, 2, 8)"])
def test_a_header_of_npy_that_claims_another_array_is_told(tmp_path: Path, shape: str) -> None:
    path = FORMATS["npy"].write(tmp_path, "mine", arrays_of(MADE))
    content = path.read_bytes()
    old = b"(4, 2, 8), }"
    assert old in content
    new = f"{shape}, }}".encode()
    pad = content.replace(old + b" " * (len(new) - len(old)), new)
    assert len(pad) == len(content)
    path.write_bytes(pad)
    with pytest.raises(UsageError, match="does not hold the array that its header claims"):
        read_windows(path)


def test_a_record_reads_no_file_of_another_folder(tmp_path: Path) -> None:
    path = FORMATS["wfdb"].write(tmp_path, "mine", arrays_of(MADE))
    shutil.copy(path / "w000001.dat", tmp_path / "other.dat")
    header = (path / "w000000.hea").read_text()
    (path / "w000000.hea").write_text(header.replace("w000000.dat", "../other.dat"))
    with pytest.raises(UsageError, match="record w000000"):
        read_windows(path)
    (path / "RECORDS").write_text("../mine/w000001\n")
    with pytest.raises(UsageError, match="records of this folder alone are read"):
        read_windows(path)
