"""Mutants of built-in metrics."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ecgbench import Contributions, MetricSpec, Score, Term
from ecgbench.metrics.patients import ecgbench_metrics as patients
from ecgbench.metrics.privacy import ecgbench_metrics as privacy
from ecgbench.metrics.statistics import ecgbench_metrics as statistics


def _named(specs: Any, name: str) -> MetricSpec:
    found: MetricSpec = next(spec for spec in specs() if spec.name == name)
    return found


SPECTRAL = _named(statistics, "log-spectral-distance")
COPIED = _named(privacy, "copied-share")
PATIENTS = _named(patients, "patient-membership")

MUTANTS: list[tuple[str, MetricSpec]] = []


def mutant(check: str, base: MetricSpec = SPECTRAL, **changes: Any) -> Any:
    def register(target: Any) -> Any:
        MUTANTS.append((check, replace(base, name=f"{base.name}-mutant", target=target, **changes)))
        return target

    return register


for _check, _spec in (
    ("facts", replace(SPECTRAL, formula="")),
    ("facts", replace(SPECTRAL, bounds=(1.0, 0.0))),
    ("facts", replace(SPECTRAL, ideal=-5.0)),
    ("facts", replace(COPIED, null=None, ideal=None)),
    ("value", replace(SPECTRAL, bounds=(0.0, 1e-9))),
    ("direction", replace(SPECTRAL, better="higher")),
    ("copies-condemned", replace(COPIED, better="higher")),
    ("copies-condemned", replace(PATIENTS, better="higher")),
    ("terms", replace(PATIENTS, terms=("members", "distance"))),
):
    MUTANTS.append((_check, _spec))


@mutant("value")
def not_a_number(comparison, config):
    return float("nan")


@mutant("value")
def a_list(comparison, config):
    return [1.0]


@mutant("same-seed-same-value")
def unseeded(comparison, config):
    return SPECTRAL.load()(comparison, config).value + int.from_bytes(os.urandom(2), "little")


@mutant("contributions")
def doubled(comparison, config):
    score = SPECTRAL.load()(comparison, config)
    found = score.contributions
    return replace(score, contributions=replace(found, numerators=2 * found.numerators + 1))


@mutant("contributions")
def of_nobody(comparison, config):
    synthetic = comparison.synthetic
    of = Contributions.of([Term(patients=synthetic.patients, numerators=np.ones(len(synthetic)))])
    return Score(value=float(of.evaluate()[0]), contributions=of)


@mutant("random-state")
def seeds(comparison, config):
    np.random.seed(comparison.seed)  # noqa: NPY002 - the fault
    return SPECTRAL.load()(comparison, config)


@mutant("process-state")
def ignores_errors(comparison, config):
    np.seterr(all="ignore")
    return SPECTRAL.load()(comparison, config)


@mutant("inputs-untouched")
def centres(comparison, config):
    signals = torch.from_numpy(comparison.synthetic.signals)
    signals += 1.0
    score = SPECTRAL.load()(comparison, config)
    signals -= 1.0
    signals[0, 0, 0] += 1e-3
    return score


@mutant("several-leads")
def one_lead(comparison, config):
    n = len(comparison.synthetic)
    comparison.synthetic.signals.reshape(n, 200)
    return SPECTRAL.load()(comparison, config)


@mutant("one-class")
def between_classes(comparison, config):
    _first, _second, *_ = np.unique(comparison.synthetic.labels)
    return SPECTRAL.load()(comparison, config)


@mutant("one-person")
def of_the_unseen(comparison, config):
    comparison.splits.test.signals.max()
    return SPECTRAL.load()(comparison, config)


@mutant("fewest-windows", min_windows=2)
def needs_ten(comparison, config):
    if len(comparison.synthetic) < 10:
        raise ValueError("too few")
    return SPECTRAL.load()(comparison, config)
