from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgbench import EcgWindows
from ecgbench.contracts.errors import DamagedError, StoreError
from ecgbench.results.store.npz import npz, parse_npz, read_npz, synthetic_digest

if TYPE_CHECKING:
    from pathlib import Path

ARRAYS: dict[str, Any] = {
    "signals": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "labels": np.array([0, 1], dtype=np.int64),
    "names": np.array(["N", "♥"]),
    "empty": np.empty((0, 3)),
    "scalar": np.float64(2.5),
}
HEADER = "{'descr': '<f8', 'fortran_order': False, 'shape': (4,), }"


def member(header: str, content: bytes = bytes(32), *, version: bytes = b"\x01\x00") -> bytes:
    """An array in numpy's format, whatever its header claims."""
    size = 2 if version == b"\x01\x00" else 4
    text = header.encode("latin1") + b"\n"
    return b"\x93NUMPY" + version + len(text).to_bytes(size, "little") + text + content


def archive(*contents: bytes, way: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", way) as file:
        for number, content in enumerate(contents):
            file.writestr(f"array{number}.npy", content)
    return buffer.getvalue()


# --- sound files -----------------------------------------------------------------------------------


def test_arrays_are_read_as_they_were_written(tmp_path: Path) -> None:
    file = tmp_path / "a.npz"
    file.write_bytes(npz(ARRAYS))
    found = read_npz(file, *ARRAYS)
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert found[name].dtype == np.asarray(array).dtype
        np.testing.assert_array_equal(found[name], array)


def test_arrays_that_numpy_wrote_are_read() -> None:
    buffer = io.BytesIO()
    turned = np.asfortranarray(ARRAYS["signals"])
    np.savez(buffer, turned=turned, big=np.arange(3, dtype=">i4"))
    found = parse_npz(buffer.getvalue(), "turned", "big")
    np.testing.assert_array_equal(found["turned"], turned)
    np.testing.assert_array_equal(found["big"], [0, 1, 2])


def test_a_hand_made_array_is_read_when_it_is_what_its_header_claims() -> None:
    for version in (b"\x01\x00", b"\x02\x00"):
        found = parse_npz(archive(member(HEADER, version=version)))
        np.testing.assert_array_equal(found["array0"], np.zeros(4))


def test_arrays_of_no_kind_that_is_plain_are_not_written() -> None:
    with pytest.raises(TypeError, match="'a' holds Python objects"):
        npz({"a": np.array([None])})


# --- files that are no archives of arrays, or lie --------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK",
        b"no archive at all",
        archive(b"no array"),
        archive(member("{'descr': '|O', 'fortran_order': False, 'shape': (4,), }")),
        archive(member("{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (4,), }")),
        archive(member(HEADER, bytes(31))),
        archive(member(HEADER, bytes(33))),
        archive(member(HEADER.replace("(4,)", "(-4,)"))),
        archive(member(HEADER.replace("(4,)", "(-4, -1)"))),
        archive(member(HEADER.replace("(4,)", "(10**15,)"))),
        archive(member(HEADER.replace("(4,)", "(1000000000000000,)"))),
        archive(member(HEADER.replace("<f8", "<z9"))),
        archive(member("(" * 5000)),
        archive(member("__import__('os')")),
        archive(member("")),
        archive(member(HEADER, version=b"\x03\x00")),
        archive(member(HEADER, version=b"\x09\x00")),
        archive(member(HEADER)[:20]),
        npz(ARRAYS)[:-30],
        npz(ARRAYS)[:200],
    ],
)
def test_what_is_no_archive_of_plain_arrays_is_an_error_that_says_so(
    tmp_path: Path, content: bytes
) -> None:
    with pytest.raises(ValueError, match="it is no archive of arrays, or damaged: "):
        parse_npz(content)
    file = tmp_path / "a.npz"
    file.write_bytes(content)
    with pytest.raises(DamagedError, match=r"a\.npz is damaged \(it is no archive") as error:
        read_npz(file)
    assert error.value.file == file


def test_a_file_that_is_not_there_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(DamagedError, match="it is not there"):
        read_npz(tmp_path / "a.npz")


def test_an_array_that_is_missing_is_named() -> None:
    with pytest.raises(ValueError, match="it holds no array 'signals'"):
        parse_npz(npz({"labels": ARRAYS["labels"]}), "labels", "signals")


