"""A record of `mitdb` against its own header."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench import DataError
from ecgbench.recordings.wfdb import read
from tests.datasets.mitdb.conftest import SAMPLES, load, write_annotations, write_record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_age_and_sex_are_told_where_the_header_tells_them(database: Path) -> None:
    attributes = load(database).attributes
    assert attributes is not None
    assert attributes[100] == {"sex": "F", "age": 69.0}
    assert attributes[103] == {"sex": "M"}
    assert 202 not in attributes


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


def test_microvolts_become_millivolts(damaged: Path) -> None:
    before = load(damaged, leads=("V1",))
    signal = np.zeros((SAMPLES, 2))
    signal[:, 1] = 1000 * read(damaged, "116").select(["V1"])[0]
    write_record(damaged, "116", p_signal=signal, units=["mV", "uV"], adc_gain=[200, 0.2])
    np.testing.assert_allclose(load(damaged, leads=("V1",)).signals, before.signals, atol=1e-6)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no header": (lambda f: (f / "116.hea").unlink(), "there is no file .*116.hea"),
    "no signal": (lambda f: (f / "116.dat").unlink(), "there is no file .*116.dat"),
    "no annotations": (lambda f: (f / "116.atr").unlink(), "there is no file .*116.atr"),
    "empty header": (lambda f: (f / "116.hea").write_text(""), "corrupt or disagree"),
    "empty annotations": (lambda f: (f / "116.atr").write_bytes(b""), "file, .atr, is empty"),
    "broken annotations": (lambda f: (f / "116.atr").write_bytes(b"\1\2\3"), "corrupt or disagree"),
    "truncated signal": (
        cut_dat,
        "the header disagrees with the signal file: 7200 .* 21600 bytes, .* 21500",
    ),
    "changed signal": (flip_a_bit, "the header disagrees with the signal of lead"),
    "swapped leads": (swap_signal_lines, "the header disagrees with the signal of lead"),
    "length too short": (edit_header("7200", "7000"), "the header disagrees with the signal file"),
    "length too long": (edit_header("7200", "7400"), "the header disagrees with the signal file"),
    "other format": (edit_header(" 212 ", " 16 "), "the header disagrees with the signal file"),
    "more signals": (edit_header("116 2 ", "116 3 "), "the header says 3 signals and describes 2"),
    "fewer signals": (edit_header("116 2 ", "116 1 "), "the header says 1 signals and describes 2"),
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
