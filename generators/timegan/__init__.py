"""TimeGAN (Yoon, Jarrett, van der Schaar, NeurIPS 2019), conditional on the class.

Read on in ``networks.py`` (the five networks), ``losses.py`` (every loss with its weight),
``training.py`` (the three phases) and ``model.py`` (the generator that the harness calls).
`ecgbench.nn.checkpoint` keeps a fit that is stopped.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta

from ecgbench import Between, Config, GeneratorSpec, OneOf, hookimpl

Noise = Literal["uniform", "gaussian", "wiener"]


class TimeGanConfig(Config, frozen=True):
    """Settings of `TimeGan`; a default is that of the authors' code, or the description names the latter.

    If paper and code differ, the description says how.
    """

    hidden: Annotated[
        int, Meta(ge=1, description="units of each GRU layer, and channels of the latent space")
    ] = 24
    layers: Annotated[
        int, Meta(ge=2, description="GRU layers of each network; the supervisor has one fewer")
    ] = 3
    batch: Annotated[int, Meta(ge=2, description="windows in an iteration")] = 128
    learning_rate: Annotated[float, Meta(gt=0, description="of every Adam optimiser")] = 1e-3
    learning_rate_schedule: Annotated[
        Literal["constant", "cosine"],
        Meta(
            description="within each phase; cosine falls from learning_rate to 0 along half a wave "
            "(Loshchilov, Hutter, ICLR 2017, equation 5, without restarts)"
        ),
    ] = "constant"
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
    supervised_weight: Annotated[
        float, Meta(ge=0, description="of √L_S in the generator's loss (the paper: η L_S, η = 10)")
    ] = 100.0
    moment_weight: Annotated[
        float,
        Meta(ge=0, description="of the generator's loss of moments; the paper lacks it: 0"),
    ] = 100.0
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
    static_noise: Annotated[
        int,
        Meta(
            ge=0,
            description="further channels of N(0, 1), drawn once for a window, the paper's z_S "
            "(section 4.2; the code has none)",
        ),
    ] = 0
    latent: Annotated[
        Literal["sigmoid", "linear"],
        Meta(
            description="last function of embedder, generator and supervisor: sigmoid (the code), or "
            "linear, nothing (section 4 of the paper names no such function)"
        ),
    ] = "sigmoid"
    recovery: Annotated[
        Literal["recurrent", "feedforward"],
        Meta(
            description="recurrent (the code), or feedforward: layers of tanh units that see one step "
            "alone (the paper, equation 4)"
        ),
    ] = "recurrent"
    discriminator: Annotated[
        Literal["forward", "bidirectional"],
        Meta(
            description="direction of time of its reading: forward (the code), or both "
            "(the paper, equation 6)"
        ),
    ] = "forward"
    ema: Annotated[
        float,
        Meta(
            ge=0,
            lt=1,
            description="decay, each joint iteration, of the running mean of the weights for "
            "sampling; 0 for the last weights "
            "(Yazıcı et al., The unusual effectiveness of averaging in GAN training, ICLR 2019)",
        ),
    ] = 0.0


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
            search={
                "learning_rate": Between(3e-4, 3e-3, log=True),
                "hidden": Between(12, 48, log=True),
                "static_noise": Between(0, 16),
                "moment_weight": Between(1.0, 100.0, log=True),
                "noise": OneOf(("uniform", "gaussian", "wiener")),
            },
            smoke={
                "hidden": 8,
                "layers": 2,
                "embedding_iterations": 40,
                "supervised_iterations": 20,
                "iterations": 10,
            },
        )
    ]
