"""Files over HTTP: several at once, each resumed, verified and moved into place."""

from __future__ import annotations

import hashlib
import os
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests

from ecgbench.contracts.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

CONNECTIONS = 4
CHUNK = 1 << 14
"""Bytes of a chunk; if the connection breaks, its last chunk is lost."""
TIMEOUT = (10.0, 30.0)
"""Seconds to connect, and between two pieces of an answer."""
PAUSES = (0.5, 1.0, 2.0)
"""Seconds before each further attempt when a connection breaks or the server is at a loss."""
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses of an answer: another attempt may succeed."""
BROKEN = (
    requests.ConnectionError,
    requests.Timeout,
    requests.HTTPError,
    requests.exceptions.ChunkedEncodingError,
)
"""Errors of a connection: another attempt resumes the part."""

Progress = Callable[[int, int, int], None]
"""Told (files done, files in all, bytes received so far); never by two threads at once."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One file.

    Attributes:
        url: its address.
        sha256: its published digest; empty if it is not known.
        part: path of the growing file; an earlier part is resumed.
        target: path of the complete and verified file, on the same file system.
    """

    url: str
    sha256: str
    part: Path
    target: Path


def download(jobs: Sequence[Job], progress: Progress | None = None, done: int = 0) -> None:
    """Download every job's file; only whole and verified files ever reach their targets.

    Args:
        jobs: the files.
        progress: told the progress.
        done: number of files already in place, counted in the progress.

    Raises:
        DataError: a file cannot be downloaded; the message gives the reason.
        OSError: a file cannot be written.
    """
    _Downloads(jobs, progress, done).run()


class _Stopped(Exception):  # noqa: N818 - it is no error
    """Another download failed, or the user interrupted."""


class _Downloads:
    """The shared state of the connections."""

    def __init__(self, jobs: Sequence[Job], progress: Progress | None, done: int) -> None:
        self.waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
        for job in jobs:
            self.waiting.put(job)
        self.connections = min(CONNECTIONS, len(jobs))
        self.progress = progress
        self.lock = threading.Lock()
        self.done, self.total, self.received = done, done + len(jobs), 0
        self.stop = threading.Event()
        self.errors: list[Exception] = []

    def run(self) -> None:
        """Work through the jobs; raise the first error."""
        self.tell()
        # daemons, because an interrupt must not wait for a silent server
        threads = [threading.Thread(target=self.work, daemon=True) for _ in range(self.connections)]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            self.stop.set()
            for thread in filter(threading.Thread.is_alive, threads):
                thread.join(timeout=1)
        if self.errors:
            raise self.errors[0]

    def work(self) -> None:
        """Complete one job after the other over one connection."""
        with requests.Session() as session:
            session.headers["Accept-Encoding"] = "identity"  # lengths and ranges count plain bytes
            while not self.stop.is_set():
                try:
                    self.complete(session, self.waiting.get_nowait())
                    self.tell(files=1)
                except (queue.Empty, _Stopped):
                    return
                except Exception as error:  # noqa: BLE001 - run() raises it in the caller's thread
                    self.errors.append(error)
                    self.stop.set()

    def complete(self, session: requests.Session, job: Job) -> None:
        """Download a file and move it into place; start over once if its digest is wrong."""
        job.part.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(2):
            self.attempt(session, job)
            with job.part.open("rb") as file:
                os.fsync(file.fileno())
                right = job.sha256 in ("", hashlib.file_digest(file, "sha256").hexdigest())
            if right:
                job.target.parent.mkdir(parents=True, exist_ok=True)
                job.part.replace(job.target)
                return
            job.part.unlink()
        raise DataError(
            f"{job.url} is not the published file: its SHA-256 is not {job.sha256}, twice"
        )

    def attempt(self, session: requests.Session, job: Job) -> None:
        """Bring the part to its full length, with a few more attempts if the connection breaks."""
        for pause in (*PAUSES, None):
            try:
                self.receive(session, job)
            except BROKEN as error:
                reason = error
            except requests.RequestException as error:
                raise DataError(f"{job.url} cannot be asked for: {error}") from error
            else:
                return
            if pause is None:
                raise DataError(_in_words(reason, job.url)) from reason
            if self.stop.wait(pause):
                raise _Stopped

    def receive(self, session: requests.Session, job: Job) -> None:
        """Ask for the rest of the part, and append it."""
        have = job.part.stat().st_size if job.part.exists() else 0
        headers = {"Range": f"bytes={have}-"} if have else {}
        with session.get(job.url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            if response.status_code == 416 and have:
                if response.headers.get("Content-Range") != f"bytes */{have}":
                    job.part.unlink()  # it is longer than the file
                    self.receive(session, job)
                return
            if response.status_code in TRANSIENT:
                response.raise_for_status()
            if response.status_code not in (200, 206):
                raise DataError(f"{job.url}: the server answers {response.status_code}")
            with job.part.open("ab" if response.status_code == 206 else "wb") as file:
                for chunk in response.iter_content(CHUNK):
                    if self.stop.is_set():
                        raise _Stopped
                    file.write(chunk)
                    self.tell(received=len(chunk))

    def tell(self, files: int = 0, received: int = 0) -> None:
        with self.lock:
            self.done += files
            self.received += received
            if self.progress is not None:
                self.progress(self.done, self.total, self.received)


def _in_words(error: requests.RequestException, url: str) -> str:
    host, text = urlsplit(url).netloc, str(error)
    if isinstance(error, requests.Timeout) or "timed out" in text:
        return f"{host} did not answer in time"
    if isinstance(error, requests.HTTPError):
        return f"{host} answers {error.response.status_code}"
    if "resolve" in text.lower() or "getaddrinfo" in text:
        return f"the address of {host} cannot be found; is this machine offline?"
    if "refused" in text:
        return f"{host} refuses the connection"
    if isinstance(error, requests.exceptions.SSLError):
        return f"{host} cannot be trusted: {error}"
    return f"the connection to {host} breaks off"
