"""The committed files of published boards are what the code makes of the committed records."""

from __future__ import annotations

import csv
import io
import json
import re
import runpy
import shutil
from collections import Counter
from pathlib import Path

import pytest

import ecgbench
from ecgbench.harness.planning.study import read

ROOT = Path(__file__).parents[2]
FOLDERS = ["mitdb-v1", "strips-v1"]
PAGES = [ROOT / "README.md", ROOT / "docs" / "findings.md"]
PUBLISH = runpy.run_path(str(ROOT / "leaderboards" / "publish.py"))

pytestmark = pytest.mark.parametrize("name", FOLDERS)


@pytest.fixture
def store(name: str, tmp_path: Path) -> Path:
    """A copy of a board's records."""
    return Path(shutil.copytree(ROOT / "leaderboards" / name / "store", tmp_path / "store"))


def test_the_records_make_the_committed_tables(name: str, store: Path) -> None:
    made = PUBLISH["texts"](store)
    folder = ROOT / "leaderboards" / name
    place = f"leaderboards/{name}"
    again = f"run python leaderboards/publish.py {place}/store {place} --page README.md --page docs/findings.md"
    for file, content in made.items():
        words, numbers = _parts(content.decode())
        committed = _parts((folder / file).read_text("utf-8"))
        assert words == committed[0], f"{file}: {again}"
        # another numpy rounds the sixteenth digit in another way
        assert numbers == pytest.approx(committed[1], rel=1e-9), f"{file}: {again}"
    for page in (folder / "README.md", *PAGES):
        text = page.read_text("utf-8")
        filled = PUBLISH["filled"](text, name, store, made["board.md"].decode())
        assert filled == text, f"{page}: {again}"


def _parts(text: str) -> tuple[list[str], list[float]]:
    """Return what stands between the decimal numbers of a text, and these numbers."""
    parts = re.split(r"(\d+\.\d+(?:e-?\d+)?)", text)
    return parts[::2], [float(number) for number in parts[1::2]]


def test_each_audited_metric_has_its_mark_and_each_row_a_value(name: str, store: Path) -> None:
    text = (ROOT / "leaderboards" / name / "board.csv").read_text("utf-8")
    lines = list(csv.DictReader(io.StringIO(text)))
    for board in ecgbench.boards(store):
        of_board = [line for line in lines if line["dataset"] == board.dataset.name]
        labels = {line["generator"] for line in of_board if line["value"]}
        skipped = {
            each.label for each in board.rows if not any(s.seeds for s in each.scores.values())
        }
        assert labels == {row.label for row in board.rows} - skipped
        assert skipped <= {line["generator"] for line in of_board if line["status"] == "skipped"}
        shown = {metric.name: label for label, metric in board.metrics.items()}
        for file in store.glob(f"audit/verdicts/{board.dataset.name}/*.json"):
            record = json.loads(file.read_text("utf-8"))
            if label := shown.get(record["metric"]["name"]):
                assert board.audit.get(label) == record["verdict"], file.name


def test_the_study_is_that_of_the_boards(name: str, store: Path) -> None:
    study = read(str(ROOT / "leaderboards" / name / "study.toml"))
    boards = ecgbench.boards(store)
    assert {board.dataset.name for board in boards} == set(study.datasets or ())
    for board in boards:
        assert (board.study, board.dataset.windows) == (study.name, study.windows)
        # a label names settings only where a generator has several rows
        names = Counter(row.generator.name for row in board.competitors)
        assert names == Counter(each.partition(":")[0] for each in study.generators)
        assert {metric.name for metric in board.metrics.values()} == set(study.metrics or ())


def test_no_windows_are_published(name: str) -> None:
    store = ROOT / "leaderboards" / name / "store"
    files = [file for file in PUBLISH["published"](store) if file.is_file()]
    assert {file.suffix for file in files} == {".json"}
    assert sum(file.stat().st_size for file in files) < 8e6
