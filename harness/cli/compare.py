"""``ecgbench compare``: two rows of a board, metric by metric.

``--json`` prints ``{schema, a, b, boards: [{dataset, data, study, settings, seeds, people, merged,
compared, metrics, families, overall, notes}], lacking}``: ``data`` is the digest of the windows; ``merged``
says how much of each row was made elsewhere, and ``compared`` is the number of metrics in the correction of
the p-values; ``metrics`` are `Finding`s by label, ``families`` and ``overall`` `Summary`s; ``notes`` are
sentences for the reader of the two rows; ``lacking`` names the boards without one of the rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.console import Console
from rich.text import Text

from ecgbench.contracts.plain import ascii_json, plain
from ecgbench.harness.api.compare import compare as compare_rows
from ecgbench.harness.cli.completion import completes, stored_rows, studies
from ecgbench.harness.cli.options import plugin_option, store_option
from ecgbench.results.render.compare import show_compared

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.harness.api.compare import Comparisons
    from ecgbench.results.board.compare import Compared


@click.command()
@click.argument("a", metavar="A", shell_complete=stored_rows)
@click.argument("b", metavar="B", shell_complete=stored_rows)
@click.option(
    "--dataset", shell_complete=completes("dataset"), help="On the boards of this dataset only."
)
@click.option("--study", shell_complete=studies, help="On the boards of studies of this name only.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@plugin_option
@store_option
def compare(a: str, b: str, as_json: bool, store_path: Path, **chosen: Any) -> int:
    """Compare two rows on each board with both of them, metric by metric.

    A and B are labels of rows, generators or references, as ecgbench leaderboard prints them. The
    difference of each metric is paired by person and seed, and the p-values are corrected for all
    compared metrics. The exit code is 1 if a score of one of the rows failed.
    """
    comparisons = compare_rows(a, b, store_path, **chosen)
    if as_json:
        _print_json(comparisons)
    else:
        console = Console()
        for each in comparisons.boards:
            show_compared(each, console)
        for line in comparisons.lacking:
            console.print(Text(plain(line), style="dim"), soft_wrap=True)
    return int(comparisons.has_failed)


def _print_json(comparisons: Comparisons) -> None:
    content = {
        "schema": 1,
        "a": comparisons.a,
        "b": comparisons.b,
        "boards": [_board(each) for each in comparisons.boards],
        "lacking": comparisons.lacking,
    }
    click.echo(ascii_json(msgspec.json.format(msgspec.json.encode(content), indent=1)))


def _board(compared: Compared) -> dict[str, Any]:
    board = compared.board
    return {
        "dataset": board.dataset.name,
        "data": board.dataset.digest,
        "study": board.study,
        "settings": board.settings,
        "seeds": board.seeds,
        "people": board.people,
        "merged": {row.label: row.merged for row in board.rows},
        "compared": compared.compared,
        "metrics": compared.findings,
        "families": compared.families,
        "overall": compared.overall,
        "notes": board.notes,
    }
