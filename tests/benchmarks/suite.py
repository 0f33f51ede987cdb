"""The cost of the metrics of a cell, and of the same metrics elsewhere (docs/speed.md).

    python tests/benchmarks/suite.py             every metric but costly ones, as in a cell
    python tests/benchmarks/suite.py --peers     metrics of ours and of other packages, in turn

Real windows are simulated, synthetic ones drawn from a fitted Gaussian of each class.
Processor seconds count; other work on the machine falls on wall seconds most.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import time
from dataclasses import replace
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import numpy as np
import pandas as pd
import sklearn.metrics
import sklearn.neighbors
import torch
from threadpoolctl import threadpool_limits

from ecgbench import Comparison, Context, Score, Skip, Splits, exchangeable_parts
from ecgbench.contracts.comparison import Once
from ecgbench.contracts.config import build
from ecgbench.contracts.sampling import PARTS
from ecgbench.harness.cell.checks import as_score, check_metric_applies
from ecgbench.harness.cell.trouble import say
from ecgbench.harness.data.split import number, split
from ecgbench.harness.isolation.plugin_state import plugin_state
from ecgbench.harness.isolation.worker import keep_freed_memory
from ecgbench.harness.planning.catalog import discover
from ecgbench.metrics.attacks.parts import parts_of_train
from ecgbench.metrics.fidelity.dtw import dtw
from ecgbench.shared import embeddings, neighbours

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from ecgbench import EcgWindows, MetricSpec
    from ecgbench.contracts.comparison import Side

SIDES: tuple[Side, ...] = ("synthetic", "train", "control", "auxiliary", "fresh", "test")
SEED = 0
PEOPLE = 80
ROUNDS = 3
LONG = 60.0
"""Wall seconds of one call; a slower pair is not repeated."""

EMBEDDED = ("encoder", "embeddings")

RADIUS = 12
"""Half-width of the Sakoe–Chiba band, in samples: as in `dtw` at 125 Hz."""

CATALOG = discover()


# --- the windows ---------------------------------------------------------------------------------


def comparison_of(synthetic: int, real: int, length: int, threads: int) -> Comparison:
    """A cell of exactly these sizes; ``real`` are the windows of ``train`` and of ``test`` each.

    ``fresh`` has as many windows as are synthesised: the labels of every generator's are its.
    """
    sizes = {
        "train": real,
        "control": real * 4 // 10,
        "auxiliary": real * 3 // 10,
        "fresh": synthetic,
        "test": real,
    }
    spec = CATALOG.dataset("ecgsyn")
    members = max(sizes[part] / share for part, share in PARTS)
    beats = math.ceil(1.02 * max(members, real) / (PEOPLE // 2))  # the rounding of the strata
    settings = {
        "patients": PEOPLE,
        "beats": beats,
        "sampling_rate": 125,
        "length": length,
        "r_sample": length * 3 // 8,
    }
    windows = spec.load()(build(spec.config, settings, where="dataset ecgsyn"), None)
    splits = split(number(windows), SEED)
    rng = np.random.default_rng(SEED)
    parts = {name: draw(getattr(splits, name), size, rng) for name, size in sizes.items()}
    splits = Splits(fold=splits.fold, **parts)
    return Comparison(
        synthetic=synthesise(splits.train, splits.fresh.labels, threads),
        splits=splits,
        seed=SEED,
        threads=threads,
        headline_classes=spec.headline_classes,
    )


def draw(windows: EcgWindows, size: int, rng: np.random.Generator) -> EcgWindows:
    return windows.take(np.sort(rng.permutation(len(windows))[:size]))


def synthesise(train: EcgWindows, labels: NDArray[np.int64], threads: int) -> EcgWindows:
    spec = CATALOG.generator("pca-gaussian")
    model = spec.load()(build(spec.config, {}, where="generator pca-gaussian"))
    context = Context(
        seed=SEED, device="cpu", threads=threads, log=lambda *_, **__: None, checkpoint_dir=Path()
    )
    model.fit(train, context)
    drawn: EcgWindows = model.sample(labels, context)
    return drawn


# --- the suite -----------------------------------------------------------------------------------


class Cost(NamedTuple):
    """Return the seconds of a call, and its result."""

    processor: float
    wall: float
    returned: Any


def measure(call: Callable[[], Any]) -> Cost:
    wall, processor = time.perf_counter(), time.process_time()
    returned = call()
    return Cost(time.process_time() - processor, time.perf_counter() - wall, returned)


def score(name: str, comparison: Comparison, **settings: Any) -> Score:
    spec = CATALOG.metric(name)
    check_metric_applies(spec, comparison)
    with plugin_state(comparison.seed):
        config = build(spec.config, settings, where=f"metric {name}")
        return as_score(spec, spec.load()(comparison, config))


def outcome(spec: MetricSpec, comparison: Comparison) -> str:
    try:
        return f"{score(spec.name, comparison).value:.4g}"
    except Skip as skip:
        return f"skipped: {skip}"
    except Exception as error:  # noqa: BLE001 - whatever one metric raises, the others are measured
        return f"failed: {say(error)}"


def suite(comparison: Comparison, metrics: list[MetricSpec]) -> None:
    """Time the metrics as a store's first row of a dataset and seed pays for them, and as all others do.

    Shared work is on the account of the first metric of it.
    """
    for title in ("The first row of a store", "Every other row"):
        row = replace(comparison, _memo={})  # work for all rows stays
        click.echo(f"\n{title}\n\n| metric | processor s | wall s | value |")
        click.echo("|---|---:|---:|---:|")
        costs = []
        for spec in metrics:
            cost = measure(partial(outcome, spec, row))
            costs.append(cost)
            told = f"{cost.processor:.1f} | {cost.wall:.1f} | {cost.returned}"
            click.echo(f"| `{spec.name}` | {told} |")
        processor, wall = (sum(cost[i] for cost in costs) for i in (0, 1))
        click.echo(f"| all | {processor:.0f} | {wall:.0f} | |")


# --- the peers -----------------------------------------------------------------------------------


class Pair(NamedTuple):
    """The same quantity of the same windows from us and from a peer; both return their values."""

    metric: str
    function: str
    ours: Callable[[], Iterable[float]]
    theirs: Callable[[], Iterable[float]]


def alone(comparison: Comparison) -> Comparison:
    """Return the same windows with nothing computed yet but their embeddings."""
    memo = {key: found for key, found in comparison._memo.items() if key.startswith(EMBEDDED)}
    return replace(comparison, _memo=memo, once_per_seed=Once())


def thin(comparison: Comparison, count: int) -> Comparison:
    """The same with so many windows of every kind, of all people, and nothing computed yet."""
    few = {}
    for side in SIDES:
        windows = comparison.windows(side)
        few[side] = windows.take(np.linspace(0, len(windows) - 1, count).astype(np.int64))
    return replace(
        comparison,
        synthetic=few.pop("synthetic"),
        splits=Splits(fold=comparison.splits.fold, **few),
        _memo={},
        once_per_seed=Once(),
    )


def flat(windows: EcgWindows) -> NDArray[np.float32]:
    return windows.signals.reshape(len(windows), -1)


def with_scikit_learn(comparison: Comparison) -> list[Pair]:
    train, synthetic = flat(comparison.splits.train), flat(comparison.synthetic)
    real, made = embeddings(comparison, "control"), embeddings(comparison, "synthetic")

    def nearest() -> Iterable[float]:
        search = sklearn.neighbors.NearestNeighbors(n_neighbors=1, algorithm="brute").fit(train)
        return [search.kneighbors(synthetic)[0].mean()]

    def unbiased(points: NDArray[np.float64]) -> float:
        kernel = sklearn.metrics.pairwise.polynomial_kernel(points, degree=3, coef0=1)
        return float((kernel.sum() - np.trace(kernel)) / len(points) / (len(points) - 1))

    def kid() -> Iterable[float]:
        across = sklearn.metrics.pairwise.polynomial_kernel(real, made, degree=3, coef0=1).mean()
        return [unbiased(real) + unbiased(made) - 2 * across]

    return [
        Pair(
            "the search behind most metrics",
            "NearestNeighbors, brute",
            lambda: [neighbours(alone(comparison), "synthetic", "train").distances.mean()],
            nearest,
        ),
        Pair(
            "kernel-distance",
            "polynomial_kernel",
            lambda: [score("kernel-distance", alone(comparison)).value],
            kid,
        ),
    ]


PRDC = ("precision", "recall", "density", "coverage")


def our_prdc(comparison: Comparison) -> list[float]:
    row = alone(comparison)
    scores = [score(name, row) for name in PRDC]
    # theirs is the first of two shares; our recall is the smaller one
    return [found.parts.get("in-synthetic-balls", found.value) for found in scores]


def with_prdc(comparison: Comparison) -> list[Pair]:
    prdc = import_module("prdc")
    real, made = embeddings(comparison, "control"), embeddings(comparison, "synthetic")

    def theirs() -> Iterable[float]:
        with contextlib.redirect_stdout(io.StringIO()):
            found = prdc.compute_prdc(real, made, 5)
        return [found[name] for name in PRDC]

    return [Pair(", ".join(PRDC), "compute_prdc", lambda: our_prdc(comparison), theirs)]


def with_synthcity(comparison: Comparison) -> list[Pair]:
    statistical = import_module("synthcity.metrics.eval_statistical")
    privacy = import_module("synthcity.metrics.eval_privacy")
    loader = import_module("synthcity.plugins.core.dataloader").GenericDataLoader
    real, made = embeddings(comparison, "control"), embeddings(comparison, "synthetic")
    train, control = comparison.splits.train, comparison.splits.control
    few = thin(comparison, 2000)

    def table(windows: EcgWindows) -> Any:
        return loader(pd.DataFrame(flat(windows)).rename(columns=str))

    rng = np.random.default_rng([SEED, 1])  # as ours divides it
    part = exchangeable_parts(train, len(control), rng)
    identified = [train.take(part == k) for k in range(part.max() + 1)]
    tables = [table(windows) for windows in (*identified, control)]
    made_table = table(comparison.synthetic)
    few_tables = table(few.splits.control), table(few.synthetic)
    sets = [*(part.splits.control for part in parts_of_train(alone(comparison))), control]

    def prdc() -> Iterable[float]:
        found = statistical.PRDCScore(nearest_k=5)._compute_prdc(real, made)
        return [found[name] for name in PRDC]

    def mmd() -> Iterable[float]:
        metric = statistical.MaximumMeanDiscrepancy(kernel="rbf")
        return [metric._evaluate(*few_tables)["joint"]]

    def identifiability() -> Iterable[float]:
        metric = privacy.IdentifiabilityScore()
        *train, control = [metric._compute_scores(real, made_table)["score"] for real in tables]
        return np.mean(train) - control, np.mean(train), control

    def authenticity() -> Iterable[float]:
        metric = statistical.AlphaPrecision()
        *train, control = [
            metric.metrics(flat(windows), flat(comparison.synthetic))[-1] for windows in sets
        ]
        return np.mean(train) - control, np.mean(train), control

    def ours(name: str) -> Iterable[float]:
        found = score(name, alone(comparison))
        return found.value, found.parts["train"], found.parts["control"]

    return [
        Pair(", ".join(PRDC), "PRDCScore", lambda: our_prdc(comparison), prdc),
        Pair(
            "mmd, 2,000 windows",
            "MaximumMeanDiscrepancy, rbf",
            lambda: [score("mmd", alone(few)).value],
            mmd,
        ),
        Pair(
            "identifiability",
            "IdentifiabilityScore, not OC",
            lambda: ours("identifiability"),
            identifiability,
        ),
        Pair("authenticity", "AlphaPrecision.metrics", lambda: ours("authenticity"), authenticity),
    ]


def with_tslearn(comparison: Comparison) -> list[Pair]:
    metrics = import_module("tslearn.metrics")
    control = comparison.splits.control.signals[:200]
    synthetic = comparison.synthetic.signals[:200]

    def theirs() -> Iterable[float]:
        sets = control.swapaxes(1, 2), synthetic.swapaxes(1, 2)
        band = {"global_constraint": "sakoe_chiba", "sakoe_chiba_radius": RADIUS}
        return [metrics.cdist_dtw(*sets, **band).mean()]

    def ours() -> Iterable[float]:
        pairs = np.repeat(control, len(synthetic), axis=0), np.tile(synthetic, (len(control), 1, 1))
        return [dtw(*pairs, RADIUS).mean()]

    theirs()  # compiles it
    return [Pair("dtw, 40,000 pairs", "cdist_dtw, Sakoe–Chiba", ours, theirs)]


def with_sdmetrics(comparison: Comparison) -> list[Pair]:
    privacy = import_module("sdmetrics.single_table.privacy")
    few = thin(comparison, 1000)
    sides = few.splits.train, few.synthetic, few.splits.control
    tables = [pd.DataFrame(flat(windows)).rename(columns=str) for windows in sides]
    columns = {name: {"sdtype": "numerical"} for name in tables[0].columns}
    metadata = {"METADATA_SPEC_VERSION": "V1", "tables": {"windows": {"columns": columns}}}

    def theirs() -> Iterable[float]:
        found = privacy.DCROverfittingProtection.compute_breakdown(*tables, metadata, "windows")
        return [found["synthetic_data_percentages"]["closer_to_training"]]

    return [
        Pair(
            "dcr-share, 1,000 windows",
            "DCROverfittingProtection",
            lambda: [score("dcr-share", alone(few)).value],
            theirs,
        )
    ]


def with_ecgen_eval(comparison: Comparison) -> list[Pair]:
    frechet = import_module("ecgen_eval.metrics._frechet_utils").frechet_distance
    metrics = import_module("ecgen_eval.metrics")
    real, made = embeddings(comparison, "control"), embeddings(comparison, "synthetic")
    control, synthetic = comparison.splits.control, comparison.synthetic
    few = thin(comparison, 1000)
    pairs = 2000

    def sliced() -> Iterable[float]:
        metric = metrics.SWDMetric(n_projections=200)
        rng = np.random.default_rng([SEED, 10])  # our directions
        sides = flat(control).astype(float), flat(synthetic).astype(float)
        return [metric._sliced_wasserstein(*sides, rng)]

    def mmd() -> Iterable[float]:
        return [metrics.MMDMetric()._mmd_squared(flat(few.splits.control), flat(few.synthetic))]

    def warped() -> Iterable[float]:
        # a window of w means |i - j| < w there
        band = (RADIUS + 1) / control.length
        metric = metrics.DTWMetric(n_pairs=pairs, downsample=1, window=band, seed=SEED)
        return [metric.compute(control.signals, synthetic.signals).score]

    def our_warped() -> Iterable[float]:
        rng = np.random.default_rng(SEED)  # their pairs
        rows = [rng.integers(0, len(side), size=pairs) for side in (control, synthetic)]
        return [dtw(control.signals[rows[0]], synthetic.signals[rows[1]], RADIUS).mean()]

    def ours(name: str, of: Comparison) -> Callable[[], Iterable[float]]:
        return lambda: [score(name, alone(of)).value]

    return [
        Pair(
            "frechet-distance",
            "frechet_distance",
            ours("frechet-distance", comparison),
            lambda: [frechet(real, made)],
        ),
        Pair("sliced-wasserstein", "SWDMetric", ours("sliced-wasserstein", comparison), sliced),
        Pair("mmd, 1,000 windows", "MMDMetric", ours("mmd", few), mmd),
        Pair(f"dtw, {pairs:,} pairs", "DTWMetric", our_warped, warped),
    ]


PEERS = {
    "scikit-learn": with_scikit_learn,
    "prdc": with_prdc,
    "synthcity": with_synthcity,
    "tslearn": with_tslearn,
    "sdmetrics": with_sdmetrics,
    "ecgen-eval": with_ecgen_eval,
}


def peers(comparison: Comparison, packages: list[str]) -> None:
    """Time ours and theirs in turn; the ratio is the median of the rounds'."""
    for side in ("control", "synthetic"):
        embeddings(comparison, side)
    click.echo("\n| metric | peer | ours, s | theirs, s | theirs / ours | our value | theirs |")
    click.echo("|---|---|---:|---:|---:|---:|---:|")
    for package in packages:
        try:
            pairs = PEERS[package](comparison)
        except ImportError as error:
            click.echo(f"| | {package}: not installed: pip install {package} ({error}) | | | | | |")
            continue
        for pair in pairs:
            click.echo(
                f"| {pair.metric} | {package} {version(package)}, {pair.function} | ", nl=False
            )
            try:
                click.echo(f"{in_turn(pair)} |")
            except Exception as error:  # noqa: BLE001 - as in `outcome`
                click.echo(f"failed: {say(error)} | | | | |")


