from __future__ import annotations

import io
import json
import stat
import zipfile
import zlib
from collections import namedtuple
from typing import TYPE_CHECKING, Any

import pytest

from ecgbench.contracts.errors import StoreError
from ecgbench.results.exchange import archive
from ecgbench.results.exchange.archive import MAX_TOTAL, limit, opened, pack
from ecgbench.results.store.store import sha256

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ecgbench.results.exchange.archive import Manifest

CELL = f"cells/mitdb/gmm/seed-0-{'a' * 12}"
FILES = {
    f"{CELL}/cell.json": b"{}",
    f"{CELL}/scores/mmd-{'b' * 12}.json": b"{ }",
    f"{CELL}/artefacts/training.csv": b"step\n" * 1000,
    f"{CELL}/synthetic.npz": b"PK" * 500,
    f"plans/{'c' * 12}/{'d' * 12}.json": b"[]",
}
TOLD: dict[str, Any] = {"who": "us", "when": "2026-01-01", "environment": {"python": "3.11"}}


@pytest.fixture
def packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A whole archive."""
    monkeypatch.setattr("os.fsync", lambda _: None)
    pack(tmp_path / "a.zip", FILES, **TOLD)
    return tmp_path / "a.zip"


def manifest(contents: dict[str, bytes], /, **changes: Any) -> bytes:
    entries = [{"path": p, "size": len(c), "sha256": sha256(c)} for p, c in contents.items()]
    return json.dumps({"schema": 3, **TOLD, "files": entries} | changes).encode()


def zipped(entries: list[tuple[Any, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, content in entries:
            made.writestr(name, content)
    return buffer.getvalue()


def whole(**changes: Any) -> bytes:
    return zipped([("manifest.json", manifest(FILES, **changes)), *FILES.items()])


def unpack(file: Path, into: Path, *, most: int = MAX_TOTAL) -> tuple[Manifest, str]:
    """Read an archive whole, and write its files below a folder."""
    with opened(file, most=most) as read:
        read.check_space(into)
        for path in read.entries:
            content = read.read(path)
            (into / path).parent.mkdir(parents=True, exist_ok=True)
            (into / path).write_bytes(content)
        return read.manifest, read.digest


def refuse(file: Path, content: bytes, message: str, *, most: int = MAX_TOTAL) -> None:
    """See an archive refused for this, and nothing of it written elsewhere."""
    file.write_bytes(content)
    before = {path for path in file.parent.rglob("*") if "into" not in path.parts}
    with pytest.raises(StoreError, match=message) as caught:
        unpack(file, file.parent / "into", most=most)
    assert str(file) in str(caught.value)
    assert {path for path in file.parent.rglob("*") if "into" not in path.parts} == before


def test_what_is_packed_comes_out_with_who_made_it(packed: Path, tmp_path: Path) -> None:
    told, digest = unpack(packed, tmp_path / "into")
    assert (told.who, told.when, told.environment) == ("us", "2026-01-01", {"python": "3.11"})
    assert digest == sha256(packed.read_bytes())
    assert {path: (tmp_path / "into" / path).read_bytes() for path in FILES} == FILES
    found = [f for f in (tmp_path / "into").rglob("*") if f.is_file()]
    assert len(found) == len(FILES)


def test_the_manifest_is_the_first_entry(packed: Path) -> None:
    with zipfile.ZipFile(packed) as opened:
        assert opened.namelist()[0] == "manifest.json"
        assert opened.infolist()[0].header_offset == 0


def test_the_same_files_give_the_same_bytes(packed: Path, tmp_path: Path) -> None:
    on_disk: dict[str, bytes | Path] = {}
    for number, (path, content) in enumerate(reversed(FILES.items())):
        on_disk[path] = tmp_path / str(number)
        (tmp_path / str(number)).write_bytes(content)
    pack(tmp_path / "b.zip", on_disk, **TOLD)
    assert (tmp_path / "b.zip").read_bytes() == packed.read_bytes()


def test_an_archive_that_cannot_be_finished_leaves_the_old_one(
    packed: Path, tmp_path: Path
) -> None:
    before = packed.read_bytes()
    with pytest.raises(StoreError, match="cannot write"):
        pack(packed, {**FILES, f"{CELL}/artefacts/gone.png": tmp_path / "gone"}, **TOLD)
    assert packed.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_a_file_that_changes_while_it_is_packed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = iter([b"before", b"after"])
    monkeypatch.setattr(archive, "_content", lambda _: next(contents))
    with pytest.raises(StoreError, match="has changed meanwhile"):
        pack(tmp_path / "a.zip", {f"{CELL}/cell.json": tmp_path / "cell.json"}, **TOLD)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "/etc/passwd",
        f"/{CELL}/cell.json",
        f"../{CELL}/cell.json",
        f"{CELL}/../x/cell.json",
        f"{CELL}/cell.json\n",
        f"{CELL}/cell.json/",
        f"{CELL}\\cell.json",
        f"{CELL.upper()}/cell.json",
        f"{CELL}/log.txt",
        f"{CELL}/checkpoint/all/step",
        f"{CELL}/progress.json",
        f"{CELL}/artefacts/.hidden",
        f"{CELL}/artefacts/a/b",
        f"{CELL}/artefacts/a\0.png",
        f"{CELL}/artefacts/a b",
        f"{CELL}/artefacts/{'a' * 193}",
        f"{CELL}/scores/mmd.json",
        f"cells/mitdb/gmm/seed-00-{'a' * 12}/cell.json",
        f"cells/mitdb/gmm/seed-٣-{'a' * 12}/cell.json",
        f"cells/mitdb/-gmm/seed-0-{'a' * 12}/cell.json",
        f"cells/mitdb/gmm/seed-0-{'A' * 12}/cell.json",
        "leases/0",
        "provenance/0.json",
        "board/mitdb.md",
        "shared/x/seed-0/x.npz",
    ],
)
def test_a_name_that_is_not_of_the_layout_is_refused(tmp_path: Path, path: str) -> None:
    assert limit(path) is None
    info = zipfile.ZipInfo("x")
    info.filename = path  # as it is: the constructor would tidy it
    content = zipped([("manifest.json", manifest({path: b"x"})), (info, b"x")])
    refuse(tmp_path / "a.zip", content, "has no place in a store")


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"PK", b"{}" * 1000):
        refuse(tmp_path / "a.zip", content, "cannot be read: .*ecgbench export makes archives")


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        unpack(tmp_path / "none.zip", tmp_path / "into")


def test_an_archive_without_a_manifest_in_front_is_refused(tmp_path: Path) -> None:
    refuse(tmp_path / "a.zip", zipped([]), "first entry is not manifest.json")
    late = [*FILES.items(), ("manifest.json", manifest(FILES))]
    refuse(tmp_path / "a.zip", zipped(late), "first entry is not manifest.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "manifest.json cannot be read"),
        (b"[]", "manifest.json cannot be read"),
        (b'{"schema": 3}', "manifest.json cannot be read: .*who"),
        (b'{"schema": 4}', "schema 4, this ecgbench reads schema 3"),
        (b'{"schema": "\xff"}', "manifest.json cannot be read"),
        (b"[" * 100_000, "manifest.json cannot be read"),
        (b'{"schema": 1e999}', "manifest.json cannot be read"),
        (b'{"schema": 3, "who": "\\ud800"}', "manifest.json cannot be read"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    refuse(tmp_path / "a.zip", zipped([("manifest.json", content)]), message)


def test_a_manifest_that_tells_too_much_is_refused(tmp_path: Path) -> None:
    refuse(tmp_path / "a.zip", whole(who="x" * 501), "manifest.json cannot be read")
    refuse(tmp_path / "a.zip", whole(environment={"a": [1]}), "manifest.json cannot be read")
    refuse(tmp_path / "a.zip", whole(environment={"a": "x" * 2**20}), "more than 1048576 bytes")


def test_entries_and_manifest_must_name_the_same_files(tmp_path: Path) -> None:
    extra = f"{CELL}/artefacts/extra"
    more = {**FILES, extra: b"x"}
    named = zipped([("manifest.json", manifest(more)), *FILES.items()])
    refuse(tmp_path / "a.zip", named, "artefacts/extra' is in manifest.json only")
    there = zipped([("manifest.json", manifest(FILES)), *more.items()])
    refuse(tmp_path / "a.zip", there, "artefacts/extra' is not in manifest.json")
    entries = json.loads(manifest(FILES))["files"]
    refuse(tmp_path / "a.zip", whole(files=entries + entries[:1]), "names an entry twice")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    first = next(iter(FILES.items()))
    twice = zipped([("manifest.json", manifest(FILES)), *FILES.items(), first])
    refuse(tmp_path / "a.zip", twice, "is there twice")
    cases = {f"{CELL}/artefacts/A.png": b"", f"{CELL}/artefacts/a.png": b""}
    alike = zipped([("manifest.json", manifest(cases)), *cases.items()])
    refuse(tmp_path / "a.zip", alike, "is there twice")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_special_files_are_refused(tmp_path: Path, kind: int) -> None:
    path = f"{CELL}/artefacts/a.png"
    info = zipfile.ZipInfo(path)
    info.external_attr = (kind | 0o777) << 16
    content = zipped([("manifest.json", manifest({path: b"/etc"})), (info, b"/etc")])
    refuse(tmp_path / "a.zip", content, "is a link or a special file")


def changed(change: Callable[[zipfile.ZipInfo], None], content: bytes = b"x" * 100) -> bytes:
    """An archive of one file, with a false list of entries."""
    path = f"{CELL}/artefacts/a.png"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("manifest.json", manifest({path: content}))
        made.writestr(path, content)
        change(made.infolist()[1])
    return buffer.getvalue()


def test_encrypted_entries_are_refused(tmp_path: Path) -> None:
    content = changed(lambda info: setattr(info, "flag_bits", 1))
    refuse(tmp_path / "a.zip", content, "is encrypted; export without")


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 99])
def test_other_ways_of_compression_are_refused(tmp_path: Path, kind: int) -> None:
    content = changed(lambda info: setattr(info, "compress_type", kind))
    refuse(tmp_path / "a.zip", content, "neither stored nor deflated")


def lying(size: int, content: bytes) -> bytes:
    """An archive of one file; manifest and list of entries claim another size."""
    path = f"{CELL}/artefacts/a.png"
    entry = {"path": path, "size": size, "sha256": sha256(content[:size])}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("manifest.json", manifest({}, files=[entry]))
        made.writestr(path, content)
        made.infolist()[1].file_size = size
        made.infolist()[1].CRC = zlib.crc32(content[:size])
    return buffer.getvalue()


def test_a_size_that_the_manifest_does_not_tell_is_refused(tmp_path: Path) -> None:
    content = changed(lambda info: setattr(info, "file_size", 99))
    refuse(tmp_path / "a.zip", content, "has 99 bytes, in manifest.json 100")


def test_a_content_that_is_shorter_than_it_claims_is_refused(tmp_path: Path) -> None:
    refuse(tmp_path / "a.zip", lying(101, b"x" * 100), "does not have the size that it claims")


def test_a_content_that_is_not_what_the_manifest_tells_is_refused(tmp_path: Path) -> None:
    other = {path: content.replace(b"P", b"Q") for path, content in FILES.items()}
    content = zipped([("manifest.json", manifest(FILES)), *other.items()])
    refuse(tmp_path / "a.zip", content, "synthetic.npz' does not have the SHA-256")


def test_sizes_above_the_limits_are_refused_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive.Archive, "chunks", lambda *_: pytest.fail("it was read"))
    large = changed(lambda info: setattr(info, "file_size", 2**26 + 1))
    refuse(tmp_path / "a.zip", large, "has 67108865 bytes; at most 67108864")
    refuse(tmp_path / "a.zip", whole(), "at most 1000 .--max-size.", most=1000)
    usage = namedtuple("usage", "free")  # noqa: PYI024
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(10))
    refuse(tmp_path / "a.zip", whole(), "has only 10 free")


def test_too_many_entries_are_refused_before_they_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_ENTRIES", 5)
    refuse(tmp_path / "a.zip", whole(), "more than 5 entries")
    monkeypatch.setattr(archive, "MAX_ENTRIES", 6)
    unpack(tmp_path / "a.zip", tmp_path / "into")


def test_a_list_of_entries_that_fills_the_memory_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_MANIFEST", 100)
    refuse(tmp_path / "a.zip", whole(), "its list of entries has .* bytes; at most 100")


def test_a_small_file_cannot_fill_the_disk(tmp_path: Path) -> None:
    bomb = lying(100, bytes(10 * 2**20))
    assert len(bomb) < 2**15
    (tmp_path / "a.zip").write_bytes(bomb)
    unpack(tmp_path / "a.zip", tmp_path / "into")
    written = [f.stat().st_size for f in (tmp_path / "into").rglob("*") if f.is_file()]
    assert sum(written) == 100
