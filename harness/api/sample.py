"""`sample`: synthetic windows of a finished cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from ecgbench.contracts.canonical import restored
from ecgbench.contracts.errors import EcgbenchError, UsageError
from ecgbench.contracts.sampling import stratified
from ecgbench.harness.api.arguments import plugin_files
from ecgbench.harness.api.places import data_folder, store_at
from ecgbench.harness.api.splits import arrays_of
from ecgbench.harness.cell.more import draw_more
from ecgbench.harness.data.originals import Originals
from ecgbench.harness.formats.table import FORMATS
from ecgbench.harness.formats.wfdb import gain
from ecgbench.harness.planning.catalog import discover
from ecgbench.results.exchange.provenance import provenance
from ecgbench.results.store.npz import read_npz, synthetic_digest
from ecgbench.results.store.store import write

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from ecgbench.contracts.windows import EcgWindows
    from ecgbench.harness.planning.catalog import Catalog
    from ecgbench.results.store.records import CellRecord
    from ecgbench.results.store.store import Store

NOTE = "PROVENANCE.txt"

TITLE = "Made with ecgbench, the benchmark harness for synthetic ECG."

WARNING = (
    "A model can give its training patients away: read the privacy scores of the cell before sharing the "
    "windows, and obey the licence of the data."
)


def sample(
    cell: str,
    n: int | None = None,
    *,
    seed: int = 0,
    plugins: Iterable[str | os.PathLike[str]] = (),
    data_dir: str | os.PathLike[str] | None = None,
    store: str | os.PathLike[str] | None = None,
) -> EcgWindows:
    """Return synthetic windows of a finished cell, as they were scored.

    ``ecgbench sample`` writes the same windows into files, with a note on their origin.

    Args:
        cell: its name with or without its key, for example ``"mitdb/gmm/seed-0"``.
        n: number of windows, with every class in its proportion; None for all of the cell.  Fewer than
            it has are a choice of them, in their order.  More are drawn from its fitted model, which
            ``keep_models`` keeps (`ecgbench.run`), and none of these are the cell's.
        seed: of the drawing from a model.
        plugins: Python files with plugins that are not installed.
        data_dir: folder with datasets in PhysioNet's layout; None for ``ECGBENCH_DATA_DIR``, else the
            user's cache.
        store: folder of finished cells; None for ``ECGBENCH_STORE``, else ``./ecgbench-results``.

    Returns:
        ``signals`` (float32, shape (window, lead, sample), millivolts) and ``labels`` (int64, shape
        (window,)); ``patients`` are −1, of a reference row too.

    Raises:
        UsageError: there is no such cell, it has fewer windows and no model, or they are patients' own.
        DataError: its dataset is not on this machine, or is another one here.
        StoreError: the store cannot be read.

    Example:
        >>> import ecgbench
        >>> run = ecgbench.run(
        ...     generators=["gmm"], datasets=["ecgsyn"], metrics=["mmd"], seeds=[0], study="smoke",
        ...     references=False,
        ... )
        >>> windows = ecgbench.sample("ecgsyn/gmm/seed-0", n=20)
        >>> windows.signals.shape, windows.classes
        ((20, 1, 200), ('N', 'S', 'V', 'F'))
    """
    catalog = discover(plugin_files(plugins))
    originals = Originals(catalog, data_folder(data_dir))
    return windows_of(store_at(store), cell, n, originals, seed)


def windows_of(
    store: Store, cell: str, n: int | None, originals: Originals, seed: int = 0
) -> EcgWindows:
    """Return synthetic windows of a cell.

    Args:
        store: of the cell.
        cell: its name with or without its key.
        n: number of windows; None for all that are stored.
        originals: the datasets of this machine.
        seed: of the drawing from a model.

    Raises:
        UsageError: there is no such cell, it has fewer windows and no model, or they are patients' own.
        DataError: its dataset is not on this machine, or is another one here.
        StoreError: the windows cannot be read.
    """
    if n is not None and n < 1:
        raise UsageError(f"n = {n}: a number of windows from 1 is wanted")
    record = _ended(store, store.find(cell))
    windows = _stored(store, record, originals)
    if n is None or n == len(windows):
        return windows
    rng = np.random.default_rng(record.cell.seed)
    if n < len(windows):
        return windows.take(stratified(windows.labels, n, rng))
    if not record.model:
        raise UsageError(
            f"{record.cell.name} holds {len(windows)} windows, and {n} are asked for: the store has no "
            "fitted model to draw more (ecgbench run --keep-models keeps one)"
        )
    whole, rest = divmod(n, len(windows))
    rows = stratified(windows.labels, rest, rng) if rest else np.arange(0)
    labels = np.concatenate([np.tile(windows.labels, whole), windows.labels[rows]])
    if (damaged := store.damage(record.cell.name)) is not None:
        raise UsageError(f"{damaged} is damaged; ecgbench run --verify sets it aside")
    model = store.folder(record.cell.name) / "model"
    files = originals.catalog.files
    drawn = draw_more(record, model, windows, labels, seed=seed, plugin_files=files)
    _check_own(record, drawn, originals)
    return drawn


def _ended(store: Store, name: str) -> CellRecord:
    """Return the record of a cell with windows."""
    record = store.cell(name)
    assert record is not None
    if record.status != "ok":
        raise UsageError(f"{name} has no windows: it {record.status} ({record.reason})")
    if not record.stored and not record.reference:
        raise UsageError(
            f"the windows of {name} did not come with it (docs/exchange.md); ecgbench reproduce makes the "
            "cell again"
        )
    return record


def _stored(store: Store, record: CellRecord, originals: Originals) -> EcgWindows:
    """Return all stored windows of a cell; of a reference row those of the dataset at its indices."""
    name, dataset = record.cell.name, record.cell.dataset
    free = originals.is_redistributable(dataset)
    if record.reference and not free:
        raise UsageError(
            f"{name} is a reference row of {dataset.name}: its windows are patients' own or made of "
            f"them, and {dataset.name} may not be redistributed, as far as is known here"
        )
    windows = kept_windows(store, record, originals.windows(dataset))
    _check_own(record, windows, originals)
    return windows


def kept_windows(store: Store, record: CellRecord, real: EcgWindows) -> EcgWindows:
    """Return the windows in the store; of a reference row those of the dataset at its indices.

    Args:
        store: of the cell.
        record: of the cell.
        real: all windows of its dataset.

    Raises:
        UsageError: the store does not keep them, or keeps others.
        StoreError: they cannot be read.
    """
    name = record.cell.name
    file = store.folder(name) / "synthetic.npz"
    if record.reference:
        arrays = read_npz(file, "labels")
        signals = None if "indices" not in arrays else _at(real, arrays["indices"])
    else:
        arrays = read_npz(file, "signals", "labels")
        signals = arrays["signals"]
    windows = None if signals is None else real.synthetic(signals, arrays["labels"])
    if windows is None or synthetic_digest(windows) != record.synthetic:
        if record.reference:
            raise UsageError(f"{name} is a reference row, and the store does not keep its windows")
        raise UsageError(
            f"{file} does not hold the windows of the cell's record: ecgbench run --verify"
        )
    return windows


def _check_own(record: CellRecord, windows: EcgWindows, originals: Originals) -> None:
    """Check that no window is a real one of a dataset that may not be redistributed."""
    dataset = record.cell.dataset
    if originals.is_redistributable(dataset):
        return
    if copies := int((originals.rows(dataset, windows.signals) >= 0).sum()):
        raise UsageError(
            f"{copies} of the {len(windows)} windows of {record.cell.name} are real windows of "
            f"{dataset.name}, which may not be redistributed, as far as is known here"
        )


def _at(real: EcgWindows, indices: NDArray[Any]) -> NDArray[np.float32] | None:
    """Return the windows at stored indices; None if these are none."""
    if indices.ndim != 1 or indices.dtype.kind != "i" or not len(indices):
        return None
    if indices.min() < 0 or indices.max() >= len(real):
        return None
    return np.asarray(real.signals[indices])


def write_sample(
    folder: Path,
    cell: str,
    n: int | None,
    *,
    seed: int = 0,
    form: str,
    plugins: Iterable[str | os.PathLike[str]],
    data_dir: str | os.PathLike[str] | None,
    store: str | os.PathLike[str] | None,
) -> tuple[Path, EcgWindows]:
    """Write windows of a cell into a new folder, with a note on their origin; return their path.

    The same cell gives the same bytes.  The other arguments are those of `sample`.

    Args:
        folder: absent or empty.
        cell: its name.
        n: number of windows.
        seed: of the drawing from a model.
        form: a name of `ecgbench.harness.formats.table.FORMATS`.
        plugins: files.
        data_dir: folder of datasets.
        store: folder of finished cells.

    Raises:
        UsageError: the folder holds something.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already, with something in it: name a new folder")
    catalog = discover(plugin_files(plugins))
    originals = Originals(catalog, data_folder(data_dir))
    cells = store_at(store)
    windows = windows_of(cells, cell, n, originals, seed)
    arrays = arrays_of(windows)
    del arrays["patients"]
    path = FORMATS[form].write(folder, "synthetic", arrays)
    record = cells.cell(cells.find(cell))
    assert record is not None
    note = _note(record, windows, catalog, cells, seed)
    copies = int((originals.rows(record.cell.dataset, windows.signals) >= 0).sum())
    note += f"equal to windows of patients: {copies} of {len(windows)}\n"
    if form == "wfdb":
        step = 1 / gain(windows.signals)
        note += f"samples: 16-bit whole numbers of {step:g} mV, kept to half of that\n"
    write(folder / NOTE, note.encode())
    return path, windows


