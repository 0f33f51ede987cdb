"""Windows of a dataset, read once and kept in the user's cache."""

from __future__ import annotations

import hashlib
import logging
import secrets
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from ecgbench.harness import physionet
from ecgbench.harness.catalog import discover
from ecgbench.harness.config import as_dict, build
from ecgbench.harness.errors import DataError, EcgbenchError, StoreError
from ecgbench.harness.identity import used
from ecgbench.harness.windows import EcgWindows
from ecgbench.results.records import DatasetRecord, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ecgbench.harness.catalog import Entry
    from ecgbench.harness.config import Config
    from ecgbench.harness.specs import DatasetSpec

ARRAYS = ("signals", "labels", "patients", "records", "positions", "indices")


@dataclass(frozen=True)
class Source:
    """A dataset plugin with its settings, and where its files stand (None: embedded)."""

    entry: Entry
    config: Config
    folder: Path | None

    @property
    def spec(self) -> DatasetSpec:
        """The plugin's."""
        return self.entry.spec  # type: ignore[return-value]  # the catalog files it as a dataset


class _Meta(msgspec.Struct):
    digest: str
    sampling_rate: float
    leads: tuple[str, ...]
    classes: tuple[str, ...]
    attributes: dict[int, dict[str, str | float]] | None


def record(source: Source, windows: int | None) -> DatasetRecord:
    """What identifies the dataset in a cell; reads the dataset unless the cache has it."""
    plugin = used(source.entry, source.config)
    return DatasetRecord(
        **msgspec.structs.asdict(plugin), digest=prepare(source).digest, windows=windows
    )


def is_prepared(source: Source) -> bool:
    """Whether the cache holds the dataset's windows, made from the files as they are now."""
    return (folder(source) / "meta.json").is_file()


def prepare(source: Source) -> _Meta:
    """Read the dataset into the cache, unless it is there.

    Raises:
        DataError: a file is not what it claims to be, or the plugin returns no proper windows.
    """
    to = folder(source)
    if not is_prepared(source):
        files = "" if source.spec.source is None else source.spec.source.sums_sha256
        if source.folder is not None and source.spec.source is not None:
            physionet.verify(source.spec.source, source.folder)
        _save(_load(source), files, to)
    return msgspec.json.decode((to / "meta.json").read_bytes(), type=_Meta)


def windows(source: Source) -> EcgWindows:
    """All windows of the dataset, numbered; the arrays are memory-mapped and read-only."""
    prepare(source)
    return read(folder(source))


def read(folder: Path) -> EcgWindows:
    """The windows that stand in a folder of the cache; see `windows`.

    Raises:
        StoreError: they are not there.
    """
    import numpy as np  # noqa: PLC0415 - planning a run of cached datasets needs no numpy

    try:
        meta = msgspec.json.decode((folder / "meta.json").read_bytes(), type=_Meta)
        arrays = {
            name: np.load(file, mmap_mode="r", allow_pickle=False)
            for name in ARRAYS
            if (file := folder / f"{name}.npy").exists()
        }
    except (OSError, ValueError, msgspec.DecodeError) as error:
        raise StoreError(f"the cache {folder} cannot be read: {error}; start again") from error
    # small arrays are read whole: a memory map of each would only cost
    arrays = {k: v if k == "signals" else np.array(v) for k, v in arrays.items()}
    return EcgWindows(
        **arrays,
        sampling_rate=meta.sampling_rate,
        leads=meta.leads,
        classes=meta.classes,
        attributes=meta.attributes,
    )