def in_turn(pair: Pair) -> str:
    rounds: list[tuple[Cost, Cost]] = []
    while len(rounds) < ROUNDS:
        rounds.append((measure(lambda: list(pair.ours())), measure(lambda: list(pair.theirs()))))
        if max(cost.wall for cost in rounds[-1]) > LONG:
            break
    seconds = [median(costs[side].processor for costs in rounds) for side in (0, 1)]
    ratio = median(theirs.processor / ours.processor for ours, theirs in rounds)
    values = [", ".join(f"{value:.5g}" for value in cost.returned) for cost in rounds[0]]
    return f"{seconds[0]:.3g} | {seconds[1]:.3g} | {float(f'{ratio:.2g}'):g} | {values[0]} | {values[1]}"


@click.command()
@click.option("--synthetic", default=10_000, show_default=True, help="Synthetic windows.")
@click.option("--real", default=25_000, show_default=True, help="Windows of train, of test each.")
@click.option("--length", default=128, show_default=True, help="Samples in a window.")
@click.option("--threads", default=1, show_default=True)
@click.option("--metrics", default="", help="Comma list instead of all but costly ones.")
@click.option(
    "--peers",
    "packages",
    is_flag=False,
    flag_value=",".join(PEERS),
    help="Compare with other packages instead, with all or with those of a comma list.",
)
def main(
    synthetic: int, real: int, length: int, threads: int, metrics: str, packages: str | None
) -> None:
    """Time the metrics of a cell, or the same metrics of ours and of other packages."""
    keep_freed_memory()  # as a cell's process does
    torch.set_num_threads(threads)
    with threadpool_limits(limits=threads):
        made = measure(lambda: comparison_of(synthetic, real, length, threads))
        comparison: Comparison = made.returned
        sizes = [f"{len(comparison.windows(side)):,} {side}" for side in SIDES]
        click.echo(f"{', '.join(sizes)}: made in {made.processor:.0f} s; load {load()}")
        if packages:
            peers(comparison, packages.split(","))
        else:
            suite(comparison, named(metrics))
        click.echo(f"\nload {load()}")


def named(metrics: str) -> list[MetricSpec]:
    if metrics:
        return [CATALOG.metric(name) for name in metrics.split(",")]
    specs = [CATALOG.metric(entry.spec.name) for entry in CATALOG.of_kind("metric")]
    return [spec for spec in specs if not spec.costly]


def load() -> str:
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


if __name__ == "__main__":
    main()
