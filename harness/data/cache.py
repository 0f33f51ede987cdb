"""Windows of a dataset, read once and kept in the user's cache, sealed."""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import secrets
import shutil
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from ecgbench.contracts.config import build
from ecgbench.contracts.errors import DataError, EcgbenchError, StoreError
from ecgbench.contracts.windows import EcgWindows
from ecgbench.environment import cache_dir, package_version
from ecgbench.harness.data import physionet
from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.planning.identity import used
from ecgbench.results.store.records import DatasetRecord, digest_of, encode, is_sealed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ecgbench.contracts.config import Config
    from ecgbench.contracts.specs import DatasetSpec
    from ecgbench.harness.planning.catalog import Entry

ARRAYS = ("signals", "labels", "patients", "records", "positions", "indices")

LIBRARIES = ("numpy", "pandas", "scikit-learn", "scipy", "sleepecg", "torch", "wfdb")
"""Libraries between recordings and windows: other versions may give other windows."""

LEFT = 24 * 3600.0
"""Seconds until the files of a process that ended are removed from the cache."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Source:
    """A dataset plugin with its settings, and the folder of its files (None: embedded).

    One source is one state of files and code, as the first call of `folder` finds them.
    """

    entry: Entry
    config: Config
    folder: Path | None

    @property
    def spec(self) -> DatasetSpec:
        """Return the plugin's spec."""
        return self.entry.spec  # type: ignore[return-value]  # the catalog files it as a dataset


class _File(msgspec.Struct, frozen=True):
    size: int
    sha256: str
    shape: tuple[int, ...]


class _Meta(msgspec.Struct, frozen=True, kw_only=True):
    digest: str
    sampling_rate: float
    leads: tuple[str, ...]
    classes: tuple[str, ...]
    attributes: dict[str, dict[str, str | float]] | None
    arrays: dict[str, _File]


def record(source: Source, windows: int | None, nested: int | None = None) -> DatasetRecord:
    """Return the identity of the dataset in a cell; read the dataset unless the cache has it.

    Args:
        source: of the dataset.
        windows: size of the subsample; None for all.
        nested: seed of the split whose training windows alone are used; None for all windows.
    """
    plugin = used(source.entry, source.config)
    return DatasetRecord(
        **msgspec.structs.asdict(plugin),
        digest=prepare(source).digest,
        windows=windows,
        nested=nested,
    )


def is_prepared(source: Source) -> bool:
    """Return whether the cache holds all windows of the dataset, from the present files and code."""
    try:
        _check(folder(source))
    except StoreError:
        return False
    return True


def prepare(source: Source) -> _Meta:
    """Read the dataset into the cache, unless it is there and whole.

    Raises:
        DataError: a file is not the published one, or the plugin returns no proper windows.
    """
    to = folder(source)
    if not is_prepared(source):
        _fill(source, to)
    return _check(to)


def windows(source: Source) -> EcgWindows:
    """Return all windows of the dataset, numbered; the arrays are memory-mapped and read-only."""
    prepare(source)
    return read(folder(source))


def read(folder: Path) -> EcgWindows:
    """Return the windows in a folder of the cache; see `windows`.

    The contents are not hashed again, for the plan of the run did so.

    Raises:
        StoreError: they are not there, or have another size.
    """
    import numpy as np  # noqa: PLC0415 - planning a run of cached datasets needs no numpy

    meta = _meta(folder)
    arrays = {}
    for name, told in meta.arrays.items():
        file = folder / f"{name}.npy"
        try:
            array = np.load(file, mmap_mode="r", allow_pickle=False)
            size = file.stat().st_size
        except (OSError, ValueError, EOFError, SyntaxError, TypeError) as error:
            raise _damaged(folder, f"{file.name}: {error}") from error
        if (size, array.shape) != (told.size, told.shape):
            raise _damaged(folder, f"{file.name} has another size")
        # small arrays are read whole: a memory map of each would only cost
        arrays[name] = array if name == "signals" else np.array(array)
    people = meta.attributes
    return EcgWindows(
        **arrays,
        sampling_rate=meta.sampling_rate,
        leads=meta.leads,
        classes=meta.classes,
        attributes=None if people is None else {int(p): told for p, told in people.items()},
    )


