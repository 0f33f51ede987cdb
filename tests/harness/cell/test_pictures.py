"""The pictures among a cell's artefacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecgbench.harness.cell import pictures as drawing
from ecgbench.results.pictures import PICTURES
from tests.harness.conftest import folder

if TYPE_CHECKING:
    import pytest

    from tests.harness.conftest import Bench


def test_a_cell_keeps_its_pictures_and_the_same_cell_has_the_same_bytes(bench: Bench) -> None:
    contents = []
    for store in ("one", "other"):
        bench.store_name = store
        bench.work()
        record = bench.cell()
        assert set(PICTURES) <= record.artefacts.keys()
        assert bench.store.damage(record.cell.name) is None
        contents.append([(folder(bench) / "artefacts" / name).read_bytes() for name in PICTURES])
    assert contents[0] == contents[1]
    assert all(content.startswith(b"\x89PNG") for content in contents[0])


def test_a_picture_that_cannot_be_drawn_is_a_note(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ValueError("no ink")

    monkeypatch.setattr(drawing, "pictures", fails)
    bench.work()
    record = bench.cell()
    assert record.status == "ok"
    assert not set(PICTURES) & record.artefacts.keys()
    (note,) = [note for note in record.notes if "pictures" in note]
    assert note.startswith("Its pictures could not be drawn: ValueError: no ink")
    assert all(score.status == "ok" for score in bench.scores().values())


def test_windows_of_a_reference_row_are_drawn_only_if_the_dataset_may_be_redistributed(
    bench: Bench,
) -> None:
    study = bench.study(generators=("chosen",), metrics=("level",))
    bench.work(study)
    assert bench.cell(study).artefacts == {}
