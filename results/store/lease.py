"""Leases: a run's right to a cell, among any number of runs on any number of machines.

A lease is a file ``leases/<digest of the cell's name>.<n>``, made by an operation with one
winner.  Its owner touches it every few seconds.  If the owner is gone, another run may take the lease over:
it makes the file with the next ``n``.  An owner has lost its lease if it finds a higher number.  All
operations work on network file systems too, and the only clock is that of the file system.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec
import psutil

from ecgbench.contracts.decoding import decoder
from ecgbench.contracts.errors import StoreError
from ecgbench.results.store.records import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

BEAT = 5.0
"""Seconds between two touches of a lease."""

STALE = 60.0
"""Seconds without a touch before a lease of another machine is taken over."""


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a lease: who holds it.

    Attributes:
        cell: the name of the cell.
        token: of the run.
        machine: a digest of this boot of the machine (and, in a container, of the container).
        pid: of the run's process.
        started: start of that process, in seconds after the start of the machine.
    """

    cell: str
    token: str
    machine: str
    pid: int
    started: float


class Lease:
    """The right to work on a cell.

    Attributes:
        cell: its name.
        lost: whether another run has taken it over; its owner may write nothing more.
    """

    def __init__(self, cell: str, file: Path) -> None:
        self.cell = cell
        self.file = file
        self.lost = False


class Leases:
    """Takes leases in a store, keeps them alive and gives them back; closed, it gives all back.

    Args:
        store: the store's folder.
        beat: seconds between two touches.
        stale: seconds until a lease of another machine counts as left.
    """

    def __init__(self, store: Path, *, beat: float = BEAT, stale: float = STALE) -> None:
        self.folder = store / "leases"
        self.beat = beat
        self.stale = stale
        self.token = secrets.token_hex(8)
        self._held: list[Lease] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._heart = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Self:
        self._heart.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed.set()
        self._heart.join()
        for lease in list(self._held):
            self.give_back(lease)

    def take(self, cell: str) -> Lease | None:
        """Return the lease of a cell, None while a living run has it.

        Raises:
            StoreError: the store cannot be written.
        """
        key = digest_of(cell)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            leases = _files(self.folder, key)
            seen = {file: _content(file) for file in leases}
            if not all(self._is_left(file) for file in leases):
                return None
            number = _number(leases[-1]) + 1 if leases else 0
            file = self.folder / f"{key}.{number}"
            if not self._make(file, cell):
                return None
            beside = [other for other in _files(self.folder, key) if other != file]
            if any(other not in seen or _content(other) != seen[other] for other in beside):
                # while we looked, others took it: after a left one, or anew
                file.unlink(missing_ok=True)
                return None
            for old in leases:
                old.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"cannot write {self.folder}: {error.strerror}") from error
        lease = Lease(cell, file)
        with self._lock:
            self._held.append(lease)
        return lease

    def give_back(self, lease: Lease) -> None:
        """Let others have the cell."""
        with self._lock:
            self._held.remove(lease)
        with suppress(OSError):
            owner = _owner(lease.file)
            if owner is not None and owner.token == self.token:
                lease.file.unlink(missing_ok=True)

    def _make(self, file: Path, cell: str) -> bool:
        me = Owner(
            cell=cell,
            token=self.token,
            machine=machine(),
            pid=os.getpid(),
            started=_started(psutil.Process()),
        )
        content = msgspec.json.encode(me)
        temporary = file.with_name(f".{secrets.token_hex(8)}.tmp")
        try:
            temporary.write_bytes(content)
            try:
                os.link(temporary, file)  # whole or not at all, and never over another's
            except FileExistsError:
                raise
            except OSError:
                # a file system without hard links: whoever reads it before it is written sees no owner
                with file.open("xb") as stream:
                    stream.write(content)
        except FileExistsError:
            return False
        finally:
            temporary.unlink(missing_ok=True)
        return True

    def _is_left(self, file: Path) -> bool:
        try:
            owner = _owner(file)
            if owner is not None and owner.machine == machine():
                return not _lives(owner)
            return _clock(self.folder) - file.stat().st_mtime > self.stale
        except FileNotFoundError:
            return False  # given back just now; the next try will take it

    def holds(self, lease: Lease) -> bool:
        """Return whether a lease is still ours, by its file; a lost one stays lost."""
        try:
            owner = _owner(lease.file)
            newest = _files(self.folder, lease.file.name.partition(".")[0])[-1:] == [lease.file]
            ours = owner is not None and owner.token == self.token and newest
        except FileNotFoundError:
            ours = False
        except OSError:
            ours = True  # the file system is away for a moment
        lease.lost = lease.lost or not ours
        return not lease.lost

    def _beat(self) -> None:
        while not self._closed.wait(self.beat):
            with self._lock:
                held = list(self._held)
            for lease in held:
                if self.holds(lease):
                    with suppress(OSError):
                        os.utime(lease.file)


def owners(store: Path, *, stale: float = STALE) -> dict[str, float]:
    """Return the cells with a living owner, and for how many seconds each owner has been silent."""
    folder = store / "leases"
    silence: dict[str, float] = {}
    for file in sorted(folder.glob("[0-9a-f]*.[0-9]*")):
        with suppress(FileNotFoundError):
            owner = _owner(file)
            silent = time.time() - file.stat().st_mtime
            if owner is None or silent > stale:
                continue
            if owner.machine == machine() and not _lives(owner):
                continue
            silence[owner.cell] = max(silent, 0.0)
    return silence


@cache
def machine() -> str:
    """Return a digest that two processes share if they can see each other's process numbers."""
    known = []
    for file in ("/proc/sys/kernel/random/boot_id", "/etc/machine-id"):
        with suppress(OSError):
            known.append(Path(file).read_text("ascii"))
    with suppress(OSError):
        known.append(str(Path("/proc/self/ns/pid").readlink()))
    if not known:
        known.append(str(psutil.boot_time()))
    return hashlib.sha256("\n".join(known).encode()).hexdigest()[:12]


def _lives(owner: Owner) -> bool:
    try:
        process = psutil.Process(owner.pid)
        return (
            abs(_started(process) - owner.started) < 1 and process.status() != psutil.STATUS_ZOMBIE
        )
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _started(process: psutil.Process) -> float:
    # both move when somebody sets the clock, and a living owner must not look like another
    return process.create_time() - psutil.boot_time()


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None


def _owner(file: Path) -> Owner | None:
    with suppress(msgspec.DecodeError, msgspec.ValidationError):
        owner: Owner = decoder("json", Owner).decode(file.read_bytes())
        return owner
    return None


def _clock(folder: Path) -> float:
    """The file system's own time, for the clocks of two machines differ."""
    probe = folder / f".{secrets.token_hex(8)}.tmp"
    probe.touch()
    try:
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)


def _files(folder: Path, key: str) -> list[Path]:
    """The leases of a cell, by number."""
    return sorted(_numbered(folder, key), key=_number)


def _numbered(folder: Path, key: str) -> Iterator[Path]:
    for file in folder.glob(f"{key}.*"):
        if file.suffix[1:].isdigit():
            yield file


def _number(file: Path) -> int:
    return int(file.suffix[1:])
