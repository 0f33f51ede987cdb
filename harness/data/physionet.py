"""Databases of PhysioNet: find a copy, verify it, fetch it.

A copy is complete when its ``SHA256SUMS.txt`` stands in place: a fetch puts this file there last. The
code pins its digest, and the file vouches for every other file.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import quote

from ecgbench.contracts.errors import DataError
from ecgbench.environment import cache_dir

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ecgbench.contracts.specs import PhysioNet
    from ecgbench.harness.data.download import Progress

SUMS = "SHA256SUMS.txt"
EMBEDDED = "mitdb-208,ecgsyn"


def find(source: PhysioNet, data_dir: Path | None = None) -> Path | None:
    """Return the folder of a complete copy, or None.

    A copy may stand in ``DIR/slug/version`` or ``DIR/slug``; if ``DIR`` itself is called ``slug``, also
    in ``DIR/version`` or ``DIR``.  A copy of the pinned version goes before any other.  Only
    ``SHA256SUMS.txt`` is read here; `verify` reads the other files.

    Args:
        source: the database.
        data_dir: the user's folder of databases, looked at before the user's cache.
    """
    roots = [_root(None)] if data_dir is None else [data_dir, _root(None)]
    return _find(source, roots)


def _find(source: PhysioNet, roots: list[Path]) -> Path | None:
    places = [place for root in roots for place in _places(source, root)]
    digests = {folder: _digest(folder / SUMS) for folder in places}
    pinned = [folder for folder, digest in digests.items() if digest == source.sums_sha256]
    copies = [folder for folder, digest in digests.items() if digest is not None]
    return next(iter(pinned + copies), None)


def verify(source: PhysioNet, folder: Path) -> str:
    """Check that every file needed stands in ``folder`` and has its published hash.

    Returns:
        the SHA-256 of the list of hashes.

    Raises:
        DataError: names the first missing or changed file, and the way out.
    """
    mend = f"`ecgbench fetch {source.slug}` (with the --data-dir of this copy) mends it"
    digest = _digest(folder / SUMS)
    if digest is None:
        raise DataError(f"{folder} holds no {SUMS}, so its files cannot be verified; {mend}")
    if source.sums_sha256 and digest != source.sums_sha256:
        raise DataError(
            f"{folder / SUMS} is not the list of {source.slug} {source.version}: another version, or "
            f"damaged; `ecgbench fetch {source.slug}` brings the right one"
        )
    files = _needed(source, folder / SUMS)
    bad = _not_as_published(folder, files)
    if bad:
        first = folder / bad[0]
        what = "does not have its published SHA-256" if first.is_file() else "is missing"
        raise DataError(f"{first} {what} ({len(bad)} of {len(files)} files are bad); {mend}")
    return digest


def fetch(
    source: PhysioNet,
    into: Path | None = None,
    *,
    base_url: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Download the missing files of a copy; return its folder, complete and verified.

    Files are loaded beside the copy, in ``DIR/.slug-version.partial``, and moved into place one by
    one when their hash is right, ``SHA256SUMS.txt`` last.  An interrupted fetch is resumed by the
    next; of several at once, one loads and the others wait for it.

    Args:
        source: the database.
        into: the user's folder of databases; without one, the user's cache.
        base_url: the address before ``/slug/version/file``; by default wfdb's index URL
            (`wfdb.set_db_index_url` changes it).
        progress: told of every finished file and every chunk.

    Raises:
        DataError: the database cannot be fetched; the message gives the reason and the ways out.
    """
    from filelock import FileLock  # noqa: PLC0415 - planning a run imports this module and no more

    root = _root(into)
    folder = _destination(source, root)
    if _is_list(folder / SUMS, source):
        files = _needed(source, folder / SUMS)
        if not _not_as_published(folder, files):
            if progress is not None:
                progress(len(files), len(files), 0)
            return folder  # nothing is written, so a complete copy may be read-only
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f".{source.slug}-{source.version}.lock"):
            return _fetch(source, root, base_url or _wfdb_url(), progress)
    except (DataError, OSError) as error:
        reason = error if isinstance(error, DataError) else _in_words(error, root)
        raise DataError(
            f"cannot fetch {source.slug}: {reason}.\nThree ways out: connect and run `ecgbench fetch "
            f"{source.slug}`, to go on from the files here; or name a folder with a copy, "
            f"its {SUMS} included, with --data-dir DIR or ECGBENCH_DATA_DIR; or use the embedded "
            f"datasets, --datasets {EMBEDDED}"
        ) from error


def _fetch(source: PhysioNet, root: Path, base_url: str, progress: Progress | None) -> Path:
    from ecgbench.harness.data.download import Job, download  # noqa: PLC0415 - as above

    folder = _destination(source, root)
    partial = root / f".{source.slug}-{source.version}.partial"

    def job(path: str, sha256: str, target: Path) -> Job:
        url = "/".join([base_url.rstrip("/"), source.slug, source.version, quote(path)])
        return Job(url=url, sha256=sha256, part=partial / f"{path}.part", target=target)

    sums = folder / SUMS
    if not _is_list(sums, source):
        sums = partial / SUMS
        if not _is_list(sums, source):
            download([job(SUMS, source.sums_sha256, sums)])
    files = _needed(source, sums)
    bad = _not_as_published(folder, files)
    download(
        [job(path, files[path], folder / path) for path in bad],
        progress=progress,
        done=len(files) - len(bad),
    )
    if sums != folder / SUMS:
        sums.replace(folder / SUMS)
    shutil.rmtree(partial, ignore_errors=True)
    return folder


def _root(data_dir: Path | None) -> Path:
    return data_dir if data_dir is not None else cache_dir() / "data"


def _places(source: PhysioNet, root: Path) -> list[Path]:
    above = [root / source.slug]
    if root.resolve().name == source.slug:
        above.append(root)
    return [place for folder in above for place in (folder / source.version, folder)]


def _destination(source: PhysioNet, root: Path) -> Path:
    """Return the folder of the copy of the pinned version, present or not."""
    found = _find(source, [root])
    if found is not None and _is_list(found / SUMS, source):
        return found
    return (root if root.resolve().name == source.slug else root / source.slug) / source.version


def _needed(source: PhysioNet, sums: Path) -> dict[str, str]:
    """Return the SHA-256 of each file needed, by its path in the database."""
    lines = (line.split(maxsplit=1) for line in sums.read_text("utf-8").splitlines())
    files = {path: digest for digest, path in lines if re.fullmatch(source.files, path)}
    if not files:
        raise DataError(f"{sums} names no file like {source.files!r}")
    return files


def _is_list(sums: Path, source: PhysioNet) -> bool:
    """Return whether a file is the database's list of hashes: any, if its digest is not known."""
    digest = _digest(sums)
    return digest is not None and digest == (source.sums_sha256 or digest)


def _digest(file: Path) -> str | None:
    """Return the SHA-256 of a file, None if there is no such file."""
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror}") from error


def _not_as_published(folder: Path, files: Mapping[str, str]) -> list[str]:
    with ThreadPoolExecutor() as pool:
        digests = pool.map(lambda path: _digest(folder / path), files)
        return [path for path, digest in zip(files, digests, strict=True) if digest != files[path]]


def _in_words(error: OSError, root: Path) -> str:
    return f"cannot write to {error.filename or root}: {error.strerror or error}"


def _wfdb_url() -> str:
    from wfdb.io import download  # noqa: PLC0415 - as above

    return str(download.config.db_index_url)
