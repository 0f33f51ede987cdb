"""TimeVAE (Desai, Freeman, Wang, Beaver, arXiv:2111.08095), conditional on the class.

Read on in ``networks.py`` (encoder and decoder) and ``model.py`` (loss, training, sampling).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from ecgbench import Between, Config, GeneratorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


class TimeVaeConfig(Config, frozen=True):
    """Settings of `timevae`; a default is that of the authors' code, or the description names the latter.

    The code is that of 2024, https://github.com/abudesai/timeVAE.
    """

    latent: Annotated[int, Meta(ge=1, description="numbers of a latent")] = 8
    channels: Annotated[
        tuple[Annotated[int, Meta(ge=1)], ...],
        Meta(min_length=1, description="of the encoder's convolutions; the decoder mirrors them"),
    ] = (50, 100, 200)
    reconstruction_weight: Annotated[
        float,
        Meta(gt=0, description="of the squared error against the divergence (paper: .5 to 3.5)"),
    ] = 3.0
    scaling: Annotated[
        Literal["deviation", "range"],
        Meta(
            description="deviation: mean 0 and deviation 1 of each lead; range: each sample of each lead "
            "from 0 to 1 (authors; on mitdb errors are then so small that the divergence falls to 0)"
        ),
    ] = "deviation"
    trend: Annotated[
        int,
        Meta(ge=0, description="degree of the decoder's polynomial in time; 0 for none"),
    ] = 0
    batch: Annotated[int, Meta(ge=2, description="windows in an iteration (authors: 16)")] = 64
    iterations: Annotated[
        int,
        Meta(
            ge=1,
            description="of Adam (authors: up to 1,000 epochs: 1.7 million iterations on mitdb)",
        ),
    ] = 4000
    learning_rate: Annotated[float, Meta(gt=0, description="of Adam, as in Keras")] = 1e-3


@hookimpl
def ecgbench_generators() -> Iterable[GeneratorSpec]:
    """Return TimeVAE."""
    return [
        GeneratorSpec(
            name="timevae",
            target="ecgbench.generators.timevae.model:TimeVae",
            config=TimeVaeConfig,
            summary="a convolutional variational autoencoder; reduced: 10 of 1,000 epochs; the class is ours",
            citation=(
                "Desai, Freeman, Wang, Beaver, TimeVAE: a variational auto-encoder for multivariate "
                "time series generation, 2021, arXiv:2111.08095, "
                "https://doi.org/10.48550/arXiv.2111.08095"
            ),
            conditional=True,
            search={
                "latent": Between(4, 64, log=True),
                "reconstruction_weight": Between(1.0, 30.0, log=True),
                "learning_rate": Between(3e-4, 3e-3, log=True),
            },
            smoke={"channels": [8, 16, 32], "iterations": 40},
        )
    ]
