"""An archive of finished cells: one zip, safe to open whoever made it (docs/exchange.md)."""

from __future__ import annotations

import hashlib
import io
import os
import re
import secrets
import shutil
import stat
import struct
import zipfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import msgspec

from ecgbench.contracts.errors import StoreError
from ecgbench.results.exchange.provenance import Environment  # noqa: TC001 - of a record's schema
from ecgbench.results.store.npz import UNREADABLE
from ecgbench.results.store.records import SCHEMA, Key, Name
from ecgbench.results.store.store import sha256
from ecgbench.results.store.track import untracked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ecgbench.results.store.track import Track

MANIFEST = "manifest.json"
MIB = 2**20
MAX_MANIFEST = 512 * MIB
MAX_RECORD = 16 * MIB
MAX_ARTEFACT = 64 * MIB
MAX_SYNTHETIC = 1024 * MIB
MAX_TOTAL = 64 * 1024 * MIB
MAX_ENTRIES = 2_000_000
MAX_WHO = 500

NAME, _KEY = (
    get_args(each)[1].pattern.removeprefix("^").removesuffix(r"\Z") for each in (Name, Key)
)
_SEED = "(?:0|[1-9][0-9]{0,18})"
CELL = re.compile(rf"{NAME}/{NAME}/seed-{_SEED}-{_KEY}")
_LAYOUT = (
    (re.compile(rf"cells/{CELL.pattern}/scores/{NAME}-{_KEY}\.json"), MAX_RECORD),
    (re.compile(rf"cells/{CELL.pattern}/cell\.json"), MAX_RECORD),
    (
        re.compile(rf"cells/{CELL.pattern}/artefacts/[A-Za-z0-9][A-Za-z0-9._-]{{0,191}}"),
        MAX_ARTEFACT,
    ),
    (re.compile(rf"cells/{CELL.pattern}/synthetic\.npz"), MAX_SYNTHETIC),
    (re.compile(rf"plans/{_KEY}/{_KEY}\.json"), MAX_RECORD),
)
_PACKED = (".npz", ".png")
"""Compressed already."""

_LEVEL = 1
"""Of compression: a record takes half the time of zlib's usual level, and 5 parts in 100 more space."""

