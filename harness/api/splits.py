"""`splits`: a dataset as the protocol divides it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from ecgbench.contracts.errors import UsageError
from ecgbench.harness.api.arguments import callback, plugin_files
from ecgbench.harness.api.datasets import load_splits
from ecgbench.harness.api.messages import silent
from ecgbench.harness.api.places import data_folder
from ecgbench.harness.api.request import request
from ecgbench.harness.cell.room import attributes_of
from ecgbench.harness.engine.submission import note_of
from ecgbench.harness.formats.beside import SPLIT
from ecgbench.harness.formats.labels import write_labels
from ecgbench.harness.formats.table import FORMATS
from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.planning.study import resolve
from ecgbench.results.store.npz import npz
from ecgbench.results.store.store import write

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from ecgbench.contracts.windows import EcgWindows, Splits
    from ecgbench.harness.api.messages import Tell
    from ecgbench.harness.api.request import Settings
    from ecgbench.harness.planning.catalog import Catalog
    from ecgbench.harness.planning.study import Study


def splits(
    dataset: str,
    seed: int = 0,
    *,
    study: str | os.PathLike[str] = "quick",
    settings: Settings = None,
    windows: int | None = None,
    plugins: Iterable[str | os.PathLike[str]] = (),
    data_dir: str | os.PathLike[str] | None = None,
    on_progress: Tell | None = None,
) -> Splits:
    """Divide a dataset as a cell with this seed does.

    A model may learn from ``train`` alone; it then draws one window for each of ``fresh.labels``, in their
    order, and `ecgbench.score` takes the windows.  ``ecgbench split`` writes the same into files.

    Args:
        dataset: its name.
        seed: a whole number from 0; its parity says which half of the people are members.
        study: a study's name or file, for its settings of the dataset.
        settings: values by ``"dataset.NAME.SETTING"``.
        windows: size of a fixed subsample, 20 or more; None for all windows.
        plugins: Python files with plugins that are not installed.
        data_dir: folder with datasets in PhysioNet's layout; None for ``ECGBENCH_DATA_DIR``, else the
            user's cache.
        on_progress: called with messages ``Fetching`` and ``Reading`` (`ecgbench.run`).

    Returns:
        ``train``, ``control``, ``auxiliary``, ``fresh`` and ``test``, each with ``signals`` (float32,
        shape (window, lead, sample), millivolts), ``labels`` and ``patients`` (int64, shape (window,)).

    Raises:
        UsageError: a name or a setting is wrong.
        DataError: the dataset cannot be fetched, read or divided.

    Example:
        >>> import ecgbench
        >>> parts = ecgbench.splits("ecgsyn", seed=0)
        >>> parts.train.signals.shape, parts.train.classes
        ((599, 1, 200), ('N', 'S', 'V', 'F'))
        >>> parts.fresh.labels.shape
        (181,)
    """
    return _divided(
        dataset, seed, callback(on_progress) or silent, study, settings, windows, plugins, data_dir
    )[2]


class Written(NamedTuple):
    """The files of a split.

    Attributes:
        splits: the whole division.
        train: path of the training windows.
        draw: path of the labels to draw.
        note: path of the note on the split; None if it is in the windows' own file.
    """

    splits: Splits
    train: Path
    draw: Path
    note: Path | None


def write_split(
    folder: Path,
    dataset: str,
    seed: int,
    *,
    form: str = "npz",
    tell: Tell,
    study: str | os.PathLike[str],
    settings: Settings,
    windows: int | None,
    plugins: Iterable[str | os.PathLike[str]],
    data_dir: str | os.PathLike[str] | None,
) -> Written:
    """Write the training windows, the labels to draw and the note on the split into a folder.

    Args:
        folder: of the files.
        dataset: as for `splits`; the same holds for all that is not named here.
        seed: of the split.
        form: a name of `ecgbench.harness.formats.table.FORMATS`.
        tell: receives messages.
        study: a study's name or file.
        settings: by full name.
        windows: size of the subsample.
        plugins: files.
        data_dir: folder of datasets.

    Raises:
        UsageError: the folder holds another split, whose note would be lost.
    """
    parts = tell, study, settings, windows, plugins, data_dir
    catalog, resolved, divided = _divided(dataset, seed, *parts)
    note = note_of(resolved, catalog, divided).to_text()
    if form != "npz":
        _check_note(folder / SPLIT, note)
    arrays = arrays_of(divided.train) | {"split": np.array(note)}
    train = FORMATS[form].write(folder, "train", arrays)
    labels = {name: arrays[name] for name in ("classes", "split")}
    labels["labels"] = divided.fresh.labels
    if form == "npz":
        write(folder / "draw.npz", npz(labels))
        return Written(divided, train, folder / "draw.npz", None)
    write_labels(folder / "draw.csv", labels)
    write(folder / SPLIT, f"{note}\n".encode())
    return Written(divided, train, folder / "draw.csv", folder / SPLIT)


def arrays_of(windows: EcgWindows) -> dict[str, NDArray[Any]]:
    """Return windows as the arrays of a file."""
    arrays: dict[str, NDArray[Any] | None] = {
        "signals": np.asarray(windows.signals),
        "labels": windows.labels,
        "patients": windows.patients,
        "records": windows.records,
        "positions": windows.positions,
        "sampling_rate": np.array(windows.sampling_rate),
        "leads": np.array(windows.leads),
        "classes": np.array(windows.classes),
    }
    return {name: array for name, array in arrays.items() if array is not None}


def _check_note(file: Path, note: str) -> None:
    """Check that no other note is lost: windows beside it would be taken for windows of this split."""
    if file.is_file() and file.read_text("utf-8", "replace").strip() != note:
        raise UsageError(
            f"{file} is the note on another split, and windows beside it would be taken for windows of "
            "this one: choose another --out"
        )


def _divided(
    dataset: str,
    seed: int,
    tell: Tell,
    study: str | os.PathLike[str],
    settings: Settings,
    windows: int | None,
    plugins: Iterable[str | os.PathLike[str]],
    data_dir: str | os.PathLike[str] | None,
) -> tuple[Catalog, Study, Splits]:
    """Return the catalog, the resolved study of one dataset and one seed, and the splits."""
    catalog = discover(plugin_files(plugins))
    wanted = request(study, datasets=[dataset], seeds=[seed], windows=windows, settings=settings)
    resolved = resolve(msgspec.structs.replace(wanted, generators=()), catalog)
    splits = load_splits(resolved, catalog, data_folder(data_dir), tell)[2]
    own = dataclasses.replace(
        splits,
        train=_of_own_people(splits.train),
        control=_of_own_people(splits.control),
        auxiliary=_of_own_people(splits.auxiliary),
        fresh=_of_own_people(splits.fresh),
        test=_of_own_people(splits.test),
    )
    return catalog, resolved, own


def _of_own_people(windows: EcgWindows) -> EcgWindows:
    """Return windows with the attributes of their own people alone, as a generator receives them."""
    return dataclasses.replace(windows, attributes=attributes_of(windows))