def _check(folder: Path) -> _Meta:
    """Check the files of a folder of the cache against their digests, once for each state of them.

    Raises:
        StoreError: a file differs; the message gives the reason.
    """
    try:
        states = [(file.name, file.stat()) for file in sorted(folder.iterdir())]
    except OSError as error:
        raise _damaged(folder, error.strerror) from error
    return _hash(
        folder,
        tuple((n, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino) for n, s in states),
    )


@lru_cache(maxsize=64)
def _hash(folder: Path, states: tuple[tuple[str, int, int, int, int], ...]) -> _Meta:
    del states
    meta = _meta(folder)
    for name, told in meta.arrays.items():
        if _sha256(folder / f"{name}.npy") != told.sha256:
            raise _damaged(folder, f"{name}.npy is not what was written")
    return meta


def _meta(folder: Path) -> _Meta:
    try:
        content = (folder / "meta.json").read_bytes()
        if not is_sealed(content):
            raise _damaged(folder, "meta.json is not what was written")
        return msgspec.json.decode(content, type=_Meta)
    except (OSError, msgspec.DecodeError) as error:
        raise _damaged(folder, f"meta.json: {error}") from error


def _damaged(folder: Path, how: str | None) -> StoreError:
    return StoreError(
        f"the cache {folder} is damaged ({how}); the next run reads the dataset again"
    )


def _sha256(file: Path) -> str | None:
    """Return the SHA-256 of a file; None if it cannot be read."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None


def _load(source: Source) -> EcgWindows:
    from ecgbench.harness.data.returned import as_windows  # noqa: PLC0415 - as above

    name = source.spec.name
    try:
        loaded = source.spec.load()(source.config, source.folder)
    except EcgbenchError:
        raise
    except Exception as error:
        raise DataError(
            f"dataset {name} cannot be read: {type(error).__name__}: {error}"
        ) from error
    return as_windows(loaded, name)


def _fill(source: Source, to: Path) -> None:
    """Read the dataset into a folder of the cache; replace a damaged one."""
    if to.exists():
        try:
            _check(to)
        except StoreError as damage:
            logger.warning("%s", str(damage).replace("the next run reads", "reading"))
        else:
            return  # another run was quicker
    files = ""
    if source.folder is not None and source.spec.source is not None:
        files = physionet.verify(source.spec.source, source.folder)
    found = _load(source)
    if source.spec.source is None and _name(source) != to.name:
        raise DataError(
            f"dataset {source.spec.name}: its files or its code changed while it was read; start again"
        )
    _save(found, files, to)


def _save(found: EcgWindows, files: str, to: Path) -> None:
    for left in to.parent.glob(".*.tmp"):  # by killed processes
        if time.time() - left.stat().st_mtime > LEFT:
            shutil.rmtree(left, ignore_errors=True)
    temporary = to.parent / f".{secrets.token_hex(8)}.tmp"  # not tempfile's: others may read it
    try:
        temporary.mkdir(parents=True)
        try:
            _write(found, files, temporary)
            _put(temporary, to)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        with suppress(StoreError):
            _check(to)
            return  # another run was quicker
        raise DataError(
            f"cannot write the cache {to}: {error.strerror}; ECGBENCH_CACHE_DIR names another"
        ) from error


def _write(found: EcgWindows, files: str, folder: Path) -> None:
    import numpy as np  # noqa: PLC0415 - as above

    from ecgbench.harness.data.digest import digest  # noqa: PLC0415 - as above

    arrays = {}
    for name in ARRAYS:
        array = getattr(found, name)
        if array is not None:
            file = folder / f"{name}.npy"
            np.save(file, array, allow_pickle=False)
            arrays[name] = _File(file.stat().st_size, str(_sha256(file)), array.shape)
    people = found.attributes
    meta = _Meta(
        digest=digest(found, files),
        sampling_rate=found.sampling_rate,
        leads=found.leads,
        classes=found.classes,
        attributes=None if people is None else {str(p): dict(told) for p, told in people.items()},
        arrays=arrays,
    )
    (folder / "meta.json").write_bytes(encode(meta))


def _put(written: Path, to: Path) -> None:
    """Move a folder into its place; replace a damaged one, and leave another run's."""
    if to.exists():
        with suppress(StoreError):
            _check(to)
            return  # another run was quicker
        damaged = written.with_suffix(".old.tmp")
        to.rename(damaged)
        shutil.rmtree(damaged, ignore_errors=True)
    written.rename(to)


