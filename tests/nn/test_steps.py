"""Long windows come in smaller batches; windows of beats as ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch.nn.modules.module import register_module_forward_pre_hook

from ecgbench import EcgWindows
from ecgbench.metrics.fidelity import DiscriminativeConfig
from ecgbench.metrics.fidelity.discriminative import _Discriminator
from ecgbench.metrics.utility import PredictiveConfig
from ecgbench.metrics.utility.predictive import _fit
from ecgbench.nn import (
    Classifier,
    ClassifierConfig,
    Encoder,
    EncoderConfig,
    RecurrentStack,
    in_step,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

COUNT = 150


def windows(samples: int) -> EcgWindows:
    rng = np.random.default_rng(samples)
    return EcgWindows(
        signals=rng.standard_normal((COUNT, 2, samples)).astype(np.float32),
        labels=np.arange(COUNT) % 2,
        patients=np.arange(COUNT) % 5,
        sampling_rate=100.0,
        leads=("I", "II"),
        classes=("N", "V"),
    )


def classifier(shown: EcgWindows) -> NDArray[Any]:
    network = Classifier(2, 2, ClassifierConfig(steps=3, width=4, gain=0.1), seed=0)
    return network.fit(shown.signals, shown.labels).probabilities(shown.signals)


def encoder(shown: EcgWindows) -> NDArray[Any]:
    config = EncoderConfig(steps=3, width=4, dimensions=4)
    return Encoder(shown, config, seed=0).fit().embed(shown.signals)


def recurrent() -> RecurrentStack:
    return RecurrentStack(2, 2, 2, generator=torch.Generator().manual_seed(0))


def discriminative(shown: EcgWindows, *, replacement: bool = True) -> NDArray[Any]:
    signals = torch.from_numpy(shown.signals.swapaxes(1, 2).copy())
    network = _Discriminator(recurrent(), "mean")
    config = DiscriminativeConfig(steps=3, replacement=replacement)
    network.fit(signals, signals.flip(1), config, np.random.default_rng(0))
    return network.logits(signals)


def discriminative_as_published(shown: EcgWindows) -> NDArray[Any]:
    return discriminative(shown, replacement=False)


def predictive(shown: EcgWindows) -> NDArray[Any]:
    signals = torch.from_numpy(shown.signals.swapaxes(1, 2).copy())
    generators = (torch.Generator().manual_seed(0), np.random.default_rng(0))
    network = _fit(signals, PredictiveConfig(steps=3, hidden=2), *generators)
    weights: NDArray[Any] = network.head.weight.detach().numpy()
    return weights


TRAINED: dict[Callable[[EcgWindows], NDArray[Any]], tuple[str, int]] = {
    classifier: ("ecgbench.nn.classifier", 128),
    encoder: ("ecgbench.nn.encoder", 128),
    discriminative: ("ecgbench.metrics.fidelity.discriminative", 64),
    discriminative_as_published: ("ecgbench.metrics.fidelity.discriminative", 64),
    predictive: ("ecgbench.metrics.utility.predictive", 64),
}


@pytest.mark.parametrize("batch", [1, 2, 16, 64, 128, 1000])
def test_a_step_has_as_many_samples_as_one_of_beats_but_enough_windows(batch: int) -> None:
    assert in_step(batch, 1) == in_step(batch, 200) == batch
    for samples in (201, 400, 1000, 5000, 10**6):
        found = in_step(batch, samples)
        assert min(batch, 16) <= found <= batch
        assert found * samples <= batch * 200 or found == min(batch, 16)
    assert in_step(128, 1000) == 25
    assert in_step(128, 5000) == 16


@pytest.mark.parametrize("train", TRAINED)
def test_networks_of_beats_are_trained_on_whole_batches_with_the_same_bytes(
    train: Callable[[EcgWindows], NDArray[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    module, _ = TRAINED[train]
    found = train(windows(200))
    monkeypatch.setattr(f"{module}.in_step", lambda batch, _: batch)
    assert train(windows(200)).tobytes() == found.tobytes()


@pytest.mark.parametrize("train", TRAINED)
@pytest.mark.parametrize("samples", [200, 1000])
def test_networks_of_strips_are_shown_fewer_windows_in_a_step(
    train: Callable[[EcgWindows], NDArray[Any]], samples: int
) -> None:
    sizes: list[int] = []

    def watch(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        if torch.is_grad_enabled():
            sizes.append(len(inputs[0]))

    hook = register_module_forward_pre_hook(watch)
    try:
        train(windows(samples))
    finally:
        hook.remove()
    kinds = (
        1 if train in (classifier, predictive) else 2
    )  # real and synthetic, or as is and distorted
    _, batch = TRAINED[train]
    assert max(sizes) == kinds * in_step(batch, samples)
