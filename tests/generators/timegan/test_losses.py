"""Every loss of TimeGAN against its equation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from ecgbench.generators.timegan import losses

if TYPE_CHECKING:
    from numpy.typing import NDArray


def sigmoid(y: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-y))


def test_every_loss_is_its_equation() -> None:
    rng = np.random.default_rng(0)
    x, x_hat = rng.random((2, 6, 7, 2))
    h, h_supervised = rng.random((2, 6, 7, 4))
    y, y_hat, y_e = rng.standard_normal((3, 6, 7, 1))
    gamma = 0.7
    t = torch.from_numpy
    expected = {
        "reconstruction": 10 * np.sqrt(np.mean((x - x_hat) ** 2)),
        "supervised": np.mean((h[:, 1:] - h_supervised[:, :-1]) ** 2),
        "moments": np.mean(np.abs(np.sqrt(x_hat.var(0) + 1e-6) - np.sqrt(x.var(0) + 1e-6)))
        + np.mean(np.abs(x_hat.mean(0) - x.mean(0))),
        "adversarial": -np.log(sigmoid(y_hat)).mean() - gamma * np.log(sigmoid(y_e)).mean(),
        "discriminator": -np.log(sigmoid(y)).mean()
        - np.log(1 - sigmoid(y_hat)).mean()
        - gamma * np.log(1 - sigmoid(y_e)).mean(),
    }
    expected["embedder"] = expected["reconstruction"] + 0.1 * expected["supervised"]
    expected["generator"] = (
        expected["adversarial"] + 30 * np.sqrt(expected["supervised"]) + 20 * expected["moments"]
    )
    found = {
        "reconstruction": losses.reconstruction_loss(t(x), t(x_hat)),
        "supervised": losses.supervised_loss(t(h), t(h_supervised)),
        "moments": losses.moment_loss(t(x), t(x_hat)),
        "adversarial": losses.adversarial_loss(t(y_hat), t(y_e), gamma),
        "discriminator": losses.discriminator_loss(t(y), t(y_hat), t(y_e), gamma),
    }
    found["embedder"] = losses.embedder_loss(found["reconstruction"], found["supervised"])
    found["generator"] = losses.generator_loss(
        found["adversarial"],
        found["supervised"],
        found["moments"],
        supervised_weight=30.0,
        moment_weight=20.0,
    )
    for name, value in expected.items():
        assert found[name].item() == pytest.approx(value, rel=1e-10), name
