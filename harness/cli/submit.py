"""``ecgbench score``: windows that were made elsewhere, as a row of the board."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.console import Console
from rich.text import Text

from ecgbench.contracts.config import parse_overrides
from ecgbench.contracts.errors import UsageError
from ecgbench.harness.cli.datasets import load_splits
from ecgbench.harness.cli.machine import machine_and_pool
from ecgbench.harness.cli.options import (
    SEED,
    data_dir_option,
    json_option,
    machine_options,
    names,
    plugin_option,
    store_option,
    study_options,
)
from ecgbench.harness.cli.progress import watch
from ecgbench.harness.cli.report import report, warn
from ecgbench.harness.engine.run import work_through
from ecgbench.harness.engine.submission import Submission
from ecgbench.harness.planning import study
from ecgbench.harness.planning.catalog import Catalog, discover
from ecgbench.harness.planning.plan import cell_id, generator_records, metric_records, plan_of
from ecgbench.results.store.npz import npz, synthetic_digest
from ecgbench.results.store.records import CellRecord, DatasetRecord, GeneratorRecord, now
from ecgbench.results.store.store import Store, sha256, write

if TYPE_CHECKING:
    from ecgbench.contracts.windows import EcgWindows, Splits
    from ecgbench.harness.planning.study import Study


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dataset", help="That the model was trained on, where FILE does not say it.")
@click.option("--name", required=True, metavar="MYMODEL", help="The row's name.")
@click.option(
    "--seed",
    type=SEED,
    help="Of the split that the model was trained on, where FILE does not say it.",
)
@click.option("--metrics", type=names, metavar="A,B", help="Default: all.")
@study_options
@click.option("--no-references", is_flag=True, help="Leave the reference rows out.")
@json_option
@machine_options
@plugin_option
@data_dir_option
@store_option
def score(
    file: Path,
    dataset: str | None,
    name: str,
    seed: int | None,
    metrics: tuple[str, ...] | None,
    study_name: str,
    assignments: tuple[str, ...],
    windows: int | None,
    no_references: bool,
    json_events: bool,
    plugins: tuple[Path, ...],
    data_dir: Path | None,
    store_path: Path,
    **machine_settings: Any,
) -> int:
    """Score windows made elsewhere: FILE.npz with signals (window, lead, sample) in mV, and labels.

    ``ecgbench split`` writes what the model may be trained on and the labels that it is to draw. Its
    array ``split`` in FILE says which split that was; without it, --dataset and --seed must.
    """
    console = Console(stderr=json_events)
    catalog = discover(plugins)
    _check_name(name, catalog)
    submission = Submission(file)
    dataset, seed = submission.of_split(dataset, seed)
    asked = study.override(
        study.read(study_name),
        datasets=(dataset,),
        metrics=metrics or (),
        seeds=(seed,),
        windows=windows,
        references=not no_references,
        settings=parse_overrides(assignments),
    )
    resolved = study.resolve(msgspec.structs.replace(asked, generators=()), catalog)
    resolved = submission.fit_study(resolved, catalog)
    source, record, splits = load_splits(resolved, catalog, data_dir)
    submitted, notes = submission.windows(splits)
    for note in notes:
        console.print(Text(f"note: {file.name}: {note}", style="yellow"))
    store = Store(store_path)
    generator = GeneratorRecord(
        name=name,
        version=1,
        settings={"windows": synthetic_digest(submitted)},
        origin="submitted",
        submitted=True,
    )
    _put_down(store, record, generator, submitted, splits, resolved, notes)
    generators = [*generator_records(resolved, catalog), generator]
    scored = metric_records(resolved, catalog)
    cells = [cell_id(record, each, seed) for each in generators]
    plan = plan_of(resolved, [record], generators, scored, cells, store)
    warn(plan, console)
    with (
        machine_and_pool(catalog, **machine_settings) as (machine, pool),
        watch(console, len(plan.todo), as_json=json_events) as watching,
    ):
        work_through(plan, store, resolved, [source], machine, watching, pool)
    return report(plan, store, catalog, console)


def _check_name(name: str, catalog: Catalog) -> None:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", name):
        raise UsageError(
            f"--name {name!r} does not match [a-z0-9][a-z0-9-]{{0,63}}; it becomes a path, so it "
            "holds lower-case letters, digits and hyphens only"
        )
    if ("generator", name) in catalog.entries:
        raise UsageError(f"--name {name!r} is a generator plugin's name; choose another")


def _put_down(
    store: Store,
    dataset: DatasetRecord,
    generator: GeneratorRecord,
    submitted: EcgWindows,
    splits: Splits,
    resolved: Study,
    notes: list[str],
) -> None:
    cell = cell_id(dataset, generator, resolved.seeds[0])
    while (file := store.damage(cell.name)) is not None:
        store.set_aside(cell.name, file)
    record = store.cell(cell.name)
    if record is not None and record.stored:
        return
    content = npz({"signals": submitted.signals, "labels": submitted.labels})
    write(store.folder(cell.name) / "synthetic.npz", content)
    # of a cell that was merged without its windows the record stays, and its scores with it
    record = record or CellRecord(
        cell=cell,
        status="ok",
        synthetic=synthetic_digest(submitted),
        fold=splits.fold,
        study=msgspec.to_builtins(resolved),
        finished=now(),
        notes=notes,
    )
    store.write_cell(msgspec.structs.replace(record, stored=True, synthetic_file=sha256(content)))
