"""CSV, arrays, EDF and DICOM."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench import DataError
from ecgbench.recordings.description import Records
from tests.recordings.conftest import RATE, describe, ecg, load

if TYPE_CHECKING:
    from pathlib import Path

SIGNALS = np.stack([ecg(12), 2 * ecg(12)])


def write_csv(folder: Path, name: str, parted: str = ",", *, bom: bool = False) -> None:
    folder.mkdir(exist_ok=True)
    lines = [parted.join(("time", "I", "II"))]
    lines += [
        parted.join(map(str, (at / RATE, round(a, 6), round(b, 6))))
        for at, (a, b) in enumerate(SIGNALS.T)
    ]
    code = "utf-8-sig" if bom else "utf-8"
    (folder / f"{name}.csv").write_text("\r\n".join(lines), code)


@pytest.mark.parametrize(("parted", "bom"), [(",", False), (";", True), ("\t", False)])
def test_a_csv_file_is_read_by_the_names_of_its_columns(
    tmp_path: Path, parted: str, bom: bool
) -> None:
    from ecgbench.recordings.csv import read

    write_csv(tmp_path, "r", parted, bom=bom)
    found = read(tmp_path, "r", Records(format="csv", rate=RATE, unit="mV"))
    assert (found.leads, found.sampling_rate) == (("I", "II"), RATE)
    np.testing.assert_allclose(found.signals, SIGNALS, atol=1e-6)
    half = read(tmp_path, "r", Records(format="csv", rate=RATE, unit="uV"))
    np.testing.assert_allclose(half.signals, SIGNALS / 1000, atol=1e-6)


def test_a_csv_dataset_has_marks_beside_each_recording(tmp_path: Path) -> None:
    folder = tmp_path / "records"
    write_csv(folder, "r1")
    (folder / "r1.beats.csv").write_text("sample,class\n600,N\n1000,PVC\n1400,N\n")
    file = describe(
        tmp_path,
        records='format = "csv"\nrate = 200',
        windows='kind = "beat"\nmarks = "beats.csv"\nleave_out = []',
        classes='N.symbols = ["N"]\nV.symbols = ["PVC"]',
    )
    windows = load(file, leads="II,I")
    assert windows.labels.tolist() == [0, 1, 0]
    assert windows.positions.tolist() == [3, 5, 7]
    np.testing.assert_allclose(windows.signals[:, 0], 2 * windows.signals[:, 1], atol=1e-4)
    (folder / "r1.beats.csv").write_text("sample,class\n600.5,N\n")
    with pytest.raises(DataError, match=r"r1.beats.csv, row 2, column sample: '600.5' is no whole"):
        load(file)


def test_a_decimal_comma_is_an_error(tmp_path: Path) -> None:
    from ecgbench.recordings.csv import read

    (tmp_path / "r.csv").write_text("I;II\n0,5;1,5\n0,25;1,0\n")
    with pytest.raises(
        DataError, match=r"record r: column I of .* holds text; numbers with a decimal"
    ):
        read(tmp_path, "r", Records(format="csv", rate=RATE))


def test_a_decimal_comma_in_the_only_column_is_an_error(tmp_path: Path) -> None:
    from ecgbench.recordings.csv import read

    (tmp_path / "r.csv").write_text("I\n0,5\n0,25\n")
    with pytest.raises(DataError, match=r"record r: rows of .* have more cells than its head"):
        read(tmp_path, "r", Records(format="csv", rate=RATE))


@pytest.mark.parametrize("sample", ["nan", "inf", "1e30", "1_000"])
def test_a_mark_at_no_sample_is_an_error(tmp_path: Path, sample: str) -> None:
    from ecgbench.recordings.marks import read

    (tmp_path / "r.beats.csv").write_text(f"sample,class\n{sample},N\n")
    with pytest.raises(DataError, match=f"row 2, column sample: '{sample}' is n"):
        read(tmp_path, "r", "beats.csv")


@pytest.mark.parametrize("axes", [(0, 1), (1, 0)])
@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_arrays_are_read_either_way_round(
    tmp_path: Path, axes: tuple[int, int], suffix: str
) -> None:
    from ecgbench.recordings.npy import read

    array = SIGNALS.transpose(axes)
    if suffix == "npy":
        np.save(tmp_path / "r.npy", array)
    else:
        np.savez(tmp_path / "r.npz", signals=array)
    told = Records(format="npy", rate=RATE, rows=("I", "II"))
    np.testing.assert_array_equal(read(tmp_path, "r", told).signals, SIGNALS)
    more = Records(format="npy", rate=RATE, rows=("I", "II", "III"))
    with pytest.raises(DataError, match=r"record r: an array of float64 and shape .* of 3 leads"):
        read(tmp_path, "r", more)


def test_an_array_of_objects_is_refused(tmp_path: Path) -> None:
    from ecgbench.recordings.npy import read

    np.save(tmp_path / "r.npy", np.array([{}, {}]), allow_pickle=True)
    with pytest.raises(DataError, match=r"record r: .*allow_pickle=False"):
        read(tmp_path, "r", Records(format="npy", rate=RATE, rows=("I",)))


# pyedflib 0.1.38 warns of a name that it writes itself
@pytest.mark.filterwarnings("ignore:.sample_rate. is deprecated:DeprecationWarning")
def test_edf_is_read_with_its_person(tmp_path: Path) -> None:
    pyedflib = pytest.importorskip("pyedflib")
    from ecgbench.recordings.edf import read

    writer = pyedflib.EdfWriter(str(tmp_path / "r.edf"), 3)
    head = {
        "physical_min": -4000,
        "physical_max": 4000,
        "digital_min": -32768,
        "digital_max": 32767,
    }
    writer.setSignalHeaders(
        [
            head | {"label": "ECG I", "dimension": "uV", "sample_frequency": RATE},
            head | {"label": "ECG II", "dimension": "uV", "sample_frequency": RATE},
            head | {"label": "Resp", "dimension": "Ohm", "sample_frequency": 50},
        ]
    )
    writer.setSex(0)
    writer.setPatientCode("P17")
    writer.writeSamples([1000 * SIGNALS[0], 1000 * SIGNALS[1], np.zeros(600)])
    writer.writeAnnotation(2.5, -1, "N")
    writer.close()
    found = read(tmp_path, "r", marks="edf")
    assert (found.leads, found.sampling_rate) == (("I", "II"), RATE)
    np.testing.assert_allclose(found.signals, SIGNALS, atol=1e-3)
    assert found.others == {"Resp": "its unit is Ohm"}
    assert found.attributes == {"sex": "F", "patient": "P17"}
    assert found.annotations is not None
    assert (found.annotations.samples.tolist(), found.annotations.notes) == ([500], ("N",))


def test_dicom_is_read_with_its_person(tmp_path: Path) -> None:
    pydicom = pytest.importorskip("pydicom")
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, TwelveLeadECGWaveformStorage, generate_uid

    from ecgbench.recordings.dicom import read

    def coded(value: str, meaning: str) -> Dataset:
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "X", meaning
        return code

    channels = []
    for name in ("I", "II"):
        channel = Dataset()
        channel.ChannelSourceSequence = [coded("2:1", f"Lead {name} (Einthoven)")]
        channel.ChannelSensitivity, channel.ChannelBaseline = "1", "0"
        channel.ChannelSensitivityCorrectionFactor = "1"
        channel.ChannelSensitivityUnitsSequence = [coded("uV", "microvolt")]
        channel.WaveformBitsStored = 16
        channels.append(channel)
    group = Dataset()
    group.WaveformOriginality = "ORIGINAL"
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = 2, SIGNALS.shape[1]
    group.SamplingFrequency = str(RATE)
    group.ChannelDefinitionSequence = channels
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    group.WaveformData = np.rint(1000 * SIGNALS.T).astype("<i2").tobytes()
    told = Dataset()
    told.PatientID, told.PatientSex, told.PatientAge = "P17", "M", "061Y"
    told.SOPClassUID, told.SOPInstanceUID = TwelveLeadECGWaveformStorage, generate_uid()
    told.WaveformSequence = [group]
    told.file_meta = FileMetaDataset()
    told.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    told.file_meta.MediaStorageSOPClassUID = told.SOPClassUID
    told.file_meta.MediaStorageSOPInstanceUID = told.SOPInstanceUID
    pydicom.dcmwrite(tmp_path / "r.dcm", told, enforce_file_format=True)
    found = read(tmp_path, "r")
    assert (found.leads, found.sampling_rate) == (("I", "II"), RATE)
    np.testing.assert_allclose(found.signals, SIGNALS, atol=1e-3)
    assert found.attributes == {"sex": "M", "age": 61.0, "patient": "P17"}


@pytest.mark.parametrize(("form", "extra"), [("edf", "edf"), ("dicom", "dicom")])
def test_an_extra_that_is_absent_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, extra: str
) -> None:
    from ecgbench.recordings import formats

    monkeypatch.setitem(sys.modules, "pyedflib", None)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(DataError, match=rf"pip install 'synthetic-ecgbench\[{extra}\]'"):
        formats.read(tmp_path, "r", Records(format=form), None)  # type: ignore[arg-type]
