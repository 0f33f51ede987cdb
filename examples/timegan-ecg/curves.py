"""Learning curve of TimeGAN on ECG: the scores of its samples in the course of the joint phase.

One fit, on the splits and with the labels of a cell of the benchmark, draws samples on the way.  They are
scored with the registered metrics; the fit draws the same random numbers as without, and so ends with the
weights of the cell.

    python examples/timegan-ecg/curves.py --data-dir DIR --set hidden=48 --set noise=gaussian --out curves/

The result is ``--out``/seed-N-SETTINGS.json, written anew after each point: settings, the seconds of the
fit alone, the scores at each point, and those of the fresh real windows (`real`); no generator should be
expected to surpass them.  ``plot.py`` draws several of them.
"""

# ruff: noqa: T201 - it is a program

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

import ecgbench
from ecgbench import Context, EcgWindows, principal_components
from ecgbench.contracts.config import as_dict, parse_assignments
from ecgbench.generators.timegan import TimeGanConfig
from ecgbench.generators.timegan.model import TimeGan
from ecgbench.metrics.fidelity.overlap import overlap

if TYPE_CHECKING:
    from collections.abc import Iterator

METRICS = ("mmd", "cross-classification", "discriminative")
EARLY = (0, 100, 250)
"""Joint iterations of points in addition to ``--every``."""


class Scoring:
    """Scores windows as a cell does.

    Args:
        asked: the program's options.
    """

    def __init__(self, asked: argparse.Namespace) -> None:
        self.seed, self.threads = asked.seed, asked.threads
        self.study, self.metrics = asked.study, asked.metrics.split(",")
        of_dataset = [each for each in asked.set if each.startswith("dataset.")]
        self.splits = ecgbench.splits(
            asked.dataset,
            asked.seed,
            study=asked.study,
            settings=parse_assignments(of_dataset),
            windows=asked.windows,
            data_dir=asked.data_dir,
        )
        spec = ecgbench.discover().dataset(asked.dataset)
        self.headline = spec.headline_classes or self.splits.train.classes
        self.plane = principal_components(_flat(self.splits.control), 2)

    def scores(self, synthetic: EcgWindows) -> dict[str, dict[str, float]]:
        """Return the value and the parts of each metric, by its name, and of `_diversity`."""
        evaluation = ecgbench.evaluate(
            self.splits,
            synthetic,
            self.metrics,
            seed=self.seed,
            headline_classes=self.headline,
            study=self.study,
            threads=self.threads,
        )
        found = {"diversity": self._diversity(synthetic)}
        for name, score in evaluation.metrics.items():
            assert score.value is not None, score.reason
            found[name] = {"value": score.value, **score.parts}
        return found

    def _diversity(self, synthetic: EcgWindows) -> dict[str, float]:
        """How varied the windows of a class are beside those of control: 1 as varied, 0 all equal.

        Of each class, the deviation over its windows, mean over samples and leads, over that of control;
        ``value`` is the mean over the headline classes.  ``plane`` is the overlap with control in the
        plane of control's two principal components (`ecgbench.metrics.fidelity.overlap`).
        """
        control, ratios = self.splits.control, {}
        for c, name in enumerate(control.classes):
            of_real, of_made = (
                side.signals[side.labels == c].astype(np.float64) for side in (control, synthetic)
            )
            if len(of_real) > 1 and len(of_made) > 1:
                ratios[name] = float(of_made.std(axis=0).mean() / of_real.std(axis=0).mean())
        real, made = (self.plane.project(_flat(side)) for side in (control, synthetic))
        return {
            "value": float(np.mean([ratios[name] for name in self.headline if name in ratios])),
            **{f"ratio-{name}": ratio for name, ratio in ratios.items()},
            "plane": overlap(real, made).value,
        }


