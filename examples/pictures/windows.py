"""Draws real windows beside those of each generator, by class.

    python examples/pictures/windows.py mitdb results --seed 0 --out windows.png

The windows of a cell are read from the store.  All windows are drawn at random by the stated seed, and
none is chosen.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

import ecgbench

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

COLUMNS = 2
"""Windows of a class."""

LARGE, SMALL = 0.2, 0.04
"""Seconds of a large and a small square of ECG paper; 0.5 and 0.1 mV."""


class Source(NamedTuple):
    """A row of the picture.

    Attributes:
        name: written beside it.
        signals: float32, shape (window, sample), mV, of the first lead.
        labels: int64, shape (window,).
    """

    name: str
    signals: NDArray[np.float32]
    labels: NDArray[np.int64]


def sources(dataset: str, store: Path, seed: int) -> tuple[list[Source], ecgbench.EcgWindows]:
    """Return the fresh real windows and those of each generator in the store, by name."""
    real = ecgbench.splits(dataset, seed=seed).control
    rows = [Source("real", real.signals[:, 0], real.labels)]
    for file in sorted(store.glob(f"cells/{dataset}/*/seed-{seed}-*/synthetic.npz")):
        generator = file.parts[-3]
        if generator not in {"real", "copy", "noisy-copy", "gaussian-noise"}:
            with np.load(file) as windows:
                rows.append(Source(generator, windows["signals"][:, 0], windows["labels"]))
    return rows, real


def draw(rows: list[Source], real: ecgbench.EcgWindows, seed: int, out: Path) -> None:
    """Write the picture.

    Args:
        rows: of the picture, from above.
        real: for the sampling rate and the names of the classes.
        seed: draws the windows.
        out: a file of any format that matplotlib writes.
    """
    rng = np.random.default_rng(seed)
    time = np.arange(real.length) / real.sampling_rate
    shown = np.unique(real.labels)
    figure = Figure(figsize=(10, 1.15 * len(rows) + 0.4), dpi=100, layout="constrained")
    axes = figure.subplots(len(rows), COLUMNS * len(shown), sharex=True, sharey=True)
    for number, (line, row) in enumerate(zip(axes, rows, strict=True)):
        for place, axis in enumerate(line):
            label = shown[place // COLUMNS]
            own = np.flatnonzero(row.labels == label)
            if len(own):
                axis.plot(time, row.signals[rng.choice(own)], color="black", linewidth=0.8)
            if number == 0:
                axis.set_title(f"class {real.classes[label]}", fontsize=9)
            paper(axis)
        line[0].set_ylabel(row.name, rotation=0, ha="right", va="center", fontsize=9)
    axes[0, 0].set_ylim(*np.quantile(rows[0].signals, [0.0005, 0.9995]))
    axes[0, 0].set_xlim(time[0], time[-1])
    figure.savefig(out)


def paper(axis: Axes) -> None:
    """Draw the squares of ECG paper: 40 ms by 0.1 mV, each fifth line strong."""
    axis.xaxis.set(major_locator=MultipleLocator(LARGE), minor_locator=MultipleLocator(SMALL))
    axis.yaxis.set(major_locator=MultipleLocator(0.5), minor_locator=MultipleLocator(0.1))
    axis.grid(which="major", color="#f2b8b5", linewidth=0.5)
    axis.grid(which="minor", color="#fbe4e2", linewidth=0.3)
    axis.tick_params(which="both", length=0, labelbottom=False, labelleft=False)
    for side in axis.spines.values():
        side.set_visible(False)


def main() -> None:
    """Draw the windows of one dataset and seed."""
    parser = argparse.ArgumentParser(description="Draw real and synthetic windows by class.")
    parser.add_argument("dataset")
    parser.add_argument("store", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("windows.png"))
    asked = parser.parse_args()
    draw(*sources(asked.dataset, asked.store, asked.seed), asked.seed, asked.out)


if __name__ == "__main__":
    main()
