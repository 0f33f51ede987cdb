"""Learning curve of TimeGAN on ECG: what its samples score in the course of the joint phase.

One fit, on the splits and with the labels that a cell of the benchmark has, which is asked for samples on
the way.  They are scored with the registered metrics; the fit draws the same random numbers as without,
and so ends where the cell ends.

    python examples/timegan-ecg/curves.py --data-dir DIR --set hidden=48 --set noise=gaussian --out curves/

The result is ``--out``/seed-N-SETTINGS.json, written anew after each point: settings, the seconds that the
fit alone took, the scores at each point, and those of the fresh real windows (`real`), which no generator
should be expected to surpass.  ``plot.py`` draws several of them.
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

from ecgbench import Comparison, Context, EcgWindows, principal_components
from ecgbench.contracts.comparison import Once
from ecgbench.contracts.config import as_dict, parse_overrides
from ecgbench.generators.timegan import TimeGanConfig
from ecgbench.generators.timegan.model import TimeGan
from ecgbench.harness.cell.checks import as_score
from ecgbench.harness.cli.datasets import load_splits
from ecgbench.harness.isolation.plugin_state import plugin_state
from ecgbench.harness.planning import study
from ecgbench.harness.planning.catalog import Catalog, discover
from ecgbench.metrics.fidelity.overlap import overlap

if TYPE_CHECKING:
    from collections.abc import Iterator

METRICS = ("mmd", "cross-classification", "discriminative")
EARLY = (0, 100, 250)
"""Joint iterations at which there is a point whatever ``--every`` says."""


class Scoring:
    """Scores windows as a cell does.

    Args:
        resolved: the study, with one dataset and one seed.
        catalog: of plugins.
        data_dir: the folder of databases; None for the user's cache.
        threads: for metrics.
    """

    def __init__(
        self, resolved: study.Study, catalog: Catalog, data_dir: Path | None, threads: int
    ) -> None:
        source, _, self.splits = load_splits(resolved, catalog, data_dir)
        self.study, self.catalog, self.threads = resolved, catalog, threads
        self.headline = source.spec.headline_classes or self.splits.train.classes
        self.once = Once()
        control = self.splits.control
        self.plane = principal_components(_flat(control), 2)

    def scores(self, synthetic: EcgWindows) -> dict[str, dict[str, float]]:
        """The value and the parts of each metric, by its name, and of `_diversity`."""
        (seed,) = self.study.seeds
        comparison = Comparison(
            synthetic=synthetic,
            splits=self.splits,
            seed=seed,
            threads=self.threads,
            headline_classes=self.headline,
            once_per_seed=self.once,
        )
        found = {"diversity": self._diversity(synthetic)}
        for name in self.study.metrics or ():
            spec = self.catalog.metric(name)
            with plugin_state(seed):
                score = as_score(spec, spec.load()(comparison, self.study.settings(spec)))
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
    """A fit of TimeGAN that is sampled and scored on the way.

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
        (seed,) = self.scoring.study.seeds
        splits, labels = self.scoring.splits, self.scoring.splits.fresh.labels
        model = TimeGan(self.config)
        with tempfile.TemporaryDirectory() as folder:
            context = Context(
                seed=seed,
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
    catalog = discover()
    given = study.override(
        study.read(asked.study),
        datasets=(asked.dataset,),
        generators=("timegan",),
        metrics=tuple(asked.metrics.split(",")),
        seeds=(asked.seed,),
        windows=asked.windows,
        settings=parse_overrides(
            each if each.startswith("dataset.") else f"generator.timegan.{each}"
            for each in asked.set
        ),
    )
    resolved = study.resolve(given, catalog)
    config = resolved.settings(catalog.generator("timegan"))
    assert isinstance(config, TimeGanConfig)
    scoring = Scoring(resolved, catalog, asked.data_dir, asked.threads)
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
