"""The recurrent conditional GAN: losses, optimisers, class, seed, checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from ecgbench import EcgWindows
from ecgbench.generators.rcgan import RcGanConfig
from ecgbench.generators.rcgan.model import RcGan, discriminator_loss, generator_loss
from ecgbench.generators.rcgan.networks import Networks
from tests.generators.timegan.conftest import LABELS, make_context, windows

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench import Context

SMALL = RcGanConfig(hidden=5, latent=3, batch=8, iterations=6)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return make_context(tmp_path)


def fitted(context: Context, config: RcGanConfig = SMALL, train: EcgWindows | None = None) -> Any:
    model = RcGan(config)
    model.fit(windows() if train is None else train, context)
    return model


def test_the_losses_are_the_mean_cross_entropies_of_all_steps() -> None:
    rng = np.random.default_rng(0)
    real, fake = rng.standard_normal((2, 4, 7, 1))
    p, q = 1 / (1 + np.exp(-real)), 1 / (1 + np.exp(-fake))
    found = discriminator_loss(torch.from_numpy(real), torch.from_numpy(fake))
    assert found.item() == pytest.approx(-np.log(p).mean() - np.log(1 - q).mean())
    found = generator_loss(torch.from_numpy(fake))
    assert found.item() == pytest.approx(-np.log(q).mean())


def test_the_class_reaches_each_step_of_both_networks() -> None:
    networks = Networks(2, 3, 5, 4, torch.Generator().manual_seed(0))
    random = torch.Generator().manual_seed(1)
    z, x = torch.randn(3, 6, 4, generator=random), torch.randn(3, 6, 2, generator=random)
    s, other = torch.eye(3), torch.eye(3).roll(1, 0)
    with torch.inference_mode():
        for network, series in ((networks.generate, z), (networks.discriminate, x)):
            assert (network(series, s) != network(series, other)).any(2).all()
        assert networks.generate(100 * z, s).abs().max() <= 1


def test_an_iteration_has_the_published_steps_and_optimisers(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    for kind in (torch.optim.SGD, torch.optim.Adam):

        def noting(self: Any, *rest: Any, step: Any = kind.step) -> Any:
            steps.append(type(self).__name__)
            return step(self, *rest)

        monkeypatch.setattr(kind, "step", noting)
    fitted(context, RcGanConfig(hidden=5, batch=8, iterations=2))
    assert steps == ["SGD", "Adam", "Adam", "Adam"] * 2


def test_the_discriminators_step_is_plain_gradient_descent(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.optim.Adam, "step", lambda *_: None)
    start = torch.Generator().manual_seed(3)
    before = Networks(2, 3, 5, 3, start).discriminator.head.bias.detach().clone()
    one = RcGanConfig(hidden=5, latent=3, batch=30, iterations=1, generator_steps=1)
    moved = [
        fitted(context, config).networks.discriminator.head.bias.detach() - before
        for config in (one, RcGanConfig(**{**_as_dict(one), "discriminator_rate": 0.2}))
    ]
    torch.testing.assert_close(moved[1], 2 * moved[0])


def _as_dict(config: RcGanConfig) -> dict[str, Any]:
    return {name: getattr(config, name) for name in config.__struct_fields__}


def test_samples_are_windows_of_the_labels_within_each_leads_peak(context: Context) -> None:
    train = windows()
    model = fitted(context)
    synthetic = model.sample(LABELS, context)
    assert synthetic.problem() is None
    assert synthetic.signals.shape == (5, 2, 12)
    np.testing.assert_array_equal(synthetic.labels, LABELS)
    assert (synthetic.patients == -1).all()
    peak = np.abs(train.signals).max(axis=(0, 2))
    assert (np.abs(synthetic.signals) <= peak[:, None]).all()
    assert model.sample(LABELS[:0], context).signals.shape == (0, 2, 12)


def test_one_class_and_two_windows_are_enough(context: Context) -> None:
    train = windows(count=2, leads=1, classes=("beat",))
    zeros = np.zeros(3, dtype=np.int64)
    assert fitted(context, train=train).sample(zeros, context).problem() is None


@pytest.mark.slow
def test_samples_of_a_class_come_to_have_that_classs_level(context: Context) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(400, dtype=np.int64) % 2
    level = np.array([0.8, -0.8])[labels][:, None, None]
    train = EcgWindows(
        signals=(level + 0.1 * rng.standard_normal((400, 1, 12))).astype(np.float32),
        labels=labels,
        patients=np.zeros(400, dtype=np.int64),
        sampling_rate=100.0,
        leads=("MLII",),
        classes=("up", "down"),
    )
    wanted = np.arange(200, dtype=np.int64) % 2
    config = RcGanConfig(hidden=16, iterations=300)
    made = fitted(context, config, train).sample(wanted, context).signals
    levels = made.mean(axis=(1, 2))
    assert ((levels > 0) == (wanted == 0)).mean() > 0.95


def test_parameters_counts_both_networks(context: Context) -> None:
    assert RcGan(SMALL).parameters == 0

    def gru(inputs: int, outputs: int) -> int:
        return 3 * 5 * (inputs + 5 + 2) + 5 * outputs + outputs

    assert fitted(context).parameters == gru(3 + 3, 2) + gru(2 + 3, 1)