_CHUNK = MIB


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A file of an archive.

    Attributes:
        path: below the store.
        size: bytes.
        sha256: hexadecimal digits.
    """

    path: str
    size: Annotated[int, msgspec.Meta(ge=0)]
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """``manifest.json``, the first file of an archive.

    Attributes:
        who: the maker, in their own words; may be empty.
        when: UTC, ISO 8601.
        environment: versions, processor, memory; never host, user or path.
        files: all others, by path.
    """

    schema: int = SCHEMA
    who: Annotated[str, msgspec.Meta(max_length=MAX_WHO)]
    when: Annotated[str, msgspec.Meta(max_length=50)]
    environment: Environment
    files: list[Entry]


class _Schema(msgspec.Struct):
    schema: int


def limit(path: str) -> int | None:
    """Return the most bytes of a file with this path; None if a store has no place for it."""
    return next((most for pattern, most in _LAYOUT if pattern.fullmatch(path)), None)


def pack(
    file: Path,
    contents: Mapping[str, bytes | Path],
    *,
    who: str,
    when: str,
    environment: Environment,
    track: Track = untracked,
) -> None:
    """Write an archive whole or not at all; equal arguments give equal bytes.

    Args:
        file: to write.
        contents: the files, or paths to them, by their paths below the store.
        who: the maker.
        when: UTC, ISO 8601.
        environment: `ecgbench.environment.environment`.
        track: told the progress.

    Raises:
        StoreError: a file cannot be read, or the archive cannot be written.
    """
    temporary = file.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        entries = []
        for path in sorted(contents):
            content = _content(contents[path])
            entries.append(Entry(path=path, size=len(content), sha256=sha256(content)))
        manifest = Manifest(who=who, when=when, environment=environment, files=entries)
        plain = msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=1)
        try:
            with temporary.open("xb") as stream:
                with zipfile.ZipFile(stream, "w") as archive:
                    _put(archive, MANIFEST, plain)
                    for entry in track(entries, "packing"):
                        what = contents[entry.path]
                        content = _content(what)
                        if isinstance(what, Path) and sha256(content) != entry.sha256:
                            raise StoreError(f"{entry.path} has changed meanwhile; export it again")
                        _put(archive, entry.path, content)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(file)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"cannot write {file}: {error.strerror or error}") from error


def _content(what: bytes | Path) -> bytes:
    return what.read_bytes() if isinstance(what, Path) else what


def _put(archive: zipfile.ZipFile, path: str, content: bytes) -> None:
    info = zipfile.ZipInfo(path)  # of 1980: the same content gives the same bytes at any time
    info.create_system = 3
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    info.compress_type = zipfile.ZIP_STORED if path.endswith(_PACKED) else zipfile.ZIP_DEFLATED
    archive.writestr(info, content, compresslevel=_LEVEL)


class Archive:
    """An open archive, whose names, kinds and sizes are all good.

    Attributes:
        manifest: of the archive.
        digest: SHA-256 of the archive's file.
        entries: the other files, by path, in order.
    """

    def __init__(
        self, file: Path, opened: zipfile.ZipFile, digest: str, most: int = MAX_TOTAL
    ) -> None:
        infos = opened.infolist()
        _check_entries(infos)
        self.manifest = _manifest(opened, infos[0])
        _check_manifest(self.manifest, infos[1:], most)
        self.digest = digest
        entries = sorted(self.manifest.files, key=lambda entry: entry.path)
        self.entries = {entry.path: entry for entry in entries}
        self._file = file
        self._opened = opened

    def check_space(self, folder: Path) -> None:
        """Check that a disk has room for all files.

        Args:
            folder: on that disk; it need not exist.

        Raises:
            StoreError: the disk has less free.
        """
        wanted = sum(entry.size for entry in self.entries.values())
        there = next(parent for parent in (folder / "x").absolute().parents if parent.exists())
        if wanted > (free := shutil.disk_usage(there).free):
            raise StoreError(
                f"archive {self._file}: its files have {wanted} bytes, and {there} has only {free} free"
            )

    def chunks(self, path: str) -> Iterator[bytes]:
        """Return the content of a file in pieces of 1 MiB at most.

        Raises:
            StoreError: the content cannot be read, or has not the size and SHA-256 of the manifest;
                pieces may have been returned before.
        """
        with _reading(self._file):
            digest = hashlib.sha256()
            for content in _chunks(self._opened, self._opened.getinfo(path)):
                digest.update(content)
                yield content
            self._check_digest(path, digest.hexdigest())

    def read(self, path: str) -> bytes:
        """Return the whole content of a file; raises like `chunks`."""
        with _reading(self._file):
            content = b"".join(_chunks(self._opened, self._opened.getinfo(path)))
            self._check_digest(path, sha256(content))
        return content

    def _check_digest(self, path: str, digest: str) -> None:
        if digest != self.entries[path].sha256:
            raise StoreError(f"entry {path!r} does not have the SHA-256 that {MANIFEST} tells")


@contextmanager
def opened(file: Path, *, most: int = MAX_TOTAL) -> Iterator[Archive]:
    """Open an archive to read it; trust nothing in it.

    Args:
        file: the archive.
        most: bytes of all files together.

    Raises:
        StoreError: it is no archive, or an entry is not allowed.
    """
    with ExitStack() as stack:
        with _reading(file):
            raw = stack.enter_context(file.open("rb", buffering=0))
            digest = hashlib.file_digest(raw, "sha256").hexdigest()
            raw.seek(0)
            bounded = stack.enter_context(_Bounded(raw))
            archive = Archive(file, stack.enter_context(zipfile.ZipFile(bounded)), digest, most)
        yield archive


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    """Name the archive in each error."""
    try:
        yield
    except StoreError as error:
        raise StoreError(f"archive {file}: {error}") from error
    except (*UNREADABLE, OverflowError, IndexError, struct.error) as error:
        raise StoreError(
            f"archive {file} cannot be read: {error}; ecgbench export makes archives"
        ) from error


class _Bounded(io.BufferedReader):
    """A file with a limit on its list of entries, for zipfile reads the list in one go."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_MANIFEST:
            raise StoreError(f"its list of entries has {size} bytes; at most {MAX_MANIFEST}")
        content = super().read(size)
        if len(content) > MAX_ENTRIES and content.count(b"PK\x01\x02") > MAX_ENTRIES:
            raise StoreError(f"it has more than {MAX_ENTRIES} entries")
        return content


