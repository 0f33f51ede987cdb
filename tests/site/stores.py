"""Stores for sites: a small one with all that a page can show, and a large one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ecgbench.results.store.records import ContributionsRecord

if TYPE_CHECKING:
    from tests.results.conftest import Bench, Outcome

METRICS: dict[str, dict[str, Any]] = {
    "frechet-distance": {"bounds": (0.0, None)},
    "morphology": {"bounds": (0.0, None)},
    "coverage": {"family": "diversity", "better": "higher"},
    "cross-classification": {"family": "utility", "better": "higher"},
    "membership-inference": {"family": "privacy", "null": 0.5},
    "patient-membership": {"family": "privacy", "null": 0.5, "needs_both_folds": True},
    "fit-time": {"family": "cost", "bounds": (0.0, None)},
}

GENERATORS = {"gmm": 0.3, "kde": 0.5, "vae": 0.9, "real": 0.0, "gaussian-noise": 2.0}
"""How bad each is."""


def members(rng: np.random.Generator, seed: int, leak: float) -> ContributionsRecord:
    """Return the contributions of 12 people to an attack: who was a member, and how near each is."""
    people = np.arange(12)
    is_member = (people % 2) == (seed % 2)
    distance = rng.normal(size=12) - leak * is_member
    order = distance.argsort().argsort()
    wins = [
        (order[~is_member] > each).mean() if m else 0.0
        for each, m in zip(order, is_member, strict=True)
    ]
    return ContributionsRecord(
        people=people.tolist(),
        numerators=[[float(w), 0.0, float(d)] for w, d in zip(wins, distance, strict=True)],
        denominators=[[float(m), float(not m), 1.0] for m in is_member],
        coefficients=[1.0, 0.0, 0.0],
        offset=0.0,
    )


def small(bench: Bench, **run: Any) -> None:
    """Write five generators by seven metrics, with intervals, a failure and a gap."""
    rng = np.random.default_rng(0)
    scores: dict[str, dict[str, dict[int, Outcome]]] = {}
    for generator, bad in GENERATORS.items():
        of = scores[generator] = {}
        for metric, facts in METRICS.items():
            of[metric] = {}
            for seed in range(4):
                if metric == "patient-membership":
                    of[metric][seed] = members(rng, seed, 2.0 - bad)
                    continue
                sign = -1 if facts.get("better") == "higher" else 1
                values = 1 + sign * bad / 3 + 0.05 * rng.normal(size=12)
                of[metric][seed] = bench.by_person({i: float(v) for i, v in enumerate(values)})
    scores["vae"]["morphology"][1] = ("failed", "MemoryError: 3 GiB")
    metrics = [bench.metric(name, **facts) for name, facts in METRICS.items()]
    bench.run(scores, *metrics, *run.pop("used", ()), **run)


def large(bench: Bench, datasets: int = 3, generators: int = 20, metrics: int = 45) -> None:
    """Write 6 seeds of many generators and metrics on several datasets; one in ten has people."""
    rng = np.random.default_rng(0)
    families = ("fidelity", "diversity", "utility", "privacy", "cost")
    records = [
        bench.metric(f"metric-{place:02d}", family=families[place * 5 // metrics])
        for place in range(metrics)
    ]
    for dataset in range(datasets):
        scores: dict[str, dict[str, dict[int, Outcome]]] = {}
        for generator in range(generators):
            scores[f"generator-{generator:02d}"] = {
                record.name: {
                    seed: bench.by_person(
                        {i: float(v) for i, v in enumerate(rng.normal(generator, 1, 8))}
                    )
                    if place % 10 == 0
                    else float(rng.normal(generator, 1))
                    for seed in range(6)
                }
                for place, record in enumerate(records)
            }
        bench.run(scores, *records, bench.dataset(f"dataset-{dataset}"))