def _note(
    record: CellRecord, windows: EcgWindows, catalog: Catalog, store: Store, seed: int
) -> str:
    """Return the text on the origin of a cell's windows; it has no times, so it stays the same."""
    cell = record.cell
    kind = "windows of a reference row" if record.reference else "synthetic windows"
    is_more = len(windows) > record.sizes.get("fresh", len(windows))
    drawn = (
        f"from the cell's fitted model, seed {seed} of the drawing" if is_more else "with the cell"
    )
    facts = {
        "content": f"{len(windows)} {kind}",
        "windows": f"{', '.join(windows.leads)}; {windows.length} samples at {windows.sampling_rate:g} Hz; mV",
        "by class": ", ".join(
            f"{name} {int((windows.labels == at).sum())}" for at, name in enumerate(windows.classes)
        ),
        "digest": f"{synthetic_digest(windows)} (SHA-256 of signals and labels)",
        "cell": cell.name,
        "drawn": drawn,
        "digest of the cell": record.synthetic,
        "generator": f"{cell.generator.name} version {cell.generator.version} from {cell.generator.origin}",
        "settings of the generator": _settings(cell.generator.settings),
        "seed": str(cell.seed),
        "fitted on": f"train of dataset {cell.dataset.name} version {cell.dataset.version}, fold {record.fold}",
        "settings of the dataset": _settings(cell.dataset.settings),
        "data": f"{cell.dataset.digest} (SHA-256)",
        "licence of the data": _licence(cell.dataset.name, catalog),
    }
    if cell.submitted:
        facts["generator"] = f"{cell.generator.name}: made elsewhere, and submitted"
        del facts["settings of the generator"]
    for source in provenance(store, cell.name):
        facts[f"archive {source.archive[:12]}"] = f"made by {source.who or 'somebody unnamed'}"
    lines = [f"{name}: {' '.join(value.split())}" for name, value in facts.items()]
    return "\n".join([TITLE, *lines, WARNING, ""])


def _settings(settings: dict[str, object]) -> str:
    text = msgspec.json.encode(restored(settings), order="sorted", enc_hook=str)
    return text.decode()


def _licence(name: str, catalog: Catalog) -> str:
    try:
        spec = catalog.dataset(name)
    except EcgbenchError:
        return "unknown here, for its plugin is not installed"
    source = f", {spec.source.slug} {spec.source.version} on PhysioNet" if spec.source else ""
    return f"{spec.licence}{source}; {spec.citation or 'no citation'}"
