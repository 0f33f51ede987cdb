"""Fits of a cell's generator on other training windows, for metrics that attack with shadow models."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from ecgbench.harness.errors import StoreError
from ecgbench.harness.fitting import Fitting, forget_fit
from ecgbench.results.npz import npz, read_npz, synthetic_digest
from ecgbench.results.store import write

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.harness.cell import Send, Task
    from ecgbench.harness.specs import GeneratorSpec
    from ecgbench.harness.windows import EcgWindows, Splits


@dataclasses.dataclass(frozen=True)
class Shadows:
    """Fits the generator of a cell anew; a fit that is finished is not done again after a kill.

    Attributes:
        task: of the cell.
        spec: of its generator.
        splits: the cell's.
        folder: where fits keep what they have; whoever owns the cell removes it.
        send: reports progress.
    """

    task: Task
    spec: GeneratorSpec
    splits: Splits
    folder: Path
    send: Send

    def __call__(self, train: EcgWindows, number: int) -> EcgWindows:
        """What the generator draws for the labels of ``fresh``, fitted on ``train``."""
        folder = self.folder / f"{number}-{synthetic_digest(train)[:12]}"
        file = folder / "synthetic.npz"
        try:
            arrays = read_npz(file, "signals", "labels")
        except StoreError:
            seed = int(
                np.random.SeedSequence([self.task.cell.seed, number, 61]).generate_state(1)[0]
            )
            cell = msgspec.structs.replace(self.task.cell, seed=seed % 2**31)
            fresh = _resampled(self.splits.fresh, np.random.default_rng(seed))
            fitting = Fitting(
                dataclasses.replace(self.task, cell=cell),
                self.spec,
                dataclasses.replace(self.splits, train=train, fresh=fresh),
                folder,
                self.send,
            )
            made, _ = fitting.fit_and_sample()
            write(file, npz({"signals": made.signals, "labels": made.labels}))
            forget_fit(folder)
            return train.synthetic(made.signals, made.labels)
        return train.synthetic(arrays["signals"], arrays["labels"])


def _resampled(fresh: EcgWindows, rng: np.random.Generator) -> EcgWindows:
    """As many windows, drawn with replacement within each label, which keep their order.

    Only a reference that returns the fresh windows themselves sees more of them than their labels.  As
    any generator it must not draw the same windows twice, or an attack has no null.
    """
    rows = np.arange(len(fresh))
    for label in np.unique(fresh.labels):
        of_label = np.flatnonzero(fresh.labels == label)
        rows[of_label] = rng.choice(of_label, len(of_label))
    return fresh.take(rows)
