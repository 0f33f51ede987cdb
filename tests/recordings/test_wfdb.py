"""WFDB records as they are found: each is read right, or refused with a reason."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench import DataError
from ecgbench.recordings.formats import names_in
from ecgbench.recordings.wfdb import read
from tests.recordings.conftest import RATE, describe, ecg, load, write

if TYPE_CHECKING:
    from pathlib import Path

SIGNAL = np.round(ecg(3), 3)


def edit(folder: Path, old: str, new: str) -> None:
    header = folder / "r.hea"
    text = header.read_text()
    assert old in text
    header.write_text(text.replace(old, new))


@pytest.mark.parametrize("form", ["80", "212", "16", "24", "32"])
def test_formats_that_wfdb_writes_give_the_signal(tmp_path: Path, form: str) -> None:
    gain = 100 if form == "80" else 1000
    write(tmp_path, "r", SIGNAL, fmt=[form], adc_gain=[gain])
    np.testing.assert_allclose(read(tmp_path, "r").signals[0], SIGNAL, atol=0.51 / gain)


@pytest.mark.parametrize("form", ["508", "516", "524"])
def test_flac_gives_the_signal(tmp_path: Path, form: str) -> None:
    pytest.importorskip("soundfile")
    gain = 100 if form == "508" else 1000
    write(tmp_path, "r", SIGNAL, fmt=[form], adc_gain=[gain])
    np.testing.assert_allclose(read(tmp_path, "r").signals[0], SIGNAL, atol=0.51 / gain)


def packed(samples: Any, form: str) -> bytes:
    """Samples of 10 bits, three in four bytes: signal(5)."""
    found = bytearray()
    values = [int(s) & 0x3FF for s in samples]
    values += [0] * (-len(values) % 3)
    for a, b, c in zip(values[::3], values[1::3], values[2::3], strict=True):
        if form == "310":
            first = (a << 1) | ((c & 0x1F) << 11)
            second = (b << 1) | ((c >> 5 & 0x1F) << 11)
            found += first.to_bytes(2, "little") + second.to_bytes(2, "little")
        else:
            found += (a | b << 10 | c << 20).to_bytes(4, "little")
    return bytes(found)


@pytest.mark.parametrize("form", ["310", "311"])
def test_formats_of_ten_bits_give_the_signal(tmp_path: Path, form: str) -> None:
    counts = np.rint(SIGNAL * 200).astype(int)
    (tmp_path / "r.dat").write_bytes(packed(counts, form))
    total = (counts.sum() + 2**15) % 2**16 - 2**15
    line = f"r.dat {form} 200(0)/mV 10 0 {counts[0]} {total} 0 I"
    (tmp_path / "r.hea").write_text(f"r 1 {RATE} {len(counts)}\n{line}\n")
    np.testing.assert_allclose(read(tmp_path, "r").signals[0], counts / 200)


def test_format_61_is_big_endian(tmp_path: Path) -> None:
    counts = np.rint(SIGNAL * 1000).astype(">i2")
    (tmp_path / "r.dat").write_bytes(counts.tobytes())
    (tmp_path / "r.hea").write_text(f"r 1 {RATE} {len(counts)}\nr.dat 61 1000/mV 16 0\n")
    np.testing.assert_allclose(read(tmp_path, "r").signals[0], counts / 1000)


def test_a_mat_file_is_read_from_its_offset(tmp_path: Path) -> None:
    counts = np.rint(SIGNAL * 1000).astype("<i2")
    (tmp_path / "r.mat").write_bytes(b"\0" * 24 + counts.tobytes())
    (tmp_path / "r.hea").write_text(f"r 1 {RATE} {len(counts)}\nr.mat 16+24 1000/mV 16 0 0 0 0 I\n")
    with pytest.raises(DataError, match=r"^record r: .*checksum is 0"):
        read(tmp_path, "r")
    edit(tmp_path, " 16 0 0 0 0 I", f" 16 0 {counts[0]} {int(counts.sum())} 0 I")
    np.testing.assert_allclose(read(tmp_path, "r").signals[0], counts / 1000)


def test_missing_samples_are_nan(tmp_path: Path) -> None:
    signal = SIGNAL.copy()
    signal[100:120] = np.nan
    write(tmp_path, "r", signal)
    np.testing.assert_array_equal(np.isnan(read(tmp_path, "r").signals[0]), np.isnan(signal))


@pytest.mark.parametrize("gain", ["0", "0/mV", ""])
def test_a_gain_of_0_or_none_is_200(tmp_path: Path, gain: str) -> None:
    write(tmp_path, "r", SIGNAL)
    counts = np.rint(SIGNAL * 1000)
    line = (tmp_path / "r.hea").read_text().splitlines()[1].split()
    fields = [*line[:2], gain, *line[3:]] if gain else line[:2]
    (tmp_path / "r.hea").write_text(f"r 1 {RATE} {len(SIGNAL)}\n{' '.join(fields)}\n")
    np.testing.assert_allclose(read(tmp_path, "r").signals[0], counts / 200)


@pytest.mark.parametrize(("unit", "times"), [("uV", 1e-3), ("µV", 1e-3), ("V", 1e3), ("mv", 1.0)])
@pytest.mark.parametrize("code", ["utf-8", "latin-1"])
def test_all_units_of_voltage_become_millivolts(
    tmp_path: Path, unit: str, times: float, code: str
) -> None:
    write(tmp_path, "r", SIGNAL)
    text = (tmp_path / "r.hea").read_text().replace("/mV", f"/{unit}")
    (tmp_path / "r.hea").write_bytes(text.encode(code))
    np.testing.assert_allclose(read(tmp_path, "r").signals[0], SIGNAL * times)


def test_signals_that_are_no_voltage_are_named_and_left_out(tmp_path: Path) -> None:
    write(tmp_path, "r", [SIGNAL, SIGNAL], units=["mV", "mmHg"], sig_name=["I", "ABP"])
    found = read(tmp_path, "r")
    assert found.leads == ("I",)
    assert found.others == {"ABP": "its unit is mmHg"}


def test_signals_in_several_files_are_one_record(tmp_path: Path) -> None:
    write(tmp_path, "a", SIGNAL)
    write(tmp_path, "b", 2 * SIGNAL)
    lines = [(tmp_path / f"{n}.hea").read_text().splitlines()[1] for n in "ab"]
    lines[1] = lines[1].removesuffix(" I") + " II"
    (tmp_path / "r.hea").write_text("\n".join([f"r 2 {RATE} {len(SIGNAL)}", *lines, ""]))
    found = read(tmp_path, "r")
    np.testing.assert_allclose(found.signals, [SIGNAL, 2 * SIGNAL])
    assert found.leads == ("I", "II")


def test_of_leads_of_unlike_rates_the_fastest_are_read(tmp_path: Path) -> None:
    slow, fast = SIGNAL[::2], SIGNAL
    import wfdb

    with warnings.catch_warnings(action="ignore"):
        wfdb.wrsamp(
            "r",
            fs=RATE / 2,
            units=["mV", "mV"],
            sig_name=["I", "II"],
            e_p_signal=[slow, fast],
            samps_per_frame=[1, 2],
            fmt=["16", "16"],
            adc_gain=[1000, 1000],
            baseline=[0, 0],
            write_dir=str(tmp_path),
        )
    found = read(tmp_path, "r")
    assert (found.leads, found.sampling_rate) == (("II",), RATE)
    np.testing.assert_allclose(found.signals[0], fast)
    assert found.others == {"I": "its rate is 100 Hz, that of others 200 Hz"}


@pytest.mark.parametrize("rate", ["inf", "1e300", "-200", "0"])
def test_a_rate_that_is_none_is_an_error(tmp_path: Path, rate: str) -> None:
    write(tmp_path / "records", "a", ecg(15))
    header = tmp_path / "records" / "a.hea"
    header.write_text(header.read_text().replace(" 200 ", f" {rate} ", 1))
    with pytest.raises(DataError, match=r"record a: .*header"):
        load(describe(tmp_path))


def test_a_rate_need_not_be_whole(tmp_path: Path) -> None:
    write(tmp_path, "r", SIGNAL, fs=249.89)
    assert read(tmp_path, "r").sampling_rate == 249.89


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_headers_of_other_systems_are_read(tmp_path: Path, bom: bytes) -> None:
    write(tmp_path, "r", SIGNAL, comments=["Age: 61"])
    content = (tmp_path / "r.hea").read_bytes()
    (tmp_path / "r.hea").write_bytes(bom + content.replace(b"\n", b"\r\n"))
    found = read(tmp_path, "r")
    np.testing.assert_allclose(found.signals[0], SIGNAL)
    assert (found.leads, found.comments) == (("I",), ("Age: 61",))


def test_folders_files_and_leads_may_have_spaces(tmp_path: Path) -> None:
    folder = tmp_path / "ward 7"
    write(folder, "r", SIGNAL, sig_name=["lead II"])
    (folder / "r.hea").rename(folder / "first record.hea")
    found = read(tmp_path, "ward 7/first record")
    assert (found.leads, found.name) == (("lead II",), "ward 7/first record")
    np.testing.assert_allclose(found.signals[0], SIGNAL)


def test_leads_of_one_name_are_told_apart(tmp_path: Path) -> None:
    write(tmp_path, "r", [SIGNAL, 2 * SIGNAL])
    edit(tmp_path, " II\n", " I\n")
    found = read(tmp_path, "r")
    assert found.leads == ("I", "I-2")
    np.testing.assert_allclose(found.select(["I-2"])[0], 2 * SIGNAL)


def test_segments_of_a_fixed_layout_follow_each_other(tmp_path: Path) -> None:
    write(tmp_path, "s1", SIGNAL)
    write(tmp_path, "s2", 2 * SIGNAL)
    n = len(SIGNAL)
    (tmp_path / "r.hea").write_text(f"r/3 1 {RATE} {2 * n + 50}\ns1 {n}\n~ 50\ns2 {n}\n")
    found = read(tmp_path, "r")
    gap = np.full(50, np.nan)
    np.testing.assert_allclose(found.signals[0], np.concatenate([SIGNAL, gap, 2 * SIGNAL]))


def test_segments_of_a_variable_layout_may_lack_leads(tmp_path: Path) -> None:
    n = len(SIGNAL)
    write(tmp_path, "s1", [SIGNAL, 2 * SIGNAL])
    write(tmp_path, "s2", SIGNAL, sig_name=["II"])
    (tmp_path / "layout.hea").write_text(
        f"layout 3 {RATE} 0\n" + "".join(f"~ 0 1000/mV 16 0 0 0 0 {x}\n" for x in ("V1", "I", "II"))
    )
    (tmp_path / "r.hea").write_text(f"r/3 3 {RATE} {2 * n}\nlayout 0\ns1 {n}\ns2 {n}\n")
    found = read(tmp_path, "r")
    nothing = np.full(n, np.nan)
    assert found.leads == ("I", "II")
    np.testing.assert_allclose(found.signals[0], np.concatenate([SIGNAL, nothing]))
    np.testing.assert_allclose(found.signals[1], np.concatenate([2 * SIGNAL, SIGNAL]))


def test_segments_are_no_records_of_their_own(tmp_path: Path) -> None:
    for name in ("s1", "s2", "alone"):
        write(tmp_path / "ward", name, SIGNAL)
    (tmp_path / "ward/r.hea").write_text(f"r/2 1 {RATE} {2 * len(SIGNAL)}\ns1 600\ns2 600\n")
    assert sorted(names_in(tmp_path, "wfdb")) == ["ward/alone", "ward/r"]


def test_a_segment_of_another_length_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, "s1", SIGNAL)
    (tmp_path / "r.hea").write_text(f"r/1 1 {RATE} 500\ns1 500\n")
    with pytest.raises(DataError, match=r"^record r: the header says 500 samples of segment s1"):
        read(tmp_path, "r")


def test_a_gap_that_no_memory_holds_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, "s1", SIGNAL)
    (tmp_path / "r.hea").write_text(f"r/2 1 {RATE} 3000000600\n~ 3000000000\ns1 {len(SIGNAL)}\n")
    with pytest.raises(DataError, match=r"^record r: with its gaps it has 3000000\d+ samples"):
        read(tmp_path, "r")


def test_simple_records_are_those_of_wfdb(tmp_path: Path) -> None:
    import wfdb

    signals = np.round(np.stack([ecg(3), -2 * ecg(3), 30 * ecg(3)]), 3)  # to both ends of 16 bits
    signals[1, 7] = np.nan
    write(tmp_path, "r", signals, fmt=["16"] * 3, baseline=[0, 50, -2000])
    expected = wfdb.rdrecord(str(tmp_path / "r")).p_signal.T
    np.testing.assert_array_equal(read(tmp_path, "r").signals, expected)
    (tmp_path / "r.dat").write_bytes(
        (tmp_path / "r.dat").read_bytes() + b"\0" * 60
    )  # a longer file
    np.testing.assert_array_equal(read(tmp_path, "r").signals, expected)
