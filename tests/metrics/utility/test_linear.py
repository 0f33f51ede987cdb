from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ecgbench.metrics.utility import LinearConfig
from ecgbench.metrics.utility.linear import Linear, cross_classification_linear

if TYPE_CHECKING:
    from tests.metrics.utility.conftest import Cell


@pytest.mark.parametrize("classes", [(0, 1, 2), (0, 2)])
def test_it_is_the_logistic_regression_of_scikit_learn(cell: Cell, classes: list[int]) -> None:
    splits = cell(leads=2).splits
    train = splits.train.take(np.isin(splits.train.labels, classes))
    pipeline = make_pipeline(
        PCA(8, svd_solver="full"), StandardScaler(), LogisticRegression(C=0.1, max_iter=2000)
    )
    n = np.bincount(train.labels)[train.labels]
    weights = n**-0.5 / np.mean(n**-0.5)
    flat = train.signals.reshape(len(train), -1).astype(float)
    pipeline.fit(flat, train.labels, logisticregression__sample_weight=weights)
    expected = np.zeros((len(splits.test), 3))
    expected[:, list(classes)] = pipeline.predict_proba(
        splits.test.signals.reshape(len(splits.test), -1).astype(float)
    )
    model = Linear(3, LinearConfig(components=8), seed=0).fit(train.signals, train.labels)
    assert model.probabilities(splits.test.signals) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("seed", [0, 1])
def test_what_has_a_mean_shape_is_learnt_and_noise_is_not(cell: Cell, seed: int) -> None:
    values = {
        row: cross_classification_linear(cell(row, seed=seed, locked=True), LinearConfig()).value
        for row in ("fresh", "noisy", "shuffled", "noise")
    }
    assert values["fresh"] > 0.9
    assert values["fresh"] >= values["noisy"] - 0.01
    assert values["noisy"] > 0.8
    assert max(values["shuffled"], values["noise"]) < 0.7
