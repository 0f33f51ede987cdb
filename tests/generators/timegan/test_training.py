"""The three phases of TimeGAN's training against plain statements of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from ecgbench.generators.timegan import Noise, training
from ecgbench.generators.timegan.training import Training, draw_noise
from ecgbench.nn import RecurrentStack
from tests.generators.timegan.conftest import SETTINGS, fitted, make_context, make_state, small, spy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ecgbench import Context


def plain(state: Training, x: Tensor, s: Tensor, z: Tensor) -> dict[str, Tensor]:
    """All losses in one float64 graph, each network called once for each of its inputs."""
    networks, config = state.networks.double(), state.config
    x, s, z = x.double(), s.double()[:, None].expand(-1, x.shape[1], -1), z.double()

    def latent(network: RecurrentStack, *inputs: Tensor) -> Tensor:
        states, _ = network.gru(torch.cat(inputs, 2))
        out: Tensor = network.head(states)
        return out.sigmoid() if config.latent == "sigmoid" else out

    h = latent(networks.embedder, x, s)
    e_hat = latent(networks.generator, z, s)
    h_hat = latent(networks.supervisor, e_hat, s)
    h_next = latent(networks.supervisor, h, s)
    x_tilde, x_hat = (plain_recovery(networks.recovery, each) for each in (h, h_hat))
    y, y_hat, y_e = (
        plain_discriminator(networks.discriminator, torch.cat([each, s], 2))
        for each in (h, h_hat, e_hat)
    )
    real, fake = torch.ones_like(y), torch.zeros_like(y)
    e_loss0 = 10 * ((x - x_tilde) ** 2).mean().sqrt()
    g_loss_s = ((h[:, 1:] - h_next[:, :-1]) ** 2).mean()
    g_loss_v = (
        (x_hat.var(0, correction=0) + 1e-6).sqrt() - (x.var(0, correction=0) + 1e-6).sqrt()
    ).abs().mean() + (x_hat.mean(0) - x.mean(0)).abs().mean()
    return {
        "embedding": e_loss0,
        "supervised": g_loss_s,
        "embedder": e_loss0 + 0.1 * g_loss_s,
        "generator": cross_entropy(y_hat, real)
        + config.gamma * cross_entropy(y_e, real)
        + config.supervised_weight * g_loss_s.sqrt()
        + config.moment_weight * g_loss_v,
        "discriminator": cross_entropy(y, real)
        + cross_entropy(y_hat, fake)
        + config.gamma * cross_entropy(y_e, fake),
    }


def plain_recovery(network: nn.Module, h: Tensor) -> Tensor:
    """Of either kind: GRU layers, or tanh layers, and a sigmoid layer at each step."""
    if isinstance(network, RecurrentStack):
        states, _ = network.gru(h)
        out: Tensor = network.head(states)
        return out.sigmoid()
    weights = list(network.parameters())
    for kernel, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        h = (h @ kernel.T + bias).tanh()
    return (h @ weights[-2].T + weights[-1]).sigmoid()


def plain_discriminator(network: nn.Module, h: Tensor) -> Tensor:
    """Of either kind: a linear layer on the states of each step, of one direction or of both."""
    stacks = [part for part in network.modules() if isinstance(part, RecurrentStack)]
    states = [stacks[0].gru(h)[0]]
    if len(stacks) > 1:
        backwards, _ = stacks[1].gru(h.flip(1))
        states.append(backwards.flip(1))
    kernel = torch.cat([stack.head.weight for stack in stacks], 1)
    bias: Tensor = sum(stack.head.bias for stack in stacks)
    return torch.cat(states, 2) @ kernel.T + bias


def update(state: Training, name: str, x: Tensor, s: Tensor, z: Tensor) -> None:
    if name == "embedding":
        state.update_embedding(x, s)
    elif name == "supervised":
        state.update_supervisor(x, s)
    elif name == "embedder":
        state.update_embedder(x, s, state.networks.embed(x, s))
    elif name == "generator":
        state.update_generator(x, s, state.networks.embed(x, s).detach(), z)
    else:
        state.update_discriminator(x, s, z)


TRAINED = {
    "embedding": ("embedder", "recovery"),
    "supervised": ("supervisor",),
    "embedder": ("embedder", "recovery"),
    "generator": ("generator", "supervisor"),
    "discriminator": ("discriminator",),
}


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("name", TRAINED)
def test_an_update_follows_the_gradient_of_its_loss_and_trains_its_networks_alone(
    context: Context, name: str, settings: str
) -> None:
    state = make_state(context, SETTINGS[settings])
    channels = 2 + state.config.static_noise
    z = torch.rand(20, 9, channels, generator=torch.Generator().manual_seed(2))
    before = {k: v.clone() for k, v in state.networks.state_dict().items()}
    update(state, name, state.x, state.s, z)
    for weight_name, weight in state.networks.named_parameters():
        trained = weight_name.split(".")[0] in TRAINED[name]
        assert torch.equal(weight, before[weight_name]) is not trained, weight_name
        assert (weight.grad is not None) is trained, weight_name
        assert weight.requires_grad
    found = {k: w.grad.clone() for k, w in state.networks.named_parameters() if w.grad is not None}

    state.networks.load_state_dict(before)
    loss = plain(state, state.x, state.s, z)[name]
    weights = dict(state.networks.named_parameters())
    for weight_name, gradient in found.items():
        (expected,) = torch.autograd.grad(loss, weights[weight_name], retain_graph=True)
        scale = expected.abs().max()
        torch.testing.assert_close(gradient.double() / scale, expected / scale, rtol=0, atol=3e-5)


def test_the_first_step_of_adam_is_the_learning_rate(state: Training) -> None:
    bias = state.networks.embedder.head.bias
    before = bias.clone()
    state.update_embedding(state.x, state.s)
    moved = (bias - before).abs()
    torch.testing.assert_close(moved, torch.full_like(moved, 1e-3), rtol=1e-3, atol=0)


def test_phases_follow_one_another_and_a_joint_iteration_is_twice_generator_and_embedder_then_discriminator(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = spy(monkeypatch)
    fitted(context)
    joint = ["generator", "embedder", "generator", "embedder", "discriminator"]
    assert [name for name, _ in calls] == ["embedding"] * 12 + ["supervisor"] * 11 + joint * 10
    batches = [x for _, x in calls[-5:]]
    assert batches[0] is batches[1]
    assert batches[2] is batches[3]
    for first, second in [(0, 2), (0, 4), (2, 4)]:
        assert not torch.equal(batches[first], batches[second])
    assert all(x.shape == (8, 12, 2) for _, x in calls)


@pytest.mark.parametrize(("margin", "trained"), [(1e-4, False), (-1e-4, True)])
def test_the_discriminator_is_updated_only_above_its_threshold(
    tmp_path: Path, margin: float, trained: bool
) -> None:
    context = make_context(tmp_path)
    z = torch.rand(20, 9, 2, generator=torch.Generator().manual_seed(2))
    state = make_state(context)
    loss = plain(state, state.x, state.s, z)["discriminator"].item()
    config = small(discriminator_threshold=loss + margin)
    state = make_state(context, config)
    before = {k: v.clone() for k, v in state.networks.state_dict().items()}
    state.update_discriminator(state.x, state.s, z)
    assert state.losses["discriminator"] == pytest.approx(loss, abs=1e-5)
    after = state.networks.state_dict()
    assert any(not torch.equal(after[k], before[k]) for k in before) is trained


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_the_learning_rate_follows_its_schedule_within_each_phase(
    context: Context, monkeypatch: pytest.MonkeyPatch, schedule: str
) -> None:
    rates: list[float] = []
    step = torch.optim.Adam.step

    def record(adam: torch.optim.Adam) -> None:
        rates.append(adam.param_groups[0]["lr"])
        step(adam)

    monkeypatch.setattr(torch.optim.Adam, "step", record)
    fitted(context, small(learning_rate_schedule=schedule, discriminator_threshold=0.0))
    expected = [
        1e-3 * (1 + np.cos(np.pi * done / iterations)) / 2 if schedule == "cosine" else 1e-3
        for iterations, updates in ((12, 1), (11, 1), (10, 5))
        for done in range(iterations)
        for _ in range(updates)
    ]
    assert rates == pytest.approx(expected, rel=1e-12)


def flat(networks: nn.Module) -> Tensor:
    return torch.cat([weight.detach().flatten() for weight in networks.parameters()]).double()


def test_the_running_mean_weighs_each_joint_iteration_by_its_age_and_leaves_the_fit_alone(
    context: Context,
) -> None:
    plain, averaged = (make_state(context, small(ema=ema)) for ema in (0.0, 0.9))
    means = averaged.run()
    seen: list[Tensor] = []
    for done in plain.run():
        next(means)
        assert torch.equal(flat(plain.networks), flat(averaged.networks))
        if done["joint"]:
            seen.append(flat(plain.networks))
        ages = 0.9 ** torch.arange(len(seen), dtype=torch.float64).flip(0)
        expected = torch.stack(seen).T @ ages / ages.sum() if seen else flat(plain.networks)
        torch.testing.assert_close(flat(averaged.sampler), expected, rtol=0, atol=1e-6)
    assert len(seen) == 10
    assert plain.sampler is plain.networks
    assert (flat(averaged.sampler) - seen[-1]).abs().max() > 1e-3


def test_no_window_comes_twice_in_a_batch_and_a_small_set_is_taken_whole(state: Training) -> None:
    x, s = state._batch()
    assert x.shape == (8, 9, 2)
    assert len({tuple(window.flatten().tolist()) for window in x}) == 8
    where = [int((state.x == window).all(2).all(1).nonzero()) for window in x]
    assert torch.equal(s, state.s[where])
    state.x, state.s = state.x[:5], state.s[:5]
    x, _ = state._batch()
    assert sorted(x[:, 0, 0].tolist()) == sorted(state.x[:, 0, 0].tolist())


@pytest.mark.parametrize(
    ("noise", "mean", "variances"),
    [("uniform", 0.5, (1 / 12, 1 / 12)), ("gaussian", 0.0, (1, 1)), ("wiener", 0.0, (1 / 4, 1))],
)
def test_noise_has_the_distribution_its_name_says(
    noise: Noise, mean: float, variances: tuple[float, float]
) -> None:
    z = draw_noise(small(noise=noise), torch.Size((20_000, 4, 2)), np.random.default_rng(0))
    assert z.dtype == torch.float32
    assert z.mean().item() == pytest.approx(mean, abs=0.02)
    for step, variance in ((0, variances[0]), (3, variances[1])):
        assert z[:, step].var().item() == pytest.approx(variance, rel=0.05)
    if noise == "uniform":
        assert z.min() >= 0
        assert z.max() <= 1
    correlation = torch.corrcoef(z[:, 2:, 0].T)[0, 1].item()
    assert correlation == pytest.approx(np.sqrt(3 / 4) if noise == "wiener" else 0, abs=0.03)


@pytest.mark.parametrize("noise", get_args(Noise))
def test_static_noise_stands_beside_it_and_is_one_draw_for_a_window(noise: Noise) -> None:
    shape, both = torch.Size((20_000, 4, 2)), small(noise=noise, static_noise=3)
    z = draw_noise(both, shape, np.random.default_rng(0))
    alone = draw_noise(small(noise=noise), shape, np.random.default_rng(0))
    assert torch.equal(z[:, :, :2], alone)
    held = z[:, :, 2:]
    assert torch.equal(held, held[:, :1].expand(-1, 4, -1))
    assert torch.allclose(torch.cov(held[:, 0].T), torch.eye(3), atol=0.05)


def test_progress_counts_the_updates_of_all_phases_and_ends_at_their_number(
    tmp_path: Path,
) -> None:
    reports: list[tuple[int, int, dict[str, float]]] = []
    context = make_context(
        tmp_path, log=lambda step, /, *, total, **values: reports.append((step, total, values))
    )
    fitted(context)
    assert [step for step, _, _ in reports] == [10, 12, 22, 23, 23 + 50]
    assert {total for _, total, _ in reports} == {23 + 50}
    assert [set(values) for _, _, values in reports[::2]] == [
        {"reconstruction"},
        {"supervised"},
        {"generator", "supervised", "moments", "reconstruction", "discriminator"},
    ]
    assert all(np.isfinite(value) for _, _, values in reports for value in values.values())


@pytest.mark.parametrize(
    ("phase", "function", "name"),
    [
        ("embedding", "reconstruction_loss", "reconstruction"),
        ("supervised", "supervised_loss", "supervised"),
        ("joint", "adversarial_loss", "generator"),
        ("joint", "moment_loss", "moments"),
        ("joint", "discriminator_loss", "discriminator"),
    ],
)
def test_divergence_is_an_error_that_names_phase_step_and_loss(
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
    phase: str,
    function: str,
    name: str,
) -> None:
    loss: Callable[..., Tensor] = getattr(training, function)
    per_step = 2 if function in ("adversarial_loss", "moment_loss") else 1

    def diverging() -> Iterator[Callable[[Tensor], Tensor]]:
        for _ in range(2 * per_step):
            yield lambda value: value
        while True:
            yield lambda value: value * float("nan")

    change = diverging()
    monkeypatch.setattr(training, function, lambda *tensors: next(change)(loss(*tensors)))
    with pytest.raises(
        FloatingPointError, match=f"timegan diverged at {phase} step 3: {name} loss is nan"
    ):
        fitted(context)


def test_a_learning_rate_far_too_large_is_found_out(context: Context) -> None:
    config = small(learning_rate=1e30)
    with pytest.raises(FloatingPointError, match=r"timegan diverged at \w+ step \d+: \w+ loss is"):
        fitted(context, config)
