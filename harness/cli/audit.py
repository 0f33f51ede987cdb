"""``ecgbench audit``: does each metric see the faults that it claims to see?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.console import Console
from rich.text import Text

from ecgbench.contracts.config import parse_overrides
from ecgbench.contracts.errors import UsageError
from ecgbench.contracts.plain import plain
from ecgbench.harness import audit as auditing
from ecgbench.harness.api.datasets import NONE_HERE, prepared
from ecgbench.harness.api.machine import machine_and_pool
from ecgbench.harness.cli.completion import completes, settings
from ecgbench.harness.cli.datasets import telling
from ecgbench.harness.cli.options import (
    data_dir_option,
    json_option,
    machine_options,
    names,
    plugin_option,
    seeds,
    store_option,
)
from ecgbench.harness.cli.progress import watch
from ecgbench.harness.cli.report import warn
from ecgbench.harness.data.sources import default_datasets
from ecgbench.harness.engine.run import work_through
from ecgbench.harness.planning import study
from ecgbench.harness.planning.catalog import discover
from ecgbench.results.audit.records import write_audit
from ecgbench.results.render.audit import show_audits, write_pages
from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.harness.planning.catalog import Catalog
    from ecgbench.harness.planning.plan import Plan
    from ecgbench.results.audit.records import AuditRecord


@click.command()
@click.option(
    "--metrics", type=names, metavar="A,B", shell_complete=completes("metric"), help="Default: all."
)
@click.option(
    "--datasets",
    type=names,
    metavar="A,B",
    shell_complete=completes("dataset"),
    help="Default: those on this machine.",
)
@click.option(
    "--seeds",
    "seed_list",
    type=seeds,
    metavar="0,1|0-5",
    help="Of the doses; windows without a fault get twice as many. Default: 0-3.",
)
@click.option(
    "--windows",
    type=click.IntRange(min=20),
    help="Use a fixed subsample of so many windows of each dataset, a thirteenth of them synthetic "
    "ones. Default: 26000.",
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KIND.NAME.SETTING=VALUE",
    shell_complete=settings,
    help="A plugin's setting, e.g. metric.mmd.windows=500; may be repeated.",
)
@click.option("--retry-failed", is_flag=True, help="Run failed cells and scores again.")
@click.option(
    "--fresh", is_flag=True, help="Run again the results of other code of the same version."
)
@click.option("--dry-run", is_flag=True, help="Print the numbers of doses and scores, and stop.")
@json_option
@machine_options
@plugin_option
@data_dir_option
@store_option
def audit(
    metrics: tuple[str, ...] | None,
    datasets: tuple[str, ...] | None,
    seed_list: tuple[int, ...] | None,
    windows: int | None,
    assignments: tuple[str, ...],
    retry_failed: bool,
    fresh: bool,
    dry_run: bool,
    json_events: bool,
    plugins: tuple[Path, ...],
    data_dir: Path | None,
    store_path: Path,
    **machine_settings: Any,
) -> int:
    """Show each metric real windows with known doses of known faults, and print its verdict.

    A metric that misses a fault of its claims is shown on boards and never ranked. No generator is
    trained. Finished cells are not done again: start the same command after any interruption. The exit
    code is 1 if a metric fails its audit or could not be judged.
    """
    console = Console(stderr=json_events)
    catalog = discover(plugins)
    overrides = parse_overrides(assignments)
    if "generator" in overrides:
        raise UsageError("an audit has no generator to set: its doses are settled (docs/audit.md)")
    used = datasets or default_datasets(catalog, data_dir)[0]
    if not used:
        raise UsageError(NONE_HERE)
    asked = study.override(
        auditing.resolved(auditing.STUDY, used),
        metrics=metrics or (),
        seeds=seed_list or (),
        windows=windows,
        settings=overrides,
    )
    resolved = study.resolve(asked, catalog)
    if len({seed % 2 for seed in resolved.seeds}) < 2:
        raise UsageError("an audit takes two seeds or more, of both folds, e.g. --seeds 0-3")
    for problem in catalog.problems:
        click.echo(f"problem: {plain(problem)}", err=True)
    _tell_left_out(resolved, catalog)
    with telling(console) as tell:
        sources, records = prepared(resolved, catalog, data_dir, tell)
    store = Store(store_path)
    inner = auditing.store_of(store)
    plans = auditing.make_plans(resolved, catalog, records, inner, retry=retry_failed, fresh=fresh)
    if dry_run:
        for plan in plans:
            _show(plan, console)
        scores = sum(len(cell.missing) for plan in plans for cell in plan.todo)
        console.print(Text(f"{scores} scores to compute", style="dim"))
        return 0
    found: list[AuditRecord] = []
    with machine_and_pool(catalog, **machine_settings) as (machine, pool):
        for plan in plans:
            _show(plan, console)
            with watch(console, len(plan.todo), as_json=json_events) as watching:
                work_through(plan, inner, resolved, sources, machine, watching, pool)
            found += auditing.audit_records(plan, catalog, inner, resolved)
    _write(store, found, as_json=json_events)
    pages = write_pages(store, found)  # first: a terminal may fail
    show_audits(found, console)
    for path in pages:
        console.print(Text(f"written: {path}"), soft_wrap=True)
    return 1 if any(record.verdict == "fails" or record.has_failed for record in found) else 0


def _show(plan: Plan, console: Console) -> None:
    """Print the size of a plan, and its warnings."""
    metrics = ", ".join(metric.name for metric in plan.record.metrics)
    console.print(Text(f"{metrics}: {len(plan.cells)} doses, {len(plan.todo)} to do", style="dim"))
    warn(plan, console)


def _write(store: Store, found: list[AuditRecord], *, as_json: bool) -> None:
    """Write audits into the store, and tell which ones do not stand there."""
    for record in found:
        stands = write_audit(store, record)
        if stands is not record:
            click.echo(
                f"{record.metric.name} on {record.dataset.name}: an audit on more windows stands "
                f"({stands.windows} with {len(stands.seeds)} seeds)",
                err=True,
            )
        if as_json:
            click.echo(json.dumps({"event": "audit", **msgspec.to_builtins(record)}))


def _tell_left_out(resolved: study.Study, catalog: Catalog) -> None:
    left_out = auditing.left_out(resolved, catalog)
    for name, reason in left_out.items():
        click.echo(f"left out: {name}: {reason}", err=True)
    if resolved.metrics is not None and len(left_out) == len(resolved.metrics):
        raise UsageError("none of the named metrics can be audited")
