from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

from ecgbench.metrics.attacks import MonteCarloMembershipInferenceConfig
from ecgbench.metrics.attacks.monte_carlo_membership_inference import (
    monte_carlo_membership_inference,
)
from tests.metrics.attacks.conftest import flat, with_synthetic

if TYPE_CHECKING:
    from ecgbench import Comparison, Score
    from tests.metrics.privacy.conftest import Cell


def score(comparison: Comparison, components: int = 40) -> Score:
    return monte_carlo_membership_inference(
        comparison, MonteCarloMembershipInferenceConfig(components=components)
    )


@pytest.mark.parametrize("components", [4, 10])
@pytest.mark.parametrize("copies", [0, 0.2])
def test_it_is_the_published_attack_by_brute_force(
    cell: Cell, copies: float, components: int
) -> None:
    comparison = cell(copies=copies)
    pca = PCA(components).fit(flat(comparison, "auxiliary"))
    synthetic = pca.transform(flat(comparison, "synthetic"))
    distances = [
        cdist(pca.transform(flat(comparison, side)), synthetic) for side in ("train", "control")
    ]
    # the median of an even number of least distances is none of them, so ≤ and < are the same
    epsilon = np.median(np.concatenate(distances).min(axis=1))
    shares = np.mean(np.concatenate(distances) <= epsilon + 1e-7, axis=1)
    member = np.repeat([1, 0], [len(part) for part in distances])
    found = score(comparison, components)
    assert found.parts["epsilon"] == pytest.approx(epsilon)
    assert found.value == pytest.approx(roc_auc_score(member, shares))


def test_where_most_windows_are_copied_exact_copies_count_as_close(cell: Cell) -> None:
    found = score(cell(copies=1))
    assert found.parts["epsilon"] < 1e-6
    assert found.value == 1


def test_it_sees_a_generator_that_crowds_about_some_members(cell: Cell) -> None:
    comparison = cell(copies=0)
    train = comparison.splits.train
    few = np.repeat(np.arange(0, len(train), 4), 5)  # a quarter of the members, five times each
    noise = 0.1 * np.random.default_rng(0).standard_normal(train.signals[few].shape)
    crowded = with_synthetic(comparison, train.signals[few] + noise, train.labels[few])
    assert score(crowded).value > 0.58


def test_contributions_give_the_value(cell: Cell) -> None:
    found = score(cell(copies=0.3))
    assert found.contributions is not None
    assert found.contributions.evaluate()[0] == pytest.approx(found.value)


def test_the_same_bytes_again(cell: Cell) -> None:
    comparison = cell(copies=0.3)
    assert score(comparison).parts == score(replace(comparison, _memo={})).parts
