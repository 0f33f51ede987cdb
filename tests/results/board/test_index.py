"""Kept boards: the same bytes as made ones, and never those of records that have changed since."""

from __future__ import annotations

import io
import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from rich.console import Console

from ecgbench.contracts.errors import StoreError
from ecgbench.results.audit.records import write_audit
from ecgbench.results.board import gather, index
from ecgbench.results.board.board import boards
from ecgbench.results.render import FORMATS, render
from ecgbench.results.render.terminal import show
from ecgbench.results.store.records import ScoreRecord, encode
from ecgbench.results.store.store import decode, write_record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.results.conftest import Bench


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files of this moment count as settled: each change here gives a file another inode or size."""
    monkeypatch.setattr(index, "FRESH", -3600.0)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The studies of the boards that were made from records, in turn."""
    studies = []
    read = gather.read

    def counted(store: Any, group: Any, *others: Any) -> Any:
        studies.append(group[0].plan.study)
        return read(store, group, *others)

    monkeypatch.setattr(gather, "read", counted)
    return studies


@pytest.fixture
def two(bench: Bench) -> Bench:
    """A store with two boards, with people, ranks, failures and metrics of every family."""
    people = range(8)
    first: dict[str, dict[str, dict[int, Any]]] = {
        generator: {
            "mmd": {seed: level + seed / 100 for seed in range(4)},
            "shifted": {
                seed: bench.by_person({p: level + (p * seed % 5) / 50 for p in people})
                for seed in range(4)
            },
            "fit-time": dict.fromkeys(range(4), 10 * level),
        }
        for generator, level in {"gmm": 0.1, "vae": 0.3, "real": 0.0}.items()
    }
    first["vae"]["mmd"][3] = ("failed", "no memory")
    cost = bench.metric("fit-time", family="cost", ranked=False, bounds=(0.0, None))
    bench.run(first, bench.metric("shifted", family="utility"), cost, study="first")
    bench.run({"gmm": {"mmd": {0: 0.5}}, "vae": {"mmd": {0: 0.25}}}, study="second")
    return bench


def rendered(bench: Bench) -> dict[str, str]:
    """The store's boards in every format."""
    found = bench.boards
    terminal = Console(file=io.StringIO(), width=120)
    show(found, terminal)
    assert isinstance(terminal.file, io.StringIO)
    return {form: render(found, form) for form in FORMATS} | {"terminal": terminal.file.getvalue()}


def without_index(bench: Bench) -> dict[str, str]:
    """The same, all made from the records."""
    for file in kept(bench):
        file.unlink()
    return rendered(bench)


def kept(bench: Bench) -> list[Path]:
    return sorted((bench.store.path / "index").glob("*"))


def test_a_kept_board_is_the_same_in_every_format_and_reads_no_score(
    two: Bench, made: list[str]
) -> None:
    first = rendered(two)
    assert made == ["first", "second"]
    assert rendered(two) == first
    assert made == ["first", "second"]
    assert without_index(two) == first


def score_files(bench: Bench) -> list[Path]:
    return sorted(bench.store.path.glob("cells/*/gmm/*/scores/mmd-*.json"))


def edit(bench: Bench) -> None:
    file = score_files(bench)[0]
    score = decode(file.read_bytes(), ScoreRecord, file)
    write_record(file, msgspec.structs.replace(score, value=0.75))


