"""Check a submission to a published board: ``python leaderboards/check.py BOARD/submissions/NAME``.

The archive is read, some of its cells, drawn at random, are scored again here, and its rows must be of
the published board: the same data, study, settings and seeds (docs/publishing.md).  Nothing of the
published board changes.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import ecgbench
from ecgbench import EcgbenchError
from ecgbench.contracts.plain import plain
from ecgbench.harness.cli import main as command

if TYPE_CHECKING:
    from ecgbench import Board

LARGEST = 50 * 2**20
"""Bytes of an archive."""


def problems(folder: Path, sample: int, plugins: list[Path], data_dir: Path | None) -> list[str]:
    """Return what is wrong with a submission; print its rows.

    Args:
        folder: of the submission, below ``submissions/`` of the board.
        sample: cells to score again.
        plugins: files with plugins of the published board.
        data_dir: the folder of datasets.
    """
    archive, about = folder / "results.zip", folder / "README.md"
    board = folder.resolve().parent.parent / "store"
    if not board.is_dir():
        way_out = "the folder to check is BOARD/submissions/NAME (docs/publishing.md)"
        return [f"there is no published board {board}: a board needs its records there; {way_out}"]
    if not archive.is_file():
        return [f"there is no {archive}: ecgbench export --out results.zip makes it"]
    if (size := archive.stat().st_size) > LARGEST:
        return [f"{archive} has {size / 2**20:.0f} MiB; at most {LARGEST / 2**20:.0f}"]
    if not about.is_file() or not about.read_text("utf-8", "replace").strip():
        return [f"{about} is missing or empty: say who made the rows, how, and where the code is"]
    if (own := folder / "plugin.py").is_file():
        plugins = [*plugins, own]
    with tempfile.TemporaryDirectory(prefix="ecgbench-") as temporary:
        store = Path(temporary) / "store"
        shutil.copytree(board, store)
        published = ecgbench.boards(store, plugins=plugins)
        merge = ["merge", str(archive), "--store", str(store), "--verify", "--sample", str(sample)]
        merge += [part for plugin in plugins for part in ("--plugin", str(plugin))]
        merge += [] if data_dir is None else ["--data-dir", str(data_dir)]
        if command(merge):
            return ["ecgbench merge refused a part of it, for the reasons above"]
        # the cells outside of the sample count as soon as the row is accepted
        with contextlib.redirect_stdout(io.StringIO()):
            command(["merge", str(archive), "--store", str(store), "--trust"])
        return _of_rows(published, ecgbench.boards(store, plugins=plugins))


def _of_rows(published: list[Board], together: list[Board]) -> list[str]:
    """Return what is wrong with the rows that came; print them."""
    known = {_identity(board): board for board in published}
    names = {row.label for board in published for row in board.rows}
    found, count = [], 0
    for board in together:
        if _identity(board) not in known:
            there = "; ".join(f"{b.study} on {b.dataset.name}, {b.settings}" for b in published)
            found.append(
                f"a row is of no published board: study {board.study} on {board.dataset.name}, "
                f"{board.settings}, data {board.dataset.digest[:8]}; published: {there}"
            )
            continue
        seeds = known[_identity(board)].seeds
        if board.seeds != seeds:
            found.append(
                f"the board would have the seeds {', '.join(map(str, board.seeds))}; published are "
                f"{', '.join(map(str, seeds))}"
            )
        for row in board.rows:
            if row.label in names or row.generator.reference:
                continue
            count += 1
            ended = sum(score.status == "ok" for score in row.scores.values())
            print(plain(f"{row.label}: {ended} of {len(row.scores)} metrics; {row.merged}"))  # noqa: T201
            if row.lacking:
                found.append(f"{row.label} lacks the seeds {', '.join(map(str, row.lacking))}")
    return found if count or found else ["the archive adds no row to the board"]


def _identity(board: Board) -> tuple[str, str, str]:
    return board.dataset.name, board.dataset.digest, board.key


def main(arguments: list[str] | None = None) -> int:
    """Check a submission; return 1 if something is wrong with it."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("folder", type=Path, help="BOARD/submissions/NAME")
    parser.add_argument("--sample", type=int, default=1, help="cells to score again; default: 1")
    parser.add_argument("--plugin", type=Path, action="append", default=[])
    parser.add_argument("--data-dir", type=Path)
    given = parser.parse_args(arguments)
    try:
        wrong = problems(given.folder, given.sample, given.plugin, given.data_dir)
    except EcgbenchError as error:
        wrong = [str(error)]
    for line in wrong:
        print(f"problem: {plain(line)}", file=sys.stderr)  # noqa: T201
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
