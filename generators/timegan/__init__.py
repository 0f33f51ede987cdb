"""TimeGAN (Yoon, Jarrett, van der Schaar, NeurIPS 2019), conditional on the class.

Read on in ``networks.py`` (the five networks), ``losses.py`` (every loss with its weight),
``training.py`` (the three phases), ``model.py`` (the generator that the harness calls) and
``checkpoint.py`` (how a fit survives being stopped).
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta

from ecgbench import Config, GeneratorSpec, hookimpl

Noise = Literal["uniform", "gaussian", "wiener"]


class TimeGanConfig(Config, frozen=True):
    """Settings of `TimeGan`; what the authors' code has is named where the default differs."""

    hidden: Annotated[
        int, Meta(ge=1, description="units of each GRU layer, and channels of the latent space")
    ] = 24
    layers: Annotated[
        int, Meta(ge=2, description="GRU layers of each network; the supervisor has one fewer")
    ] = 3
    batch: Annotated[int, Meta(ge=2, description="windows in an iteration")] = 128
    learning_rate: Annotated[float, Meta(gt=0, description="of every Adam optimiser")] = 1e-3
    embedding_iterations: Annotated[
        int, Meta(ge=0, description="of the first phase, reconstruction (authors: 50,000)")
    ] = 2000
    supervised_iterations: Annotated[
        int, Meta(ge=0, description="of the second phase, the supervisor alone (authors: 50,000)")
    ] = 1000
    iterations: Annotated[
        int, Meta(ge=0, description="of the third phase, joint training (authors: 50,000)")
    ] = 1000
    gamma: Annotated[
        float,
        Meta(ge=0, description="γ, weight of the adversarial losses on the unsupervised latents"),
    ] = 1.0
    discriminator_threshold: Annotated[
        float, Meta(ge=0, description="the discriminator is updated only if its loss is above")
    ] = 0.15
    noise: Annotated[
        Noise,
        Meta(
            description="of each step and lead: uniform on [0, 1] (the authors' code), gaussian "
            "N(0, 1), or wiener, sums of N(0, 1/steps) (the paper, section 4.2)"
        ),
    ] = "uniform"


@hookimpl
def ecgbench_generators() -> Iterable[GeneratorSpec]:
    """TimeGAN."""
    return [
        GeneratorSpec(
            name="timegan",
            target="ecgbench.generators.timegan.model:TimeGan",
            config=TimeGanConfig,
            summary="adversarial training in the latent space of a recurrent autoencoder",
            citation=(
                "Yoon, Jarrett, van der Schaar: Time-series generative adversarial networks. "
                "NeurIPS 2019. https://papers.nips.cc/paper/2019/hash/"
                "c9efe5f26cd17ba6216bbe2a7d26d490-Abstract.html"
            ),
            conditional=True,
            smoke={
                "hidden": 8,
                "layers": 2,
                "embedding_iterations": 40,
                "supervised_iterations": 20,
                "iterations": 10,
            },
        )
    ]
