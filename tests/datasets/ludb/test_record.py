"""The signals and marks of a record of `ludb`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench import DataError
from tests.datasets.ludb.conftest import (
    BEATS,
    LEADS,
    NAMES,
    boundaries,
    load,
    signals,
    write_marks,
    write_record,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


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
    "empty marks": (
        lambda f: (f / "data/2.ii").write_bytes(b""),
        "its annotation file, .ii, is empty",
    ),
    "other marks": (
        lambda f: write_marks(f, 2, "II", [700, 900], "NV"),
        r"its marks are V; wanted are N p t \( \)",
    ),
    "truncated signal": (
        cut_dat,
        "the header disagrees with the signal file: 5000 .* 120000 bytes, .* 119900",
    ),
    "changed signal": (flip_a_bit, "the header disagrees with the signal of lead"),
    "swapped leads": (swap_signal_lines, "the header disagrees with the signal of lead ii: its"),
    "another rate": (
        change_header(" 500 ", " 1000 "),
        "its header says 1000 Hz; 500 Hz are wanted",
    ),
    "a lead too few": (change_header(" ii\n", " x\n"), "there is no II among I, x, III, aVR, "),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_record_is_an_error_that_names_it(damaged: Path, damage: str) -> None:
    hurt, message = DAMAGES[damage]
    hurt(damaged)
    with pytest.raises(DataError, match=f"^record 2: .*{message}"):
        load(damaged)


@pytest.mark.long
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


@pytest.mark.long
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
