"""The datasets of a study: located, fetched, read and divided."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from ecgbench.contracts.errors import DataError, UsageError
from ecgbench.harness.api.messages import Fetching, Notice, Reading
from ecgbench.harness.data import cache as data
from ecgbench.harness.data import physionet
from ecgbench.harness.data.sources import default_datasets, locate, prepare

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.contracts.windows import Splits
    from ecgbench.harness.api.messages import Tell
    from ecgbench.harness.planning.catalog import Catalog
    from ecgbench.harness.planning.study import Study
    from ecgbench.results.store.records import DatasetRecord

NONE_HERE = "there is no dataset here: ecgbench list datasets tells what could be"


class AbsentError(DataError):
    """A plan needs datasets that are not on this machine, and nothing may be fetched."""


def fetch_dataset(name: str, catalog: Catalog, data_dir: Path | None, tell: Tell) -> Path:
    """Fetch a dataset and return its folder.

    The environment variable ``ECGBENCH_PHYSIONET_URL`` names another server of PhysioNet's layout.

    Raises:
        UsageError: the dataset is embedded.
        DataError: it cannot be fetched.
    """
    source = catalog.dataset(name).source
    if source is None:
        raise UsageError(f"dataset {name} is embedded: there is nothing to fetch")
    tell(Fetching(dataset=name))

    def progress(done: int, total: int, received: int) -> None:
        tell(Fetching(dataset=name, done=done, total=total, received=received))

    base_url = os.environ.get("ECGBENCH_PHYSIONET_URL")
    folder = physionet.fetch(source, data_dir, base_url=base_url, progress=progress)
    tell(Fetching(dataset=name, folder=folder))
    return folder


def prepared(
    study: Study, catalog: Catalog, data_dir: Path | None, tell: Tell
) -> tuple[list[data.Source], list[DatasetRecord]]:
    """Return sources and records of a study's datasets, fetched and read if need be."""
    sources = locate(
        study, catalog, data_dir, lambda name: fetch_dataset(name, catalog, None, tell)
    )
    for source in sources:
        if not data.is_prepared(source):
            tell(Reading(dataset=source.spec.name))
    return sources, prepare(sources, study.windows, catalog.files, nested=study.nested)


def with_datasets(study: Study, catalog: Catalog, data_dir: Path | None, tell: Tell) -> Study:
    """Return the study with the datasets on this machine, if it names none.

    Raises:
        UsageError: there is none.
    """
    if study.datasets:
        return study
    names, embedded = default_datasets(catalog, data_dir)
    if not names:
        raise UsageError(NONE_HERE)
    if embedded:
        text = (
            f"No full dataset is on this machine, so the embedded ones are used: {', '.join(names)}. "
            "For the real thing: ecgbench fetch mitdb"
        )
        tell(Notice(level="", text=text))
    return msgspec.structs.replace(study, datasets=names)


def check_present(study: Study, catalog: Catalog, data_dir: Path | None) -> None:
    """Check that nothing has to be fetched.

    Raises:
        AbsentError: something has to; the message names it.
    """
    missing = [
        name
        for name in study.datasets or ()
        if (source := catalog.dataset(name).source) and not physionet.find(source, data_dir)
    ]
    if missing:
        raise AbsentError(
            f"{', '.join(missing)}: not on this machine; the run would fetch it first. "
            "Its cells cannot be planned before that."
        )


def load_splits(
    study: Study, catalog: Catalog, data_dir: Path | None, tell: Tell
) -> tuple[data.Source, DatasetRecord, Splits]:
    """Return source, record and splits of a study's one dataset and one seed."""
    from ecgbench.harness.data.split import divided  # noqa: PLC0415 - planning needs no numpy

    sources, (record,) = prepared(study, catalog, data_dir, tell)
    return (
        sources[0],
        record,
        divided(data.windows(sources[0]), record, study.seeds[0], sources[0].spec.halves),
    )
