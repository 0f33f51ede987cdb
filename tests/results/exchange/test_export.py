from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench.contracts.errors import DataError, StoreError
from ecgbench.results.exchange.archive import opened
from ecgbench.results.exchange.export import FOLDERS, Withheld, export

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ecgbench.results.exchange.export import RealRows
    from ecgbench.results.store.records import DatasetRecord
    from tests.results.exchange.builders import Source


def export_all(
    source: Source, file: Path, rows: RealRows, *, may_leave: bool
) -> tuple[set[str], tuple[Withheld, ...]]:
    """Export all cells; return the names of the files inside, and what is missing."""
    cells = [*source.store.cell_names()]
    exported = export(source.store, cells, file, lambda _: may_leave, rows)
    with opened(file) as archive:
        return {path.rpartition("/")[2] for path in archive.entries}, exported.withheld


def no_rows(_: DatasetRecord, signals: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.full(len(signals), -1)


def test_all_leaves_of_a_dataset_that_may_be_redistributed(theirs: Source, tmp_path: Path) -> None:
    theirs.score(theirs.cell())
    inside, withheld = export_all(
        theirs, tmp_path / "a.zip", lambda *_: pytest.fail("it was compared"), may_leave=True
    )
    assert {"cell.json", "synthetic.npz", "training.csv", "level-note.txt"} < inside
    assert not withheld


def test_pictures_of_another_dataset_stay_and_windows_leave_when_none_is_real(
    theirs: Source, tmp_path: Path
) -> None:
    theirs.score(theirs.cell())
    inside, withheld = export_all(theirs, tmp_path / "a.zip", no_rows, may_leave=False)
    assert {"cell.json", "synthetic.npz", "training.csv"} < inside
    assert "level-note.txt" not in inside
    assert [part.part for part in withheld] == ["level-note.txt"]


@pytest.mark.parametrize(
    ("rows", "reason"), [([-1, 5, -1], "1 of them are real windows"), (None, "nobody can tell")]
)
def test_windows_stay_when_one_is_real_and_when_nobody_can_tell(
    theirs: Source, tmp_path: Path, rows: list[int] | None, reason: str
) -> None:
    def real_rows(_: DatasetRecord, signals: NDArray[np.float32]) -> NDArray[np.int64]:
        if rows is None:
            raise DataError("nobody can tell")
        assert signals.shape == (3, 1, 8)
        return np.array(rows)

    record = theirs.cell()
    inside, withheld = export_all(theirs, tmp_path / "a.zip", real_rows, may_leave=False)
    assert "synthetic.npz" not in inside
    assert withheld == (Withheld(record.cell.name, "synthetic windows", reason),)


def test_a_damaged_cell_or_score_stays_and_the_others_leave(theirs: Source, tmp_path: Path) -> None:
    good, bad = theirs.cell("good"), theirs.cell("bad")
    theirs.score(good)
    (theirs.store.folder(bad.cell.name) / "synthetic.npz").unlink()
    for file in (theirs.store.folder(good.cell.name) / "scores").iterdir():
        file.write_bytes(b"{}")
    _, withheld = export_all(theirs, tmp_path / "a.zip", no_rows, may_leave=True)
    assert [(part.part, part.damaged) for part in withheld] == [
        ("the cell", True),
        ("a score", True),
    ]
    assert "synthetic.npz: it is missing" in withheld[0].reason


def test_an_archive_that_cannot_be_written_is_an_error(theirs: Source, tmp_path: Path) -> None:
    theirs.cell()
    with pytest.raises(StoreError, match="cannot write"):
        export_all(theirs, tmp_path / "none" / "a.zip", no_rows, may_leave=True)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("No such file: '/home/alice/my data/x.csv'", "No such file: '…/my data/x.csv'"),
        ("cannot read /home/alice/x.csv (a.py:3)", "cannot read …/x.csv (a.py:3)"),
        ("see https://example.org/a/b", "see https://example.org/a/b"),
        ("1/2 of them, and/or none", "1/2 of them, and/or none"),
    ],
)
def test_reasons_lose_the_folders_of_paths(reason: str, told: str) -> None:
    assert FOLDERS.sub("…/", reason) == told
