"""`vae`: a variational autoencoder of dense layers, with a fitted mixture as its prior."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from ecgbench import Between, Config, GeneratorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


class VaeConfig(Config, frozen=True):
    """Settings of `vae`."""

    components: Annotated[
        int, Meta(ge=1, description="principal components that the decoder models, at most")
    ] = 256
    latent: Annotated[int, Meta(ge=1, description="numbers of a latent")] = 24
    hidden: Annotated[int, Meta(ge=1, description="units of a hidden layer")] = 512
    layers: Annotated[int, Meta(ge=1, description="hidden layers of encoder and decoder, each")] = 2
    beta: Annotated[
        float,
        Meta(
            ge=0,
            description="weight of the divergence; 1 is the evidence lower bound "
            "(Kingma, Welling, ICLR 2014)",
        ),
    ] = 1.0
    iterations: Annotated[int, Meta(ge=1, description="of Adam")] = 6000
    batch: Annotated[int, Meta(ge=2, description="windows in an iteration")] = 256
    learning_rate: Annotated[float, Meta(gt=0, description="of Adam, at its peak")] = 1e-3
    ema: Annotated[
        float,
        Meta(ge=0, lt=1, description="decay of the running mean of the weights for sampling"),
    ] = 0.999
    gaussians: Annotated[
        int, Meta(ge=1, description="of the prior of a class, at most (Ghosh et al.: 10)")
    ] = 64
    windows: Annotated[
        int, Meta(ge=1, description="training windows of the class for each Gaussian")
    ] = 20
    shrinkage: Annotated[
        float,
        Meta(gt=0, description="weight of the latents' pooled covariance in a class, in windows"),
    ] = 10.0


@hookimpl
def ecgbench_generators() -> Iterable[GeneratorSpec]:
    """Return the variational autoencoder."""
    return [
        GeneratorSpec(
            name="vae",
            target="ecgbench.generators.vae.model:Vae",
            config=VaeConfig,
            summary="a variational autoencoder of dense layers; a mixture per class fitted to its latents",
            citation=(
                "Ghosh, Sajjadi, Vergari, Black, Schölkopf, From variational to deterministic "
                "autoencoders, ICLR 2020, https://openreview.net/forum?id=S1g7tpEYDS"
            ),
            conditional=True,
            search={
                "latent": Between(8, 64, log=True),
                "beta": Between(0.03, 1.0, log=True),
                "hidden": Between(128, 768, log=True),
                "learning_rate": Between(3e-4, 3e-3, log=True),
            },
            smoke={"components": 48, "latent": 8, "hidden": 64, "iterations": 100, "gaussians": 2},
        )
    ]
