"""``.parquet``: one row a window, each lead a list of samples; facts are in the file's metadata."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from ecgbench.contracts.errors import EcgbenchError, UsageError
from ecgbench.harness.formats.columns import LABEL, from_columns
from ecgbench.harness.formats.found import (
    MAX_BYTES,
    MAX_COLUMNS,
    Facts,
    Found,
    content,
    facts_of,
)
from ecgbench.harness.formats.labels import table
from ecgbench.results.store.store import write as put

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

FACTS, SPLIT = b"ecgbench.windows", b"ecgbench.split"
"""Keys of the file's metadata: `Facts`, and the note of ``ecgbench split``."""

MAX_NUMBERS = MAX_BYTES // 4


def read(file: Path, labelled: bool) -> Found:
    """Read a table; raises `UsageError` if it is none, or if pyarrow is missing."""
    _pyarrow()
    import pyarrow.parquet as pq  # noqa: PLC0415 - an extra

    stream = io.BytesIO(content(file))
    try:
        with pq.ParquetFile(stream, thrift_string_size_limit=2**26) as opened:
            _check_size(file, opened.metadata)
            frame = opened.read(use_threads=False)
            frame.validate(full=True)
        return _found(file, frame, labelled)
    except EcgbenchError:
        raise
    except Exception as error:  # noqa: BLE001 - pyarrow's own, of any type
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UsageError(f"{file} is no parquet, or damaged ({first})") from None


def _pyarrow() -> Any:
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
    except ImportError:
        raise UsageError(
            "parquet needs the package pyarrow: pip install 'synthetic-ecgbench[parquet]'; or save npz"
        ) from None
    return pa


def _check_size(file: Path, metadata: Any) -> None:
    if metadata.num_columns > MAX_COLUMNS:
        raise UsageError(f"{file} has {metadata.num_columns} columns; at most {MAX_COLUMNS}")
    numbers = metadata.num_rows
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        numbers += sum(group.column(at).num_values for at in range(group.num_columns))
    if not 0 <= numbers <= MAX_NUMBERS:
        raise UsageError(f"{file} claims to hold {numbers} numbers; at most {MAX_NUMBERS} are read")


def _found(file: Path, frame: Any, labelled: bool) -> Found:
    pa = _pyarrow()
    kinds = {name: frame.schema.field(at).type for at, name in enumerate(frame.column_names)}
    if len(kinds) < frame.num_columns:
        raise UsageError(f"{file}: two columns have one name")
    lists = [
        name
        for name, kind in kinds.items()
        if pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_fixed_size_list(kind)
    ]
    if not lists:
        names = list(kinds)
        found = from_columns(
            str(file), names, lambda at: _flat(file, names[at], frame.column(at)), labelled=labelled
        ).arrays
    else:
        leads = [_lists(file, name, frame[name]) for name in lists]
        if len({lead.shape for lead in leads}) > 1:
            told = ", ".join(
                f"{name} {lead.shape[1]}" for name, lead in zip(lists, leads, strict=True)
            )
            raise UsageError(f"{file}: leads have unlike numbers of samples: {told}")
        found = {
            "signals": np.stack(leads, axis=1),
            "leads": np.array(lists),
            "axes": np.array(["window", "lead", "sample"]),
        }
        of_labels = [n for n in kinds if n.strip().casefold() in LABEL and n not in lists]
        if len(of_labels) > 1:
            raise UsageError(f"{file}: columns {', '.join(of_labels)} could all be the labels")
        if of_labels and not labelled:
            found["labels"] = _flat(file, of_labels[0], frame[of_labels[0]])
    return Found({**found, **_facts(file, frame.schema.metadata or {})}, [])


def _facts(file: Path, metadata: Mapping[bytes, bytes]) -> dict[str, NDArray[Any]]:
    found = {}
    if FACTS in metadata:
        try:
            found = msgspec.json.decode(metadata[FACTS], type=Facts).arrays()
        except ValueError as error:  # msgspec's errors are ValueErrors
            raise UsageError(f"{file}: its metadata are not facts of windows ({error})") from None
    if SPLIT in metadata:
        found["split"] = np.array(metadata[SPLIT].decode("utf-8", "replace"))
    return found


def _flat(file: Path, name: str, column: Any) -> NDArray[Any]:
    if column.null_count:
        raise UsageError(f"{file}: column {name} has {column.null_count} empty cells")
    values = column.to_numpy()
    return values if values.dtype.kind in "iufb" else np.array([str(v) for v in values])


def _lists(file: Path, name: str, column: Any) -> NDArray[Any]:
    """Return the samples of a lead, shape (window, sample)."""
    rows, length = len(column), None
    parts = []
    for chunk in column.chunks:
        lengths = set(chunk.value_lengths().unique().to_pylist()) if len(chunk) else set()
        if chunk.null_count or lengths - {length or next(iter(lengths), None)} or None in lengths:
            raise UsageError(f"{file}: windows of lead {name} have unlike numbers of samples")
        length = next(iter(lengths), length)
        flat = chunk.flatten()
        if flat.null_count:
            raise UsageError(f"{file}: lead {name} has {flat.null_count} empty samples")
        parts.append(flat.to_numpy(zero_copy_only=False))
    values = np.concatenate(parts) if parts else np.empty(0)
    if values.dtype.kind not in "iuf":
        raise UsageError(f"{file}: lead {name} holds {values.dtype}; numbers are wanted")
    return values.reshape(rows, length or 0)


def write(folder: Path, name: str, arrays: Mapping[str, NDArray[Any]]) -> Path:
    """Write ``NAME.parquet`` and return its path; raises `UsageError` if pyarrow is missing."""
    pa = _pyarrow()
    import pyarrow.parquet as pq  # noqa: PLC0415 - an extra

    signals = np.asarray(arrays["signals"], dtype=np.float32)
    columns = {column: pa.array(values) for column, values in table(arrays).items()}
    kind = pa.list_(pa.float32(), signals.shape[2])
    for at, lead in enumerate(arrays["leads"].tolist()):
        flat = pa.array(np.ascontiguousarray(signals[:, at]).ravel())
        columns[lead] = pa.FixedSizeListArray.from_arrays(flat, type=kind)
    metadata = {FACTS: msgspec.json.encode(facts_of(arrays))}
    if "split" in arrays:
        metadata[SPLIT] = str(arrays["split"]).encode()
    frame = pa.table(columns).replace_schema_metadata(metadata)
    buffer = io.BytesIO()
    pq.write_table(frame, buffer)
    file = folder / f"{name}.parquet"
    put(file, buffer.getvalue())
    return file
