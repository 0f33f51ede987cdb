"""Fits of a cell's generator on other training windows, for metrics that attack with shadow models."""

from __future__ import annotations

import dataclasses
import shutil
import time
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from ecgbench.contracts.errors import PluginError, Skip
from ecgbench.contracts.streams import CellStream
from ecgbench.harness.cell.messages import FitWanted
from ecgbench.harness.cell.room import Room, read_windows
from ecgbench.results.store.npz import synthetic_digest

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.contracts.specs import GeneratorSpec
    from ecgbench.contracts.windows import EcgWindows, Splits
    from ecgbench.harness.cell.messages import Send
    from ecgbench.harness.cell.task import Task

SHADOWS = "shadows"
"""Folder of a cell for fits on other training windows, while a metric needs them."""

LOOK_EVERY = 0.02
"""Seconds between two looks at whether a fit has refit."""


class Refit(msgspec.Struct, frozen=True):
    """``refit.json`` in the folder of a fit: the end of a fit for a metric.

    Attributes:
        status: ``ok``, ``skipped`` or ``failed``.
        reason: why it was skipped or failed.
    """

    status: str
    reason: str = ""

    @staticmethod
    def file(folder: Path) -> Path:
        """Return its path."""
        return folder / "refit.json"

    def write(self, folder: Path) -> None:
        """Write it into the folder of a fit, at once."""
        temporary = folder / ".refit.tmp"
        temporary.write_bytes(msgspec.json.encode(self))
        temporary.replace(self.file(folder))


@dataclasses.dataclass(frozen=True)
class Shadows:
    """Asks for fits of a cell's generator; a finished fit is not done again after a kill.

    The fit happens in a process of its own, as the cell's does: the process of the metrics knows all
    windows, and a generator may see ``train`` alone.

    Attributes:
        task: of the cell.
        spec: of its generator.
        splits: the cell's.
        folder: of all these fits.
        send: is told `FitWanted`; the engine then fits, and writes a `Refit`.
    """

    task: Task
    spec: GeneratorSpec
    splits: Splits
    folder: Path
    send: Send

    def __call__(self, train: EcgWindows, number: int) -> EcgWindows:
        """Return windows for the labels of ``fresh``, drawn after a fit on ``train``.

        Args:
            train: other training windows.
            number: of the fit; seeds it together with the cell's seed.

        Raises:
            Skip: the generator does not apply to these windows.
            PluginError: the generator failed.
        """
        code = self.task.cell.generator.code
        room = Room(self.folder / f"{number}-{synthetic_digest(train)[:12]}-{code}")
        if not Refit.file(room.folder).exists():
            state = np.random.SeedSequence(
                [self.task.cell.seed, number, CellStream.SHADOW]
            ).generate_state(1)
            seed = int(state[0])
            fresh = _resampled(self.splits.fresh, np.random.default_rng(seed))
            given = fresh if self.spec.draws_on_fresh else None
            room.furnish(train, fresh.labels, given, code=code)
            self.send(FitWanted(str(room.folder), seed % 2**31))
            while not Refit.file(room.folder).exists():
                time.sleep(LOOK_EVERY)
        refit = msgspec.json.decode(Refit.file(room.folder).read_bytes(), type=Refit)
        if refit.status == "skipped":
            raise Skip(f"its generator does not apply to fewer windows: {refit.reason}")
        if refit.status != "ok":
            shutil.rmtree(room.folder, ignore_errors=True)
            raise PluginError(f"its generator failed on other training windows: {refit.reason}")
        drawn = read_windows(room.drawn)
        return train.synthetic(drawn.signals, drawn.labels)


def _resampled(fresh: EcgWindows, rng: np.random.Generator) -> EcgWindows:
    """Return as many windows, drawn with replacement within each label; labels keep their order.

    A reference row may return the fresh windows themselves.  As any generator it must not draw the same
    windows twice, or an attack has no null.
    """
    rows = np.arange(len(fresh))
    for label in np.unique(fresh.labels):
        of_label = np.flatnonzero(fresh.labels == label)
        rows[of_label] = rng.choice(of_label, len(of_label))
    return fresh.take(rows)
