"""The datasets of a command: fetched, read and split, with what takes time told."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ecgbench.contracts.errors import UsageError
from ecgbench.harness.data import cache as data
from ecgbench.harness.data import physionet
from ecgbench.harness.data.sources import default_datasets, locate, prepare

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.contracts.windows import Splits
    from ecgbench.harness.planning.catalog import Catalog
    from ecgbench.harness.planning.study import Study
    from ecgbench.results.store.records import DatasetRecord


def fetch_dataset(name: str, catalog: Catalog, data_dir: Path | None) -> Path:
    """Fetch a dataset under a progress bar; return its folder.

    The environment variable ``ECGBENCH_PHYSIONET_URL`` names another server of PhysioNet's layout.
    """
    source = catalog.dataset(name).source
    assert source is not None
    console = Console(stderr=True)  # standard output may be a program's
    bar = Progress(
        TextColumn("fetching {task.description}"),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        TextColumn("files {task.fields[received]}"),
        console=console,
    )
    with bar:
        task = bar.add_task(name, total=None, received="")

        def progress(done: int, total: int, received: int) -> None:
            shown = decimal(received)
            bar.update(task, completed=done, total=total, received=shown)

        return physionet.fetch(
            source,
            data_dir,
            base_url=os.environ.get("ECGBENCH_PHYSIONET_URL"),
            progress=progress,
        )


def prepared(
    resolved: Study, catalog: Catalog, data_dir: Path | None, console: Console
) -> tuple[list[data.Source], list[DatasetRecord]]:
    """The datasets of a study, fetched and read if need be; what takes time is told."""
    sources = locate(resolved, catalog, data_dir, lambda name: fetch_dataset(name, catalog, None))
    for source in sources:
        if not data.is_prepared(source):
            console.print(f"[dim]reading {source.spec.name} …")
    return sources, prepare(sources, resolved.windows, catalog.files)


def with_datasets(asked: Study, catalog: Catalog, data_dir: Path | None, console: Console) -> Study:
    """Return the study with the datasets that are on this machine, if it names none."""
    if asked.datasets:
        return asked
    found, embedded = default_datasets(catalog, data_dir)
    if not found:
        raise UsageError("there is no dataset here: ecgbench list datasets tells what could be")
    if embedded:
        console.print(
            f"No full dataset is on this machine, so the embedded ones are used: {', '.join(found)}. "
            "For the real thing: ecgbench fetch mitdb",
            highlight=False,
        )
    return msgspec.structs.replace(asked, datasets=found)


def absent(resolved: Study, catalog: Catalog, data_dir: Path | None) -> list[str]:
    """Return the names of the study's datasets that a run would have to fetch first."""
    return [
        name
        for name in resolved.datasets or ()
        if (source := catalog.dataset(name).source) and not physionet.find(source, data_dir)
    ]


def load_splits(
    resolved: Study, catalog: Catalog, data_dir: Path | None
) -> tuple[data.Source, DatasetRecord, Splits]:
    """Return the source, the record and the splits of a study's one dataset and one seed."""
    from ecgbench.harness.data.split import split, subsample  # noqa: PLC0415 - planning needs no numpy

    sources = locate(resolved, catalog, data_dir, lambda name: fetch_dataset(name, catalog, None))
    (record,) = prepare(sources, resolved.windows, catalog.files)
    everything = subsample(data.windows(sources[0]), resolved.windows)
    return sources[0], record, split(everything, resolved.seeds[0], sources[0].spec.halves)
