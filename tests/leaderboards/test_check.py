from __future__ import annotations

import runpy
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.harness.cli.conftest import ecgbench, made, there
from tests.harness.cli.exchanges import RUN, export, forge

if TYPE_CHECKING:
    from tests.harness.cli.conftest import Command

__all__ = ["ecgbench", "made", "there"]

SCRIPT = Path(__file__).parents[2] / "leaderboards" / "check.py"
SUBMISSION = Path("board/submissions/us")


@pytest.fixture
def submission(there: Command) -> Path:
    """A published board of one row, and a submission of another."""
    export(there, "free", "cohort/chosen/seed-0", "--records")
    with zipfile.ZipFile("a.zip") as archive:
        archive.extractall("board/store")
    export(there, "free", "cohort/jitter/seed-0")
    SUBMISSION.mkdir(parents=True)
    shutil.move("a.zip", SUBMISSION / "results.zip")
    (SUBMISSION / "README.md").write_text("We made it.")
    return SUBMISSION


def check(*options: Any) -> int:
    code: int = runpy.run_path(str(SCRIPT))["main"](
        [str(SUBMISSION), "--plugin", "free.py", *map(str, options)]
    )
    return code


def test_an_honest_row_passes_and_the_published_board_stays(
    submission: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(Path("board/store").rglob("*"))
    assert check() == 0
    assert "jitter: 2 of 3 metrics; verified: 1 of 1 cells" in capsys.readouterr().out
    assert sorted(Path("board/store").rglob("*")) == before
    (submission / "README.md").unlink()
    assert check() == 1
    assert "say who made the rows" in capsys.readouterr().err
    (submission / "results.zip").unlink()
    assert check() == 1
    assert "ecgbench export --out results.zip" in capsys.readouterr().err


def test_a_board_without_records_is_named(
    submission: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(submission.parents[1] / "store")
    assert check() == 1
    assert "a board needs its records there" in capsys.readouterr().err


def test_a_forged_score_and_a_row_of_another_board_do_not_pass(
    submission: Path,
    there: Command,
    capsys: pytest.CaptureFixture[str],
) -> None:
    forge("free", 7.0)
    export(there, "free", "cohort/jitter/seed-0")
    shutil.copy("a.zip", submission / "results.zip")
    assert check() == 1
    assert "spread is 7.0 in the archive" in capsys.readouterr().out
    fewer = ("--generators", "jitter", "--metrics", "level", "--windows", "30")
    assert there("run", *RUN, "--store", "other", "--plugin", "free.py", *fewer) == 0
    export(there, "other", plugins="free")
    shutil.copy("a.zip", submission / "results.zip")
    assert check() == 1
    assert "is of no published board" in capsys.readouterr().err


def test_all_seeds_of_the_board_are_wanted_and_a_sample_of_cells_is_enough(
    submission: Path, there: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    few: tuple[str, ...] = (
        "--datasets",
        "cohort",
        "--no-references",
        "--metrics",
        "level",
        "--plugin",
        "free.py",
    )
    few += ("--seeds", "0,1", "--store", "two")
    assert there("run", *few, "--generators", "chosen") == 0
    export(there, "two", "--records", plugins="free")
    shutil.rmtree("board/store")
    with zipfile.ZipFile("a.zip") as archive:
        archive.extractall("board/store")
    assert there("run", *few, "--generators", "jitter") == 0
    export(there, "two", "cohort/jitter/seed-0", "cohort/jitter/seed-1", plugins="free")
    shutil.copy("a.zip", submission / "results.zip")
    code, said = check(), capsys.readouterr()
    assert (code, said.err) == (0, "")
    assert "jitter: 1 of 1 metrics; verified: 1 of 2 cells" in said.out
    export(there, "two", "cohort/jitter/seed-0", plugins="free")
    shutil.copy("a.zip", submission / "results.zip")
    assert check() == 1
    assert "the board would have the seeds 0; published are 0, 1" in capsys.readouterr().err


def test_a_submission_in_a_wrong_place_is_named(
    submission: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (submission / "README.md").write_bytes(b"We made it, \xff.")
    script = runpy.run_path(str(SCRIPT))["main"]
    (Path("board") / "store").rename("elsewhere")
    assert script([str(submission)]) == 1
    assert "there is no published board" in capsys.readouterr().err
    (Path("board") / "store").mkdir()
    monkeypatch.chdir(submission)
    assert script(["."]) == 1
    assert "problem: " in capsys.readouterr().err
