"""WaveGAN* and Pulse2Pulse, two convolutional Wasserstein GANs for ECG, conditional on the class.

Source: Thambawita et al., "DeepFake electrocardiograms using generative adversarial networks are the
beginning of the end for privacy issues in medicine", Sci Rep 11:21896, 2021, and the authors' code
(https://github.com/vlbthambawita/Pulse2Pulse).  Read on in ``networks.py`` (the networks), ``losses.py``
(the losses) and ``model.py`` (training and the generators that the harness calls).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from ecgbench import Between, Config, GeneratorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

Positive = Annotated[int, Meta(ge=1)]


class WaveGanConfig(Config, frozen=True):
    """Settings of `wavegan` and `pulse2pulse`; "published" is the authors' code, for 8 leads × 5,000 samples."""

    upsampling: Annotated[
        tuple[Positive, ...],
        Meta(
            min_length=1,
            description="factors of the generator's layers (published: 5, 5, 5, 2, 5, 2)",
        ),
    ] = (5, 2, 5, 2)
    channels: Annotated[
        tuple[Positive, ...],
        Meta(
            min_length=1,
            description="inputs of the generator's layers (published: 250, 250, 150, 50, 25, 10)",
        ),
    ] = (64, 48, 32, 16)
    critic_strides: Annotated[
        tuple[Positive, ...],
        Meta(min_length=1, description="of the critic's layers (published: 2, 2, 2, 2, 4, 4, 4)"),
    ] = (2, 2, 4, 4)
    critic_channels: Annotated[
        tuple[Positive, ...],
        Meta(
            min_length=1,
            description="outputs of the critic's layers (published: 50, 100, 250, 500, 1000, 1250, "
            "5000)",
        ),
    ] = (16, 32, 64, 128)
    kernel: Annotated[
        int,
        Meta(ge=1, description="samples, odd, of every kernel (published: 25, 50 ms at 500 Hz)"),
    ] = 9
    shuffle: Annotated[
        int, Meta(ge=0, description="samples, largest shift of phase shuffle (published: 2)")
    ] = 2
    penalty: Annotated[
        float, Meta(ge=0, description="λ, weight of the gradient penalty (published: 10)")
    ] = 10.0
    critic_steps: Annotated[
        int, Meta(ge=1, description="of the critic to one of the generator (published: 5)")
    ] = 5
    batch: Annotated[int, Meta(ge=1, description="windows in a step (published: 32)")] = 32
    iterations: Annotated[
        int,
        Meta(
            ge=0,
            description="steps of the generator (published: 4,000 epochs of 7,233 windows, 181,000)",
        ),
    ] = 1000
    learning_rate: Annotated[
        float, Meta(gt=0, description="of both Adam optimisers (published: 0.0001)")
    ] = 1e-4

    def __post_init__(self) -> None:
        for a, b in (("upsampling", "channels"), ("critic_strides", "critic_channels")):
            if len(getattr(self, a)) != len(getattr(self, b)):
                raise ValueError(f"{a} and {b} have unlike lengths; each layer has one of both")
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel is {self.kernel}; an odd number is wanted")


CITATION = (
    "Thambawita et al., DeepFake electrocardiograms using generative adversarial networks are the "
    "beginning of the end for privacy issues in medicine, Sci Rep 11:21896, 2021, "
    "doi:10.1038/s41598-021-01295-2"
)

SMOKE = {"channels": (16, 12, 8, 8), "critic_channels": (8, 8, 16, 16), "iterations": 15}


SEARCH = {"learning_rate": Between(3e-5, 3e-3, log=True), "critic_steps": Between(1, 5)}


@hookimpl
def ecgbench_generators() -> Iterable[GeneratorSpec]:
    """Return the two GANs."""
    return [
        GeneratorSpec(
            name="wavegan",
            target="ecgbench.generators.wavegan.model:WaveGan",
            config=WaveGanConfig,
            summary="WaveGAN*, a convolutional Wasserstein GAN (reduced: 64 channels of 250; the class is ours)",
            citation=CITATION,
            conditional=True,
            search=SEARCH,
            smoke=SMOKE,
        ),
        GeneratorSpec(
            name="pulse2pulse",
            target="ecgbench.generators.wavegan.model:Pulse2Pulse",
            config=WaveGanConfig,
            summary="Pulse2Pulse, a U-Net as Wasserstein GAN (reduced: 64 channels of 250; the class is ours)",
            citation=CITATION,
            conditional=True,
            search=SEARCH,
            smoke=SMOKE,
        ),
    ]
