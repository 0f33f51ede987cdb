"""TimeGAN against plain statements of its equations, and what a fit promises."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, get_args

import msgspec
import numpy as np
import psutil
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from ecgbench import Context, EcgWindows, GeneratorSpec
from ecgbench.contracts.config import build
from ecgbench.generators.timegan import Noise, TimeGanConfig, ecgbench_generators, losses, training
from ecgbench.generators.timegan.model import TimeGan
from ecgbench.generators.timegan.training import Training, draw_noise
from ecgbench.nn import RecurrentStack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray


SMALL = TimeGanConfig(
    hidden=5, layers=2, batch=8, embedding_iterations=12, supervised_iterations=11, iterations=10
)
LABELS = np.array([2, 0, 1, 2, 2], dtype=np.int64)


def windows(
    count: int = 30, leads: int = 2, length: int = 12, classes: tuple[str, ...] = ("N", "S", "V")
) -> EcgWindows:
    """Noisy sines; lead 1 swings between 9 and 11 mV, lead 0 about 0 by 0.1 mV."""
    rng = np.random.default_rng(5)
    labels = np.arange(count, dtype=np.int64) % len(classes)
    phase = np.linspace(0, 2 * np.pi, length) + labels[:, None, None]
    signals = np.sin(phase) + 0.1 * rng.standard_normal((count, leads, length))
    signals *= np.array([0.1, 1.0])[:leads, None]
    signals += np.array([0.0, 10.0])[:leads, None]
    return EcgWindows(
        signals=signals.astype(np.float32),
        labels=labels,
        patients=np.zeros(count, dtype=np.int64),
        sampling_rate=125.0,
        leads=("MLII", "V1")[:leads],
        classes=classes,
    )


def small(**changes: Any) -> TimeGanConfig:
    return msgspec.structs.replace(SMALL, **changes)


SETTINGS = {
    "the code's": SMALL,
    "weights": small(gamma=0.6, supervised_weight=30.0, moment_weight=7.0),
    "linear latents": small(latent="linear"),
    "the paper's": small(
        latent="linear",
        recovery="feedforward",
        discriminator="bidirectional",
        noise="wiener",
        moment_weight=0.0,
    ),
    "ablation": small(
        recovery="feedforward",
        discriminator="bidirectional",
        ema=0.9,
        learning_rate_schedule="cosine",
        static_noise=2,
    ),
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As the contexts say; networks so small only wait for a second one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return make_context(tmp_path)


def make_context(
    folder: Path, seed: int = 3, log: Callable[..., None] = lambda *_, **__: None
) -> Context:
    return Context(seed=seed, device="cpu", threads=1, log=log, checkpoint_dir=folder)


def fitted(context: Context, config: TimeGanConfig = SMALL, train: EcgWindows | None = None) -> Any:
    model = TimeGan(config)
    model.fit(windows() if train is None else train, context)
    return model


# --- the losses -----------------------------------------------------------------------------------


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


# --- the updates ----------------------------------------------------------------------------------


@pytest.fixture
def state(context: Context) -> Training:
    """A training whose networks are away from their start."""
    return make_state(context)


def make_state(context: Context, config: TimeGanConfig = SMALL) -> Training:
    rng = torch.Generator().manual_seed(1)
    x = torch.rand(20, 9, 2, generator=rng)
    s = torch.eye(3)[torch.arange(20) % 3]
    made = Training(config, x, s, context, data="")
    with torch.no_grad():
        for weight in made.networks.parameters():
            weight.add_(0.5 * torch.randn(weight.shape, generator=rng))
    return made


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


def test_a_feedforward_recovery_sees_one_step_alone(context: Context) -> None:
    h = torch.rand(20, 9, 5, generator=torch.Generator().manual_seed(2))
    other = h.clone()
    other[:, 4] += 1
    for recovery, steps in (("recurrent", 5), ("feedforward", 1)):
        networks = make_state(context, small(recovery=recovery)).networks
        differ = (networks.recover(h) != networks.recover(other)).any(2).any(0)
        assert differ.tolist() == [4 <= step < 4 + steps for step in range(9)]


def test_a_bidirectional_discriminator_sees_all_steps(context: Context) -> None:
    h = torch.rand(20, 9, 5, generator=torch.Generator().manual_seed(2))
    other = h.clone()
    other[:, 4] += 1
    for discriminator, first in (("forward", 4), ("bidirectional", 0)):
        state = make_state(context, small(discriminator=discriminator))
        y, y_other = (state.networks.discriminate(each, state.s) for each in (h, other))
        assert (y != y_other).any(2).any(0).tolist() == [step >= first for step in range(9)]


def test_the_first_step_of_adam_is_the_learning_rate(state: Training) -> None:
    bias = state.networks.embedder.head.bias
    before = bias.clone()
    state.update_embedding(state.x, state.s)
    moved = (bias - before).abs()
    torch.testing.assert_close(moved, torch.full_like(moved, 1e-3), rtol=1e-3, atol=0)


# --- the schedule ---------------------------------------------------------------------------------


def spy(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Tensor]]:
    """Record each update and the x it is given."""
    calls: list[tuple[str, Tensor]] = []

    def recording(name: str, update: Callable[..., None]) -> Callable[..., None]:
        def record(self: Training, x: Tensor, *rest: Tensor) -> None:
            calls.append((name, x))
            update(self, x, *rest)

        return record

    for name in ("embedding", "supervisor", "generator", "embedder", "discriminator"):
        update = getattr(Training, f"update_{name}")
        monkeypatch.setattr(Training, f"update_{name}", recording(name, update))
    return calls


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


def test_samples_are_drawn_with_the_running_mean(context: Context) -> None:
    model = fitted(context, small(ema=0.9))
    last = fitted(context)
    drawn = model.sample(LABELS, context).signals
    assert drawn.tobytes() != last.sample(LABELS, context).signals.tobytes()
    last._networks.load_state_dict(model._networks.state_dict())
    assert drawn.tobytes() == last.sample(LABELS, context).signals.tobytes()


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


# --- labels, scale and shape ----------------------------------------------------------------------


def test_the_class_reaches_every_network_but_the_recovery(state: Training) -> None:
    networks, s = state.networks, state.s
    other = s.roll(1, 0)
    x, h = state.x, torch.rand(20, 9, 5, generator=torch.Generator().manual_seed(2))
    for network, series in (
        (networks.embed, x),
        (networks.generate, x),
        (networks.supervise, h),
        (networks.discriminate, h),
    ):
        assert not torch.allclose(network(series, s)[:, 0], network(series, other)[:, 0])
    recovery: Any = networks.recovery
    assert recovery.gru.input_size == 5


def test_with_one_class_there_is_no_static_feature(context: Context) -> None:
    model = fitted(context, train=windows(classes=("beat",)))
    assert model._networks.embedder.gru.input_size == 2
    assert model.sample(np.zeros(3, dtype=np.int64), context).problem() is None


def test_samples_are_windows_of_the_labels_within_each_leads_range(context: Context) -> None:
    train = windows()
    synthetic = fitted(context).sample(LABELS, context)
    assert synthetic.problem() is None
    assert synthetic.signals.shape == (5, 2, 12)
    assert synthetic.signals.flags.c_contiguous
    np.testing.assert_array_equal(synthetic.labels, LABELS)
    assert (synthetic.patients == -1).all()
    assert synthetic.leads == train.leads
    assert synthetic.sampling_rate == train.sampling_rate
    for lead in range(2):
        real, made = train.signals[:, lead], synthetic.signals[:, lead]
        assert real.min() <= made.min() <= made.max() <= real.max()


def test_scaling_maps_each_lead_to_the_unit_interval(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = spy(monkeypatch)
    fitted(context, small(batch=30))
    x = calls[0][1]
    assert x.shape == (30, 12, 2)
    torch.testing.assert_close(x.amin((0, 1)), torch.zeros(2))
    torch.testing.assert_close(x.amax((0, 1)), torch.ones(2))


def test_no_labels_give_no_windows(context: Context) -> None:
    synthetic = fitted(context).sample(LABELS[:0], context)
    assert synthetic.signals.shape == (0, 2, 12)


def test_parameters_counts_the_weights_of_all_five_networks(context: Context) -> None:
    assert TimeGan(SMALL).parameters == 0

    def gru(inputs: int) -> int:
        return 3 * 5 * (inputs + 5 + 2)

    embedder = generator = gru(2 + 3) + gru(5) + 5 * 5 + 5
    recovery = gru(5) + gru(5) + 2 * 5 + 2
    supervisor = gru(5 + 3) + 5 * 5 + 5
    discriminator = gru(5 + 3) + gru(5) + 5 + 1
    total = embedder + generator + recovery + supervisor + discriminator
    assert fitted(context).parameters == total


# --- reports, seeds and checkpoints ---------------------------------------------------------------


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


@pytest.mark.parametrize("settings", ["the code's", "the paper's"])
def test_the_same_seed_gives_the_same_bytes_and_leaves_global_random_state_alone(
    tmp_path: Path, settings: str
) -> None:
    numpys = np.random.get_state(legacy=False)  # noqa: NPY002 - what must not be touched
    torchs = torch.get_rng_state()
    first, again, other = (
        fitted(context, SETTINGS[settings]).sample(LABELS, context).signals
        for context in (make_context(tmp_path, seed) for seed in (3, 3, 4))
    )
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()
    assert torch.equal(torch.get_rng_state(), torchs)
    after = np.random.get_state(legacy=False)  # noqa: NPY002 - as above
    np.testing.assert_equal(after, numpys)


class Stopped(Exception):  # noqa: N818 - stands for a kill
    """The fit is interrupted."""


def stop_at(folder: Path, step: int) -> Context:
    def log(done: int, /, *, total: int, **values: float) -> None:
        if done >= step:
            raise Stopped

    return make_context(folder, log=log)


@pytest.fixture
def always_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "CHECKPOINT_EVERY", 0.0)
    monkeypatch.setattr(training, "LOG_EVERY", 1)


def test_samples_on_the_way_leave_the_fit_as_it_is_and_are_of_the_networks_by_then(
    context: Context,
) -> None:
    expected = fitted(context).sample(LABELS, context).signals
    model = TimeGan(SMALL)
    seen: list[dict[str, int]] = []
    drawn: set[bytes] = set()
    for done in model.fitting(windows(), context):
        seen.append(dict(done))
        drawn.add(model.sample(LABELS, context).signals.tobytes())
    assert model.sample(LABELS, context).signals.tobytes() == expected.tobytes()
    assert seen[12] == {"embedding": 12, "supervised": 1, "joint": 0}
    assert len(drawn) == len(seen) == 12 + 11 + 10


@pytest.mark.usefixtures("always_checkpoint")
@pytest.mark.parametrize(
    ("settings", "step"),
    [("the code's", step) for step in (1, 7, 12, 13, 20, 23, 28, 48, 73)]
    + [("ablation", step) for step in (7, 20, 23, 28, 48, 73)],
)
def test_a_fit_that_was_stopped_and_resumed_gives_the_same_bytes(
    tmp_path: Path, settings: str, step: int, capsys: pytest.CaptureFixture[str]
) -> None:
    config = SETTINGS[settings]
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    whole.mkdir()
    stopped.mkdir()
    expected = fitted(make_context(whole), config).sample(LABELS, make_context(whole))
    with pytest.raises(Stopped):
        fitted(stop_at(stopped, step), config)
    assert sorted(path.suffix for path in stopped.iterdir()) == [".json", ".safetensors"]
    seen: list[int] = []
    resumed = make_context(stopped, log=lambda done, /, **_: seen.append(done))
    found = fitted(resumed, config).sample(LABELS, resumed)
    assert found.signals.tobytes() == expected.signals.tobytes()
    assert all(done > step for done in seen)
    assert "resumed" in capsys.readouterr().out


@pytest.mark.usefixtures("always_checkpoint")
def test_a_fit_can_be_stopped_more_than_once(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    expected = fitted(make_context(tmp_path / "whole")).sample(LABELS, make_context(tmp_path))
    for step in (3, 18, 33, 63):
        with pytest.raises(Stopped):
            fitted(stop_at(tmp_path, step))
    context = make_context(tmp_path)
    assert fitted(context).sample(LABELS, context).signals.tobytes() == expected.signals.tobytes()


def flip_a_byte(folder: Path) -> None:
    (tensors,) = folder.glob("*.safetensors")
    content = bytearray(tensors.read_bytes())
    content[-5] ^= 1
    tensors.write_bytes(content)


def cut_short(folder: Path) -> None:
    (tensors,) = folder.glob("*.safetensors")
    tensors.write_bytes(tensors.read_bytes()[:100])


def lose_the_tensors(folder: Path) -> None:
    (tensors,) = folder.glob("*.safetensors")
    tensors.unlink()


def cut_the_json_short(folder: Path) -> None:
    head = folder / "timegan.json"
    head.write_bytes(head.read_bytes()[:-40])


def write_another_json(folder: Path) -> None:
    (folder / "timegan.json").write_text(json.dumps(["something", "else"]))


@pytest.mark.usefixtures("always_checkpoint")
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (flip_a_byte, "its tensors are damaged"),
        (cut_short, "its tensors are damaged"),
        (lose_the_tensors, "cannot be read"),
        (cut_the_json_short, "timegan.json is damaged"),
        (write_another_json, "timegan.json is damaged"),
    ],
)
def test_a_damaged_checkpoint_is_left_unused_and_said_so(
    tmp_path: Path,
    damage: Callable[[Path], None],
    reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(Stopped):
        fitted(stop_at(tmp_path, 5))
    damage(tmp_path)
    seen: list[int] = []
    fitted(make_context(tmp_path, log=lambda done, /, **_: seen.append(done)))
    assert seen[0] == 1
    out = capsys.readouterr().out
    assert "starts afresh" in out
    assert reason in out
    assert str(tmp_path) not in out


@pytest.mark.usefixtures("always_checkpoint")
@pytest.mark.parametrize("other", ["settings", "seed", "data"])
def test_a_checkpoint_of_another_fit_is_left_unused_and_said_so(
    tmp_path: Path, other: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Stopped):
        fitted(stop_at(tmp_path, 5))
    seen: list[int] = []
    context = make_context(
        tmp_path,
        seed=9 if other == "seed" else 3,
        log=lambda done, /, **_: seen.append(done),
    )
    config = small(gamma=0.5)
    fitted(
        context,
        config if other == "settings" else SMALL,
        windows(count=29) if other == "data" else windows(),
    )
    assert seen[0] == 1
    assert "other settings or data" in capsys.readouterr().out


@pytest.mark.usefixtures("always_checkpoint")
def test_a_kill_between_the_two_files_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    expected = fitted(make_context(tmp_path / "whole")).sample(LABELS, make_context(tmp_path))
    with pytest.raises(Stopped):
        fitted(stop_at(tmp_path, 30))
    (tmp_path / "timegan-0123456789abcdef.safetensors").write_bytes(b"newer tensors, no JSON yet")
    (tmp_path / "timegan.partial").write_bytes(b"{")
    context = make_context(tmp_path)
    assert fitted(context).sample(LABELS, context).signals.tobytes() == expected.signals.tobytes()


def test_checkpoints_wait_for_their_time(context: Context) -> None:
    fitted(context)
    assert not list(context.checkpoint_dir.iterdir())


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


# --- the plugin -----------------------------------------------------------------------------------


def spec() -> GeneratorSpec:
    (only,) = ecgbench_generators()
    return only


def test_the_spec_loads_its_model_and_its_smoke_settings_reach_every_phase() -> None:
    assert spec().load() is TimeGan
    assert spec().conditional
    smoke = build(TimeGanConfig, spec().smoke, where="generator timegan")
    assert min(smoke.embedding_iterations, smoke.supervised_iterations, smoke.iterations) > 0


def test_asking_what_there_is_imports_no_torch_and_no_numpy() -> None:
    code = (
        "import sys; from ecgbench.generators import timegan; timegan.ecgbench_generators();"
        "print(sorted({'torch', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_a_long_fit_takes_no_more_memory_than_a_short_one(context: Context) -> None:
    process = psutil.Process()
    config = small(embedding_iterations=50, supervised_iterations=50, iterations=2000, ema=0.9)
    resident = [
        process.memory_info().rss
        for done in TimeGan(config).fitting(windows(), context)
        if done["joint"] in (500, 2000)
    ]
    assert resident[1] - resident[0] < 4e6


@pytest.mark.slow
def test_samples_of_a_class_look_like_that_class(context: Context) -> None:
    rng = np.random.default_rng(0)
    steps = np.arange(24)
    shapes = np.stack([np.exp(-((steps - 6) ** 2) / 8), -np.exp(-((steps - 17) ** 2) / 8)])
    labels = np.arange(400, dtype=np.int64) % 2
    noise = 0.05 * rng.standard_normal((400, 1, 24))
    size = rng.uniform(0.8, 1.2, (400, 1, 1))
    train = EcgWindows(
        signals=(shapes[labels][:, None] * size + noise).astype(np.float32),
        labels=labels,
        patients=np.zeros(400, dtype=np.int64),
        sampling_rate=100.0,
        leads=("MLII",),
        classes=("up", "down"),
    )
    config = TimeGanConfig(
        hidden=12,
        layers=2,
        batch=64,
        embedding_iterations=300,
        supervised_iterations=150,
        iterations=300,
        learning_rate=3e-3,
    )
    wanted = np.arange(200, dtype=np.int64) % 2
    made = fitted(context, config, train).sample(wanted, context).signals[:, 0]
    distances = np.linalg.norm(made[:, None] - shapes, axis=2)
    assert (distances.argmin(1) == wanted).mean() > 0.95
