from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ecgbench import DataError, PhysioNet
from ecgbench.harness.data import download, physionet
from tests.harness.data.conftest import BIG, CHUNK, asked

if TYPE_CHECKING:
    from tests.conftest import PhysioNetServer


def test_a_broken_connection_is_resumed_where_it_broke(
    physionet_server: PhysioNetServer, database: PhysioNet, tmp_path: Path
) -> None:
    physionet_server.cut("1.dat", after=6 * CHUNK)
    physionet_server.cut("1.dat", after=3 * CHUNK)
    folder = physionet.fetch(database, tmp_path, base_url=physionet_server.url)
    physionet.verify(database, folder)
    assert asked(physionet_server, "1.dat") == [
        None,
        f"bytes={6 * CHUNK}-",
        f"bytes={9 * CHUNK}-",
    ]


def test_a_server_that_ignores_ranges_is_coped_with(
    physionet_server: PhysioNetServer, database: PhysioNet, tmp_path: Path
) -> None:
    physionet_server.ranges = False
    physionet_server.cut("1.dat", after=6 * CHUNK)
    physionet.verify(database, physionet.fetch(database, tmp_path, base_url=physionet_server.url))
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
    database: PhysioNet,
    tmp_path: Path,
    part: bytes,
    requests: list[str | None],
) -> None:
    partial = tmp_path / ".tinydb-1.0.0.partial"
    partial.mkdir()
    (partial / "1.dat.part").write_bytes(part)
    physionet.verify(database, physionet.fetch(database, tmp_path, base_url=physionet_server.url))
    assert asked(physionet_server, "1.dat") == requests


def test_a_wrong_hash_starts_the_file_over_once(
    physionet_server: PhysioNetServer, database: PhysioNet, tmp_path: Path
) -> None:
    physionet_server.replace("1.dat", b"something else")
    physionet.verify(database, physionet.fetch(database, tmp_path, base_url=physionet_server.url))
    assert asked(physionet_server, "1.dat") == [None, None]


def test_a_hash_that_stays_wrong_is_an_error_and_leaves_no_such_file(
    physionet_server: PhysioNetServer, database: PhysioNet, tmp_path: Path
) -> None:
    physionet_server.replace("1.dat", b"wrong", b"wrong again")
    with pytest.raises(DataError, match=r"1\.dat is not the published file"):
        physionet.fetch(database, tmp_path, base_url=physionet_server.url)
    assert not list(tmp_path.rglob("1.dat*"))
    assert physionet.find(database, tmp_path) is None


def test_a_list_of_hashes_that_is_not_the_pinned_one_is_an_error(
    physionet_server: PhysioNetServer, database: PhysioNet, tmp_path: Path
) -> None:
    physionet_server.replace("SHA256SUMS.txt", b"0000 1.dat\n", b"0000 1.dat\n")
    with pytest.raises(DataError, match=r"SHA256SUMS\.txt is not the published file"):
        physionet.fetch(database, tmp_path, base_url=physionet_server.url)
    assert {path for path, _ in physionet_server.asked} == {"SHA256SUMS.txt"}


def test_a_server_at_a_loss_is_asked_again(
    physionet_server: PhysioNetServer, database: PhysioNet, tmp_path: Path
) -> None:
    physionet_server.fail("1.hea", 503, 500)
    physionet.verify(database, physionet.fetch(database, tmp_path, base_url=physionet_server.url))


WAYS_OUT = (
    "connect and run `ecgbench fetch tinydb`",
    "--data-dir DIR",
    "ECGBENCH_DATA_DIR",
    "--datasets mitdb-208,ecgsyn",
)


def reason_of_failure(database: PhysioNet, into: Path, base_url: str) -> str:
    """The message of a fetch that fails, which always has the three ways out."""
    with pytest.raises(DataError) as caught:
        physionet.fetch(database, into, base_url=base_url)
    message = str(caught.value)
    assert message.startswith("cannot fetch tinydb: ")
    assert all(way in message for way in WAYS_OUT)
    assert physionet.find(database, into) is None
    return message


def test_a_file_that_the_server_lacks_is_an_error_and_not_asked_for_again(
    physionet_server: PhysioNetServer, database: PhysioNet, tmp_path: Path
) -> None:
    physionet_server.fail("1.dat", 404)
    message = reason_of_failure(database, tmp_path, physionet_server.url)
    assert "1.dat: the server answers 404" in message
    assert asked(physionet_server, "1.dat") == [None]


def test_a_server_that_stays_at_a_loss_is_an_error(
    physionet_server: PhysioNetServer, database: PhysioNet, tmp_path: Path
) -> None:
    physionet_server.fail("SHA256SUMS.txt", *[503] * 4)
    message = reason_of_failure(database, tmp_path, physionet_server.url)
    assert f"127.0.0.1:{physionet_server.server_port} answers 503" in message


def test_a_connection_that_keeps_breaking_is_an_error_and_what_came_is_kept(
    physionet_server: PhysioNetServer, database: PhysioNet, tmp_path: Path
) -> None:
    for _ in range(4):
        physionet_server.cut("1.dat", after=CHUNK)
    message = reason_of_failure(database, tmp_path, physionet_server.url)
    assert "breaks off" in message
    assert (tmp_path / ".tinydb-1.0.0.partial" / "1.dat.part").read_bytes() == BIG[: 4 * CHUNK]


def test_a_refused_connection_is_an_error(
    physionet_server: PhysioNetServer, database: PhysioNet, tmp_path: Path
) -> None:
    message = reason_of_failure(database, tmp_path, "http://127.0.0.1:9/files/")
    assert "127.0.0.1:9 refuses the connection" in message


def test_a_name_that_nobody_knows_is_an_error(
    database: PhysioNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setenv("NO_PROXY", "*")
    message = reason_of_failure(database, tmp_path, "http://physionet.invalid/files/")
    assert "the address of physionet.invalid cannot be found; is this machine offline?" in message


def test_a_server_that_does_not_answer_is_an_error(
    physionet_server: PhysioNetServer,
    database: PhysioNet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(download, "TIMEOUT", (0.2, 0.2))
    monkeypatch.setattr(download, "PAUSES", ())
    physionet_server.cut("SHA256SUMS.txt", after=10, silent=True)
    message = reason_of_failure(database, tmp_path, physionet_server.url)
    assert f"127.0.0.1:{physionet_server.server_port} did not answer in time" in message


def test_what_is_no_web_address_is_an_error(database: PhysioNet, tmp_path: Path) -> None:
    assert "cannot be asked for" in reason_of_failure(database, tmp_path, "physionet/files")


def test_a_full_disk_is_an_error(
    physionet_server: PhysioNetServer, database: PhysioNet, tmp_path: Path
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    (tmp_path / ".tinydb-1.0.0.partial").mkdir()
    (tmp_path / ".tinydb-1.0.0.partial" / "1.dat.part").symlink_to("/dev/full")
    message = reason_of_failure(database, tmp_path, physionet_server.url)
    assert f"cannot write to {tmp_path}: No space left on device" in message


def test_a_folder_that_cannot_be_written_is_an_error(
    physionet_server: PhysioNetServer, database: PhysioNet, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    message = reason_of_failure(database, tmp_path / "file" / "data", physionet_server.url)
    assert f"cannot write to {tmp_path / 'file'}" in message
