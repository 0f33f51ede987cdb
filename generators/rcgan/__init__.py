"""`rcgan`, the recurrent conditional GAN.

Read on in ``networks.py`` (generator and discriminator) and ``model.py`` (losses, training and the
generator that the harness calls).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from ecgbench import Between, Config, GeneratorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


class RcGanConfig(Config, frozen=True):
    """Settings of `rcgan`; "published" is the authors' setting for eICU, the paper's medical data."""

    hidden: Annotated[
        int, Meta(ge=1, description="units of each network's one layer (published: 100)")
    ] = 100
    latent: Annotated[
        int, Meta(ge=1, description="numbers of the noise of a step (published: 10)")
    ] = 10
    batch: Annotated[int, Meta(ge=1, description="windows in a step (published: 28)")] = 28
    iterations: Annotated[
        int,
        Meta(
            ge=0,
            description="rounds of both networks (published: 1,005 epochs of 17,693 windows, about "
            "159,000)",
        ),
    ] = 1000
    discriminator_steps: Annotated[
        int, Meta(ge=1, description="of the discriminator in an iteration (published: 1)")
    ] = 1
    generator_steps: Annotated[
        int, Meta(ge=1, description="of the generator in an iteration (published: 3)")
    ] = 3
    discriminator_rate: Annotated[
        float,
        Meta(gt=0, description="learning rate of the discriminator's plain SGD (published: 0.1)"),
    ] = 0.1
    learning_rate: Annotated[
        float, Meta(gt=0, description="of the generator's Adam (published: 0.001)")
    ] = 1e-3


@hookimpl
def ecgbench_generators() -> Iterable[GeneratorSpec]:
    """Return the recurrent GAN."""
    return [
        GeneratorSpec(
            name="rcgan",
            target="ecgbench.generators.rcgan.model:RcGan",
            config=RcGanConfig,
            summary="a recurrent GAN that reads the class at each step, reduced: GRU for LSTM, 1,000 "
            "rounds of 159,000",
            citation=(
                "Esteban, Hyland, Rätsch, Real-valued (medical) time series generation with recurrent "
                "conditional GANs, 2017, https://arxiv.org/abs/1706.02633"
            ),
            conditional=True,
            search={
                "learning_rate": Between(1e-4, 3e-3, log=True),
                "discriminator_rate": Between(0.01, 0.3, log=True),
                "hidden": Between(32, 160, log=True),
            },
            smoke={"hidden": 16, "iterations": 20},
        )
    ]
