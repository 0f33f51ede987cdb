from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from ecgbench import EcgWindows, Skip
from ecgbench.metrics.attacks import LikelihoodRatioConfig
from ecgbench.metrics.attacks.likelihood_ratio import _half, likelihood_ratio

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecgbench import Comparison
    from tests.metrics.privacy.conftest import Cell


def attacked(
    comparison: Comparison, generate: Callable[[EcgWindows, int], EcgWindows], shadows: int = 8
) -> float:
    """Return the value for a generator, given as its draws after a fit on these windows."""
    cell = dataclasses.replace(
        comparison,
        synthetic=generate(comparison.splits.train, 99),
        refit=generate,
        _memo={},
    )
    return likelihood_ratio(cell, LikelihoodRatioConfig(shadows=shadows)).value


def blurred(sigma: float, share: float) -> Callable[[EcgWindows, int], EcgWindows]:
    """Return a generator that gives away a share of its training windows, under noise."""

    def generate(train: EcgWindows, number: int) -> EcgWindows:
        rng = np.random.default_rng(number)
        rows = rng.permutation(len(train))[: int(share * len(train))]
        signals = train.signals[rows] + sigma * rng.standard_normal(train.signals[rows].shape)
        return train.synthetic(signals.astype(np.float32), train.labels[rows])

    return generate


def test_it_is_the_ratio_of_two_normal_likelihoods_window_by_window(cell: Cell) -> None:
    comparison = cell(copies=0)
    splits = comparison.splits
    targets = np.concatenate([splits.train.signals, splits.control.signals]).reshape(
        len(splits.train) + len(splits.control), -1
    )
    fitted_on, drawn = [], []
    generate = blurred(0.3, 0.5)

    def recorded(train: EcgWindows, number: int) -> EcgWindows:
        made = generate(train, number)
        fitted_on.append(train.signals.reshape(len(train), -1))
        drawn.append(made.signals.reshape(len(made), -1))
        return made

    value = attacked(comparison, recorded, shadows=4)
    nearest = np.array([cdist(targets, made).min(axis=1) for made in drawn])
    statistic = -np.log(nearest + 1e-3 * np.median(nearest[0]))
    saw = np.array([(cdist(targets, seen).min(axis=1) == 0) for seen in fitted_on])[1:]
    own, shadow = statistic[0], statistic[1:]
    likelihood = {}
    for name, rows in (("in", saw), ("out", ~saw)):
        means = [shadow[rows[:, x], x].mean() for x in range(len(targets))]
        residuals = [shadow[rows[:, x], x] - means[x] for x in range(len(targets))]
        freedom = sum(len(each) - 1 for each in residuals)
        deviation = np.sqrt(sum((each**2).sum() for each in residuals) / freedom)
        likelihood[name] = norm(means, deviation).pdf(own)
    is_member = np.arange(len(targets)) < len(splits.train)
    expected = roc_auc_score(is_member, likelihood["in"] / likelihood["out"])
    assert value == pytest.approx(expected, abs=1e-4)


def test_a_generator_that_learns_nothing_reads_half(cell: Cell) -> None:
    values = []
    for seed in range(12):

        def fixed(train: EcgWindows, number: int, seed: int = seed) -> EcgWindows:
            rng = np.random.default_rng([seed, number])
            signals = rng.standard_normal((200, *train.signals.shape[1:])).astype(np.float32)
            return train.synthetic(signals, train.labels[:200])

        values.append(attacked(cell(copies=0, seed=seed), fixed))
    assert np.mean(values) == pytest.approx(0.5, abs=0.03)


def test_it_finds_what_the_plain_distance_attack_does_not(cell: Cell) -> None:
    from ecgbench.metrics.attacks.membership_inference import membership_inference

    generate = blurred(sigma=0.25, share=1.0)
    stronger, plain = [], []
    for seed in range(3):
        comparison = cell(copies=0, seed=seed)
        stronger.append(attacked(comparison, generate, shadows=16))
        made = generate(comparison.splits.train, 99)
        other = dataclasses.replace(comparison, synthetic=made, _memo={})
        plain.append(membership_inference(other, None).value)  # type: ignore[arg-type]
    assert np.mean(stronger) > np.mean(plain) + 0.02
    assert np.mean(stronger) > 0.7


def test_it_grows_with_the_share_of_copies(cell: Cell) -> None:
    comparison = cell(copies=0)
    values = [attacked(comparison, blurred(0.0, share)) for share in (0.02, 0.2, 1.0)]
    assert values == sorted(values)
    assert values[2] > 0.99


def test_halves_are_stratified(cell: Cell) -> None:
    train = cell(copies=0).splits.train
    half = _half(train, np.random.default_rng(0))
    for person in np.unique(train.patients):
        rows = train.patients == person
        assert abs(half[rows].sum() - rows.sum() / 2) <= 1.5


def test_windows_made_elsewhere_are_skipped(cell: Cell) -> None:
    with pytest.raises(Skip, match="made elsewhere"):
        likelihood_ratio(cell(copies=0), LikelihoodRatioConfig())
