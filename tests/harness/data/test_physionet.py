from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ecgbench import DataError, PhysioNet
from ecgbench.datasets import mitdb
from ecgbench.harness.data import download, physionet

if TYPE_CHECKING:
    from tests.conftest import PhysioNetServer

CHUNK = download.CHUNK
BIG = bytes(range(256)) * 2000
FILES = {"1.hea": b"header", "1.dat": BIG, "sub/2.dat": b"two", "1.xws": b"not needed"}
MITDB = next(iter(mitdb.ecgbench_datasets())).source
WANTED = r"(sub/)?\d\.(hea|dat)"


@pytest.fixture
def source(physionet_server: PhysioNetServer) -> PhysioNet:
    return physionet_server.publish(FILES, wanted=WANTED)


@pytest.fixture
def copy(physionet_server: PhysioNetServer, source: PhysioNet, tmp_path: Path) -> Path:
    """A complete copy, as it would be downloaded by hand."""
    shutil.copytree(physionet_server.folder / "tinydb", tmp_path / "tinydb")
    return tmp_path / "tinydb" / "1.0.0"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PAUSES", (0.0, 0.0, 0.0))


def asked(server: PhysioNetServer, path: str) -> list[str | None]:
    """The Range header of each request of a file."""
    return [header for requested, header in server.asked if requested == path]


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.mark.parametrize("place", ["tinydb", "tinydb/1.0.0"])
def test_a_copy_is_found_in_either_layout(
    copy: Path, source: PhysioNet, place: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(copy, home / place)
    assert physionet.find(source, home) == home / place


def test_a_copy_is_found_in_a_folder_of_its_name(copy: Path, source: PhysioNet) -> None:
    assert physionet.find(source, copy.parent) == copy
    for file in copy.iterdir():
        file.rename(copy.parent / file.name)
    assert physionet.find(source, copy.parent) == copy.parent


def test_a_folder_without_the_list_of_hashes_is_no_copy(copy: Path, source: PhysioNet) -> None:
    (copy / "SHA256SUMS.txt").unlink()
    assert physionet.find(source, copy.parents[1]) is None


def test_the_pinned_version_is_found_before_any_other(
    copy: Path, source: PhysioNet, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(copy, home / "tinydb")
    other = home / "tinydb" / "1.0.0"
    other.mkdir()
    (other / "SHA256SUMS.txt").write_text("0000 1.dat\n")
    assert physionet.find(source, home) == home / "tinydb"


def test_without_a_data_folder_the_cache_is_searched(
    copy: Path, source: PhysioNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECGBENCH_CACHE_DIR", str(tmp_path / "cache"))
    assert physionet.find(source) is None
    shutil.copytree(copy, tmp_path / "cache" / "data" / "tinydb" / "1.0.0")
    assert physionet.find(source) == tmp_path / "cache" / "data" / "tinydb" / "1.0.0"


def test_a_complete_copy_is_verified_and_what_is_not_needed_may_be_absent(
    copy: Path, source: PhysioNet
) -> None:
    (copy / "1.xws").unlink()
    physionet.verify(source, copy)


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("1.dat", None, "1.dat is missing (1 of 3 files are bad); `ecgbench fetch tinydb`"),
        ("sub/2.dat", b"twp", "sub/2.dat does not have its published SHA-256"),
        ("SHA256SUMS.txt", None, "holds no SHA256SUMS.txt"),
        ("SHA256SUMS.txt", b"0000 1.dat\n", "is not that of tinydb 1.0.0"),
    ],
)
def test_what_is_missing_or_not_as_published_is_named_with_the_way_out(
    copy: Path, source: PhysioNet, path: str, content: bytes | None, message: str
) -> None:
    (copy / path).unlink()
    if content is not None:
        (copy / path).write_bytes(content)
    with pytest.raises(DataError) as caught:
        physionet.verify(source, copy)
    assert message in str(caught.value)
    assert "ecgbench fetch tinydb" in str(caught.value)


def test_a_source_whose_pattern_matches_no_file_is_an_error(
    physionet_server: PhysioNetServer, copy: Path
) -> None:
    source = physionet_server.publish(FILES, wanted="nothing")
    with pytest.raises(DataError, match="names no file that matches 'nothing'"):
        physionet.verify(source, copy)


def test_a_fetch_brings_what_is_needed_and_leaves_nothing_else(
    physionet_server: PhysioNetServer, source: PhysioNet, tmp_path: Path
) -> None:
    told: list[tuple[int, int, int]] = []
    folder = physionet.fetch(
        source, tmp_path, base_url=physionet_server.url, progress=lambda *now: told.append(now)
    )
    assert folder == tmp_path / "tinydb" / "1.0.0" == physionet.find(source, tmp_path)
    physionet.verify(source, folder)
    wanted = {"1.hea", "1.dat", "sub/2.dat"}
    found = files_below(folder)
    assert found.pop("SHA256SUMS.txt")
    assert found == {path: FILES[path] for path in wanted}
    assert sorted(p.name for p in tmp_path.iterdir()) == [".tinydb-1.0.0.lock", "tinydb"]
    assert told[0] == (0, 3, 0)
    assert told[-1] == (3, 3, sum(len(FILES[path]) for path in wanted))
    assert told == sorted(told)


def test_the_default_server_is_the_one_wfdb_uses(
    physionet_server: PhysioNetServer, source: PhysioNet, tmp_path: Path
) -> None:
    import wfdb

    wfdb.set_db_index_url(physionet_server.url)
    try:
        physionet.verify(source, physionet.fetch(source, tmp_path))
    finally:
        wfdb.set_db_index_url()


def test_of_a_complete_copy_nothing_is_asked_and_nothing_written(
    physionet_server: PhysioNetServer, copy: Path, source: PhysioNet
) -> None:
    told: list[tuple[int, int, int]] = []
    folder = physionet.fetch(
        source,
        copy.parents[1],
        base_url=physionet_server.url,
        progress=lambda *now: told.append(now),
    )
    assert folder == copy
    assert told == [(3, 3, 0)]
    assert physionet_server.asked == []
    assert [file.name for file in copy.parents[1].iterdir()] == ["tinydb"]


def test_a_fetch_mends_a_copy_where_it_stands_and_loads_only_what_is_bad(
    physionet_server: PhysioNetServer, copy: Path, source: PhysioNet
) -> None:
    (copy / "1.hea").write_bytes(b"damaged")
    (copy / "sub" / "2.dat").unlink()
    physionet.fetch(source, copy.parents[1], base_url=physionet_server.url)
    physionet.verify(source, copy)
    assert {path for path, _ in physionet_server.asked} == {"1.hea", "sub/2.dat"}


def test_another_version_of_the_database_is_left_alone(
    physionet_server: PhysioNetServer, copy: Path, source: PhysioNet, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    (home / "tinydb").mkdir(parents=True)
    (home / "tinydb" / "SHA256SUMS.txt").write_text("0000 1.dat\n")
    folder = physionet.fetch(source, home, base_url=physionet_server.url)
    assert folder == home / "tinydb" / "1.0.0"
    assert (home / "tinydb" / "SHA256SUMS.txt").read_text() == "0000 1.dat\n"


def test_a_broken_connection_is_resumed_where_it_broke(
    physionet_server: PhysioNetServer, source: PhysioNet, tmp_path: Path
) -> None:
    physionet_server.cut("1.dat", after=6 * CHUNK)
    physionet_server.cut("1.dat", after=3 * CHUNK)
    folder = physionet.fetch(source, tmp_path, base_url=physionet_server.url)
    physionet.verify(source, folder)
    assert asked(physionet_server, "1.dat") == [
        None,
        f"bytes={6 * CHUNK}-",
        f"bytes={9 * CHUNK}-",
    ]


def test_a_server_that_ignores_ranges_is_coped_with(
    physionet_server: PhysioNetServer, source: PhysioNet, tmp_path: Path
) -> None:
    physionet_server.ranges = False
    physionet_server.cut("1.dat", after=6 * CHUNK)
    physionet.verify(source, physionet.fetch(source, tmp_path, base_url=physionet_server.url))
    assert asked(physionet_server, "1.dat") == [None, f"bytes={6 * CHUNK}-"]


@pytest.mark.parametrize(
    ("part", "requests"),
    [
        (BIG[:300_000], ["bytes=300000-"]),
        (BIG, [f"bytes={len(BIG)}-"]),
        (BIG + b"more", [f"bytes={len(BIG) + 4}-", None]),
        (b"x" * 300_000, ["bytes=300000-", None]),
    ],
    ids=["shorter", "complete", "longer", "other bytes"],
)
def test_a_part_that_an_earlier_fetch_left_is_used_if_it_is_good(
    physionet_server: PhysioNetServer,
    source: PhysioNet,
    tmp_path: Path,
    part: bytes,
    requests: list[str | None],
) -> None:
    partial = tmp_path / ".tinydb-1.0.0.partial"
    partial.mkdir()
    (partial / "1.dat.part").write_bytes(part)
    physionet.verify(source, physionet.fetch(source, tmp_path, base_url=physionet_server.url))
    assert asked(physionet_server, "1.dat") == requests


def test_a_wrong_hash_starts_the_file_over_once(
    physionet_server: PhysioNetServer, source: PhysioNet, tmp_path: Path
) -> None:
    physionet_server.replace("1.dat", b"something else")
    physionet.verify(source, physionet.fetch(source, tmp_path, base_url=physionet_server.url))
    assert asked(physionet_server, "1.dat") == [None, None]


def test_a_hash_that_stays_wrong_is_an_error_and_leaves_no_such_file(
    physionet_server: PhysioNetServer, source: PhysioNet, tmp_path: Path
) -> None:
    physionet_server.replace("1.dat", b"wrong", b"wrong again")
    with pytest.raises(DataError, match=r"1\.dat is not the file that was published"):
        physionet.fetch(source, tmp_path, base_url=physionet_server.url)
    assert not list(tmp_path.rglob("1.dat*"))
    assert physionet.find(source, tmp_path) is None


def test_a_list_of_hashes_that_is_not_the_pinned_one_is_an_error(
    physionet_server: PhysioNetServer, source: PhysioNet, tmp_path: Path
) -> None:
    physionet_server.replace("SHA256SUMS.txt", b"0000 1.dat\n", b"0000 1.dat\n")
    with pytest.raises(DataError, match=r"SHA256SUMS\.txt is not the file that was published"):
        physionet.fetch(source, tmp_path, base_url=physionet_server.url)
    assert {path for path, _ in physionet_server.asked} == {"SHA256SUMS.txt"}


def test_a_server_at_a_loss_is_asked_again(
    physionet_server: PhysioNetServer, source: PhysioNet, tmp_path: Path
) -> None:
    physionet_server.fail("1.hea", 503, 500)
    physionet.verify(source, physionet.fetch(source, tmp_path, base_url=physionet_server.url))


WAYS_OUT = (
    "connect and run `ecgbench fetch tinydb`",
    "--data-dir DIR",
    "ECGBENCH_DATA_DIR",
    "--datasets mitdb-208,ecgsyn",
)


def reason_of_failure(source: PhysioNet, into: Path, base_url: str) -> str:
    """The message of a fetch that fails, which always has the three ways out."""
    with pytest.raises(DataError) as caught:
        physionet.fetch(source, into, base_url=base_url)
    message = str(caught.value)
    assert message.startswith("cannot fetch tinydb: ")
    assert all(way in message for way in WAYS_OUT)
    assert physionet.find(source, into) is None
    return message


def test_a_file_that_the_server_lacks_is_an_error_and_not_asked_for_again(
    physionet_server: PhysioNetServer, source: PhysioNet, tmp_path: Path
) -> None:
    physionet_server.fail("1.dat", 404)
    message = reason_of_failure(source, tmp_path, physionet_server.url)
    assert "1.dat: the server answers 404" in message
    assert asked(physionet_server, "1.dat") == [None]


def test_a_server_that_stays_at_a_loss_is_an_error(
    physionet_server: PhysioNetServer, source: PhysioNet, tmp_path: Path
) -> None:
    physionet_server.fail("SHA256SUMS.txt", *[503] * 4)
    message = reason_of_failure(source, tmp_path, physionet_server.url)
    assert f"127.0.0.1:{physionet_server.server_port} answers 503" in message


def test_a_connection_that_keeps_breaking_is_an_error_and_what_came_is_kept(
    physionet_server: PhysioNetServer, source: PhysioNet, tmp_path: Path
) -> None:
    for _ in range(4):
        physionet_server.cut("1.dat", after=CHUNK)
    message = reason_of_failure(source, tmp_path, physionet_server.url)
    assert "breaks off" in message
    assert (tmp_path / ".tinydb-1.0.0.partial" / "1.dat.part").read_bytes() == BIG[: 4 * CHUNK]


def test_a_refused_connection_is_an_error(
    physionet_server: PhysioNetServer, source: PhysioNet, tmp_path: Path
) -> None:
    message = reason_of_failure(source, tmp_path, "http://127.0.0.1:9/files/")
    assert "127.0.0.1:9 refuses the connection" in message


def test_a_name_that_nobody_knows_is_an_error(
    source: PhysioNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setenv("NO_PROXY", "*")
    message = reason_of_failure(source, tmp_path, "http://physionet.invalid/files/")
    assert "the address of physionet.invalid cannot be found; is this machine offline?" in message


def test_a_server_that_does_not_answer_is_an_error(
    physionet_server: PhysioNetServer,
    source: PhysioNet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(download, "TIMEOUT", (0.2, 0.2))
    monkeypatch.setattr(download, "PAUSES", ())
    physionet_server.cut("SHA256SUMS.txt", after=10, silent=True)
    message = reason_of_failure(source, tmp_path, physionet_server.url)
    assert f"127.0.0.1:{physionet_server.server_port} did not answer in time" in message


def test_what_is_no_web_address_is_an_error(source: PhysioNet, tmp_path: Path) -> None:
    assert "cannot be asked for" in reason_of_failure(source, tmp_path, "physionet/files")


def test_a_full_disk_is_an_error(
    physionet_server: PhysioNetServer, source: PhysioNet, tmp_path: Path
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    (tmp_path / ".tinydb-1.0.0.partial").mkdir()
    (tmp_path / ".tinydb-1.0.0.partial" / "1.dat.part").symlink_to("/dev/full")
    message = reason_of_failure(source, tmp_path, physionet_server.url)
    assert f"cannot write to {tmp_path}: No space left on device" in message


def test_a_folder_that_cannot_be_written_is_an_error(
    physionet_server: PhysioNetServer, source: PhysioNet, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    message = reason_of_failure(source, tmp_path / "file" / "data", physionet_server.url)
    assert f"cannot write to {tmp_path / 'file'}" in message


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_fetch_leaves_nothing_half_written_in_place_and_is_resumed(
    physionet_server: PhysioNetServer, source: PhysioNet, tmp_path: Path, how: signal.Signals
) -> None:
    physionet_server.cut("1.dat", after=100_000, silent=True)
    program = (
        "import sys; from pathlib import Path\n"
        "from ecgbench import PhysioNet\n"
        "from ecgbench.harness.data.physionet import fetch\n"
        "slug, version, sums, files, into, url = sys.argv[1:]\n"
        "fetch(PhysioNet(slug, version, sums, files), Path(into), base_url=url)\n"
    )
    arguments = [source.slug, source.version, source.sums_sha256, source.files]
    fetching = subprocess.Popen(
        [sys.executable, "-c", program, *arguments, str(tmp_path), physionet_server.url],
        stderr=subprocess.PIPE,
    )
    part = tmp_path / ".tinydb-1.0.0.partial" / "1.dat.part"
    assert physionet_server.silent.wait(30)
    deadline = time.monotonic() + 30
    while not (part.exists() and part.stat().st_size > 0) and time.monotonic() < deadline:
        time.sleep(0.01)
    fetching.send_signal(how)
    _, errors = fetching.communicate(timeout=10)
    assert (b"KeyboardInterrupt" in errors) == (how == signal.SIGINT)

    assert physionet.find(source, tmp_path) is None
    for path, content in files_below(tmp_path / "tinydb" / "1.0.0").items():
        assert content == FILES[path]
    have = part.stat().st_size
    assert 0 < have < len(BIG)
    physionet.verify(source, physionet.fetch(source, tmp_path, base_url=physionet_server.url))
    assert asked(physionet_server, "1.dat") == [None, f"bytes={have}-"]


def test_two_fetches_at_once_load_each_file_once(
    physionet_server: PhysioNetServer, source: PhysioNet, tmp_path: Path
) -> None:
    def fetch() -> None:
        physionet.verify(source, physionet.fetch(source, tmp_path, base_url=physionet_server.url))

    threads = [threading.Thread(target=fetch) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(physionet_server.asked) == [
        ("1.dat", None),
        ("1.hea", None),
        ("SHA256SUMS.txt", None),
        ("sub/2.dat", None),
    ]


def test_an_error_of_the_progress_callback_reaches_the_caller(
    physionet_server: PhysioNetServer, source: PhysioNet, tmp_path: Path
) -> None:
    def progress(done: int, total: int, received: int) -> None:
        if done:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        physionet.fetch(source, tmp_path, base_url=physionet_server.url, progress=progress)


def test_planning_a_run_imports_no_http_client() -> None:
    program = (
        "import sys; import ecgbench.harness.data.physionet\n"
        "print({'requests', 'wfdb', 'numpy', 'filelock'} & set(sys.modules))"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert printed.stdout.strip() == b"set()"


@pytest.mark.real_data
def test_the_pinned_digest_of_mitdb_is_that_of_the_published_list(data_dir: Path) -> None:
    assert MITDB is not None
    folder = physionet.find(MITDB, data_dir)
    assert folder is not None
    published = (folder / "SHA256SUMS.txt").read_bytes()
    assert hashlib.sha256(published).hexdigest() == MITDB.sums_sha256
    physionet.verify(MITDB, folder)


@pytest.mark.real_data
def test_mitdb_needs_three_files_of_each_of_its_48_records_and_comes_whole(
    physionet_server: PhysioNetServer, data_dir: Path, tmp_path: Path
) -> None:
    assert MITDB is not None
    folder = physionet.find(MITDB, data_dir)
    assert folder is not None
    physionet_server.mirror(MITDB, folder)
    fetched = physionet.fetch(MITDB, tmp_path, base_url=physionet_server.url)
    physionet.verify(MITDB, fetched)
    names = (folder / "RECORDS").read_text().split()
    wanted = {f"{name}.{end}" for name in names for end in ("hea", "dat", "atr")}
    assert {file.name for file in fetched.iterdir()} == wanted | {"SHA256SUMS.txt"}
    assert len(wanted) == 144
    shutil.rmtree(tmp_path)
