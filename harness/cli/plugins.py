"""``ecgbench list`` and ``ecgbench show``: all plugins, without importing their code."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Any, cast

import click

from ecgbench.contracts.errors import UsageError, suggest
from ecgbench.contracts.families import FAMILIES
from ecgbench.contracts.plain import plain
from ecgbench.contracts.specs import DatasetSpec, GeneratorSpec, Kind, MetricSpec
from ecgbench.harness.cli.completion import plugin_names
from ecgbench.harness.cli.options import plugin_option, store_option
from ecgbench.harness.planning.cards import card
from ecgbench.harness.planning.catalog import KINDS, Catalog, Entry, discover

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLURALS: dict[str, Kind] = {f"{kind}s": kind for kind in KINDS}
ARROWS = {"higher": "↑", "lower": "↓"}

FEWEST = 24
"""Columns of a readable summary, at least."""

FROM = "Plugins from elsewhere name their distribution in [ ]. A card: ecgbench show metric mmd"
"""Below the list."""


@click.command("list")
@click.argument("kind", required=False, type=click.Choice(list(PLURALS)))
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@plugin_option
def list_plugins(kind: str | None, as_json: bool, plugins: tuple[Path, ...]) -> None:
    """List generators, datasets and metrics, with their origin."""
    catalog = discover(plugins)
    kinds = [PLURALS[kind]] if kind else list(KINDS)
    if as_json:
        found: dict[str, Any] = {f"{k}s": [card(e) for e in catalog.of_kind(k)] for k in kinds}
        click.echo(json.dumps(found | {"problems": catalog.problems}, indent=1))
        return
    width = shutil.get_terminal_size().columns
    lines = []
    for each in kinds:
        for title, entries in _groups(each, catalog.of_kind(each)):
            lines += [click.style(title, bold=True), *_lines(entries, width), ""]
    lines.append(click.style(FROM, dim=True))
    # to the stream as `main` has set it up: by itself click writes UTF-8 to a terminal of ASCII alone
    click.echo("\n".join(lines), file=sys.stdout)
    _print_problems(catalog)


def _print_problems(catalog: Catalog) -> None:
    for problem in catalog.problems:
        click.echo(f"problem: {plain(problem)}", err=True)


def _groups(kind: Kind, entries: list[Entry]) -> Iterator[tuple[str, list[Entry]]]:
    """Yield titles and the entries below them: metrics by family, all others together."""
    if kind != "metric":
        yield f"{kind}s", entries
        return
    for name, family in FAMILIES.items():
        if found := [entry for entry in entries if cast("MetricSpec", entry.spec).family == name]:
            yield family.title, found


def _lines(entries: list[Entry], width: int) -> Iterator[str]:
    """Yield a line for each name, whole on any terminal, beside its kind and a folded summary.

    If too few columns are left for the summary, it stands below the name.
    """
    names = [entry.spec.name for entry in entries]
    left = max(map(len, names), default=0)
    notes = [_kind_note(entry) for entry in entries]
    middle = max(map(len, notes), default=0)
    indent = left + middle + (4 if middle else 2)
    is_beside = width - indent >= FEWEST
    for entry, note in zip(entries, notes, strict=True):
        name = entry.spec.name
        words = [plain(entry.spec.summary)]
        if isinstance(entry.spec, MetricSpec) and entry.spec.costly:
            words.append("(only if asked for)")
        if isinstance(entry.spec, DatasetSpec) and not entry.spec.verified:
            words.append("(unverified)")
        if names.count(name) > 1:
            words.append("(clash)")
        if not entry.origin.built_in:
            words.append(f"[{plain(str(entry.origin))}]")
        start = click.style(name, bold=True) + " " * (left - len(name))
        if middle:
            start += "  " + click.style(note, dim=True) + " " * (middle - len(note))
        if not is_beside:
            yield start.rstrip()
        summary = textwrap.wrap(
            " ".join(words),
            max(FEWEST, width - (indent if is_beside else 4)),
            break_on_hyphens=False,
        )
        for place, part in enumerate(summary):
            yield (
                f"{start}  " if is_beside and not place else " " * (indent if is_beside else 4)
            ) + part


def _kind_note(entry: Entry) -> str:
    spec = entry.spec
    if isinstance(spec, MetricSpec):
        return ARROWS[spec.better]
    if isinstance(spec, DatasetSpec):
        if spec.source:
            return "PhysioNet"
        return "folder" if spec.described else "embedded"
    if isinstance(spec, GeneratorSpec) and spec.reference:
        return "audit" if spec.audit else "reference"
    return ""


def _completed(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the kinds, or the names of a kind, with this start."""
    given = ctx.params.get("what") or ()
    kind = PLURALS.get(given[0], given[0]) if given else ""
    known = plugin_names(ctx, kind) if kind in KINDS else [] if given else KINDS
    return [name for name in known if name.startswith(incomplete)]


