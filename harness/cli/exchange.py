"""``ecgbench export`` and ``ecgbench merge``: finished cells, from one store to another."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ecgbench.contracts.errors import EcgbenchError, UsageError
from ecgbench.contracts.plain import plain
from ecgbench.environment import cores
from ecgbench.harness.cli.completion import stored_cells
from ecgbench.harness.cli.options import (
    SEED,
    data_dir_option,
    plugin_option,
    seconds,
    size,
    store_option,
)
from ecgbench.harness.cli.progress.bar import tracking
from ecgbench.harness.data.originals import Originals
from ecgbench.harness.isolation.process import Limits
from ecgbench.harness.planning.catalog import discover
from ecgbench.results.exchange.archive import MAX_TOTAL, MAX_WHO
from ecgbench.results.exchange.export import choose
from ecgbench.results.exchange.export import export as put_out
from ecgbench.results.exchange.merge import merge as take_in
from ecgbench.results.exchange.outcome import End, What
from ecgbench.results.exchange.undo import undo as take_out
from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecgbench.results.exchange.merge import Check
    from ecgbench.results.exchange.outcome import Outcome

KINDS: tuple[What, ...] = get_args(What)
ENDS: tuple[End, ...] = get_args(End)


@click.command()
@click.argument("cells", nargs=-1, metavar="[CELL]...", shell_complete=stored_cells)
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file, e.g. mine.zip.",
)
@click.option("--dataset", help="The cells of this dataset only.")
@click.option(
    "--records",
    "records_only",
    is_flag=True,
    help="Records and scores alone, for a published board: no windows, no pictures.",
)
@click.option("--by", "who", default="", help="Who made the results, in your own words.")
@plugin_option
@data_dir_option
@store_option
def export(
    cells: tuple[str, ...],
    out: Path,
    dataset: str | None,
    records_only: bool,
    who: str,
    plugins: tuple[Path, ...],
    data_dir: Path | None,
    store_path: Path,
) -> int:
    """Make one file of a store's finished cells, or of some: for ecgbench merge elsewhere.

    A CELL is named with or without its key, e.g. mitdb/gmm/seed-0. Real patients' windows stay here.
    The exit code is 1 if something was left out because it is damaged.
    """
    if len(who) > MAX_WHO:
        raise UsageError(f"--by has {len(who)} characters; at most {MAX_WHO}")
    console = Console()
    store = Store(store_path)
    chosen = choose(store, cells, dataset)
    originals = Originals(discover(plugins), data_dir)
    with tracking(console) as track:
        leaves = originals.is_redistributable, originals.rows
        done = put_out(store, chosen, out, *leaves, who, track, records_only=records_only)
    if done.withheld:
        table = Table("cell", "stays here", "because", box=None, header_style="dim")
        for each in done.withheld:
            table.add_row(each.cell, *(Text(plain(text)) for text in (each.part, each.reason)))
        console.print(table)
    told = f"{len(done.cells)} cells, {done.scores} scores, {done.plans} plans"
    console.print(Text(f"{out}: {told}, {out.stat().st_size / 2**20:.1f} MiB", style="green"))
    return 1 if any(each.damaged for each in done.withheld) else 0


@click.command()
@click.argument(
    "archives", nargs=-1, required=True, metavar="ARCHIVE...", type=click.Path(path_type=Path)
)
@click.option(
    "--verify", is_flag=True, help="Score the windows again here, and refuse results that differ."
)
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    metavar="N",
    help="With --verify: N cells of each ARCHIVE, drawn at random; the others go in unverified.",
)
@click.option("--seed", type=SEED, help="Of the draw of --sample; default: a new one.")
@click.option(
    "--trust",
    is_flag=True,
    help="Let its results count as made here: boards rank them, and nobody has checked them.",
)
@click.option("--undo", is_flag=True, help="Take the results of an ARCHIVE out.")
@click.option("--dry-run", is_flag=True, help="Tell the changes, and change nothing.")
@click.option(
    "--timeout",
    type=seconds,
    default="15m",
    show_default=True,
    metavar="TIME",
    help="With --verify: each step of a cell may take so long.",
)
@click.option(
    "--memory",
    type=size,
    default="4G",
    show_default=True,
    metavar="SIZE",
    help="With --verify: each step of a cell may use so much.",
)
@click.option(
    "--max-size",
    type=size,
    default=str(MAX_TOTAL),
    metavar="SIZE",
    help="Refuse an archive whose files have more bytes together; default: 64G.",
)
@plugin_option
@data_dir_option
@store_option
def merge(
    archives: tuple[Path, ...],
    verify: bool,
    sample: int | None,
    seed: int | None,
    trust: bool,
    undo: bool,
    dry_run: bool,
    timeout: float,
    memory: int,
    max_size: int,
    plugins: tuple[Path, ...],
    data_dir: Path | None,
    store_path: Path,
) -> int:
    """Take exported results of others into a store; results here are never overwritten.

    Boards mark these results, and rank them only with --verify or --trust. With --undo, ARCHIVE may also
    be the first 12 digits of its SHA-256.

    The exit code is 0 if all is here now, 1 if something was in conflict or refused, and 2 if an
    ARCHIVE could not be read at all.
    """
    if undo and (verify or trust):
        raise UsageError(
            "--undo takes results out; --verify and --trust are for results on their way in"
        )
    if sample is not None and not verify:
        raise UsageError("--sample draws the cells of --verify; add --verify")
    if seed is not None and sample is None:
        raise UsageError("--seed is of the draw of --sample; add --sample N")
    console = Console()
    store = Store(store_path)
    limits = Limits(threads=cores(), timeout=timeout, memory=memory)
    check = _check(plugins, data_dir, limits) if verify else None
    code = 0
    for file in archives:
        try:
            with tracking(console) as track:
                if undo:
                    outcomes = take_out(store, _digest(file), dry=dry_run, track=track)
                else:
                    how: dict[str, Any] = {"most": max_size, "trust": trust, "dry": dry_run}
                    if sample is not None:
                        how["sample"] = sample, np.random.default_rng(seed)
                    outcomes = take_in(store, file, check, **how, track=track)
        except EcgbenchError as error:
            click.echo(f"ecgbench: {plain(str(error))}", err=True)
            code = 2
            continue
        _print(file, outcomes, console, dry_run)
        bad = any(outcome.end in ("conflict", "refused") for outcome in outcomes)
        code = max(code, int(bad))
    return code


def _digest(archive: Path) -> str:
    """Return the SHA-256 of an archive, or the digits given in its place."""
    if re.fullmatch(r"[0-9a-f]{12,64}", archive.name) and not archive.exists():
        return archive.name
    try:
        with archive.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(
            f"cannot read {archive}: {error.strerror}; the first 12 digits of its SHA-256 do as well: "
            "the store's folder provenance/ has one of that name for each archive"
        ) from error


def _check(plugins: tuple[Path, ...], data_dir: Path | None, limits: Limits) -> Check:
    from ecgbench.harness.verify import differences  # noqa: PLC0415 - only --verify needs it

    catalog = discover(plugins)
    return lambda store, cell: differences(store, cell, catalog, data_dir, limits)


def _print(file: Path, outcomes: Sequence[Outcome], console: Console, dry_run: bool) -> None:
    told = f"{plain(str(file))}{': nothing is changed, this would be' if dry_run else ''}"
    console.print(Text(told, style="bold"))
    _print_counts(outcomes, console)
    rows = Counter(
        (outcome.end, outcome.name.rpartition("/")[0])
        for outcome in outcomes
        if outcome.what == "cell" and outcome.end in ("added", "removed")
    )
    for (end, row), cells in sorted(rows.items()) if dry_run else ():
        console.print(Text(f"{end}: {row}: {cells} cells"))
    if verified := sum(outcome.verified for outcome in outcomes):
        console.print(Text(f"verified: {verified} cells", style="green"))
    conflicts = [outcome for outcome in outcomes if outcome.end == "conflict"]
    if conflicts:
        table = Table("conflict", "here", "in the archive", "", box=None, header_style="dim")
        for outcome in conflicts:
            cells_of = (_name(outcome), outcome.ours, outcome.theirs, outcome.reason)
            table.add_row(*(Text(plain(text)) for text in cells_of))
        console.print(table)
    for outcome in outcomes:
        if outcome.end == "refused":
            name = Text(f"refused: {plain(_name(outcome))}: ", style="red")
            console.print(name.append(plain(outcome.reason), style="default"))


def _print_counts(outcomes: Sequence[Outcome], console: Console) -> None:
    counts = Counter((outcome.what, outcome.end) for outcome in outcomes)
    ends = [end for end in ENDS if end != "removed" or any(o.end == "removed" for o in outcomes)]
    table = Table("", *ends, box=None, header_style="dim")
    for what in KINDS:
        table.add_row(f"{what}s", *(str(counts[what, end] or "–") for end in ends))
    console.print(table)


def _name(outcome: Outcome) -> str:
    return f"{outcome.name} {outcome.metric}".rstrip()
