"""Boards as they look after real runs, and with text that means harm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecgbench.results.board.table import Board
    from ecgbench.results.store.records import ContributionsRecord
    from tests.results.conftest import Bench

HOSTILE = (
    "\x1b[31mred\x1b[0m\x07 [bold]b[/bold] [/] | <script>alert(1)</script> **x** `y` "
    "$z$ %c \\input{/etc/passwd} #h & _u_ ~t ^r \u202egnp\u2028line\nnew {[ ]} é ☠"
)

METRICS = {  # family, better, bounds, value of a good generator, whether people contribute
    "inception-score": ("fidelity", "higher", (1.0, 4.0), 2.41, False),
    "distance": ("fidelity", "lower", (0.0, None), 0.81, True),
    "embedding-plots": ("fidelity", "higher", (0.0, 1.0), 0.84, True),
    "discriminative": ("fidelity", "lower", (0.0, 0.5), 0.203, True),
    "mmd": ("fidelity", "lower", (None, None), 0.0101, True),
    "predictive": ("utility", "lower", (0.0, None), 0.0192, True),
    "cross-classification": ("utility", "higher", (0.0, 1.0), 0.61, True),
    "identifiability": ("privacy", "lower", (-1.0, 1.0), 0.052, True),
    "membership-inference": ("privacy", "lower", (0.0, 1.0), 0.52, True),
    "fit-time": ("cost", "lower", (0.0, None), 121.4, False),
    "sample-rate": ("cost", "higher", (0.0, None), 5021.7, False),
    "peak-memory": ("cost", "lower", (0.0, None), 1189.0, False),
    "parameters": ("cost", "lower", (0.0, None), 125321.0, False),
}
REFERENCES = {"real": 0.3, "copy": 0.35, "noisy-copy": 0.6, "gaussian-noise": 6.0}


@pytest.fixture
def realistic(new_bench: Callable[[str], Bench]) -> Callable[..., Board]:
    """Makes the board of so many competitors; the last has failed on seed 1, the first on mmd."""

    def make(competitors: int = 3, seeds: int = 2, **settings: Any) -> Board:
        bench = new_bench(f"realistic {competitors} {seeds} {settings}")
        names = [
            "timegan",
            "pca-gaussian",
            "gmm",
            *(f"my-model-{i}" for i in range(3, competitors)),
        ]
        quality = REFERENCES | {name: 1 + 0.2 * i for i, name in enumerate(names[:competitors])}
        scores: dict[str, Any] = {
            name: {
                metric: {s: _score(bench, metric, by, s) for s in range(seeds)}
                for metric in METRICS
            }
            for name, by in quality.items()
        }
        scores[names[0]]["mmd"] = dict.fromkeys(range(seeds), ("failed", "MemoryError: 3 GiB"))
        for name in REFERENCES:
            scores[name]["parameters"] = dict.fromkeys(range(seeds), ("skipped", "it does not say"))
        bench.run(
            scores,
            *(
                bench.metric(name, family=family, better=better, bounds=bounds)
                for name, (family, better, bounds, _, _) in METRICS.items()
            ),
            cells={(names[competitors - 1], 1): ("failed", "loss is NaN at step 312")},
            settings=settings,
        )
        return bench.board

    return make


@pytest.fixture
def hostile(bench: Bench) -> Board:
    """A board whose every free text means harm."""
    family = bench.metric("theirs", family=HOSTILE)
    formula = bench.metric("sums", family="=1+1")
    bench.run(
        {
            "gmm": {"theirs": {0: ("failed", HOSTILE)}, "sums": {0: 1.0}, "mmd": {0: 1.0}},
            "kde": {
                "theirs": {0: 1.0},
                "sums": {0: ("skipped", "=cmd|'/c calc'!A0")},
                "mmd": {0: 2.0},
            },
            "real": {"theirs": {0: ("skipped", "＝1+1")}, "sums": {0: 2.0}, "mmd": {0: 0.0}},
        },
        family,
        formula,
        study=HOSTILE,
        settings={HOSTILE: HOSTILE, "generator.gmm.x": ["@SUM(A1)", HOSTILE], "windows": 1000},
    )
    for name in bench.store.cell_names():
        if cell := bench.store.cell(name):
            bench.store.write_cell(msgspec.structs.replace(cell, notes=[HOSTILE, "=1+1"]))
    return bench.board


@pytest.fixture
def alarming(new_bench: Callable[[str], Bench]) -> Board:
    """A board on which the row ``thief`` reads better than the null, and has a note."""
    bench = new_bench("alarming")
    bench.run(
        {
            name: {
                "auc": {
                    seed: bench.by_person({p: value + p % 5 / 100 for p in range(seed, 40, 2)})
                    for seed in (0, 1)
                }
            }
            for name, value in (("thief", 0.2), ("gmm", 0.48), ("real", 0.2))
        },
        bench.metric("auc", family="privacy", null=0.5, bounds=(0.0, 1.0)),
    )
    for name in bench.store.cell_names():
        cell = bench.store.cell(name)
        if cell and cell.cell.generator.name == "thief":
            bench.store.write_cell(msgspec.structs.replace(cell, notes=["it left files behind"]))
    return bench.board


def _score(bench: Bench, metric: str, by: float, seed: int) -> float | ContributionsRecord:
    _, better, bounds, good, contributed = METRICS[metric]
    value = good * by if better == "lower" else good / by**0.5
    value = float(np.clip(value, *(bounds if bounds != (None, None) else (-np.inf, np.inf))))
    if not contributed:
        return value
    members = np.arange(seed % 2, 43, 2)
    person = 0.1 * np.random.default_rng(0).normal(size=43)[members]
    noise = 0.02 * np.random.default_rng([1, seed, int(100 * by)]).normal(size=len(members))
    return bench.by_person(dict(zip(members.tolist(), value * (1 + person + noise), strict=True)))