@click.command()
@click.argument(
    "what", nargs=-1, required=True, metavar="KIND NAME | CELL", shell_complete=_completed
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@plugin_option
@store_option
def show(what: tuple[str, ...], as_json: bool, plugins: tuple[Path, ...], store_path: Path) -> None:
    """Show a plugin's card (show metric mmd) or a stored cell (show mitdb/timegan/seed-0)."""
    if len(what) == 2:
        kind = PLURALS.get(what[0], what[0])
        if kind not in KINDS:
            raise UsageError(f"no kind of plugin is called {what[0]!r}; {suggest(what[0], KINDS)}")
        catalog = discover(plugins)
        found = card(catalog.entry(kind, what[1]))
        if kind == "metric":
            found |= _audits(found["name"], catalog, store_path)
        click.echo(json.dumps(found, indent=1)) if as_json else _print_card(found)
        return
    if len(what) > 2 or "/" not in what[0]:
        raise UsageError(
            f"show {' '.join(what)}: say a kind and a name (show metric mmd) or a cell "
            "(show mitdb/timegan/seed-0)"
        )
    from ecgbench.harness.cli.show_cell import show_cell  # noqa: PLC0415 - a card needs no store

    show_cell(what[0], store_path, as_json=as_json)


def _audits(name: str, catalog: Catalog, store_path: Path) -> dict[str, Any]:
    """Return the store's audits of an installed metric with default settings, by dataset."""
    if not (store_path / "audit").is_dir():
        return {}
    from ecgbench.harness.planning.plan import metric_records  # noqa: PLC0415 - most cards need no store
    from ecgbench.harness.planning.study import Study  # noqa: PLC0415 - as above
    from ecgbench.results.audit.records import audits  # noqa: PLC0415 - as above
    from ecgbench.results.render.audit import judgement, summary  # noqa: PLC0415 - as above
    from ecgbench.results.store.store import Store  # noqa: PLC0415 - as above

    [metric] = metric_records(Study(metrics=(name,)), catalog)
    found: dict[str, Any] = {}
    for record in audits(Store(store_path)):
        if record.metric.key == metric.key:
            seen, blind, rewarded = summary(record)
            said = {
                "": judgement(record),
                f"on {record.windows} windows sees, from": seen,
                "blind to": blind,
                "rewards": rewarded,
            }
            lines = [f"{what} {text}".strip() for what, text in said.items() if text]
            kinds = found.setdefault(f"audit_on_{record.dataset.name}", [])
            kinds.append("; ".join(lines))
    return {dataset: "\n".join(kinds) for dataset, kinds in found.items()}


def _print_card(found: dict[str, Any]) -> None:
    from rich.console import Console  # noqa: PLC0415 - `--json` needs no rich
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    console = Console()
    console.print(Text(f"{found['kind']} {found['name']}", style="bold"))
    table = Table(box=None, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    settings = found.pop("settings")
    for name, value in found.items():
        if name not in ("kind", "name") and value not in ("", None):
            lines = map(plain, _say(name, value).splitlines())
            table.add_row(name.replace("_", " "), Text("\n".join(lines)))
    console.print(table)
    if not settings:
        return
    table = Table(title="settings", title_justify="left", title_style="bold", box=None)
    columns = [c for c in settings[0] if c != "search" or any(s["search"] for s in settings)]
    for column in columns:
        table.add_column(column, header_style="dim", overflow="fold")
    for setting in settings:
        shown = {c: "" if setting[c] is None else str(setting[c]) for c in columns}
        shown["default"] = str(setting["default"])
        table.add_row(*(Text(plain(each)) for each in shown.values()))
    console.print(table)


def _say(name: str, value: Any) -> str:
    if name == "bounds":
        low, high = value
        return f"{'−∞' if low is None else low} … {'∞' if high is None else high}"
    if name == "source" and isinstance(value, dict):
        return f"PhysioNet {value['slug']} {value['version']}"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
