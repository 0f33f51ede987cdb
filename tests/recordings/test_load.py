"""Windows of dataset files: gaps, faults, rhythms, people, and what is left out."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench import DataError
from ecgbench.processing import StripWindowConfig, strip_windows
from tests.recordings.conftest import RATE, describe, ecg, load, mark, write

if TYPE_CHECKING:
    from pathlib import Path


def test_strips_follow_each_other_and_know_their_second(tmp_path: Path) -> None:
    write(tmp_path / "records", "a", ecg(35))
    windows = load(describe(tmp_path))
    assert windows.problem() is None
    assert windows.signals.shape == (3, 1, 1000)
    assert windows.positions.tolist() == [0, 10, 20]
    expected = strip_windows(np.round(ecg(35), 3)[np.newaxis], RATE, StripWindowConfig())
    np.testing.assert_array_equal(windows.signals, expected)


def test_a_strip_with_a_gap_is_left_out_and_the_others_stay_in_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    signal = ecg(50)
    signal[15 * RATE + 1 : 15 * RATE + 30] = np.nan
    write(tmp_path / "records", "a", signal)
    with caplog.at_level(logging.INFO):
        windows = load(describe(tmp_path))
    assert windows.positions.tolist() == [0, 20, 30, 40]
    assert "mine: left out: 1 strips (a gap)" in caplog.messages
    # an R peak stands where it stood: the stretch behind the gap keeps the clock of the record
    whole = strip_windows(np.round(ecg(50), 3)[np.newaxis], RATE, StripWindowConfig())
    np.testing.assert_allclose(windows.signals[2:], whole[3:], atol=0.01)


def test_a_beat_near_a_gap_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    signal = ecg(20)
    signal[10 * RATE : 10 * RATE + 20] = np.nan
    write(tmp_path / "records", "a", signal)
    beats = RATE * np.arange(1, 20)
    mark(tmp_path / "records", "a", [*beats, 20 * RATE + 7], "N" * 10 + "V" * 9 + "N")
    file = describe(
        tmp_path,
        windows='kind = "beat"\nmarks = "atr"\nleave_out = []',
        classes='N.symbols = "N"\nV.symbols = "V"',
    )
    with caplog.at_level(logging.INFO):
        windows = load(file)
    seconds = windows.positions.tolist()
    assert 10.0 not in seconds
    assert 11.0 not in seconds
    assert {2.0, 9.0, 12.0, 18.0} <= set(seconds)
    assert set(windows.signals[:, 0, 80:121].argmax(axis=1)) == {20}
    assert windows.labels.tolist() == [int(second > 10) for second in seconds]
    assert "1 beats (a mark beyond the end of the record)" in caplog.text
    assert "2 beats (a gap)" in caplog.text


def test_flat_saturated_and_calibrating_leads_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    signal = np.concatenate([ecg(10) for _ in range(5)])
    signal[10 * RATE : 20 * RATE] = 0.001  # lead off
    signal[23 * RATE : 24 * RATE] = 5.0  # the end of the converter
    signal[30 * RATE : 40 * RATE] = np.arange(10 * RATE) // 40 % 2  # 1 mV pulses
    write(tmp_path / "records", "a", signal)
    with caplog.at_level(logging.INFO):
        windows = load(describe(tmp_path, windows='kind = "strip"'))
    assert windows.positions.tolist() == [0, 40]
    for reason in ("a lead is flat", "a lead is saturated", "a calibration pulse"):
        assert f"1 strips ({reason})" in caplog.text


def test_the_rhythm_in_force_is_the_class(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "records", "a", ecg(80))
    at = RATE * np.array([2, 20, 43, 50, 56])
    mark(tmp_path / "records", "a", at, "+++++", ["(N", "(AFIB\0", "(VT", "(N", "(B"])
    file = describe(
        tmp_path,
        windows='kind = "strip"\nmarks = "atr"\nleave_out = []',
        classes='N.rhythms = ["(N"]\nAFIB.rhythms = ["(AFIB"]\nother = { rhythms = ["*"], hold = 6 }',
    )
    with caplog.at_level(logging.INFO):
        windows = load(file)
    # 0-10 begins without a rhythm; 50-60 has 6 s of N and 4 s of B
    assert windows.positions.tolist() == [10, 20, 30, 40, 60, 70]
    assert [windows.classes[label] for label in windows.labels] == [
        "N",
        "AFIB",
        "AFIB",
        *["other"] * 3,
    ]
    assert "1 strips (no rhythm annotated)" in caplog.text
    assert "1 strips (no rhythm holds long enough)" in caplog.text


def test_codes_of_a_header_are_classes_and_comments_are_attributes(tmp_path: Path) -> None:
    for name, codes, age in (
        ("a", "1,426783006", "61"),
        ("b", "164889003,426783006", ""),
        ("c", "9", "7"),
    ):
        write(
            tmp_path / "records",
            name,
            ecg(10),
            comments=[f"Dx: {codes}", f"Age: {age}", "Sex: Female"],
        )
    file = describe(
        tmp_path,
        people=(
            "attributes.age = { comment = '^Age: *(\\d+)', number = true }\n"
            "attributes.sex = { comment = '^Sex: (\\w+)', values = { Female = \"F\" } }"
        ),
        windows='kind = "strip"\nlabel = { comment = \'^Dx: (.+)\' }\nseparator = ","\nleave_out = []',
        classes='AFIB.values = ["164889003"]\nN.values = ["426783006"]\nother.values = ["*"]',
    )
    windows = load(file)
    assert [windows.classes[label] for label in windows.labels] == ["N", "AFIB", "other"]
    assert windows.attributes == {
        1: {"age": 61.0, "sex": "F"},
        2: {"sex": "F"},
        3: {"age": 7.0, "sex": "F"},
    }


def test_people_come_from_names_or_a_table(tmp_path: Path) -> None:
    for name in ("p7_1", "p7_2", "p10_1"):
        write(tmp_path / "records", name, ecg(10))
    by_name = describe(tmp_path, people="person = { record = 'p(\\d+)_' }")
    assert load(by_name).patients.tolist() == [7, 7, 10]
    assert load(by_name).records.tolist() == ["p7_1", "p7_2", "p10_1"]
    (tmp_path / "records/people.csv").write_text(
        "record;who;sex\np7_1;Ann;F\np7_2;Ann;F\np10_1;Bob;M\n", "utf-8-sig"
    )
    table = describe(
        tmp_path,
        people='table = "people.csv"\nkey = "record"\nperson = { column = "who" }\n'
        'attributes.sex = { column = "sex" }',
    )
    windows = load(table)
    assert windows.patients.tolist() == [1, 1, 2]
    assert windows.attributes == {1: {"sex": "F"}, 2: {"sex": "M"}}
    (tmp_path / "records/people.csv").write_text("record,who,sex\np7_1,Ann,F\n")
    with pytest.raises(DataError, match=r"record p7_2: nothing says whose it is \(column who of "):
        load(table)


def test_every_nth_window_is_taken(tmp_path: Path) -> None:
    write(tmp_path / "records", "a", ecg(60))
    windows = load(describe(tmp_path, windows='kind = "strip"\nevery = 3\nleave_out = []'))
    assert windows.positions.tolist() == [0, 30]


def test_beats_are_detected_without_marks(tmp_path: Path) -> None:
    write(tmp_path / "records", "a", ecg(30))
    file = describe(
        tmp_path,
        windows='kind = "beat"\ndetect = true\nleave_out = []',
        classes="beat = {}",
    )
    windows = load(file)
    assert len(windows) >= 25
    assert np.abs(windows.positions - np.rint(windows.positions)).max() <= 0.02


def test_records_left_out_are_not_even_read(tmp_path: Path) -> None:
    write(tmp_path / "records", "a", ecg(10))
    (tmp_path / "records/b.hea").write_text("nonsense")
    with pytest.raises(DataError, match=r"^record b: "):
        load(describe(tmp_path))
    assert load(describe(tmp_path, records='left_out = { b = "damaged" }')).records.tolist() == [
        "a"
    ]


def test_a_folder_without_records_or_windows_says_so(tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    with pytest.raises(DataError, match="has no records of format wfdb"):
        load(describe(tmp_path))
    write(tmp_path / "records", "a", ecg(3))
    with pytest.raises(
        DataError, match="dataset mine: there are no windows; 0 windows of 1 records"
    ):
        load(describe(tmp_path))


def test_an_age_may_vary_and_a_sex_may_not(tmp_path: Path) -> None:
    from ecgbench.recordings.description import read
    from ecgbench.recordings.people import Register
    from ecgbench.recordings.recording import Recording

    (tmp_path / "t.csv").write_text("record,who,age,sex\na,1,,M\nb,1,61,M\nc,1,64,F\n")
    people = (
        'table = "t.csv"\nkey = "record"\nperson = { column = "who" }\n'
        'attributes.age = { column = "age", number = true, varies = true }\n'
        'attributes.sex = { column = "sex" }'
    )
    register = Register(read(describe(tmp_path, people=people)).people, tmp_path)
    for name in "abc":
        register.add(Recording(name, np.zeros((1, 5)), ("I",), 100.0))
    assert register.attributes() == {1: {"age": 61.0, "sex": "M"}}
    assert register.contradictions == ["sex of person 1 is M and, in record c, F"]


def test_a_long_list_of_records_is_searched_for_twins(tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    names = [f"r{at}" for at in range(20_000)] + ["r7"]
    (tmp_path / "records" / "list").write_text("\n".join(names))
    with pytest.raises(DataError, match="record r7 is there twice"):
        load(describe(tmp_path, records='listed_in = "list"'))


def test_a_record_is_read_once_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "records"
    folder.mkdir()
    arrays = 'format = "npy"\nrate = 200\nrows = ["I"]'
    np.save(folder / "a.npy", ecg(15)[np.newaxis])
    np.savez(folder / "a.npz", signals=ecg(15)[np.newaxis])
    with pytest.raises(DataError, match="record a is there twice"):
        load(describe(tmp_path, records=arrays))
    (folder / "list").write_text("a\n" * 2)
    with pytest.raises(DataError, match="record a is there twice"):
        load(describe(tmp_path, records=arrays + '\nlisted_in = "list"'))
    (folder / "list").write_bytes(b"a\n\xff\n")
    with pytest.raises(DataError, match=r"list is no text in UTF-8"):
        load(describe(tmp_path, records=arrays + '\nlisted_in = "list"'))
    np.save(tmp_path / "b.npy", ecg(15)[np.newaxis])
    with pytest.raises(DataError, match=r"record ../b: ../b is outside of"):
        load(describe(tmp_path, records=arrays + '\nnames = ["../b"]'))


def test_a_record_to_leave_out_is_a_record(tmp_path: Path) -> None:
    write(tmp_path / "records", "a", ecg(15))
    with pytest.raises(DataError, match="left_out: 'A' is no record; records are a"):
        load(describe(tmp_path, records='left_out = { A = "paced" }'))


def test_two_signals_are_never_one_lead(tmp_path: Path) -> None:
    write(tmp_path / "records", "a", [ecg(15), 2 * ecg(15)])
    file = describe(tmp_path, leads='default = ["x"]\nnames = { x = ["I", "II"] }')
    with pytest.raises(DataError, match="record a: I and II are both x by leads"):
        load(file)


def test_rhythms_of_marks_in_any_order_are_in_force_in_the_order_of_time(tmp_path: Path) -> None:
    folder = tmp_path / "records"
    folder.mkdir()
    np.save(folder / "a.npy", ecg(20)[np.newaxis])
    (folder / "a.marks.csv").write_text("sample,class,note\n2000,+,(AFIB\n0,+,(N\n")
    file = describe(
        tmp_path,
        records='format = "npy"\nrate = 200\nrows = ["I"]',
        windows='kind = "strip"\nmarks = "marks.csv"\nleave_out = []',
        classes='N.rhythms = ["(N"]\nAFIB.rhythms = ["(AFIB"]',
    )
    assert load(file).labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("record,who,who\na,1,1\nb,2,1\n", "has two columns 'who'"),
        ("record,who\na,1\nb,2\na,2\n", "rows of 'a' differ in column who"),
    ],
)
def test_a_table_of_people_that_contradicts_itself_is_an_error(
    tmp_path: Path, table: str, message: str
) -> None:
    for name in "ab":
        write(tmp_path / "records", name, ecg(15))
    (tmp_path / "records" / "people.csv").write_text(table)
    people = 'table = "people.csv"\nkey = "record"\nperson.column = "who"'
    with pytest.raises(DataError, match=message):
        load(describe(tmp_path, people=people))


def test_people_and_labels_keep_all_digits_of_a_number(tmp_path: Path) -> None:
    for name in "ab":
        write(tmp_path / "records", name, ecg(15))
    (tmp_path / "records" / "people.csv").write_text("record,who\na,1648890031\nb,1648890032\n")
    file = describe(
        tmp_path,
        people='table = "people.csv"\nkey = "record"\nperson = { column = "who", number = true }',
        windows='kind = "strip"\nleave_out = []\nlabel = { column = "who", number = true }',
        classes='a.values = ["1648890031"]\nb.values = ["1648890032"]',
    )
    windows = load(file)
    assert windows.patients.tolist() == [1648890031, 1648890032]
    assert windows.labels.tolist() == [0, 1]


def test_names_of_people_may_be_numbers_of_any_length() -> None:
    from ecgbench.recordings.which import natural

    names = ["b", "a" + "9" * 5000, "a10", "a9", "a09", "9"]
    assert sorted(names, key=natural) == ["a09", "a9", "a10", names[1], "b", "9"]