# --- places in the cache --------------------------------------------------------------------------------


@cache
def folder(source: Source) -> Path:
    """Return the folder in the cache for windows from the present files and code.

    If a dataset does not name its files, nobody can know whether stored windows are still right. Then
    this source has a folder of its own, and this process removes the folder when it ends.
    """
    name, root = _name(source), cache_dir()
    if source.spec.source is None and source.spec.files is None:
        return _own(root / "runs") / secrets.token_hex(4) / name
    return root / "windows" / name


def _name(source: Source) -> str:
    """Return the folder's name: the dataset's name, and a digest of files, code and libraries."""
    files: list[Any] = []
    if source.folder is not None:
        for file in sorted(p for p in source.folder.rglob("*") if p.is_file()):
            state = file.stat()
            # an edited file may have its old mtime again, but never its old ctime
            changed = state.st_mtime_ns, state.st_ctime_ns
            files.append((str(file.relative_to(source.folder)), state.st_size, *changed))
    plugin = used(source.entry, source.config)
    libraries = [package_version(name) for name in LIBRARIES]
    # code and origin count here beside the version, for a cache costs only time
    key = digest_of([plugin.identity, plugin.code, plugin.origin, files, libraries])
    return f"{source.spec.name}-{key}"


@cache
def _own(root: Path) -> Path:
    """Make a folder of this process alone, removed when it ends; remove those of killed processes."""
    from filelock import FileLock  # noqa: PLC0415 - few datasets need it

    own = root / secrets.token_hex(8)
    try:
        root.mkdir(parents=True, exist_ok=True)
        _sweep(root)
        lock = FileLock(_lock_of(own))
        with suppress(NotImplementedError):  # a file system without locks
            lock.acquire()
        own.mkdir()
    except OSError as error:
        raise DataError(
            f"cannot write the cache {root}: {error.strerror}; ECGBENCH_CACHE_DIR names another"
        ) from error

    def remove(process: int = os.getpid()) -> None:
        if os.getpid() == process:  # and not a fork of it
            shutil.rmtree(own, ignore_errors=True)
            lock.release()
            _lock_of(own).unlink(missing_ok=True)

    atexit.register(remove)
    return own


def _lock_of(folder: Path) -> Path:
    return folder.with_suffix(".lock")


def _sweep(root: Path) -> None:
    """Remove the folders of killed processes."""
    from filelock import FileLock, Timeout  # noqa: PLC0415 - as above

    for each in root.iterdir():
        with suppress(OSError, Timeout, NotImplementedError):
            if not each.is_dir() or time.time() - each.stat().st_mtime < LEFT:
                continue
            with FileLock(_lock_of(each), timeout=0):
                shutil.rmtree(each, ignore_errors=True)
            _lock_of(each).unlink(missing_ok=True)


def prepare_in_process(
    name: str,
    settings: dict[str, Any],
    folder: Path | None,
    plugin_files: tuple[str, ...],
    to: Path,
    send: Callable[[Any], None],
) -> None:
    """Read a dataset into a folder of the cache, told in plain values; send nothing.

    The plugin's log is shown, for example the number of beats left out.
    """
    del send
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    entry = discover(plugin_files).entry("dataset", name)
    config = build(entry.spec.config, settings, where=f"dataset {name}")
    _fill(Source(entry, config, folder), to)
