"""WaveGAN* and Pulse2Pulse as the harness calls them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
import torch

from ecgbench import EcgWindows
from ecgbench.contracts.config import build
from ecgbench.contracts.errors import ConfigError
from ecgbench.generators.wavegan import WaveGanConfig, ecgbench_generators
from ecgbench.generators.wavegan.model import Pulse2Pulse, WaveGan
from ecgbench.nn.training import count
from tests.generators.timegan.conftest import LABELS, make_context, windows

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench import Context

SMALL = WaveGanConfig(
    upsampling=(3, 2),
    channels=(6, 4),
    critic_strides=(2, 2),
    critic_channels=(4, 6),
    kernel=5,
    batch=8,
    iterations=6,
    critic_steps=2,
)
KINDS = pytest.mark.parametrize("kind", [WaveGan, Pulse2Pulse])


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return make_context(tmp_path)


def fitted(
    kind: type[WaveGan],
    context: Context,
    config: WaveGanConfig = SMALL,
    train: EcgWindows | None = None,
) -> Any:
    model = kind(config)
    model.fit(windows() if train is None else train, context)
    return model


@KINDS
def test_samples_are_windows_of_the_labels_within_each_leads_peak(
    kind: type[WaveGan], context: Context
) -> None:
    train = windows()
    model = fitted(kind, context)
    synthetic = model.sample(LABELS, context)
    assert synthetic.problem() is None
    assert synthetic.signals.shape == (5, 2, 12)
    np.testing.assert_array_equal(synthetic.labels, LABELS)
    assert (synthetic.patients == -1).all()
    peak = np.abs(train.signals).max(axis=(0, 2))
    assert (np.abs(synthetic.signals) <= peak[:, None]).all()
    assert model.sample(LABELS[:0], context).signals.shape == (0, 2, 12)


@KINDS
def test_one_class_two_windows_and_a_flat_lead_are_enough(
    kind: type[WaveGan], context: Context
) -> None:
    train = windows(count=2, leads=1, classes=("beat",))
    zeros = np.zeros(3, dtype=np.int64)
    assert fitted(kind, context, train=train).sample(zeros, context).problem() is None
    flat = train.synthetic(np.zeros_like(train.signals), train.labels)
    assert fitted(kind, context, train=flat).sample(zeros, context).problem() is None


def test_an_iteration_trains_the_critic_critic_steps_times(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []
    step = torch.optim.Adam.step

    def noting(self: torch.optim.Adam, *rest: Any) -> Any:
        steps.append(sum(w.numel() for w in self.param_groups[0]["params"]))
        return step(self, *rest)

    monkeypatch.setattr(torch.optim.Adam, "step", noting)
    model = fitted(WaveGan, context, msgspec.structs.replace(SMALL, iterations=2))
    generator = count(model.generator)
    critic = model.parameters - generator
    assert steps == [critic, critic, generator] * 2


@pytest.mark.slow
@KINDS
def test_samples_of_a_class_come_to_look_like_that_class(
    kind: type[WaveGan], context: Context
) -> None:
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
    config = WaveGanConfig(
        upsampling=(3, 2, 2),
        channels=(24, 16, 12),
        critic_strides=(2, 2),
        critic_channels=(12, 24),
        kernel=5,
        batch=16,
        iterations=200,
        learning_rate=2e-3,
    )
    wanted = np.arange(200, dtype=np.int64) % 2
    made = fitted(kind, context, config, train).sample(wanted, context).signals[:, 0]
    distances = np.linalg.norm(made[:, None] - shapes, axis=2)
    assert (distances.argmin(1) == wanted).mean() > 0.95
    assert distances.min(1).mean() < np.linalg.norm(shapes, axis=1).mean() / 2


def test_parameters_counts_generator_and_critic(context: Context) -> None:
    assert WaveGan(SMALL).parameters == 0
    dense, projection = 6 * 3 + 1, 3 * 6 * 3
    critic = (5 * 2 + 1) * 4 + (5 * 4 + 1) * 6 + dense + projection
    generator = 104 * 6 * 2 + (5 * 6 + 1) * 4 + (5 * 4 + 1) * 2
    assert fitted(WaveGan, context).parameters == generator + critic


def test_the_specs_load_their_models_and_take_their_smoke_settings() -> None:
    specs = {spec.name: spec for spec in ecgbench_generators()}
    assert {name: spec.load() for name, spec in specs.items()} == {
        "wavegan": WaveGan,
        "pulse2pulse": Pulse2Pulse,
    }
    for spec in specs.values():
        assert isinstance(build(spec.config, spec.smoke, where=spec.name), WaveGanConfig)


@pytest.mark.parametrize(
    ("given", "message"),
    [({"channels": (4, 4)}, "upsampling and channels"), ({"kernel": 8}, "an odd number")],
)
def test_settings_that_do_not_fit_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(WaveGanConfig, given, where="generator wavegan")
