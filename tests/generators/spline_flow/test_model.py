"""The flow: its density, its seed, its checkpoints and rare classes."""

from __future__ import annotations

import math
import sys

import msgspec
import numpy as np
import pytest
import torch

from ecgbench import Context, EcgbenchError, EcgWindows
from ecgbench.generators.spline_flow import SplineFlowConfig
from ecgbench.generators.spline_flow.model import SplineFlow, log_density, spline_flow
from tests.generators.spline_flow.conftest import SMALL, fitted
from tests.generators.timegan.conftest import LABELS, make_context, windows


def stir(flow: torch.nn.Module) -> None:
    """Move all weights away from their start, where the flow is the identity."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for weight in flow.parameters():
            weight.add_(0.4 * torch.randn(weight.shape, generator=generator))


def test_the_density_of_each_class_integrates_to_one() -> None:
    flow = spline_flow(2, 2, SMALL, seed=0)
    stir(flow)
    side = torch.linspace(-7, 7, 281)
    z = torch.cartesian_prod(side, side)
    area = float(side[1] - side[0]) ** 2
    densities = []
    for label in range(2):
        s = torch.eye(2)[[label]].expand(len(z), -1)
        with torch.inference_mode():
            densities.append(log_density(flow, z, s).exp())
        assert densities[-1].sum().item() * area == pytest.approx(1, abs=5e-3)
    assert (densities[0] - densities[1]).abs().max() > 1e-3


def test_the_flow_starts_as_the_identity() -> None:
    z = torch.randn(9, 5, generator=torch.Generator().manual_seed(1))
    s = torch.eye(3)[torch.arange(9) % 3]
    expected = -(z**2).sum(1) / 2 - 2.5 * math.log(2 * math.pi)
    with torch.inference_mode():
        torch.testing.assert_close(log_density(spline_flow(5, 3, SMALL, 0), z, s), expected)


@pytest.mark.slow
def test_a_fit_reaches_the_likelihood_of_a_known_density(context: Context) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(4000, dtype=np.int64) % 2
    sides = rng.choice([-1.0, 1.0], 4000)
    signals = np.stack([sides, sides * (2 * labels - 1)], axis=1)
    signals += 0.3 * rng.standard_normal((4000, 2))
    train = EcgWindows(
        signals=signals[:, None].astype(np.float32),
        labels=labels,
        patients=np.zeros(4000, dtype=np.int64),
        sampling_rate=100.0,
        leads=("MLII",),
        classes=("along", "across"),
    )
    config = SplineFlowConfig(
        dimensions=2, transforms=3, hidden=32, iterations=300, learning_rate=5e-3
    )
    seen: list[float] = []
    noting = make_context(
        context.checkpoint_dir, log=lambda *_, **values: seen.append(values["held_out"])
    )
    model = fitted(noting, config, train)
    entropy = math.log(2) + math.log(2 * math.pi * math.e * 0.3**2)
    scale = np.log([model.space.deviations[label] for label in (0, 1)]).sum(axis=1).mean()
    assert seen[-1] == pytest.approx(entropy - scale, abs=0.12)
    made = model.sample(np.arange(2000, dtype=np.int64) % 2, context).signals[:, 0]
    product = made[:, 0] * made[:, 1] * (2 * (np.arange(2000) % 2) - 1)
    assert (product > 0).mean() > 0.95
    assert (np.abs(np.abs(made) - 1) < 0.9).mean() > 0.95


def test_without_training_the_windows_have_the_covariance_of_their_class(context: Context) -> None:
    train = windows(count=600, leads=1)
    config = msgspec.structs.replace(SMALL, iterations=0, prior=1e-6, dimensions=12)
    labels = np.repeat(np.arange(3, dtype=np.int64), 4000)
    made = fitted(context, config, train).sample(labels, context).signals[:, 0]
    for label in range(3):
        real = train.signals[train.labels == label, 0]
        own = made[labels == label]
        np.testing.assert_allclose(own.mean(0), real.mean(0), atol=0.01)
        np.testing.assert_allclose(own.std(0), real.std(0), rtol=0.25)


def test_samples_are_windows_of_the_labels(context: Context) -> None:
    train = windows()
    synthetic = fitted(context).sample(LABELS, context)
    assert synthetic.problem() is None
    assert synthetic.signals.shape == (5, 2, 12)
    np.testing.assert_array_equal(synthetic.labels, LABELS)
    assert (synthetic.patients == -1).all()
    assert synthetic.leads == train.leads
    assert fitted(context).sample(LABELS[:0], context).signals.shape == (0, 2, 12)


def test_the_weights_are_those_of_the_likeliest_windows_held_out(context: Context) -> None:
    config = msgspec.structs.replace(SMALL, iterations=60, every=1, learning_rate=0.05)
    seen: list[float] = []
    noting = make_context(
        context.checkpoint_dir, log=lambda *_, **values: seen.append(values["held_out"])
    )
    train = windows()
    model = fitted(noting, config, train)
    order = np.random.default_rng([3, 1]).permutation(len(train))[:3]
    z = torch.from_numpy(model.space.coordinates(train)[order, :5].astype(np.float32))
    with torch.inference_mode():
        found = -log_density(model.flow, z, torch.eye(3)[train.labels[order]]).mean()
    assert seen == sorted(seen, reverse=True)
    assert found.item() == pytest.approx(seen[-1], rel=1e-5)


def test_one_class_two_windows_and_equal_windows_are_enough(context: Context) -> None:
    train = windows(count=2, leads=1, classes=("beat",))
    zeros = np.zeros(3, dtype=np.int64)
    assert fitted(context, train=train).sample(zeros, context).problem() is None
    equal = train.take(np.array([0, 0, 0]))
    made = fitted(context, train=equal).sample(zeros, context)
    np.testing.assert_allclose(made.signals, equal.signals, atol=1e-4)


def test_parameters_counts_flow_and_components(context: Context) -> None:
    assert SplineFlow(SMALL).parameters == 0
    model = fitted(context)
    flow = sum(weight.numel() for weight in model.flow.parameters())
    components = len(model.space.axes)
    assert model.parameters == flow + 24 * components + 1 + 3 * (24 + components)


def test_without_zuko_the_error_names_the_extra(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "zuko.distributions", None)
    with pytest.raises(EcgbenchError, match=r"synthetic-ecgbench\[flows\]"):
        fitted(context)
