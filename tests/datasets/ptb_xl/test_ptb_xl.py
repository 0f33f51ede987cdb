"""`ptb-xl` on a miniature in its layout: nobody here has the real records."""

from __future__ import annotations

import logging
import re
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench import DataError
from ecgbench.contracts.config import build
from ecgbench.datasets.physionet import FOLDER
from ecgbench.harness.api.check_dataset import check_dataset
from ecgbench.harness.data import physionet
from ecgbench.harness.data.returned import as_windows
from ecgbench.harness.data.split import split
from ecgbench.harness.planning.catalog import discover
from ecgbench.processing import StripWindowConfig, strip_windows
from ecgbench.recordings.wfdb import read
from tests.datasets.ptb_xl import miniature
from tests.datasets.ptb_xl.miniature import HEADER, ODD, SINGLE, Record
from tests.shipped import load as load_shipped
from tests.shipped import shipped

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench import EcgWindows

SPEC = shipped("ptb-xl")
CLASSES = ("MI", "STTC", "CD", "HYP", "NORM")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("data") / "ptb-xl" / "1.0.3"
    made.mkdir(parents=True)
    miniature.write(made)
    return made


@pytest.fixture(scope="module")
def windows(folder: Path) -> EcgWindows:
    return load(folder)


def load(folder: Path, **settings: Any) -> EcgWindows:
    return as_windows(load_shipped(SPEC, folder, **settings), "ptb-xl")


def classes(windows: EcgWindows) -> dict[str, str]:
    """The class of each record."""
    assert windows.records is not None
    names = [windows.classes[label] for label in windows.labels]
    return dict(zip(windows.records.tolist(), names, strict=True))


def test_the_miniature_has_headers_as_documented(folder: Path) -> None:
    head, *lines = (folder / "records100/00000/00001_lr.hea").read_text().splitlines()
    assert head == "00001_lr 12 100 1000"
    for lead, line in zip(HEADER, lines, strict=True):
        assert re.fullmatch(rf"00001_lr\.dat 16 1000\.0\(0\)/mV 16 0 -?\d+ -?\d+ 0 {lead}", line)
    assert (folder / "records100/00000/00001_lr.dat").stat().st_size == 12 * 1000 * 2


def test_a_record_is_a_strip_of_twelve_leads_in_millivolts(windows: EcgWindows) -> None:
    records = [record for record in miniature.records() if record not in ODD]
    assert windows.leads == (
        "I",
        "II",
        "III",
        "aVR",
        "aVL",
        "aVF",
        "V1",
        "V2",
        "V3",
        "V4",
        "V5",
        "V6",
    )
    assert windows.sampling_rate == 100
    assert windows.signals.shape == (55, 12, 1000)
    assert windows.records is not None
    assert windows.records.tolist() == [record.name for record in records]
    assert windows.patients.tolist() == [record.patient for record in records]
    for at in (0, 17, 54):
        written = miniature.signals(records[at])
        expected = strip_windows(written, 100, StripWindowConfig())[0]
        np.testing.assert_array_equal(windows.signals[at], expected)


def test_the_superclass_is_that_of_the_statements(windows: EcgWindows) -> None:
    found = classes(windows)
    expected = ["NORM", "MI", "STTC", "CD", "HYP"]
    usual = [record for record in miniature.records() if record not in ODD]
    assert [found[record.name] for record in usual[:54]] == [expected[at % 5] for at in range(54)]