def _check_entries(infos: list[zipfile.ZipInfo]) -> None:
    if not infos or infos[0].orig_filename != MANIFEST:
        raise StoreError(f"its first entry is not {MANIFEST}; ecgbench export makes archives")
    seen: set[str] = set()
    for number, info in enumerate(infos):
        # zipfile cuts a name at a NUL, so the check reads the raw name
        name = info.orig_filename
        most = MAX_MANIFEST if number == 0 else limit(name)
        kind = stat.S_IFMT(info.external_attr >> 16)
        if most is None:
            raise StoreError(f"entry {name!r} has no place in a store")
        if name.lower() in seen:
            raise StoreError(f"entry {name!r} is there twice")
        if kind not in (0, stat.S_IFREG):
            raise StoreError(f"entry {name!r} is a link or a special file; plain files are wanted")
        if info.flag_bits & 0x1:
            raise StoreError(f"entry {name!r} is encrypted; export without a password")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise StoreError(f"entry {name!r} is neither stored nor deflated")
        if info.file_size > most:
            raise StoreError(f"entry {name!r} has {info.file_size} bytes; at most {most}")
        seen.add(name.lower())


def _manifest(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Manifest:
    content = b"".join(_chunks(archive, info))
    try:
        schema = msgspec.json.decode(content, type=_Schema).schema
        if schema != SCHEMA:
            raise StoreError(
                f"it has schema {schema}, this ecgbench reads schema {SCHEMA}; use the maker's version of "
                "ecgbench"
            )
        manifest = msgspec.json.decode(content, type=Manifest)
        if len(msgspec.json.encode(manifest.environment)) > MIB:
            raise StoreError(f"the environment in {MANIFEST} has more than {MIB} bytes")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise StoreError(f"{MANIFEST} cannot be read: {error}") from error
    return manifest


def _check_manifest(manifest: Manifest, infos: list[zipfile.ZipInfo], most: int) -> None:
    found = {info.filename: info.file_size for info in infos}
    named = {entry.path: entry.size for entry in manifest.files}
    if len(named) < len(manifest.files):
        raise StoreError(f"{MANIFEST} names an entry twice")
    for name in sorted(found.keys() ^ named.keys()):
        where = f"is not in {MANIFEST}" if name in found else f"is in {MANIFEST} only"
        raise StoreError(f"entry {name!r} {where}")
    for name, size in found.items():
        if named[name] != size:
            raise StoreError(f"entry {name!r} has {size} bytes, in {MANIFEST} {named[name]}")
    if (total := sum(found.values())) > most:
        raise StoreError(f"its files have {total} bytes; at most {most} (--max-size)")


def _chunks(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """Return the content of an entry in pieces, of exactly the claimed size."""
    left = info.file_size
    with archive.open(info) as stream:
        while content := stream.read(min(_CHUNK, left + 1)):
            left -= len(content)
            if left < 0:
                break
            yield content
    if left:
        raise StoreError(f"entry {info.filename!r} does not have the size that it claims")
