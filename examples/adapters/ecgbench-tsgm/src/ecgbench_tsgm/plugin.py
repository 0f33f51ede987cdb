"""The spec of `peer-vae`; its code is in ``model.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from ecgbench import Config, GeneratorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


class PeerVaeConfig(Config, frozen=True):
    """Settings of `peer-vae`; the package's networks have fixed widths."""

    latent: Annotated[int, Meta(ge=1, description="numbers that stand for a window")] = 16
    epochs: Annotated[int, Meta(ge=1, description="passes over the training windows")] = 20
    batch: Annotated[int, Meta(ge=1, description="windows in a step")] = 32
    learning_rate: Annotated[float, Meta(gt=0, description="of Adam")] = 1e-3


@hookimpl
def ecgbench_generators() -> Iterable[GeneratorSpec]:
    """Return the variational autoencoder."""
    return [
        GeneratorSpec(
            name="peer-vae",
            target="ecgbench_tsgm.model:PeerVae",
            config=PeerVaeConfig,
            summary="a convolutional variational autoencoder; peer's code: tsgm 0.1",
            citation=(
                "Nikitin, Iannucci, Kaski, TSGM: a flexible framework for generative modeling of "
                "synthetic time series, NeurIPS 2024, https://github.com/AlexanderVNikitin/tsgm"
            ),
            smoke={"latent": 2, "epochs": 1, "batch": 256},
        )
    ]
