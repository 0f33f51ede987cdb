from __future__ import annotations

import hashlib
import logging
import re
import shutil
import subprocess
import sys
import warnings
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench import DataError, EcgWindows
from ecgbench.contracts.config import build
from ecgbench.contracts.errors import ConfigError
from ecgbench.datasets.ludb import LEADS, LudbConfig, ecgbench_datasets
from ecgbench.datasets.ludb.patients import attributes
from ecgbench.datasets.ludb.record import boundaries, signals
from ecgbench.harness.data import physionet
from ecgbench.processing import beat_windows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import PhysioNetServer

SPEC = next(iter(ecgbench_datasets()))
SAMPLES = 5000
BEATS = np.arange(700, 4200, 440)
NAMES = [lead.lower() for lead in LEADS]
TABLE = (
    "ID,Sex,Age,Rhythms,Electric axis of the heart,Conduction abnormalities,Extrasystolies,"
    "Hypertrophies,Cardiac pacing,Ischemia,Non-specific repolarization abnormalities,Other states\n"
    '1,"F\n","51\n",Sinus bradycardia,Electric axis of the heart: vertical,,,"Left atrial '
    'overload\nLeft ventricular hypertrophy",,,,\n'
    '2,"M\n",">89\n","Sinus rhythm\nWandering atrial pacemaker",,,,,"P-synchrony",,,\n'
    '10,"M\n","19\n",Sinus rhythm,,,,,,,,Early repolarization syndrome\n'
)


def load(folder: Path, **settings: Any) -> EcgWindows:
    """All windows, read as the harness reads them."""
    found = SPEC.load()(LudbConfig(**settings), folder)
    assert isinstance(found, EcgWindows)
    return found


def write_record(folder: Path, record: int, **changes: Any) -> None:
    """10 s with pulses of 100 counts in lead I to 1200 in V6, scaled by the header to span 1 mV."""
    import wfdb

    time = np.arange(SAMPLES)[:, np.newaxis] - BEATS
    pulses = np.exp(-0.5 * (time / 10) ** 2).sum(axis=1)[:, np.newaxis]
    names = changes.pop("sig_name", NAMES)
    heights = np.array([100 * (1 + NAMES.index(name)) for name in names])
    values: dict[str, Any] = {
        "fs": 500,
        "units": ["mV"] * len(names),
        "sig_name": names,
        "d_signal": np.rint(heights * pulses).astype(np.int64),
        "fmt": ["16"] * len(names),
        "adc_gain": heights.tolist(),
        "baseline": [0] * len(names),
    }
    with warnings.catch_warnings(category=DeprecationWarning, action="ignore"):
        wfdb.wrsamp(str(record), write_dir=str(folder / "data"), **(values | changes))


