from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from ecgbench.contracts.errors import StoreError, UsageError
from ecgbench.harness.cli import main
from ecgbench.results.board.catalogue import Catalogue
from ecgbench.results.board.forget import Forgotten, choose, forget
from ecgbench.results.render import write_boards
from ecgbench.results.store.lease import Leases

if TYPE_CHECKING:
    from tests.results.conftest import Bench


@pytest.fixture
def two_boards(bench: Bench) -> Bench:
    """``quick`` and ``standard`` of mitdb, which share the cells of gmm; vae was never run."""
    gmm = {"gmm": {"mmd": {0: 1.0, 1: 1.0}}}
    bench.run(gmm | {"kde": {"mmd": {0: 2.0, 1: 2.0}}})
    bench.run({"vae": {"mmd": {0: None, 1: None}}}, cells={("vae", 0): None, ("vae", 1): None})
    bench.run(gmm, study="standard")
    return bench


def rows(bench: Bench) -> dict[str, list[str]]:
    return {board.study: sorted(row.label for row in board.rows) for board in bench.boards}


def cells(bench: Bench) -> list[str]:
    return [name.rpartition("-")[0] for name in bench.store.cell_names()]


def chosen(bench: Bench, what: str, **how: str) -> Forgotten:
    return choose(bench.store, what, Catalogue(), **how)


ALL = {"quick": ["gmm", "kde", "vae"], "standard": ["gmm"]}
GMM = ["mitdb/gmm/seed-0", "mitdb/gmm/seed-1"]
KDE = ["mitdb/kde/seed-0", "mitdb/kde/seed-1"]


@pytest.mark.parametrize(
    ("what", "how", "left", "stored"),
    [
        ("vae", {}, ALL | {"quick": ["gmm", "kde"]}, GMM + KDE),
        ("kde", {}, ALL | {"quick": ["gmm", "vae"]}, GMM),
        ("gmm", {}, {"quick": ["kde", "vae"]}, KDE),
        ("gmm", {"study": "standard"}, {"quick": ALL["quick"]}, GMM + KDE),
        ("quick/mitdb", {}, {"standard": ["gmm"]}, GMM),
        ("mitdb/kde/seed-0", {}, ALL, [*GMM, KDE[1]]),
        ("mitdb/gmm/seed-1", {}, ALL, [GMM[0], *KDE]),
    ],
)
def test_what_is_named_goes_and_all_else_stays(
    two_boards: Bench,
    what: str,
    how: dict[str, str],
    left: dict[str, list[str]],
    stored: list[str],
) -> None:
    forget(two_boards.store, chosen(two_boards, what, **how))
    assert rows(two_boards) == left
    assert cells(two_boards) == stored
    assert not list(two_boards.store.path.glob("leases/*"))


def test_a_cell_may_be_named_with_its_key(two_boards: Bench) -> None:
    name = next(two_boards.store.cell_names())
    forget(two_boards.store, chosen(two_boards, name))
    assert name not in two_boards.store.cell_names()
    assert not two_boards.store.folder(name).exists()


def test_what_goes_is_told_board_by_board(two_boards: Bench) -> None:
    found = chosen(two_boards, "gmm")
    assert found.boards == [
        "quick/mitdb: 2 of 6 cells, 2 of them ended (gmm)",
        "standard/mitdb: 2 of 2 cells, 2 of them ended (gmm)",
    ]
    found = chosen(two_boards, "gmm", study="standard")
    assert (found.cells, found.kept) == ([], 2)


def test_one_version_of_two_is_named_by_its_label(bench: Bench) -> None:
    for version in (1, 2):
        bench.run({"gmm": {"mmd": {0: 1.0}}}, bench.generator("gmm", version=version))
    forget(bench.store, chosen(bench, "gmm v1"))
    (row,) = bench.board.rows
    assert row.generator.version == 2


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("gmn", "has no cell, row or board 'gmn' of its own; did you mean 'gmm'"),
        (
            "mitdb/gmm/seed-7",
            "has no cell 'mitdb/gmm/seed-7' of its own; did you mean 'mitdb/gmm/seed-",
        ),
        ("quik/mitdb", "has no board of study 'quik'; did you mean 'quick'"),
    ],
)
def test_what_is_not_there_is_answered_with_what_is_near(
    two_boards: Bench, what: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        chosen(two_boards, what)


def test_nothing_goes_while_a_run_works_on_a_cell_of_it(two_boards: Bench) -> None:
    found = chosen(two_boards, "kde")
    with Leases(two_boards.store.path) as leases:
        assert leases.take(found.cells[1])
        with pytest.raises(StoreError, match=r"a run works on cell mitdb/kde/seed-1.*nothing was"):
            forget(two_boards.store, found)
    assert rows(two_boards) == ALL
    assert cells(two_boards) == GMM + KDE


def test_the_command_asks_unless_told_otherwise(
    two_boards: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ("--store", str(two_boards.store.path))
    assert main(["forget", "kde", *store]) == 2
    assert "--yes answers" in capsys.readouterr().err
    assert rows(two_boards) == ALL
    assert main(["forget", "kde", "--yes", *store]) == 0
    out = capsys.readouterr().out
    assert "quick/mitdb: 2 of 6 cells, 2 of them ended (kde)" in out
    assert "2 cells are to be removed" in out
    assert rows(two_boards) == ALL | {"quick": ["gmm", "vae"]}
    assert "kde" not in (two_boards.store.path / "board" / "mitdb.csv").read_text()


def test_tables_of_a_dataset_without_a_board_go(bench: Bench) -> None:
    bench.run({"gmm": {"mmd": {0: 1.0}}})
    write_boards(bench.boards, bench.store)
    assert main(["forget", "gmm", "--yes", "--store", str(bench.store.path)]) == 0
    assert list((bench.store.path / "board").iterdir()) == []
    assert list((bench.store.path / "plans").rglob("*.json")) == []


def test_whatever_stands_in_the_place_of_a_cell_goes_too(two_boards: Bench) -> None:
    store = two_boards.store
    first, second = (store.folder(name) for name in store.cell_names() if "/kde/" in name)
    (first / "cell.json").unlink()
    (first / "cell.json").mkdir()
    shutil.rmtree(second)
    second.write_text("no folder")
    forget(store, Forgotten(cells=[f"mitdb/kde/{folder.name}" for folder in (first, second)]))
    assert cells(two_boards) == GMM
    assert not second.exists()


def test_a_cell_that_cannot_be_removed_is_an_error_of_the_store(two_boards: Bench) -> None:
    folder = two_boards.store.path / "cells" / "mitdb" / "kde"
    shutil.rmtree(folder)
    folder.write_text("no folder")
    with pytest.raises(StoreError, match=r"cannot remove .*kde"):
        forget(two_boards.store, Forgotten(cells=["mitdb/kde/seed-0-0123456789ab"]))
