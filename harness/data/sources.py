"""Finds the datasets of a study on this machine, and reads them into the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecgbench.contracts.config import as_dict
from ecgbench.contracts.errors import DataError
from ecgbench.environment import cores
from ecgbench.harness.data import cache as data
from ecgbench.harness.data import physionet
from ecgbench.harness.isolation import process
from ecgbench.harness.isolation.messages import Exit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ecgbench.harness.planning.catalog import Catalog
    from ecgbench.harness.planning.study import Study
    from ecgbench.results.store.records import DatasetRecord


def default_datasets(catalog: Catalog, data_dir: Path | None) -> tuple[tuple[str, ...], bool]:
    """Return the full datasets on this machine; without any, the embedded ones; none that is costly.

    Of several datasets from one database, the first by name is taken.  A dataset that nobody has
    verified must be asked for.

    Returns:
        their names, and whether they are the embedded ones.
    """
    entries = catalog.of_kind("dataset")
    specs = [catalog.dataset(name) for name in dict.fromkeys(e.spec.name for e in entries)]
    specs = [spec for spec in specs if not spec.costly]
    full: dict[str, str] = {}
    for spec in specs:
        if spec.source and spec.verified and physionet.find(spec.source, data_dir):
            full.setdefault(spec.source.slug, spec.name)
    if full:
        return tuple(full.values()), False
    return tuple(s.name for s in specs if s.source is None), True


def locate(
    study: Study,
    catalog: Catalog,
    data_dir: Path | None,
    fetch: Callable[[str], Path],
) -> list[data.Source]:
    """Return the sources of a resolved study's datasets, with their folders.

    Args:
        study: it names its datasets.
        catalog: of plugins.
        data_dir: the user's folder of datasets.
        fetch: called with the name of an absent dataset; returns its folder.
    """
    sources = []
    for name in study.datasets or ():
        spec = catalog.dataset(name)
        folder = None
        if spec.source is not None:
            folder = physionet.find(spec.source, data_dir) or fetch(name)
        sources.append(data.Source(catalog.entry("dataset", name), study.settings(spec), folder))
    return sources


def prepare(
    sources: list[data.Source],
    windows: int | None,
    plugin_files: tuple[str, ...],
    limits: process.Limits | None = None,
    *,
    nested: int | None = None,
) -> list[DatasetRecord]:
    """Read each dataset into the cache if need be, in its own process; return the datasets' records.

    Args:
        sources: from `locate`.
        windows: size of the subsample; None for all.
        plugin_files: given with ``--plugin``.
        limits: of each process; None for all of this machine.
        nested: seed of the split whose training windows alone are used; None for all windows.

    Raises:
        DataError: a dataset cannot be read; the message names it, and the record if there is one.
    """
    records = []
    limits = limits or process.Limits(threads=cores())
    for source in sources:
        if not data.is_prepared(source):
            arguments = (source.spec.name, as_dict(source.config), source.folder, plugin_files)
            to = data.folder(source)
            for message in process.call(data.prepare_in_process, *arguments, to, limits=limits):
                if isinstance(message, Exit) and message.reason:
                    raise DataError(_with_name(source.spec.name, message.reason))
        records.append(data.record(source, windows, nested))
    return records


def _with_name(name: str, text: str) -> str:
    return text if name in text else f"dataset {name}: {text}"