def test_records_without_a_single_class_are_left_out_and_told(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        found = classes(load(folder))
    assert not set(found) & {record.name for record in ODD}
    assert "ptb-xl: 55 strips of 60 records" in caplog.messages
    assert (
        "ptb-xl: left out: 2 strips (no code with a class); 2 strips (several classes); "
        "1 strips (unknown code XYZ)"
    ) in caplog.messages


def test_of_several_classes_a_finding_may_count_before_norm(folder: Path) -> None:
    found = classes(load(folder, labels="first"))
    assert found[ODD[0].name] == "CD"  # and NORM
    assert found[ODD[1].name] == "MI"  # and HYP
    assert not set(found) & {record.name for record in ODD[2:]}
    assert len(found) == 57


def test_people_have_the_facts_of_their_first_record(windows: EcgWindows) -> None:
    told = windows.attributes
    assert told is not None
    assert told[15700] == {"sex": "M", "age": 20.0, "height": 170.0, "weight": 64.0}
    assert told[15703] == {"sex": "F", "age": 23.0, "height": 170.0, "weight": 66.0}
    assert told[17040]["age"] == 90.0  # 300 in the table: over 89
    assert "height" not in told[17030 + 1]
    ages = [attributes["age"] for attributes in told.values()]
    assert max(ages) == 90.0


def test_leads_are_found_by_name_in_any_order(tmp_path: Path) -> None:
    record = Record(7, 1, {"NORM": 100.0})
    miniature.write(tmp_path, [record])
    expected = load(tmp_path).signals
    other = ["aVF", "V6", "V1", "II", "aVL", "III", "V2", "I", "aVR", "V5", "V4", "V3"]
    miniature.write_record(tmp_path, record, other)
    np.testing.assert_array_equal(load(tmp_path).signals, expected)
    np.testing.assert_array_equal(load(tmp_path, leads="aVF,II").signals, expected[:, [5, 1]])


def test_limb_leads_obey_einthoven_and_goldberger(windows: EcgWindows) -> None:
    one, two, three, avr, avl, avf = np.moveaxis(windows.signals[:, :6], 1, 0)
    for residual in (
        one + three - two,
        avr + (one + two) / 2,
        avl - one + two / 2,
        avf - two + one / 2,
    ):
        assert np.abs(residual).max() < 0.005  # each lead is rounded to 1 µV


def test_a_lead_that_is_off_and_a_gap_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    records = [Record(at, at, {"NORM": 100.0}) for at in (1, 2, 3)]
    miniature.write(tmp_path, records)
    flat, gap = (miniature.signals(record).T for record in records[:2])
    flat[:, 9], gap[400:500, 3] = 0.0, np.nan
    miniature.write_record(tmp_path, records[0], p_signal=flat)
    miniature.write_record(tmp_path, records[1], p_signal=gap)
    with caplog.at_level(logging.INFO):
        assert load(tmp_path).patients.tolist() == [3]
    assert "ptb-xl: left out: 1 strips (a gap); 1 strips (a lead is flat)" in caplog.messages


def test_a_header_against_its_signals_is_an_error(tmp_path: Path) -> None:
    miniature.write(tmp_path, [Record(1, 1, {"NORM": 100.0})])
    file = tmp_path / "records100/00000/00001_lr.dat"
    content = bytearray(file.read_bytes())
    content[500] ^= 1
    file.write_bytes(content)
    with pytest.raises(DataError, match="00001_lr: the header disagrees with the signal of lead"):
        load(tmp_path)


def test_a_record_without_a_person_is_an_error(tmp_path: Path) -> None:
    miniature.write(tmp_path, [Record(1, 1, {"NORM": 100.0})])
    table = tmp_path / "ptbxl_database.csv"
    table.write_text(table.read_text().replace("\n1,1.0,", "\n1,,"))
    with pytest.raises(DataError, match=r"nothing says whose it is \(column patient_id"):
        load(tmp_path)


def test_the_files_of_100_hz_and_both_tables_are_needed_and_no_others(folder: Path) -> None:
    assert SPEC.source is not None
    names = [line.split()[1] for line in (folder / physionet.SUMS).read_text().splitlines()]
    needed = {name for name in names if re.fullmatch(SPEC.source.files, name)}
    expected = {f"{record.name}.{end}" for record in miniature.records() for end in ("hea", "dat")}
    assert needed == expected | {"ptbxl_database.csv", "scp_statements.csv"}
    with pytest.raises(DataError, match=r"is not the list of ptb-xl 1\.0\.3"):
        physionet.verify(SPEC.source, folder)  # the digest is that of the real list


def test_its_card_says_that_nobody_has_run_it() -> None:
    assert not SPEC.verified
    assert SPEC.licence == "CC-BY-4.0"
    assert SPEC.redistributable
    assert SPEC.classes == CLASSES
    assert SPEC.halves is None


def test_the_protocol_divides_it_by_people(windows: EcgWindows) -> None:
    even, odd = split(windows, 0), split(windows, 1)
    assert not set(even.train.patients.tolist()) & set(even.test.patients.tolist())
    assert set(even.test.patients.tolist()) == set(
        np.concatenate(
            [p.patients for p in (odd.train, odd.control, odd.auxiliary, odd.fresh)]
        ).tolist()
    )


def test_windows_larger_than_the_memory_are_mapped(
    windows: EcgWindows, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECGBENCH_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("ecgbench.large.LARGE", 2**17)
    monkeypatch.setattr("ecgbench.large.BLOCK", 2**17)
    config = build(SPEC.config, {}, where="ptb-xl")
    SPEC.load()(config, folder)  # what is made once, is made
    tracemalloc.start()
    found = SPEC.load()(config, folder)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(found.signals, np.memmap)
    np.testing.assert_array_equal(as_windows(found, "ptb-xl").signals, windows.signals)
    assert found.signals.nbytes == 2_640_000
    assert peak < 2_000_000
    assert list((tmp_path / "scratch").iterdir()) == []


def test_dataset_check_reads_it(folder: Path, tmp_path: Path) -> None:
    """Without the digest of the real list, for the miniature has a list of its own."""
    file = tmp_path / "miniature.toml"
    text = (FOLDER / "ptb-xl.toml").read_text("utf-8")
    text = re.sub(r"sums_sha256 = .*\n", "", text).replace('"ptb-xl"', '"miniature"', 1)
    file.write_text(text, "utf-8")
    found = check_dataset("miniature", discover((file,)), {}, folder.parents[1])
    assert found.problems == ()
    assert ("records", "60 used of 60 read") in found.facts
    assert ("left out", "2 windows: several classes") in found.facts
    people = {record.patient for record in miniature.records() if record.codes == SINGLE[0]}
    assert ("class NORM", f"12 windows of {len(people)} people") in found.facts


def test_the_reader_gives_back_what_was_written(folder: Path) -> None:
    record = miniature.records()[3]
    found = read(folder, record.name)
    assert found.leads == tuple(HEADER)
    np.testing.assert_allclose(found.signals, miniature.signals(record), atol=1e-12)
