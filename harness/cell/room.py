"""`Room`: the folder of a fit, and the files in which windows travel between processes."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from ecgbench.contracts.errors import StoreError
from ecgbench.contracts.windows import DTYPES, EcgWindows
from ecgbench.large import LARGE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class _About(msgspec.Struct):
    sampling_rate: float
    leads: tuple[str, ...]
    classes: tuple[str, ...]
    attributes: dict[int, dict[str, str | float]] | None


@dataclass(frozen=True)
class Room:
    """The folder of one fit, with all files of the fitting process.

    Attributes:
        folder: ``fit/`` of a cell, or one below ``shadows/``.
    """

    folder: Path

    @property
    def train(self) -> Path:
        """The training windows."""
        return self.folder / "train"

    @property
    def fresh(self) -> Path:
        """The fresh windows, for a reference row with ``draws_on_fresh``."""
        return self.folder / "fresh"

    @property
    def labels(self) -> Path:
        """The labels to draw."""
        return self.folder / "labels.npy"

    @property
    def drawn(self) -> Path:
        """The drawn windows."""
        return self.folder / "drawn"

    @property
    def model(self) -> Path:
        """The fitted models, one folder for each."""
        return self.folder / "model"

    @property
    def work(self) -> Path:
        """The generator's working folders, one for each model."""
        return self.folder / "work"

    @property
    def checkpoint(self) -> Path:
        """The generator's checkpoints, one folder for each model."""
        return self.folder / "checkpoint"

    @property
    def curve(self) -> Path:
        """The reports of the fit, a line of JSON each."""
        return self.folder / "training.jsonl"

    def furnish(
        self,
        train: EcgWindows,
        labels: NDArray[np.int64],
        fresh: EcgWindows | None = None,
        *,
        code: str,
    ) -> None:
        """Write the files for a fit; checkpoint and training curve stay if the same code left them.

        Args:
            train: the training windows.
            labels: int64, shape (window,), to draw.
            fresh: the fresh windows, for a reference row with ``draws_on_fresh``.
            code: of the generator (`PluginRecord.code`).
        """
        self.clear()
        mark = self.folder / "code.txt"
        if not mark.exists() or mark.read_text("ascii") != code:
            self.remove()
            self.folder.mkdir(parents=True)
            mark.write_text(code, "ascii")
        write_windows(self.train, train)
        if fresh is not None:
            write_windows(self.fresh, fresh)
        np.save(self.labels, labels, allow_pickle=False)

    def clear(self) -> None:
        """Remove all but the checkpoint and the training curve."""
        for folder in (self.train, self.fresh, self.drawn, self.model, self.work):
            shutil.rmtree(folder, ignore_errors=True)
        self.labels.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.folder, ignore_errors=True)


def write_windows(folder: Path, windows: EcgWindows) -> None:
    """Write windows into a folder of plain files, one for each array."""
    folder.mkdir(parents=True)
    for name in ("signals", *DTYPES):
        array = getattr(windows, name)
        if array is not None:
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
    about = _About(windows.sampling_rate, windows.leads, windows.classes, attributes_of(windows))
    (folder / "about.json").write_bytes(msgspec.json.encode(about))


def read_windows(folder: Path, *, is_trusted: bool = False) -> EcgWindows:
    """Read the windows of a folder into memory.

    Args:
        folder: made by `write_windows`.
        is_trusted: whether nobody can change the files meanwhile; large signals are then mapped.

    Raises:
        StoreError: they are not there, or damaged.
    """
    try:
        about = msgspec.json.decode((folder / "about.json").read_bytes(), type=_About)
        arrays: dict[str, Any] = {
            name: np.load(file, mmap_mode=_mode(file) if is_trusted else None, allow_pickle=False)
            for name in ("signals", *DTYPES)
            if (file := folder / f"{name}.npy").exists()
        }
        return EcgWindows(**arrays, **msgspec.structs.asdict(about))
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise StoreError(f"the windows in {folder} cannot be read: {error}") from error


def _mode(file: Path) -> Literal["r"] | None:
    return "r" if file.stat().st_size > LARGE else None


def attributes_of(windows: EcgWindows) -> dict[int, dict[str, str | float]] | None:
    """Return the attributes of the people of these windows, and of nobody else."""
    if windows.attributes is None:
        return None
    people = set(windows.patients.tolist())
    return {person: dict(told) for person, told in windows.attributes.items() if person in people}
