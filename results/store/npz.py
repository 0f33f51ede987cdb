"""Arrays in a store: ``.npz`` without pickles, safe to read when a stranger wrote it."""

from __future__ import annotations

import hashlib
import io
import sys
import tokenize
import warnings
import zipfile
import zlib
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ecgbench.contracts.errors import DamagedError, StoreError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from ecgbench.contracts.windows import EcgWindows

UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    SyntaxError,  # an array's header is the text of a Python dictionary
    RecursionError,
    MemoryError,
    NotImplementedError,  # an unknown way of compression
    RuntimeError,  # an encrypted file
    IndexError,
    OverflowError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""Errors of numpy and zipfile for a damaged archive of arrays, or for another file."""

MAX_BYTES = 4 * 2**30
"""Of all arrays of a file together: a small file must not fill the memory."""


def npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The bytes of a compressed ``.npz`` without pickles; the same arrays give the same bytes.

    Raises:
        TypeError: an array holds Python objects.
    """
    for name, array in arrays.items():
        if np.asarray(array).dtype.hasobject:
            raise TypeError(f"array {name!r} holds Python objects; numbers or text are wanted")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **cast("Any", dict(arrays)))
    return buffer.getvalue()


def read_npz(file: Path, *names: str) -> dict[str, NDArray[Any]]:
    """The arrays of an ``.npz`` file of a store.

    Args:
        file: to read.
        names: of the arrays in it.

    Raises:
        DamagedError: it is not there, or damaged.
        StoreError: it cannot be read.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError as error:
        raise DamagedError(file, "it is not there") from error
    except OSError as error:
        raise StoreError(f"cannot read {file}: {error.strerror}") from error
    try:
        return parse_npz(content, *names, most=sys.maxsize)
    except ValueError as error:
        raise DamagedError(file, str(error)) from error


def parse_npz(
    content: bytes, *names: str, most: int = MAX_BYTES, only: Collection[str] | None = None
) -> dict[str, NDArray[Any]]:
    """The arrays in the bytes of an ``.npz``.

    Nothing larger than ``most`` bytes is ever allocated, whatever sizes the file claims.

    Args:
        content: of the file.
        names: of the arrays in it.
        most: bytes, of all arrays together.
        only: names of the arrays to read; None for all.

    Raises:
        ValueError: it is no archive of plain arrays, is damaged or too large, or lacks an array.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy's, of an odd but readable header
            if sum(info.file_size for info in archive.infolist()) > most:
                raise ValueError(f"its arrays have more than {most} bytes")
            arrays = {
                name: _array(archive, info)
                for info in archive.infolist()
                if (name := info.filename.removesuffix(".npy")) in (only or (name,))
            }
    except UNREADABLE as error:
        raise ValueError(f"it is no archive of arrays, or damaged: {error}") from error
    if missing := [name for name in names if name not in arrays]:
        raise ValueError(f"it holds no array {missing[0]!r}")
    return arrays


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(info) as stream:
        content = stream.read(info.file_size)
        if len(content) != info.file_size or stream.read(1):
            raise ValueError(f"{info.filename} is not as long as it claims to be")
    return parse_npy(content, info.filename)


def parse_npy(content: bytes, name: str) -> NDArray[Any]:
    """The array in the bytes of an ``.npy``; nothing is allocated on the word of its header.

    Args:
        content: of the file.
        name: its name, for messages.

    Raises:
        ValueError: it holds no plain array, or another than it claims; also any other error of
            `UNREADABLE`.
    """
    # the header is read first, for numpy allocates by its claim
    opened = io.BytesIO(content)
    version = np.lib.format.read_magic(opened)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in read:
        raise ValueError(f"{name} has version {version} of numpy's format")
    shape, _, dtype = read[version](opened)
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects; numbers or text are wanted")
    size = dtype.itemsize
    for length in shape:
        size *= length
    if min(shape, default=0) < 0 or size != len(content) - opened.tell():
        raise ValueError(f"{name} does not hold the array that its header claims")
    return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)


def synthetic_digest(synthetic: EcgWindows) -> str:
    """SHA-256 over signals and labels."""
    total = hashlib.sha256()
    for array in (synthetic.signals, synthetic.labels):
        total.update(repr((array.dtype.str, array.shape)).encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()
