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
