"""Finds real windows among others, and tells whether a dataset may be redistributed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench.contracts.errors import DataError, EcgbenchError
from ecgbench.harness.data import cache as data
from ecgbench.harness.data.same import is_flat, same_windows
from ecgbench.harness.data.sources import locate, prepare
from ecgbench.harness.planning.study import Study

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ecgbench.contracts.windows import EcgWindows
    from ecgbench.harness.planning.catalog import Catalog
    from ecgbench.results.store.records import DatasetRecord


class Originals:
    """The real windows of the datasets on this machine.

    Args:
        catalog: of plugins.
        data_dir: the user's folder of datasets.
    """

    def __init__(self, catalog: Catalog, data_dir: Path | None) -> None:
        self.catalog = catalog
        self.data_dir = data_dir
        self._windows: dict[str, EcgWindows | str] = {}

    def is_redistributable(self, dataset: DatasetRecord) -> bool:
        """Return whether the dataset's plugin allows it; False if the plugin is not installed."""
        try:
            return self.catalog.dataset(dataset.name).redistributable
        except EcgbenchError:
            return False

    def rows(self, dataset: DatasetRecord, signals: NDArray[np.float32]) -> NDArray[np.int64]:
        """Find for each window the equal real one, within 1 µV in each sample.

        Args:
            dataset: as a cell used it.
            signals: float32, shape (window, lead, sample), mV.

        Returns:
            int64, shape (window,): the row of the first equal window of the dataset; −1 for none,
            and for each flat window.

        Raises:
            DataError: the dataset is absent, is another one here, or has windows of another shape.
        """
        try:
            real = self.windows(dataset).signals
        except EcgbenchError as error:
            raise DataError(f"they cannot be compared with the real ones: {error}") from None
        if signals.shape[1:] != real.shape[1:]:
            raise DataError(f"they are of shape {signals.shape[1:]}, real ones of {real.shape[1:]}")
        rows = np.full(len(signals), -1, dtype=np.int64)
        varied = ~is_flat(signals)
        rows[varied] = same_windows(signals[varied], real)
        return rows

    def windows(self, dataset: DatasetRecord) -> EcgWindows:
        """Return all windows of a dataset, as a cell used it; a failure is kept too, for it takes as long.

        Raises:
            DataError: the dataset is absent, or is another one here.
        """
        if dataset.key not in self._windows:
            try:
                self._windows[dataset.key] = self._read(dataset)
            except EcgbenchError as error:
                self._windows[dataset.key] = str(error)
        windows = self._windows[dataset.key]
        if isinstance(windows, str):
            raise DataError(windows)
        return windows

    def _read(self, dataset: DatasetRecord) -> EcgWindows:
        def absent(name: str) -> Path:
            raise DataError(
                f"dataset {name} is not on this machine: ecgbench fetch {name}, or --data-dir"
            )

        study = Study(datasets=(dataset.name,), dataset={dataset.name: dataset.settings})
        sources = locate(study, self.catalog, self.data_dir, absent)
        (here,) = prepare(sources, dataset.windows, self.catalog.files, nested=dataset.nested)
        if here.key != dataset.key:
            raise DataError(f"dataset {dataset.name} is another here than it was for the cell")
        return data.read(data.folder(sources[0]))
