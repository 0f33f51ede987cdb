from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ecgbench import DataError, PhysioNet
from ecgbench.harness.data import physionet
from tests.harness.data.conftest import BIG, FILES, asked, files_below
from tests.shipped import shipped

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import PhysioNetServer

MITDB = shipped("mitdb").source


@pytest.mark.parametrize("place", ["tinydb", "tinydb/1.0.0"])
def test_a_copy_is_found_in_either_layout(
    copy: Path, database: PhysioNet, place: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(copy, home / place)
    assert physionet.find(database, home) == home / place


def test_a_copy_is_found_in_a_folder_of_its_name(copy: Path, database: PhysioNet) -> None:
    assert physionet.find(database, copy.parent) == copy
    for file in copy.iterdir():
        file.rename(copy.parent / file.name)
    assert physionet.find(database, copy.parent) == copy.parent


def test_a_folder_without_the_list_of_hashes_is_no_copy(copy: Path, database: PhysioNet) -> None:
    (copy / "SHA256SUMS.txt").unlink()
    assert physionet.find(database, copy.parents[1]) is None


def test_the_pinned_version_is_found_before_any_other(
    copy: Path, database: PhysioNet, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(copy, home / "tinydb")
    other = home / "tinydb" / "1.0.0"
    other.mkdir()
    (other / "SHA256SUMS.txt").write_text("0000 1.dat\n")
    assert physionet.find(database, home) == home / "tinydb"


def test_without_a_data_folder_the_cache_is_searched(
    copy: Path, database: PhysioNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECGBENCH_CACHE_DIR", str(tmp_path / "cache"))
    assert physionet.find(database) is None
    shutil.copytree(copy, tmp_path / "cache" / "data" / "tinydb" / "1.0.0")
    assert physionet.find(database) == tmp_path / "cache" / "data" / "tinydb" / "1.0.0"


def test_a_complete_copy_is_verified_and_what_is_not_needed_may_be_absent(
    copy: Path, database: PhysioNet
) -> None:
    (copy / "1.xws").unlink()
    physionet.verify(database, copy)


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("1.dat", None, "1.dat is missing (1 of 3 files are bad); `ecgbench fetch tinydb`"),
        ("sub/2.dat", b"twp", "sub/2.dat does not have its published SHA-256"),
        ("SHA256SUMS.txt", None, "holds no SHA256SUMS.txt"),
        ("SHA256SUMS.txt", b"0000 1.dat\n", "is not the list of tinydb 1.0.0"),
    ],
)
def test_what_is_missing_or_not_as_published_is_named_with_the_way_out(
    copy: Path, database: PhysioNet, path: str, content: bytes | None, message: str
) -> None:
    (copy / path).unlink()
    if content is not None:
        (copy / path).write_bytes(content)
    with pytest.raises(DataError) as caught:
        physionet.verify(database, copy)
    assert message in str(caught.value)
    assert "ecgbench fetch tinydb" in str(caught.value)


def test_a_source_whose_pattern_matches_no_file_is_an_error(
    physionet_server: PhysioNetServer, copy: Path
) -> None:
    database = physionet_server.publish(FILES, wanted="nothing")
    with pytest.raises(DataError, match="names no file like 'nothing'"):
        physionet.verify(database, copy)


def test_a_fetch_brings_what_is_needed_and_leaves_nothing_else(
    physionet_server: PhysioNetServer, database: PhysioNet, tmp_path: Path
) -> None:
    told: list[tuple[int, int, int]] = []
    folder = physionet.fetch(
        database, tmp_path, base_url=physionet_server.url, progress=lambda *now: told.append(now)
    )
    assert folder == tmp_path / "tinydb" / "1.0.0" == physionet.find(database, tmp_path)
    physionet.verify(database, folder)
    wanted = {"1.hea", "1.dat", "sub/2.dat"}
    found = files_below(folder)
    assert found.pop("SHA256SUMS.txt")
    assert found == {path: FILES[path] for path in wanted}
    assert sorted(p.name for p in tmp_path.iterdir()) == [".tinydb-1.0.0.lock", "tinydb"]
    assert told[0] == (0, 3, 0)
    assert told[-1] == (3, 3, sum(len(FILES[path]) for path in wanted))
    assert told == sorted(told)


def test_the_default_server_is_the_one_wfdb_uses(
    physionet_server: PhysioNetServer, database: PhysioNet, tmp_path: Path
) -> None:
    import wfdb

    wfdb.set_db_index_url(physionet_server.url)
    try:
        physionet.verify(database, physionet.fetch(database, tmp_path))
    finally:
        wfdb.set_db_index_url()


def test_of_a_complete_copy_nothing_is_asked_and_nothing_written(
    physionet_server: PhysioNetServer, copy: Path, database: PhysioNet
) -> None:
    told: list[tuple[int, int, int]] = []
    folder = physionet.fetch(
        database,
        copy.parents[1],
        base_url=physionet_server.url,
        progress=lambda *now: told.append(now),
    )
    assert folder == copy
    assert told == [(3, 3, 0)]
    assert physionet_server.asked == []
    assert [file.name for file in copy.parents[1].iterdir()] == ["tinydb"]


def test_a_fetch_mends_a_copy_where_it_stands_and_loads_only_what_is_bad(
    physionet_server: PhysioNetServer, copy: Path, database: PhysioNet
) -> None:
    (copy / "1.hea").write_bytes(b"damaged")
    (copy / "sub" / "2.dat").unlink()
    physionet.fetch(database, copy.parents[1], base_url=physionet_server.url)
    physionet.verify(database, copy)
    assert {path for path, _ in physionet_server.asked} == {"1.hea", "sub/2.dat"}


def test_another_version_of_the_database_is_left_alone(
    physionet_server: PhysioNetServer, copy: Path, database: PhysioNet, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    (home / "tinydb").mkdir(parents=True)
    (home / "tinydb" / "SHA256SUMS.txt").write_text("0000 1.dat\n")
    folder = physionet.fetch(database, home, base_url=physionet_server.url)
    assert folder == home / "tinydb" / "1.0.0"
    assert (home / "tinydb" / "SHA256SUMS.txt").read_text() == "0000 1.dat\n"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_fetch_leaves_nothing_half_written_in_place_and_is_resumed(
    physionet_server: PhysioNetServer, database: PhysioNet, tmp_path: Path, how: signal.Signals
) -> None:
    physionet_server.cut("1.dat", after=100_000, silent=True)
    program = (
        "import sys; from pathlib import Path\n"
        "from ecgbench import PhysioNet\n"
        "from ecgbench.harness.data.physionet import fetch\n"
        "slug, version, sums, files, into, url = sys.argv[1:]\n"
        "fetch(PhysioNet(slug, version, sums, files), Path(into), base_url=url)\n"
    )
    arguments = [database.slug, database.version, database.sums_sha256, database.files]
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

    assert physionet.find(database, tmp_path) is None
    for path, content in files_below(tmp_path / "tinydb" / "1.0.0").items():
        assert content == FILES[path]
    have = part.stat().st_size
    assert 0 < have < len(BIG)
    physionet.verify(database, physionet.fetch(database, tmp_path, base_url=physionet_server.url))
    assert asked(physionet_server, "1.dat") == [None, f"bytes={have}-"]


def test_two_fetches_at_once_load_each_file_once(
    physionet_server: PhysioNetServer, database: PhysioNet, tmp_path: Path
) -> None:
    def fetch() -> None:
        physionet.verify(
            database, physionet.fetch(database, tmp_path, base_url=physionet_server.url)
        )

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
    physionet_server: PhysioNetServer, database: PhysioNet, tmp_path: Path
) -> None:
    def progress(done: int, total: int, received: int) -> None:
        if done:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        physionet.fetch(database, tmp_path, base_url=physionet_server.url, progress=progress)


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


def test_without_a_known_digest_the_list_at_hand_is_taken(
    physionet_server: PhysioNetServer, database: PhysioNet, tmp_path: Path
) -> None:
    unknown = replace(database, sums_sha256="")
    folder = physionet.fetch(unknown, tmp_path, base_url=physionet_server.url)
    assert physionet.find(unknown, tmp_path) == folder
    assert physionet.verify(unknown, folder) == database.sums_sha256
    asked_once = len(physionet_server.asked)
    physionet.fetch(unknown, tmp_path, base_url=physionet_server.url)
    assert len(physionet_server.asked) == asked_once
    file = next(path for path in folder.iterdir() if path.name != "SHA256SUMS.txt")
    file.write_bytes(b"changed")
    with pytest.raises(DataError, match="does not have its published SHA-256"):
        physionet.verify(unknown, folder)