class Curve:
    """A fit of TimeGAN, sampled and scored on the way.

    Args:
        config: settings of TimeGAN.
        scoring: of the splits to fit and sample on.
        every: joint iterations between two points.
    """

    def __init__(self, config: TimeGanConfig, scoring: Scoring, every: int) -> None:
        self.config, self.scoring = config, scoring
        self.wanted = {*EARLY, *range(0, config.iterations, every), config.iterations}
        self.losses: dict[str, float] = {}

    def points(self) -> Iterator[dict[str, Any]]:
        """Fit, and yield the scores at each point with the seconds of the fit until then."""
        splits, labels = self.scoring.splits, self.scoring.splits.fresh.labels
        model = TimeGan(self.config)
        with tempfile.TemporaryDirectory() as folder:
            context = Context(
                seed=self.scoring.seed,
                device="cpu",
                threads=self.scoring.threads,
                log=self._log,
                checkpoint_dir=Path(folder),
            )
            spent, resumed = np.zeros(2), _clock()
            for done in model.fitting(splits.train, context):
                if not self._is_wanted(done):
                    continue
                sampled = _clock()
                spent += sampled - resumed
                scores = self.scoring.scores(model.sample(labels.copy(), context))
                yield {
                    "iteration": done["joint"],
                    "fit_seconds": round(float(spent[0]), 2),
                    "fit_cpu_seconds": round(float(spent[1]), 2),
                    "scoring_seconds": round(float(_clock()[0] - sampled[0]), 2),
                    "losses": self.losses,
                    "scores": scores,
                }
                resumed = _clock()

    def _is_wanted(self, done: dict[str, int]) -> bool:
        before = done["embedding"] + done["supervised"]
        all_before = self.config.embedding_iterations + self.config.supervised_iterations
        return before == all_before and done["joint"] in self.wanted

    def _log(self, step: int, /, *, total: int | None = None, **losses: float) -> None:
        self.losses = losses
        if step % 1000 == 0:
            print(f"{step}/{total}", *(f"{k} {v:.4f}" for k, v in losses.items()), flush=True)


def _clock() -> np.ndarray[Any, np.dtype[np.float64]]:
    """Seconds of wall-clock and of processor time."""
    return np.array([time.perf_counter(), time.process_time()])


def _flat(windows: EcgWindows) -> np.ndarray[Any, np.dtype[np.float64]]:
    return windows.signals.reshape(len(windows), -1).astype(np.float64)


def main() -> None:
    """Fit, score, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--dataset", default="mitdb")
    parser.add_argument("--data-dir", type=Path, help="folder of PhysioNet databases")
    parser.add_argument("--windows", type=int, help="of a subsample of the dataset")
    parser.add_argument("--seed", type=int, default=0, help="even: fold 0, odd: fold 1")
    parser.add_argument("--study", default="standard", help="whose settings --set changes")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SETTING=VALUE",
        help="of timegan, or dataset.NAME.SETTING=VALUE",
    )
    parser.add_argument("--metrics", default=",".join(METRICS))
    parser.add_argument("--every", type=int, default=500, help="joint iterations between points")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("curves"))
    asked = parser.parse_args()
    torch.set_flush_denormal(True)  # as in a cell, before any thread starts
    torch.set_num_threads(asked.threads)
    threadpool_limits(limits=asked.threads)
    planned = ecgbench.run(
        "timegan",
        asked.dataset,
        seeds=[asked.seed],
        study=asked.study,
        settings=parse_assignments(
            each if each.startswith("dataset.") else f"generator.timegan.{each}"
            for each in asked.set
        ),
        windows=asked.windows,
        references=False,
        dry_run=True,
        data_dir=asked.data_dir,
    )
    config = planned.study.settings(ecgbench.discover().generator("timegan"))
    assert isinstance(config, TimeGanConfig)
    scoring = Scoring(asked)
    found: dict[str, Any] = {
        "dataset": asked.dataset,
        "windows": asked.windows,
        "seed": asked.seed,
        "threads": asked.threads,
        "settings": as_dict(config),
        "real": scoring.scores(scoring.splits.fresh),
        "curve": [],
    }
    asked.out.mkdir(parents=True, exist_ok=True)
    file = asked.out / f"{'-'.join([f'seed-{asked.seed}', *asked.set])}.json"
    for point in Curve(config, scoring, asked.every).points():
        found["curve"].append(point)
        file.write_text(json.dumps(found, indent=1) + "\n")
        values = (f"{name} {score['value']:.4f}" for name, score in point["scores"].items())
        print(f"iteration {point['iteration']}, {point['fit_seconds']} s:", *values, flush=True)


if __name__ == "__main__":
    main()
