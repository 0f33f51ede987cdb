"""`report`: a static site of a store's boards."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from ecgbench.contracts.errors import EcgbenchError
from ecgbench.harness.api.arguments import check, path, plugin_files
from ecgbench.harness.api.places import data_folder, store_at
from ecgbench.harness.api.sample import kept_windows
from ecgbench.harness.data.originals import Originals
from ecgbench.harness.planning.cards import card
from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.planning.facts import facts
from ecgbench.results.board.plans import named
from ecgbench.results.site.content import Cards, content
from ecgbench.results.site.write import write_site
from ecgbench.results.store.track import untracked

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from pathlib import Path

    from ecgbench.harness.planning.catalog import Catalog, Entry
    from ecgbench.results.site.write import Draw
    from ecgbench.results.store.store import Store
    from ecgbench.results.store.track import Track


def report(
    out: str | os.PathLike[str],
    store: str | os.PathLike[str] | None = None,
    *,
    dataset: str | None = None,
    study: str | None = None,
    plugins: Iterable[str | os.PathLike[str]] = (),
    data_dir: str | os.PathLike[str] | None = None,
    track: Track = untracked,
) -> Path:
    """Write a static site of the boards of a store; return its ``index.html``.

    ``ecgbench report`` writes the same site.  It opens from disk and from any web server, and requests
    nothing from elsewhere.  Pictures are copied only if the dataset may be redistributed.  A row whose
    cells have none gets them if its dataset is on this machine.

    Args:
        out: folder of the site; absent, empty, or an earlier site, whose files are replaced.
        store: folder of finished cells; None for ``ECGBENCH_STORE``, else ``ecgbench-results``.
        dataset: only boards of this dataset.
        study: only boards of studies with this name.
        plugins: Python files with plugins that are not installed.
        data_dir: folder with datasets in PhysioNet's layout; None for ``ECGBENCH_DATA_DIR``, else the
            user's cache.
        track: given items and their meaning, returns the items: for a progress bar.

    Raises:
        UsageError: there is no board of this dataset or study, or the folder holds something else.
        StoreError: a record cannot be read, or a file cannot be written.

    Example:
        >>> import ecgbench
        >>> _ = ecgbench.run("pca-gaussian", "mitdb-208", "mmd", [0], study="smoke")
        >>> ecgbench.report("site").name
        'index.html'
    """
    check(dataset=dataset, study=study)
    cells = store_at(store)
    groups = named(cells, dataset, study)
    files = plugin_files(plugins)
    catalog = discover(files)
    chosen = {"--dataset": dataset, "--study": study}
    options = [f"{option} {shlex.quote(name)}" for option, name in chosen.items() if name]
    made = content(
        cells,
        facts(catalog),
        cards(catalog),
        groups,
        command=" ".join(["ecgbench report --out site", *options]),
        track=track,
    )
    return write_site(made, cells, path("out", out), _drawer(cells, catalog, data_dir))


def _drawer(store: Store, catalog: Catalog, data_dir: str | os.PathLike[str] | None) -> Draw:
    """Return a function that draws the pictures of a cell; none without its dataset or its windows."""
    originals = Originals(catalog, data_folder(data_dir))

    def draw(name: str) -> dict[str, bytes]:
        from ecgbench.harness.cell.pictures import pictures_of  # noqa: PLC0415 - most cells have them
        from ecgbench.harness.data.split import divided  # noqa: PLC0415 - as above

        record = store.cell(name)
        if record is None:
            return {}
        cell = record.cell
        try:
            spec = catalog.dataset(cell.dataset.name)
            everything = originals.windows(cell.dataset)
            windows = kept_windows(store, record, everything)
            splits = divided(everything, cell.dataset, cell.seed, spec.halves)
        except EcgbenchError:
            return {}
        return pictures_of(cell, windows, splits, spec, reference=record.reference)[0]

    return draw


def cards(catalog: Catalog) -> Cards:
    """Return the cards of the installed plugins; of a name that two claim there is none."""
    of: dict[str, dict[str, Any]] = {"generator": {}, "dataset": {}, "metric": {}}
    for (kind, name), found in catalog.entries.items():
        if len(found) == 1:
            of[kind][name] = card(found[0]) | {"suite": _suite(found[0])}
    return Cards(of)


def _suite(entry: Entry) -> str:
    """Return the suite of a plugin: the folder of its code, or a stranger's distribution."""
    built_in = entry.origin.built_in and entry.origin.module
    return entry.origin.module.rpartition(".")[2] if built_in else entry.origin.distribution