def write_marks(folder: Path, record: int, lead: str, samples: Any, symbols: str) -> None:
    import wfdb

    to, marks = str(folder / "data"), {"sample": np.array(samples), "symbol": list(symbols)}
    with warnings.catch_warnings(category=DeprecationWarning, action="ignore"):
        wfdb.wrann(str(record), "marks", **marks, write_dir=to)
    # wfdb writes no suffix with a digit
    (folder / f"data/{record}.marks").replace(folder / f"data/{record}.{lead.lower()}")


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three patients; the marks in a lead stand 4 samples (8 ms) after those in the lead before it."""
    folder = tmp_path_factory.mktemp("ludb")
    (folder / "data").mkdir()
    (folder / "ludb.csv").write_text(TABLE)
    for record in (1, 2, 10):
        write_record(folder, record)
    around = np.array([-110, -90, -70, -30, 0, 30, 90, 130, 160])
    for number, lead in enumerate(LEADS):
        samples = (BEATS[:, np.newaxis] + around + 4 * (number - 1)).ravel()
        write_marks(folder, 1, lead, samples, "(p)(N)(t)" * len(BEATS))
        for record in (2, 10):
            shutil.copy(folder / f"data/1.{lead.lower()}", folder / f"data/{record}.{lead.lower()}")
    return folder


@pytest.fixture
def damaged(database: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    shutil.copytree(database, tmp_path / "ludb")
    return tmp_path / "ludb"


def test_each_marked_beat_is_a_window_of_the_one_class(database: Path) -> None:
    windows = load(database)
    assert windows.problem() is None
    assert windows.signals.shape == (3 * 8, 1, 200)
    assert set(windows.labels.tolist()) == {0}
    assert (windows.leads, windows.classes) == (SPEC.leads, SPEC.classes) == (("II",), ("beat",))
    assert windows.sampling_rate == SPEC.sampling_rate == 100.0


def test_the_marked_peak_stands_at_sample_100(database: Path) -> None:
    near = load(database).signals[:, 0, 80:121]  # other beats are in the window, too
    assert set(near.argmax(axis=1)) == {20}


def test_a_count_is_a_microvolt_whatever_gain_the_header_names(database: Path) -> None:
    np.testing.assert_allclose(signals(database, 1, LEADS).max(axis=1), 0.1 * np.arange(1, 13))
    windows = load(database, leads=("II", "V6"))
    assert windows.signals[0, 0, 100] == pytest.approx(0.2, rel=0.2)
    np.testing.assert_allclose(windows.signals[:, 1], 6 * windows.signals[:, 0], atol=0.01)


def test_leads_are_picked_by_name_and_stand_as_asked(damaged: Path) -> None:
    asked = ("V6", "aVR", "II")
    in_order = signals(damaged, 10, asked)
    assert in_order.max(axis=1).tolist() == [1.2, 0.4, 0.2]
    write_record(damaged, 10, sig_name=NAMES[::-1])
    np.testing.assert_array_equal(signals(damaged, 10, asked), in_order)


def test_the_marks_in_the_first_lead_place_the_beats_of_all(database: Path) -> None:
    of_ii, of_v1 = load(database, leads=("II", "V1")), load(database, leads=("V1", "II"))
    assert of_ii.positions is not None
    assert of_v1.positions is not None
    np.testing.assert_allclose(of_v1.positions - of_ii.positions, 5 * 4 / 500)
    np.testing.assert_array_equal(
        of_v1.signals[:, :, :100], of_ii.signals[:, [1, 0], 4:104]
    )  # 20 samples at 500 Hz are 4 at 100 Hz


def test_windows_know_their_patient_record_and_the_second_of_the_marked_peak(
    database: Path,
) -> None:
    windows = load(database)
    assert windows.records is not None
    assert windows.positions is not None
    assert windows.patients.tolist() == [1] * 8 + [2] * 8 + [10] * 8
    assert windows.records.tolist() == [str(patient) for patient in windows.patients]
    np.testing.assert_allclose(windows.positions, np.tile(BEATS / 500, 3))


def test_patients_have_the_attributes_of_the_table(database: Path) -> None:
    assert load(database).attributes == attributes(database)
    assert attributes(database) == {
        1: {
            "sex": "F",
            "age": 51.0,
            "rhythm": "Sinus bradycardia",
            "axis": "Electric axis of the heart: vertical",
            "hypertrophy": "Left atrial overload; Left ventricular hypertrophy",
        },
        2: {"sex": "M", "age": 90.0, "rhythm": "Sinus rhythm", "pacing": "P-synchrony"},
        10: {
            "sex": "M",
            "age": 19.0,
            "rhythm": "Sinus rhythm",
            "other": "Early repolarization syndrome",
        },
    }


def test_what_is_left_out_is_counted_in_the_log(
    damaged: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_marks(damaged, 2, "II", [100, 110, 700, 710, 1200, 1210, 4980, 4990], "N)" * 4)
    with caplog.at_level(logging.INFO):
        windows = load(damaged)
    assert len(windows) == 8 + 2 + 8
    assert caplog.messages == [
        "ludb: 18 beats of 3 records; left out: 2 beats whose window would leave the record"
    ]


def test_settings_reach_the_windows(database: Path) -> None:
    windows = load(database, sampling_rate=250.0, length=200, r_sample=80, band=(1.0, 50.0))
    assert windows.signals.shape == (3 * 8, 1, 200)
    assert windows.sampling_rate == 250.0
    assert set(windows.signals[:, 0].argmax(axis=1)) == {80}


def test_boundaries_are_onset_peak_and_offset_of_each_wave_of_the_lead(database: Path) -> None:
    found = boundaries(database, 1, "V1")
    assert list(found) == ["P", "QRS", "T"]
    for wave, around in {"P": (-110, -90, -70), "QRS": (-30, 0, 30), "T": (90, 130, 160)}.items():
        np.testing.assert_array_equal(found[wave], BEATS[:, np.newaxis] + around + 20)
        assert found[wave].dtype == np.float64


NAN = float("nan")


@pytest.mark.parametrize(
    ("symbols", "waves"),
    [
        ("(N)", {"QRS": [[0, 1, 2]]}),
        ("N)(t)", {"QRS": [[NAN, 0, 1]], "T": [[2, 3, 4]]}),
        ("N()(t)", {"QRS": [[1, 0, 2]], "T": [[3, 4, 5]]}),
        ("(p)(N)t", {"P": [[0, 1, 2]], "QRS": [[3, 4, 5]], "T": [[NAN, 6, NAN]]}),
        ("()(N)", {"QRS": [[2, 3, 4]]}),
        ("((tt))(N)", {"QRS": [[6, 7, 8]]}),
        ("(t(p)(N)", {"QRS": [[5, 6, 7]]}),
        ("((N)(N)", {"QRS": [[4, 5, 6]]}),
    ],
)
def test_marks_that_are_missing_are_nan_and_those_that_make_up_no_wave_are_left_out(
    damaged: Path, symbols: str, waves: dict[str, list[list[float]]]
) -> None:
    write_marks(damaged, 1, "aVL", np.arange(len(symbols)), symbols)
    for wave, found in boundaries(damaged, 1, "aVL").items():
        assert found.shape == (len(waves.get(wave, [])), 3)
        np.testing.assert_array_equal(found, np.reshape(waves.get(wave, []), (-1, 3)))


def change_header(old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        text = (folder / "data/2.hea").read_text()
        assert old in text
        (folder / "data/2.hea").write_text(text.replace(old, new, 1))

    return change


def flip_a_bit(folder: Path) -> None:
    content = bytearray((folder / "data/2.dat").read_bytes())
    content[3000] ^= 1
    (folder / "data/2.dat").write_bytes(content)


def cut_dat(folder: Path) -> None:
    content = (folder / "data/2.dat").read_bytes()
    (folder / "data/2.dat").write_bytes(content[:-100])


def swap_signal_lines(folder: Path) -> None:
    lines = (folder / "data/2.hea").read_text().splitlines()
    lines[1:3] = lines[2:0:-1]
    (folder / "data/2.hea").write_text("\n".join(lines) + "\n")


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no header": (lambda f: (f / "data/2.hea").unlink(), "there is no file .*2.hea"),
    "no signal": (lambda f: (f / "data/2.dat").unlink(), "there is no file .*2.dat"),
    "no marks": (lambda f: (f / "data/2.ii").unlink(), "there is no file .*2.ii"),
    "empty header": (lambda f: (f / "data/2.hea").write_text(""), "corrupt or disagree"),
    "broken marks": (lambda f: (f / "data/2.ii").write_bytes(b"\1\2\3"), "corrupt or disagree"),
    "empty marks": (lambda f: (f / "data/2.ii").write_bytes(b""), "marks of lead II are absent"),
    "other marks": (
        lambda f: write_marks(f, 2, "II", [700, 900], "NV"),
        r"marks of lead II are V; wanted are p N t \( \)",
    ),
    "truncated signal": (cut_dat, "corrupt or disagree"),
    "changed signal": (flip_a_bit, "the header disagrees with the signal of lead"),
    "swapped leads": (swap_signal_lines, "the header disagrees with the signal of lead ii: its"),
    "another rate": (
        change_header(" 500 ", " 1000 "),
        "its header says 1000 Hz; 500 Hz are wanted",
    ),
    "a lead too few": (change_header(" ii\n", " x\n"), "there is no II among i, x, iii, avr, "),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_record_is_an_error_that_names_it(damaged: Path, damage: str) -> None:
    hurt, message = DAMAGES[damage]
    hurt(damaged)
    with pytest.raises(DataError, match=f"^record 2: .*{message}"):
        load(damaged)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file .*ludb.csv"),
        ("", "ludb.csv names no patient"),
        (TABLE.replace("ID,", "Number,"), "ludb.csv is not the table of ludb .*'ID'"),
        (TABLE.replace("Rhythms,", "Rhythm,"), "ludb.csv is not the table of ludb .*'Rhythms'"),
        (TABLE.replace("51", "old"), "ludb.csv is not the table of ludb .*'old'"),
        (TABLE + "11,F,20\n", "ludb.csv is not the table of ludb"),
    ],
)
def test_a_damaged_table_is_an_error(damaged: Path, content: str | None, message: str) -> None:
    (damaged / "ludb.csv").unlink()
    if content is not None:
        (damaged / "ludb.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        load(damaged)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lead": "V1"}, "dataset ludb has no setting 'lead'; did you mean 'leads'?"),
        ({"leads": ""}, "leads = ''"),
        ({"leads": "V1,MLII"}, f"leads: there is no 'MLII' among {', '.join(LEADS)}"),
        ({"leads": "V1,V1"}, "leads = V1,V1 names a lead twice"),
        ({"band": "50,1"}, "band = 50, 1 does not ascend"),
    ],
)
def test_settings_that_cannot_be_are_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        build(LudbConfig, given, where="dataset ludb")


def test_the_light_module_imports_no_numpy() -> None:
    program = (
        "import sys; from ecgbench.datasets import ludb\n"
        "ludb.ecgbench_datasets()\n"
        "print({'numpy', 'scipy', 'wfdb', 'pandas'} & set(sys.modules))"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert printed.stdout.strip() == b"set()"


def test_fetch_brings_the_files_that_are_needed_and_no_other(
    physionet_server: PhysioNetServer, database: Path, tmp_path: Path
) -> None:
    assert SPEC.source is not None
    needed = {
        str(file.relative_to(database)): file.read_bytes()
        for file in database.rglob("*")
        if file.is_file()
    }
    others = {"README": b"", "RECORDS": b"data/1\n", "data/1.xws": b"", "data/1.iiii": b""}
    published = physionet_server.publish(needed | others, slug="ludb", wanted=SPEC.source.files)
    folder = physionet.fetch(published, tmp_path, base_url=physionet_server.url)
    physionet.verify(published, folder)
    found = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    assert found == {*needed, "SHA256SUMS.txt"}
    np.testing.assert_array_equal(load(folder).signals, load(database).signals)


@pytest.fixture(scope="module")
def real_folder(data_dir: Path) -> Path:
    assert SPEC.source is not None
    folder = physionet.find(SPEC.source, data_dir)
    if folder is None:
        pytest.skip("ECGBENCH_DATA_DIR holds no ludb")
    return folder


@pytest.fixture(scope="module")
def real(real_folder: Path) -> EcgWindows:
    return load(real_folder)


@pytest.fixture(scope="module")
def marked(real_folder: Path) -> dict[str, Counter[str]]:
    """Of each lead, how often each symbol stands in the files of all records."""
    import wfdb

    found = {lead: Counter[str]() for lead in LEADS}
    for name in (real_folder / "RECORDS").read_text().split():
        for lead in LEADS:
            found[lead].update(wfdb.rdann(str(real_folder / name), lead.lower()).symbol)
    return found


@pytest.mark.real_data
def test_the_pinned_digest_is_that_of_the_published_list(real_folder: Path) -> None:
    assert SPEC.source is not None
    published = (real_folder / "SHA256SUMS.txt").read_bytes()
    assert hashlib.sha256(published).hexdigest() == SPEC.source.sums_sha256
    physionet.verify(SPEC.source, real_folder)


@pytest.mark.real_data
def test_fetch_wants_14_files_of_each_of_the_200_real_records_and_the_table(
    physionet_server: PhysioNetServer, real_folder: Path, tmp_path: Path
) -> None:
    assert SPEC.source is not None
    records = (real_folder / "RECORDS").read_text().split()
    wanted = {f"{record}.{end}" for record in records for end in ("hea", "dat", *NAMES)}
    listed = [line.split()[1] for line in (real_folder / "SHA256SUMS.txt").read_text().splitlines()]
    assert len(wanted) == 200 * 14
    assert {path for path in listed if re.fullmatch(SPEC.source.files, path)} == {
        *wanted,
        "ludb.csv",
    }
    physionet_server.mirror(SPEC.source, real_folder)
    few = replace(SPEC.source, files=r"ludb\.csv|data/100\.\w+")
    fetched = physionet.fetch(few, tmp_path, base_url=physionet_server.url)
    assert fetched == tmp_path / "ludb" / "1.0.1"
    assert len(list(fetched.glob("data/100.*"))) == 14


@pytest.mark.real_data
def test_the_real_leads_hold_as_many_marked_beats_as_the_documentation_says(
    marked: dict[str, Counter[str]],
) -> None:
    beats = {lead: symbols["N"] for lead, symbols in marked.items()}
    fewer = {"I": 1829, "aVR": 1830, "V2": 1830, "V4": 1830, "V5": 1830, "V6": 1830}
    assert beats == dict.fromkeys(LEADS, 1831) | fewer
    assert sum(marked.values(), Counter()) == {
        "N": 21_965,
        "t": 19_661,
        "p": 16_797,
        "(": 58_321,
        ")": 58_423,
    }


@pytest.mark.real_data
def test_all_real_waves_but_12_have_their_boundaries(
    real_folder: Path, marked: dict[str, Counter[str]]
) -> None:
    lost = {}
    unmarked = Counter[tuple[str, str]]()
    for lead in LEADS:
        of_lead = [boundaries(real_folder, record, lead) for record in range(1, 201)]
        for wave, symbol in {"P": "p", "QRS": "N", "T": "t"}.items():
            found = np.concatenate([waves[wave] for waves in of_lead])
            if len(found) < marked[lead][symbol]:
                lost[lead, wave] = marked[lead][symbol] - len(found)
            onset, peak, offset = found.T
            assert not (offset <= peak).any()
            assert not (onset - peak > 2).any()
            unmarked[wave, "onset"] += np.isnan(onset).sum()
            unmarked[wave, "offset"] += np.isnan(offset).sum()
            unmarked[wave, "late"] += (onset > peak).sum()
    assert lost == {("V1", "T"): 6, ("V2", "T"): 4, ("V4", "T"): 1, ("V4", "P"): 1}
    late = {("QRS", "late"): 18, ("P", "late"): 1}
    assert +unmarked == {("QRS", "onset"): 104, ("QRS", "offset"): 1} | late


@pytest.mark.real_data
def test_all_but_46_marked_beats_of_lead_ii_become_windows(real: EcgWindows) -> None:
    assert real.problem() is None
    assert real.signals.shape == (1831 - 46, 1, 200)
    beats = np.unique(real.patients, return_counts=True)[1]
    assert len(beats) == 200
    assert np.quantile(beats, [0, 0.5, 1]).tolist() == [4, 9, 18]
    assert [(beats < few).sum() for few in (5, 8)] == [1, 34]


@pytest.mark.real_data
def test_200_real_people_as_the_readme_counts_them(real: EcgWindows) -> None:
    assert real.attributes is not None
    assert set(real.attributes) == set(range(1, 201)) == set(real.patients)
    people = real.attributes.values()
    assert Counter(told["sex"] for told in people) == {"M": 115, "F": 85}
    ages = [float(told["age"]) for told in people]
    assert (min(ages), max(ages), round(np.mean(ages))) == (11, 90, 52)
    assert Counter(told["rhythm"] for told in people) == {
        "Sinus rhythm": 143,
        "Sinus tachycardia": 4,
        "Sinus bradycardia": 25,
        "Sinus arrhythmia": 8,
        "Irregular sinus rhythm": 2,
        "Atrial fibrillation": 15,
        "Atrial flutter, typical": 3,
    }
    assert sum("axis" not in told for told in people) == 10


@pytest.mark.real_data
def test_the_table_agrees_with_the_real_headers(real_folder: Path) -> None:
    import wfdb

    for patient, told in attributes(real_folder).items():
        age, sex, _, rhythm, *_ = wfdb.rdheader(str(real_folder / f"data/{patient}")).comments
        assert (age, sex) == (f"<age>: {told['age']:g}", f"<sex>: {told['sex']}")
        assert rhythm == f"Rhythm: {told['rhythm']}."


@pytest.mark.real_data
def test_real_headers_scale_each_lead_to_1_mv_and_counts_obey_einthoven(real_folder: Path) -> None:
    import wfdb

    for record in range(1, 201):
        scaled = wfdb.rdrecord(str(real_folder / f"data/{record}")).p_signal
        np.testing.assert_allclose(np.ptp(scaled, axis=0), 1)
        i, ii, iii, avr, avl, avf = signals(real_folder, record, LEADS[:6])
        np.testing.assert_allclose(i + iii, ii, atol=1e-9)
        for augmented, other in ((avr, -(i + ii) / 2), (avl, (i - iii) / 2), (avf, (ii + iii) / 2)):
            np.testing.assert_allclose(augmented, other, atol=0.0006)


@pytest.mark.real_data
def test_the_voltages_of_real_people_are_those_of_adults(real_folder: Path) -> None:
    voltages = []
    for record in range(1, 201, 4):
        v1, v5, v6 = signals(real_folder, record, ("V1", "V5", "V6"))
        at = [
            slice(max(int(peak) - 40, 0), int(peak) + 60)
            for peak in boundaries(real_folder, record, "II")["QRS"][:, 1]
        ]
        s = np.median([np.median(v1) - v1[beat].min() for beat in at])
        r = max(np.median([lead[beat].max() - np.median(lead) for beat in at]) for lead in (v5, v6))
        voltages.append(s + r)
    assert 2 < np.median(voltages) < 3


@pytest.mark.real_data
def test_real_windows_are_cut_at_the_marks_of_their_lead(
    real_folder: Path, real: EcgWindows
) -> None:
    import wfdb

    assert real.positions is not None
    for record in (1, 34, 200):
        name = str(real_folder / f"data/{record}")
        marks = wfdb.rdann(name, "ii")
        beats = marks.sample[np.array(marks.symbol) == "N"]
        counts = wfdb.rdrecord(name, physical=False, channel_names=["ii"]).d_signal.T
        expected, kept = beat_windows(counts / 1000, 500.0, beats, LudbConfig())
        np.testing.assert_array_equal(real.signals[real.patients == record], expected)
        np.testing.assert_allclose(real.positions[real.patients == record], beats[kept] / 500)


@pytest.mark.real_data
def test_nine_in_ten_real_beats_have_their_largest_deflection_at_sample_100(
    real: EcgWindows,
) -> None:
    peaks = 92 + np.abs(real.signals[:, 0, 92:109]).argmax(axis=1)
    assert np.median(peaks) == 100
    assert (np.abs(peaks - 100) <= 2).mean() > 0.9
