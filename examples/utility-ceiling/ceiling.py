"""How well a classifier of real windows tells classes in unseen people.

    python examples/utility-ceiling/ceiling.py --data-dir DIR --out ceiling.json

This is TRTR of `cross-classification` and its like on `mitdb`: trained on as many windows of ``train`` as a
generator is asked for, tested on all windows of the unseen people.  No generator is expected to beat it, and
no utility can show more.  Rows are classifiers, for the default window of a second to either side of the R
peak, with the beats before and after; for the beat alone; for .8 s to either side; and for the default window
at a higher rate.

Prints, for each fold, the mean over seeds of macro-F1 over N, S and V, with its least and largest value, and
sensitivity and positive predictivity of S and V, as the literature on AAMI classes reports them.
"""

# ruff: noqa: T201 - it is a program

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.metrics import precision_recall_fscore_support

import ecgbench
from ecgbench.metrics.utility import BoostingConfig, CrossClassificationConfig, LinearConfig
from ecgbench.metrics.utility.boosting import Boosting
from ecgbench.metrics.utility.draw import real_like_synthetic
from ecgbench.metrics.utility.linear import Linear
from ecgbench.nn import Classifier, ClassifierConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecgbench import Splits
    from ecgbench.metrics.utility.experiments import Model

HEADLINE = ("N", "S", "V")

WINDOWS: dict[str, dict[str, float]] = {
    "default": {},
    "one-beat": {"sampling_rate": 125.0, "length": 128, "r_sample": 48},
    "0.8-s": {"length": 160, "r_sample": 80},
    "125-hz": {"sampling_rate": 125.0, "length": 256, "r_sample": 128},
}
"""Settings of the dataset mitdb."""


def network(seed: int, *, distorted: bool) -> Model:
    """The network of `cross-classification`."""
    of = CrossClassificationConfig()
    distortion = {"gain": of.gain, "stretch": of.stretch, "shift": of.shift} if distorted else {}
    return Classifier(1, 4, ClassifierConfig(steps=of.steps, **distortion), seed=seed)


MODELS: dict[str, Callable[[int], Model]] = {
    "linear": lambda seed: Linear(4, LinearConfig(), seed=seed),
    "boosting": lambda seed: Boosting(4, BoostingConfig(), seed=seed),
    "network-undistorted": lambda seed: network(seed, distorted=False),
    "network": lambda seed: network(seed, distorted=True),
}


def ceiling(splits: Splits, model: Model, seed: int) -> dict[str, Any]:
    """Train on real windows, test on unseen people."""
    drawn = real_like_synthetic(splits, seed)
    began = time.perf_counter()
    model.fit(drawn.signals, drawn.labels)
    fitted = time.perf_counter()
    said = model.probabilities(splits.test.signals).argmax(axis=1)
    ended = time.perf_counter()
    precision, recall, f1, _ = precision_recall_fscore_support(
        splits.test.labels, said, labels=np.arange(4), zero_division=0
    )
    by_class = {
        label: {"f1": f1[c], "sensitivity": recall[c], "positive-predictivity": precision[c]}
        for c, label in enumerate(splits.test.classes)
    }
    return {
        "macro-f1": float(np.mean([by_class[label]["f1"] for label in HEADLINE])),
        "classes": {k: {m: float(v) for m, v in of.items()} for k, of in by_class.items()},
        "fit-seconds": fitted - began,
        "test-seconds": ended - fitted,
    }


def row(window: str, name: str, found: list[dict[str, Any]]) -> str:
    """A row of the table: one classifier in one fold."""
    values = [each["macro-f1"] for each in found]
    cells = [window, name, str(found[0]["fold"]), f"{np.mean(values):.2f}"]
    cells.append(f"{min(values):.2f} to {max(values):.2f}")
    for label in HEADLINE:
        of = [each["classes"][label] for each in found]
        mean = {key: np.mean([each[key] for each in of]) for key in of[0]}
        cells.append(
            f"{mean['f1']:.2f} ({100 * mean['sensitivity']:.0f}, "
            f"{100 * mean['positive-predictivity']:.0f})"
        )
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Train, test, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir", type=Path, required=True, help="of PhysioNet databases")
    parser.add_argument("--seeds", type=int, default=6, help="even: fold 0, odd: fold 1")
    parser.add_argument("--count", type=int, help="of windows, of a subsample of the dataset")
    parser.add_argument("--windows", nargs="+", choices=WINDOWS, default=list(WINDOWS))
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--out", type=Path, default=Path("ceiling.json"))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    print("| window | classifier | fold | macro-F1 | seeds | N | S | V |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    results = []
    for window in asked.windows:
        settings = {f"dataset.mitdb.{name}": value for name, value in WINDOWS[window].items()}

        def splits(seed: int, settings: dict[str, float] = settings) -> Splits:
            return ecgbench.splits(
                "mitdb", seed, settings=settings, windows=asked.count, data_dir=asked.data_dir
            )

        for name in asked.models:
            of_model = [
                {"window": window, "model": name, "seed": seed, "fold": seed % 2}
                | ceiling(splits(seed), MODELS[name](seed), seed)
                for seed in range(asked.seeds)
            ]
            for fold in (0, 1):
                of_fold = [each for each in of_model if each["fold"] == fold]
                if of_fold:
                    print(row(window, name, of_fold), flush=True)
            results += of_model
            asked.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
