"""``ecgbench show CELL``: a stored cell with its scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ecgbench.contracts.canonical import restored
from ecgbench.contracts.plain import ascii_json, plain
from ecgbench.results.exchange.provenance import provenance
from ecgbench.results.render.text import number
from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.results.store.records import CellRecord, ScoreRecord


def show_cell(name: str, store_path: Path, *, as_json: bool) -> None:
    """Print the contents of a stored cell, named with or without its key."""
    store = Store(store_path)
    full = store.find(name)
    record = store.cell(full)
    assert record is not None
    scores = store.scores(full)
    if as_json:
        found = {"cell": record, "scores": scores}
        click.echo(ascii_json(msgspec.json.format(msgspec.json.encode(found), indent=1)))
        return
    console = Console()
    console.print(Text(full, style="bold"))
    console.print(_facts(record, store))
    console.print(_scores(scores))


def _facts(record: CellRecord, store: Store) -> Table:
    table = Table(box=None, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    cell, costs = record.cell, record.costs
    facts: dict[str, Any] = {
        "status": f"{record.status}{': ' if record.reason else ''}{plain(record.reason)}",
        "finished": record.finished,
        "dataset": _plugin(cell.dataset),
        "generator": _plugin(cell.generator),
        "windows": ", ".join(f"{name} {count}" for name, count in record.sizes.items()),
        "fold": record.fold,
        "study": record.study.get("name", ""),
    }
    if costs is not None:
        facts["fit"] = f"{costs.fit_seconds:.1f} s"
        facts["sample"] = f"{costs.sample_seconds:.2f} s"
        facts["processor time"] = f"{costs.cpu_seconds:.1f} s"
        facts["peak memory"] = f"{costs.peak_memory / 2**20:.0f} MiB"
    if record.model:
        size = sum(
            (store.folder(cell.name) / "model" / name).stat().st_size for name in record.model
        )
        facts["model"] = f"kept, {size / 2**20:.1f} MiB; ecgbench sample {cell.name} draws from it"
    packages = record.environment.get("packages", {})
    facts["made with"] = ", ".join(f"{k} {v}" for k, v in packages.items() if v)
    facts["made on"] = ", ".join(
        str(record.environment[k]) for k in ("processor", "system") if k in record.environment
    )
    for source in provenance(store, cell.name):
        who = f" by {source.who}" if source.who else ""
        facts[f"archive {source.archive[:12]}"] = (
            f"made{who} {source.when}, taken in {source.merged}"
        )
    facts["folder"] = store.folder(cell.name)
    for name, value in facts.items():
        table.add_row(name, Text(plain(str(value))))
    return table


def _plugin(record: Any) -> str:
    settings = ", ".join(f"{k}={v}" for k, v in restored(record.settings).items())
    return f"{record.name} version {record.version} from {record.origin}; {settings}".rstrip("; ")


def _scores(scores: list[ScoreRecord]) -> Table:
    table = Table(box=None)
    for column in ("metric", "status", "value", "n", "seconds", "parts or reason"):
        table.add_column(column, header_style="dim", overflow="fold")
    for score in scores:
        parts = ", ".join(f"{name} {number(value)}" for name, value in score.parts.items())
        table.add_row(
            Text(score.metric.name, style="bold"),
            score.status,
            "" if score.value is None else number(score.value),
            "" if score.n is None else str(score.n),
            f"{score.seconds:.1f}",
            Text(plain(score.reason or parts)),
        )
    return table
