"""Draws learning curves of ``curves.py``, one panel for each score.

    python examples/timegan-ecg/plot.py curves/*.json --out curves.png

The dashed lines are the scores of the fresh real windows on the same splits, one for each seed.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

PANELS = {
    ("mmd", "value"): "mmd (lower is better)",
    ("cross-classification", "value"): "cross-classification (higher)",
    ("discriminative", "value"): "discriminative (lower)",
    ("diversity", "value"): "deviation within classes / control's (1)",
    ("diversity", "plane"): "overlap in the plane of two PCs (1)",
}

SECONDS = {"fit_seconds": "seconds of the fit", "fit_cpu_seconds": "processor seconds of the fit"}


def draw(curves: dict[str, dict[str, Any]], out: Path, x: str) -> None:
    """Write the picture.

    Args:
        curves: files of ``curves.py``, by their name in the legend.
        out: a file of any format that matplotlib writes.
        x: ``"iteration"`` or one of `SECONDS`.
    """
    figure, axes = plt.subplots(2, 3, figsize=(15, 8), layout="constrained")
    shown = [
        panel for panel in PANELS if all(panel[0] in curve["real"] for curve in curves.values())
    ]
    for axis, (metric, part) in zip(axes.flat[:5], shown, strict=False):
        for name, curve in curves.items():
            places = [point[x] for point in curve["curve"]]
            values = [point["scores"][metric][part] for point in curve["curve"]]
            axis.plot(places, values, marker=".", label=name)
        for real in {curve["real"][metric][part] for curve in curves.values()}:
            axis.axhline(real, color="black", linestyle="--", label="fresh real windows")
        if metric == "mmd":
            axis.set_yscale("symlog", linthresh=0.01)
            axis.set_ylim(bottom=-0.01)
        axis.set_title(PANELS[metric, part])
        axis.set_xlabel(SECONDS.get(x, "joint iterations"))
    for axis in axes.flat[len(shown) :]:
        axis.axis("off")
    handles, names = axes.flat[0].get_legend_handles_labels()
    legend = dict(zip(names, handles, strict=True))  # the real windows of several seeds once
    axes.flat[5].legend(legend.values(), legend, loc="center")
    figure.savefig(out, dpi=120)
    plt.close(figure)


def main() -> None:
    """Read, draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=Path("curves.png"))
    parser.add_argument("--x", choices=("iteration", *SECONDS), default="iteration")
    asked = parser.parse_args()
    mpl.use("agg")
    curves = {file.stem: json.loads(file.read_text()) for file in asked.files}
    draw(curves, asked.out, asked.x)


if __name__ == "__main__":
    main()
