"""Shared parts of all tests: a loopback PhysioNet, and the folder of real records."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import threading
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ecgbench import PhysioNet

if TYPE_CHECKING:
    from collections.abc import Iterator

# `python -m pytest` puts the repository on the path, where our datasets/ would shadow Hugging Face's
ROOT = Path(__file__).resolve().parents[1]
sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != ROOT]


def pytest_configure(config: pytest.Config) -> None:
    """Let wfdb 4.3 use deprecated parts of pandas 3.1, and matplotlib 3.8 those of pyparsing 3.3."""
    config.addinivalue_line("filterwarnings", "ignore:The inplace keyword:DeprecationWarning")
    config.addinivalue_line(
        "filterwarnings", "ignore:'\\w+' (argument is )?deprecated:DeprecationWarning"
    )
    if hasattr(config, "workerinput"):  # several workers share the cores: one thread each
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(name, "1")
    # a shell that starts us in the background has us ignore Ctrl-C, nohup a hang-up, and so would all
    # programs under test
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with many slow tests first, so that no worker is left alone with one at the end."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real databases, in PhysioNet's layout."""
    if "ECGBENCH_DATA_DIR" not in os.environ:
        pytest.skip("ECGBENCH_DATA_DIR does not name a folder of PhysioNet databases")
    return Path(os.environ["ECGBENCH_DATA_DIR"])


@dataclass(frozen=True)
class _Cut:
    """Send so many bytes of the body, perhaps fall silent, then break the connection."""

    after: int
    silent: bool


class PhysioNetServer(ThreadingHTTPServer):
    """Serves databases on the loopback interface in PhysioNet's layout, with faults on demand.

    Attributes:
        folder: databases stand below it, as ``slug/version/file``.
        ranges: whether it honours Range requests.
        asked: path and Range header of every request so far.
        silent: set as soon as a connection has fallen silent.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.ranges = True
        self.asked: list[tuple[str, str | None]] = []
        self.silent = threading.Event()
        self.closing = threading.Event()
        self.faults: dict[str, list[int | bytes | _Cut]] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/files/"

    def publish(
        self, files: dict[str, bytes], *, slug: str = "tinydb", wanted: str = r".*"
    ) -> PhysioNet:
        """Serve these files, by path, as version 1.0.0 of a database."""
        folder = self.folder / slug / "1.0.0"
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        lines = [
            f"{hashlib.sha256(content).hexdigest()} {path}\n" for path, content in files.items()
        ]
        sums = "".join(lines).encode()
        (folder / "SHA256SUMS.txt").write_bytes(sums)
        return PhysioNet(
            slug=slug,
            version="1.0.0",
            sums_sha256=hashlib.sha256(sums).hexdigest(),
            files=wanted,
        )

    def mirror(self, source: PhysioNet, folder: Path) -> None:
        """Serve the real database in ``folder``."""
        (self.folder / source.slug).mkdir()
        (self.folder / source.slug / source.version).symlink_to(folder)

    def fail(self, path: str, *statuses: int) -> None:
        """Answer the next requests of a file with these HTTP statuses."""
        self.faults.setdefault(path, []).extend(statuses)

    def replace(self, path: str, *contents: bytes) -> None:
        """Answer the next requests of a file with these bytes, as if they were the file."""
        self.faults.setdefault(path, []).extend(contents)

    def cut(self, path: str, after: int, *, silent: bool = False) -> None:
        """Break the connection of the next request of a file after so many bytes of the answer.

        Args:
            path: of the file.
            after: bytes.
            silent: whether the connection stays open for as long as the server lives.
        """
        self.faults.setdefault(path, []).append(_Cut(after, silent))

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients under test are killed in mid-sentence."""


class _Handler(BaseHTTPRequestHandler):
    server: PhysioNetServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        _, _, slug, version, path = self.path.split("/", 4)
        asked = self.headers["Range"]
        self.server.asked.append((path, asked))
        fault = next(iter(self.server.faults.get(path, [])), None)
        if fault is not None:
            self.server.faults[path].pop(0)
        file = self.server.folder / slug / version / path
        if isinstance(fault, int) or not file.is_file():
            self._answer(fault if isinstance(fault, int) else 404, b"")
            return
        content = fault if isinstance(fault, bytes) else file.read_bytes()
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        cut = fault if isinstance(fault, _Cut) else None
        if not asked or not self.server.ranges:
            self._answer(200, content, cut)
        elif start >= len(content):
            self._answer(416, b"", content_range=f"bytes */{len(content)}")
        else:
            span = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self._answer(206, content[start:], cut, content_range=span)

    def _answer(
        self, status: int, body: bytes, cut: _Cut | None = None, content_range: str | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if content_range is not None:
            self.send_header("Content-Range", content_range)
        self.end_headers()
        if cut is None:
            self.wfile.write(body)
            return
        self.wfile.write(body[: cut.after])
        self.wfile.flush()
        if cut.silent:
            self.server.silent.set()
            self.server.closing.wait(30)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Print nothing."""


@pytest.fixture
def physionet_server(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PhysioNetServer]:
    """A PhysioNet of one's own."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with PhysioNetServer(tmp_path_factory.mktemp("physionet")) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.closing.set()
        server.shutdown()
        thread.join()
