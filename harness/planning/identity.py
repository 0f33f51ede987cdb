"""The identity of an installed plugin with its settings: `used`."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecgbench.contracts.config import as_dict
from ecgbench.contracts.errors import EcgbenchError, PluginError, UsageError
from ecgbench.harness.planning.code import code_of
from ecgbench.results.store.records import PluginRecord, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecgbench.contracts.config import Config
    from ecgbench.contracts.specs import PluginSpec
    from ecgbench.harness.planning.catalog import Entry


def used(entry: Entry, config: Config) -> PluginRecord:
    """Return the record of a plugin with these settings.

    Raises:
        UsageError: a local file of the plugin is not there.
        PluginError: it cannot name its files.
    """
    spec, origin = entry.spec, entry.origin
    return PluginRecord(
        name=spec.name,
        version=spec.version,
        settings=as_dict(config),
        origin=str(origin),
        code=code_of(entry),
        from_file=origin.is_file,
        files=files_of(spec, config),
    )


def files_of(spec: PluginSpec, config: Config) -> str:
    """Return 12 hexadecimal digits of the SHA-256 of a plugin's local files; empty without files.

    Names, sizes, contents and the order count; a folder counts with all files below it.  Paths do not
    count, so another machine comes to the same digits.

    Args:
        spec: of the plugin.
        config: its settings.

    Raises:
        UsageError: a file is not there, or cannot be read.
        PluginError: the plugin's function raises, or returns no paths.
    """
    if spec.files is None:
        return ""
    where = f"{spec.kind} {spec.name}"
    try:
        named = spec.files(config) if callable(spec.files) else spec.files
        paths = [Path(path) for path in ([named] if isinstance(named, str | Path) else named)]
    except EcgbenchError:
        raise
    except Exception as error:
        raise PluginError(
            f"{where}: files cannot be told: {type(error).__name__}: {error}; paths are wanted, or a "
            "function from settings to paths"
        ) from error
    told = []
    for path in paths:
        if not path.exists():
            raise UsageError(
                f"{where}: its file {path} is not there ({path.absolute()}); a relative path starts "
                "in the folder of the command"
            )
        try:
            told.append([list(_tell(file, path)) for file in _files(path)])
        except OSError as error:
            raise UsageError(f"{where}: its file {path} cannot be read: {error.strerror}") from None
    return digest_of(told) if told else ""


def unnoticed_files(kind: str, plugin: PluginRecord) -> list[str]:
    """Return a warning for each setting with the name of a file, if the file's contents do not count.

    Args:
        kind: of the plugin, for the warning.
        plugin: with its settings.
    """
    if plugin.files:
        return []
    return [
        f"{kind} {plugin.name}: setting {name} names the file {path}, and the plugin does not declare its "
        "files: if the file changes, old results count as done; the plugin's spec should say files=…"
        for name, value in plugin.settings.items()
        for path in _paths_in(value)
    ]


def _paths_in(value: Any) -> list[str]:
    """Return the paths of existing files among the texts in a setting's value."""
    if isinstance(value, dict):
        return [path for each in value.values() for path in _paths_in(each)]
    if isinstance(value, list):
        return [path for each in value for path in _paths_in(each)]
    if not isinstance(value, str) or not (Path(value).suffix or Path(value).parent.name):
        return []
    with suppress(OSError, ValueError):  # too long a text, or a NUL
        return [value] if Path(value).is_file() else []
    return []


def _files(path: Path) -> Iterator[Path]:
    """Return a file itself, or all files below a folder."""
    if path.is_file():
        yield path
    else:
        yield from sorted(file for file in path.rglob("*") if file.is_file())


def _tell(file: Path, named: Path) -> tuple[str, int, str]:
    """Return a file's name below the named folder, its size and its SHA-256."""
    state = file.stat()
    name = file.name if file == named else file.relative_to(named).as_posix()
    return name, state.st_size, _sha256(file.absolute(), state.st_size, state.st_ctime_ns)


@lru_cache(maxsize=1024)
def _sha256(file: Path, size: int, changed: int) -> str:
    """Return the SHA-256 of a file in this state: weights are large, and a plan asks more than once."""
    del size, changed
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