def test_an_encrypted_file_and_an_unknown_compression_are_damaged() -> None:
    plain = bytearray(archive(member(HEADER)))
    central = plain.index(b"PK\x01\x02")
    encrypted, unknown = bytearray(plain), bytearray(plain)
    encrypted[6] = encrypted[central + 8] = 1
    unknown[8] = unknown[central + 10] = 97
    for content in (encrypted, unknown):
        with pytest.raises(ValueError, match="it is no archive of arrays, or damaged"):
            parse_npz(bytes(content))


# --- sizes -----------------------------------------------------------------------------------------


def test_a_small_file_that_unpacks_to_more_than_is_allowed_is_not_unpacked() -> None:
    bomb = archive(member(HEADER, bytes(10**7)), way=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 20_000
    with pytest.raises(ValueError, match="more than 1000000 bytes"):
        parse_npz(bomb, most=10**6)


def test_many_arrays_count_together() -> None:
    content = npz({name: np.zeros(100) for name in "abcdefghij"})
    with pytest.raises(ValueError, match="more than 5000 bytes"):
        parse_npz(content, most=5000)
    assert len(parse_npz(content, most=20_000)) == 10


def test_a_member_that_claims_to_be_shorter_than_it_is_is_not_read_beyond_that() -> None:
    content = bytearray(archive(member(HEADER, bytes(10**6)), way=zipfile.ZIP_DEFLATED))
    central = content.index(b"PK\x01\x02")
    for place in (22, central + 24):
        content[place : place + 4] = (100).to_bytes(4, "little")
    with pytest.raises(ValueError, match="no archive of arrays, or damaged"):
        parse_npz(bytes(content), most=1000)


# --- damage ----------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_a_flipped_bit_is_an_error_or_changes_nothing(place: int, bit: int) -> None:
    """The archive's checksums cover the arrays; what they leave out means nothing."""
    arrays = {"signals": ARRAYS["signals"], "labels": ARRAYS["labels"]}
    content = bytearray(npz(arrays))
    content[place % len(content)] ^= 1 << bit
    try:
        found = parse_npz(bytes(content), *arrays)
    except ValueError:
        return
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=400))
def test_whatever_a_file_holds_only_the_documented_error_is_raised(content: bytes) -> None:
    for whole in (content, archive(content), archive(member(HEADER)[:10] + content)):
        with suppress(ValueError):
            parse_npz(whole)


def test_arrays_survive_npz_without_pickles_and_equal_arrays_give_equal_bytes(
    tmp_path: Path,
) -> None:
    arrays = {"a": np.arange(5, dtype=np.int64), "b": np.array(["x", "é"])}
    (tmp_path / "a.npz").write_bytes(npz(arrays))
    found = read_npz(tmp_path / "a.npz", "a")
    assert all(np.array_equal(found[name], arrays[name]) for name in arrays)
    assert npz({"a": np.arange(5, dtype=np.int64), "b": np.array(["x", "é"])}) == npz(arrays)


def test_python_objects_are_not_stored() -> None:
    with pytest.raises(TypeError, match="array 'a' holds Python objects"):
        npz({"a": np.array([{}])})


def test_a_pickle_in_a_strangers_store_is_not_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", signals=np.array([{}], dtype=object))
    with pytest.raises(StoreError, match="pickle"):
        read_npz(tmp_path / "a.npz")


def windows_of(patients: list[int], labels: list[int]) -> EcgWindows:
    return EcgWindows(
        signals=np.arange(12, dtype=np.float32).reshape(3, 1, 4),
        labels=np.array(labels),
        patients=np.array(patients),
        sampling_rate=4.0,
        leads=("II",),
        classes=("N", "S", "V"),
    )


def test_the_digest_of_synthetic_windows_is_over_signals_and_labels() -> None:
    windows = windows_of([1, 2, 3], [0, 1, 2])
    assert synthetic_digest(windows) == synthetic_digest(windows_of([7, 8, 9], [0, 1, 2]))
    assert synthetic_digest(windows) != synthetic_digest(windows_of([1, 2, 3], [0, 1, 1]))
    other = windows.synthetic(windows.signals + 1, windows.labels)
    assert synthetic_digest(windows) != synthetic_digest(other)
