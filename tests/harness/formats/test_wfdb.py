from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import wfdb

from ecgbench.contracts.errors import UsageError
from ecgbench.harness.api.splits import arrays_of
from ecgbench.harness.formats.table import read_windows
from ecgbench.harness.formats.wfdb import gain, write
from tests.harness.formats.conftest import windows

if TYPE_CHECKING:
    from pathlib import Path

MADE = windows()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, "mine", arrays_of(MADE))


def test_wfdb_reads_back_each_sample_within_half_a_step_with_leads_rate_and_units(
    folder: Path,
) -> None:
    for row in range(len(MADE)):
        record = wfdb.rdrecord(str(folder / f"w{row:06d}"))
        step = 1 / record.adc_gain[0]
        wrong = np.abs(record.p_signal.T - MADE.signals[row].astype(np.float64))
        assert wrong.max() <= step / 2 * (1 + 1e-9)
        assert (record.fs, record.units, tuple(record.sig_name)) == (100, ["mV", "mV"], MADE.leads)
        assert record.base_date is None
        assert record.base_time is None
        assert record.comments == [f"label: {MADE.classes[MADE.labels[row]]}"]
        digital = wfdb.rdrecord(str(folder / f"w{row:06d}"), physical=False)
        assert [int(s) % 65536 for s in digital.d_signal.sum(axis=0)] == [
            int(c) % 65536 for c in digital.checksum
        ]


@pytest.mark.parametrize(
    ("most", "steps"),
    [(0.0, 1e5), (1e-6, 1e5), (0.3, 1e5), (1.2, 2e4), (40.0, 500.0), (1e6, 0.02)],
)
def test_the_gain_is_a_round_number_and_the_largest_sample_fits(most: float, steps: float) -> None:
    assert gain(np.array([[[0.0, -most]]], dtype=np.float32)) == pytest.approx(steps)
    assert most * steps <= 32767 * (1 + 1e-6)


def test_labels_are_lines_of_the_headers_or_a_file(folder: Path) -> None:
    (folder / "labels.csv").unlink()
    names = [MADE.classes[label] for label in MADE.labels]
    assert read_windows(folder).arrays["labels"].tolist() == names
    (folder / "other.csv").write_text(
        "window,label\n" + "".join(f"w{row:06d},{row}\n" for row in reversed(range(len(MADE))))
    )
    found = read_windows(folder, folder / "other.csv")
    assert found.arrays["labels"].tolist() == list(range(len(MADE)))
    (folder / "other.csv").write_text("window,label\nw000000,0\n")
    with pytest.raises(UsageError, match="has no label of 11 windows; first w000001"):
        read_windows(folder, folder / "other.csv")


def spoil(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (
            "w000003.hea",
            "# label: N\n",
            "",
            "the header of w000003 has no line '# label: …'; 11 of 12",
        ),
        (
            "w000003.hea",
            " 100 40",
            " 250 40",
            "record w000003 has 250 (Hz), record w000000 has 100",
        ),
        ("w000003.hea", " 0 V1", " 0 V2", "has II, V2 (leads), record w000000 has II, V1"),
        ("w000003.hea", "w000003.dat 16 ", "w000003.dat 16x2 ", "leads of unlike rates"),
        ("RECORDS", "w000000\n", "w000001\n", "names a record twice"),
        ("RECORDS", "w000000\n", "absent\n", "cannot read"),
    ],
)
def test_records_that_are_no_windows_are_told(
    folder: Path, name: str, old: str, new: str, message: str
) -> None:
    (folder / "labels.csv").unlink()
    spoil(folder, name, old, new)
    with pytest.raises(UsageError) as caught:
        read_windows(folder)
    assert message in str(caught.value)


def test_a_record_of_several_segments_is_no_window(folder: Path) -> None:
    (folder / "w000003.hea").write_text("w000003/2 2 100 80\nw000001 40\nw000002 40\n")
    with pytest.raises(UsageError, match="record w000003 has several segments"):
        read_windows(folder)


@pytest.mark.parametrize("gain_of_header", ["", "0(0)/mV "])
def test_a_record_without_a_gain_is_no_millivolts(folder: Path, gain_of_header: str) -> None:
    steps = f"{gain(MADE.signals):.15g}"
    header = (folder / "w000000.hea").read_text()
    new = header.replace(
        f"16 {steps}(0)/mV 16 0 ", f"16 {gain_of_header}" + "16 0 " * bool(gain_of_header)
    )
    if not gain_of_header:
        new = "w000000 2 100 40\nw000000.dat 16\nw000000.dat 16\n# label: N\n"
    (folder / "w000000.hea").write_text(new)
    with pytest.raises(UsageError, match="no gain in its header"):
        read_windows(folder)


def test_units_may_have_any_case_and_differ_between_leads_alone(folder: Path) -> None:
    for file in folder.glob("*.hea"):
        file.write_text(file.read_text().replace("/mV", "/mv"))
    assert read_windows(folder).arrays["unit"].tolist() == ["mV", "mV"]


def test_records_are_never_mixed_with_others(folder: Path) -> None:
    with pytest.raises(UsageError, match="is there already"):
        write(folder.parent, "mine", arrays_of(MADE))


def test_a_folder_without_records_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no WFDB records"):
        read_windows(tmp_path)


@pytest.mark.real_data
def test_real_records_of_unlike_lengths_or_leads_are_no_windows(data_dir: Path) -> None:
    with pytest.raises(UsageError, match="record 101 has MLII, V1"):
        read_windows(data_dir / "mitdb")
