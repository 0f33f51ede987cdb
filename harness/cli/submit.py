"""``ecgbench score``: windows that were made elsewhere, as a row of the board."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
import numpy as np
from rich.console import Console
from rich.text import Text

from ecgbench.harness import data, study
from ecgbench.harness.catalog import Catalog, discover
from ecgbench.harness.cell.plausible import check_origin, remarks
from ecgbench.harness.cli.data import fetch_dataset
from ecgbench.harness.cli.machine import machine_and_pool
from ecgbench.harness.cli.options import (
    data_dir_option,
    json_option,
    machine_options,
    names,
    plugin_option,
    store_option,
    study_options,
)
from ecgbench.harness.cli.progress import watch
from ecgbench.harness.cli.run import report, warn
from ecgbench.harness.config import parse_overrides
from ecgbench.harness.errors import PluginError, UsageError
from ecgbench.harness.plan import cell_id, generator_records, metric_records, plan_of
from ecgbench.harness.run import locate, prepare, work_through
from ecgbench.harness.split import split, subsample
from ecgbench.results.npz import npz, parse_npz, synthetic_digest
from ecgbench.results.records import CellRecord, DatasetRecord, GeneratorRecord, now
from ecgbench.results.store import Store, sha256, write

if TYPE_CHECKING:
    from ecgbench.harness.study import Study
    from ecgbench.harness.windows import EcgWindows, Splits


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dataset", required=True, help="The dataset that the model was trained on.")
@click.option("--name", required=True, metavar="MYMODEL", help="The row's name.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of the split that the model was trained on.",
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
    dataset: str,
    name: str,
    seed: int,
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

    ``ecgbench split`` writes what the model may be trained on and the labels that it is to draw.
    """
    console = Console(stderr=json_events)
    catalog = discover(plugins)
    _check_name(name, catalog)
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
    source, record, splits = load_splits(resolved, catalog, data_dir)
    submitted, notes = read_submission(file, splits)
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


def load_splits(
    resolved: Study, catalog: Catalog, data_dir: Path | None
) -> tuple[data.Source, DatasetRecord, Splits]:
    """The splits of a resolved study's one dataset and one seed."""
    sources = locate(resolved, catalog, data_dir, lambda name: fetch_dataset(name, catalog, None))
    (record,) = prepare(sources, resolved.windows, catalog.files)
    everything = subsample(data.windows(sources[0]), resolved.windows)
    return sources[0], record, split(everything, resolved.seeds[0], sources[0].spec.halves)


def read_submission(file: Path, splits: Splits) -> tuple[EcgWindows, list[str]]:
    """Read submitted windows, check that they are what was asked for, and return them with remarks.

    Windows whose labels are right but in another order are put in order.

    Raises:
        UsageError: says what is wrong, what is wanted, and how to get there.
    """
    arrays = _read(file)
    train, wanted = splits.train, splits.fresh.labels
    signals, labels = arrays["signals"], arrays["labels"]
    _check_shape(file, signals, train, len(wanted))
    if "sampling_rate" in arrays and float(arrays["sampling_rate"]) != train.sampling_rate:
        raise UsageError(
            f"{file}: sampling_rate is {float(arrays['sampling_rate']):g} Hz; "
            f"{train.sampling_rate:g} Hz is wanted: resample the windows"
        )
    if "leads" in arrays and tuple(map(str, arrays["leads"])) != train.leads:
        given = ", ".join(map(str, arrays["leads"]))
        raise UsageError(f"{file}: leads are {given}; wanted are {', '.join(train.leads)}")
    if labels.shape != (len(signals),) or labels.dtype.kind not in "iu":
        raise UsageError(
            f"{file}: labels are {labels.dtype} of shape {labels.shape}; whole numbers of shape "
            f"({len(signals)},) are wanted, indices into {', '.join(train.classes)}"
        )
    labels = labels.astype(np.int64)
    if not np.array_equal(np.sort(labels), np.sort(wanted)):
        raise UsageError(
            f"{file}: labels by class are {_count(labels, train.classes)}; wanted are "
            f"{_count(wanted, train.classes)}: those that ecgbench split writes into draw.npz"
        )
    order = np.empty(len(labels), dtype=np.int64)
    order[np.argsort(wanted, kind="stable")] = np.argsort(labels, kind="stable")
    submitted = train.synthetic(signals[order], labels[order])
    try:
        check_origin(str(file), submitted, splits)
        return submitted, remarks(str(file), submitted, train)
    except PluginError as error:
        raise UsageError(str(error)) from None


def _read(file: Path) -> dict[str, Any]:
    try:
        arrays = parse_npz(file.read_bytes())
    except (ValueError, OSError) as error:
        raise UsageError(
            f"{file} is no .npz of plain arrays ({error}); numpy.savez(FILE, signals=…, labels=…)"
        ) from None
    for name in ("signals", "labels"):
        if name not in arrays:
            held = ", ".join(arrays) or "nothing"
            raise UsageError(f"{file} holds {held}; signals and labels are wanted")
    return arrays


def _check_shape(file: Path, signals: Any, train: EcgWindows, count: int) -> None:
    wanted = (count, *train.signals.shape[1:])
    shape = signals.shape
    if signals.dtype.kind != "f":
        raise UsageError(
            f"{file}: signals are {signals.dtype}; floating-point millivolts are wanted (raw "
            "digital samples become mV by (sample − baseline) / gain)"
        )
    if shape != wanted:
        hint = ""
        if shape == (count, wanted[2]) and wanted[1] == 1:
            hint = ": signals[:, None, :] has it"
        elif len(shape) == 3 and (shape[0], shape[2], shape[1]) == wanted:
            hint = ": signals.transpose(0, 2, 1) has it"
        elif len(shape) == 3 and shape[1:] == wanted[1:]:
            hint = f": {count} windows, one for each label that ecgbench split writes into draw.npz"
        elif len(shape) == 3 and shape[2] != wanted[2]:
            hint = (
                f": a window is {wanted[2]} samples at {train.sampling_rate:g} Hz "
                f"({wanted[2] / train.sampling_rate:.3f} s)"
            )
        raise UsageError(f"{file}: signals have shape {shape}; {wanted} is wanted{hint}")
    bad = ~np.isfinite(signals).all(axis=(1, 2))
    if bad.any():
        raise UsageError(
            f"{file}: {int(bad.sum())} windows hold NaN or infinite samples, "
            f"first window {int(bad.argmax())}"
        )


def _count(labels: Any, classes: tuple[str, ...]) -> str:
    counts = {int(c): int((labels == c).sum()) for c in np.unique(labels)}
    return ", ".join(
        f"{classes[c] if 0 <= c < len(classes) else f'label {c}'} {n}" for c, n in counts.items()
    )


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