def edit_in_place(bench: Bench) -> None:
    """Change a value to one as long, and set the time of the change back."""
    file = score_files(bench)[0]
    before = file.stat()
    score = decode(file.read_bytes(), ScoreRecord, file)
    content = encode(msgspec.structs.replace(score, value=0.9))
    assert len(content) == before.st_size
    with file.open("r+b") as stream:
        stream.write(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = file.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def add(bench: Bench) -> None:
    bench.run({"gan": {"mmd": dict.fromkeys(range(4), 0.01)}}, study="first")


def remove(bench: Bench) -> None:
    score_files(bench)[0].unlink()


def remove_cell(bench: Bench) -> None:
    next(bench.store.path.glob("cells/*/gmm/*/cell.json")).unlink()


def damage(bench: Bench) -> None:
    file = score_files(bench)[0]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def audit(bench: Bench) -> None:
    write_audit(bench.store, bench.audited(verdict="fails"))


@pytest.mark.parametrize(
    "change",
    [edit, edit_in_place, add, remove, remove_cell, damage, audit],
    ids=lambda c: c.__name__,
)
def test_a_change_of_the_records_makes_the_board_again(
    two: Bench, made: list[str], change: Callable[[Bench], None]
) -> None:
    before = rendered(two)
    made.clear()
    change(two)
    after = rendered(two)
    assert "first" in made
    assert after != before
    assert after == without_index(two)


def test_only_the_changed_board_is_made_again(two: Bench, made: list[str]) -> None:
    rendered(two)
    made.clear()
    add(two)
    rendered(two)
    assert made == ["first"]


def test_other_facts_of_a_metric_make_the_board_again(two: Bench, made: list[str]) -> None:
    rendered(two)
    made.clear()
    catalogue = two.catalogue
    turned = {
        key: msgspec.structs.replace(facts, better="higher")
        for key, facts in catalogue.metrics.items()
    }
    found = boards(two.store, type(catalogue)(turned, named_terms=catalogue.named_terms))
    assert made == ["first", "second"]
    assert {metric.better for board in found for metric in board.metrics.values()} == {"higher"}


def flipped(content: bytes) -> bytes:
    return content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]


def forged(content: bytes) -> bytes:
    """Another board below the seal of this one."""
    return content.replace(b'"rank":1', b'"rank":2')


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: b"",
        lambda _: os.urandom(1000),
        lambda _: b"\n" + b"[" * 100_000,
        lambda content: content[: len(content) // 2],
        flipped,
        forged,
    ],
    ids=["empty", "random", "deep", "cut", "flipped", "forged"],
)
def test_a_spoilt_index_is_written_again(
    two: Bench, made: list[str], spoil: Callable[[bytes], bytes]
) -> None:
    first = rendered(two)
    sound = {file: file.read_bytes() for file in kept(two)}
    for file, content in sound.items():
        assert spoil(content) != content
        file.write_bytes(spoil(content))
    made.clear()
    assert rendered(two) == first
    assert made == ["first", "second"]
    assert {file: file.read_bytes() for file in kept(two)} == sound


def test_boards_of_each_other_are_not_taken(two: Bench, made: list[str]) -> None:
    first = rendered(two)
    one, other = kept(two)
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    made.clear()
    assert rendered(two) == first
    assert made == ["first", "second"]


@pytest.mark.parametrize("part", ["_code", "environment"])
def test_an_index_of_other_code_or_libraries_is_written_again(
    two: Bench, made: list[str], part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = rendered(two)
    made.clear()
    monkeypatch.setattr(index, part, lambda: "another")
    assert rendered(two) == first
    assert made == ["first", "second"]


def test_a_board_of_fresh_files_is_not_kept(
    two: Bench, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second change in the same tick of the file system's clock could go unseen."""
    monkeypatch.setattr(index, "FRESH", 3600.0)
    assert rendered(two) == rendered(two)
    assert made == ["first", "second"] * 2
    assert not kept(two)


def test_a_store_that_cannot_be_written_gives_the_same_boards(
    two: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: Path, content: bytes) -> None:
        raise StoreError(f"cannot write {file}: No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(index, "write", full)
        first = rendered(two)
    assert not kept(two)
    (two.store.path / "index").write_bytes(b"no folder")
    assert rendered(two) == first


def test_a_folder_of_scores_that_cannot_be_listed_is_never_kept(
    two: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def inside(folder: str) -> list[Any]:
        raise PermissionError(13, "Permission denied", folder)

    monkeypatch.setattr(index, "_inside", inside)
    assert len(two.boards) == 2
    assert not kept(two)


def test_several_commands_at_once_agree(two: Bench) -> None:
    first = without_index(two)
    for file in kept(two):
        file.unlink()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(rendered, [two] * 8)) == [first] * 8
    assert rendered(two) == first
    assert len(kept(two)) == 2


def test_a_board_that_json_cannot_hold_is_not_kept(two: Bench, tmp_path: Path) -> None:
    place = index.Place(tmp_path / "place", "digest", is_settled=True)
    board = two.boards[0]
    place.keep(board)
    assert place.board() == board
    (tmp_path / "place").unlink()
    scores = board.rows[0].scores
    scores["mmd"] = replace(scores["mmd"], value=math.nan)
    place.keep(board)
    assert place.board() is None
