"""Make the files of a published board: ``python leaderboards/publish.py STORE FOLDER``.

FOLDER/store takes the records, scores and audits of STORE, without windows.  From these come the board as
Markdown, CSV, JSON and LaTeX, the picture of its front, and parts of FOLDER/README.md and of other pages
(``--page``): between the comments ``<!-- headline: FOLDER -->``, ``<!-- facts: FOLDER -->`` or
``<!-- values: FOLDER METRIC,METRIC -->`` and ``<!-- end -->``.  With FOLDER/store as STORE the records
stay, and all else is made again.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import ecgbench

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ecgbench import Board

FILES = {
    "board.md": "markdown",
    "board.csv": "csv",
    "board.json": "json",
    "board.tex": "latex",
}
MARKED = re.compile(
    r"(<!-- (headline|facts|values): ([\w-]+) ?([\w,-]*) -->\n).*?(<!-- end -->)", re.DOTALL
)


def command(*arguments: object) -> bytes:
    """Run ``ecgbench`` and return what it prints.

    Raises:
        CalledProcessError: it failed; its words are on standard error.
    """
    line = [sys.executable, "-m", "ecgbench", *map(str, arguments)]
    return subprocess.run(line, check=True, stdout=subprocess.PIPE).stdout


def records(store: Path, to: Path) -> None:
    """Write the records, scores and audits of a store into a new store ``to``.

    Plans and scores of versions that are not installed are left out: a board could not rank them.
    """
    with tempfile.TemporaryDirectory(prefix="ecgbench-") as temporary:
        archive = Path(temporary) / "records.zip"
        command("export", "--records", "--store", store, "--out", archive)
        shutil.rmtree(to, ignore_errors=True)
        with zipfile.ZipFile(archive) as opened:
            # each record has a seal of its own, and the manifest names the files left out
            opened.extractall(to, [n for n in opened.namelist() if n != "manifest.json"])
    specs = [entry.spec for entry in ecgbench.discover().of_kind("metric")]
    known = {(spec.name, spec.version) for spec in specs}
    for file in [*to.glob("plans/*/*.json"), *to.glob("cells/*/*/*/scores/*.json")]:
        content = json.loads(file.read_text("utf-8"))
        metrics = content.get("metrics") or [content["metric"]]
        if not known.issuperset((metric["name"], metric["version"]) for metric in metrics):
            file.unlink()
    for audit in (store / "audit" / "verdicts").glob("*/*.json"):
        copy = to / audit.relative_to(store)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(audit, copy)


def texts(store: Path) -> dict[str, bytes]:
    """Return the content of each file in `FILES`."""
    return {
        name: command("leaderboard", "--store", store, "--format", form)
        for name, form in FILES.items()
    }


def headline(boards: list[Board], markdown: str) -> str:
    """Return the table of ranks and of at most six metrics of each board."""
    # a board starts with its title, and its first table is the headline
    blocks = [
        board.partition("\n\n| ")[2].partition("\n\n")[0] for board in markdown.split("## ")[1:]
    ]
    tables = [f"| {block}\n" for block in blocks]
    if len(boards) > 1:
        tables = [f"`{b.dataset.name}`\n\n{t}" for b, t in zip(boards, tables, strict=True)]
    marks = "`*`: fewer seeds than the board. Bold: nobody is significantly better. Italics: references."
    return "\n".join([*tables, f"{marks}\n"])


def values(board: Board, metrics: list[str]) -> str:
    """Return a table of values, by the first metric, best first."""
    labels = [k for name in metrics for k, metric in board.metrics.items() if metric.name == name]
    arrows = {"higher": "↑", "lower": "↓"}
    heads = [f"{k} {arrows.get(board.metrics[k].better, '')}".strip() for k in labels]
    lines = [f"| row | {' | '.join(heads)} |", f"|---|{'---:|' * len(heads)}"]
    sign = -1 if board.metrics[labels[0]].better == "higher" else 1

    def place(value: float | None) -> float:
        return math.inf if value is None else sign * value

    rows = sorted(board.rows, key=lambda row: place(row.scores[labels[0]].value))
    columns = [
        _column([(row.scores[label].value, row.scores[label].status) for row in rows])
        for label in labels
    ]
    for row, *cells in zip(rows, *columns, strict=True):
        name = f"*{row.label}*" if row.generator.reference else f"`{row.label}`"
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _column(scores: list[tuple[float | None, str]]) -> list[str]:
    sizes = [abs(value) for value, _ in scores if value]
    # three digits of the median, but no more than three decimals
    decimals = min(3, max(0, 2 - math.floor(math.log10(median(sizes))))) if sizes else 0
    return [
        "–" if value is None else f"{value:.{decimals}f}{'*' * (status != 'ok')}"
        for value, status in scores
    ]


def facts(boards: list[Board], store: Path) -> str:
    """Return a list of the size of the records, and of seeds, audits and versions of each board."""
    files = [file for file in published(store) if file.is_file()]
    size = sum(file.stat().st_size for file in files) / 1e6
    lines = [f"`store/` has {len(files)} records, {size:.1f} MB."]
    lines += [line for board in boards for line in _of(board)]
    return "".join(f"- {line}\n" for line in lines)


def _of(board: Board) -> list[str]:
    """Return lines on a board: size, people, seeds of each row, audits and versions."""
    of_seeds: dict[str, list[str]] = {}
    for row in board.rows:
        seeds = sorted({seed for score in row.scores.values() for seed in score.seeds})
        of_seeds.setdefault(", ".join(map(str, seeds)), []).append(row.label)
    of_verdict: dict[str, list[str]] = {}
    for label in board.metrics:
        of_verdict.setdefault(board.audit.get(label, "not in this store"), []).append(label)
    made_by = [*board.metrics.values(), *(row.generator for row in board.rows)]
    versions = dict.fromkeys(f"{each.name} {each.version}" for each in made_by)
    rows = (
        f"{len(board.competitors)} generators and variants, {len(board.references)} reference rows"
    )
    data = f"`{board.dataset.name}` (version {board.dataset.version}, data `{board.dataset.digest[:8]}`)"
    return [
        f"{data}: {rows}, {len(board.metrics)} metrics, {board.people} people.",
        *(
            f"{f'Seeds {seeds}' if seeds else 'Skipped'}: {_list(labels)}."
            for seeds, labels in of_seeds.items()
        ),
        f"On the front: {_list(board.front)}.",
        *(f"Audit {verdict}: {_list(labels)}." for verdict, labels in of_verdict.items()),
        f"Versions: {', '.join(versions)}.",
    ]


def _list(labels: Iterable[str]) -> str:
    return ", ".join(f"`{label}`" for label in labels)


def published(store: Path) -> list[Path]:
    """Return the files of a published store; further ones are a cache of boards."""
    return [file for part in ("cells", "plans", "audit") for file in (store / part).rglob("*")]


def filled(page: str, folder: str, store: Path, markdown: str) -> str:
    """Return a page with the parts of one folder in their places.

    Args:
        page: Markdown.
        folder: name of the board's folder.
        store: of the board.
        markdown: the board as Markdown.
    """
    boards = ecgbench.boards(store)

    def place(found: re.Match[str]) -> str:
        if found[3] != folder:
            return found[0]
        if found[2] == "headline":
            part = headline(boards, markdown)
        elif found[2] == "facts":
            part = facts(boards, store)
        else:
            part = values(boards[0], found[4].split(","))
        return f"{found[1]}\n{part}\n{found[5]}"

    return MARKED.sub(place, page)


def publish(store: Path, folder: Path, pages: Iterable[Path]) -> None:
    """Write all files of a board."""
    kept = folder / "store"
    if store.resolve() != kept.resolve():
        records(store, kept)
    made = texts(kept)
    for name, content in made.items():
        (folder / name).write_bytes(content)
    datasets = {board.dataset.name for board in ecgbench.boards(kept)}
    for dataset in datasets:
        picture = folder / ("front.png" if len(datasets) == 1 else f"front-{dataset}.png")
        line = ("plot", "front", "--store", kept, "--dataset", dataset, "--out", picture)
        command(*line, "--dpi", 100)
    markdown = made["board.md"].decode()
    for page in (folder / "README.md", *pages):
        page.write_text(filled(page.read_text("utf-8"), folder.name, kept, markdown), "utf-8")


def main() -> int:
    """Read the command line and publish; return 1 if a command failed."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("store", type=Path, help="of finished cells; it is only read")
    parser.add_argument("folder", type=Path, help="of the board, with a README.md")
    parser.add_argument("--page", type=Path, action="append", default=[], help="with a marked part")
    given = parser.parse_args()
    try:
        publish(given.store, given.folder.resolve(), given.page)
    except subprocess.CalledProcessError as error:
        print(f"{' '.join(error.cmd[1:])} failed, for the reason above", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