def digest(found: EcgWindows, files: str) -> str:
    """SHA-256 of what the windows are, the same on every machine.

    Two machines filter one recording to signals that differ in their last bits, so of the signals only
    shape, and mean magnitude and deviation of each lead to four digits, are taken; what they are made
    from is in ``files``, and in the plugin's version and settings, which stand beside the digest.

    Args:
        found: the windows.
        files: SHA-256 of the list of files that they were read from; empty where there are none.
    """
    import numpy as np  # noqa: PLC0415 - as above

    total = hashlib.sha256(files.encode())
    for name in ("labels", "patients", "records", "positions"):
        array = getattr(found, name)
        if array is not None:
            total.update(repr((name, array.dtype.str, array.shape)).encode())
            total.update(np.ascontiguousarray(array).view(np.uint8).data)
    size = np.abs(found.signals).mean(axis=(0, 2), dtype=np.float64)
    deviation = found.signals.std(axis=(0, 2), dtype=np.float64)
    people = sorted((_attributes(found) or {}).items())
    shape, rounded = found.signals.shape, [f"{x:.3e}" for x in (*size, *deviation)]
    told = [shape, rounded, float(found.sampling_rate), found.leads, found.classes, people]
    total.update(msgspec.json.encode(told, order="deterministic"))
    return total.hexdigest()


def _attributes(found: EcgWindows) -> dict[int, dict[str, str | float]] | None:
    if found.attributes is None:
        return None
    return {
        int(patient): {what: v if isinstance(v, str) else float(v) for what, v in told.items()}
        for patient, told in found.attributes.items()
    }


def _load(source: Source) -> EcgWindows:
    from ecgbench.harness.split import number  # noqa: PLC0415 - as above

    where = f"dataset {source.spec.name}"
    try:
        found = source.spec.load()(source.config, source.folder)
    except EcgbenchError:
        raise
    except Exception as error:
        raise DataError(f"{where} cannot be read: {type(error).__name__}: {error}") from error
    if not isinstance(found, EcgWindows):
        raise DataError(f"{where} returned {type(found).__name__}; EcgWindows are wanted")
    if problem := found.problem():
        raise DataError(f"{where}: {problem}")
    return number(found)


def _save(found: EcgWindows, files: str, folder: Path) -> None:
    import numpy as np  # noqa: PLC0415 - as above

    meta = _Meta(
        digest(found, files), found.sampling_rate, found.leads, found.classes, _attributes(found)
    )
    try:
        # not tempfile's, which nobody but its owner may read
        temporary = folder.parent / f".{secrets.token_hex(8)}.tmp"
        temporary.mkdir(parents=True)
        try:
            for name in ARRAYS:
                array = getattr(found, name)
                if array is not None:
                    np.save(temporary / f"{name}.npy", array, allow_pickle=False)
            (temporary / "meta.json").write_bytes(msgspec.json.encode(meta))
            if not (folder / "meta.json").is_file():
                shutil.rmtree(folder, ignore_errors=True)  # what a cleaner of caches has left
                temporary.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        if (folder / "meta.json").is_file():
            return  # another process was quicker
        raise DataError(
            f"cannot write the cache {folder}: {error.strerror}; ECGBENCH_CACHE_DIR names another"
        ) from error


def folder(source: Source) -> Path:
    """Where the cache keeps the dataset's windows, made from the files as they are now."""
    files: list[Any] = []
    if source.folder is not None:
        for file in sorted(p for p in source.folder.rglob("*") if p.is_file()):
            state = file.stat()
            files.append((str(file.relative_to(source.folder)), state.st_size, state.st_mtime_ns))
    origin = source.entry.origin
    key = digest_of(
        [source.spec.version, as_dict(source.config), origin.plugin, origin.version, files]
    )
    return physionet.cache_dir() / "windows" / f"{source.spec.name}-{key}"


def prepare_in_process(
    name: str,
    settings: dict[str, Any],
    folder: Path | None,
    plugin_files: tuple[str, ...],
    send: Callable[[tuple[Any, ...]], None],
) -> None:
    """`prepare`, told in plain values; sends nothing.

    What the plugin logs, such as the beats it had to leave out, is shown.
    """
    del send
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    entry = discover(plugin_files).entry("dataset", name)
    prepare(Source(entry, build(entry.spec.config, settings, where=f"dataset {name}"), folder))
