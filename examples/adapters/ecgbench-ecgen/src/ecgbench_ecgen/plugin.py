"""The spec of `peer-pulse2pulse`; its code is in ``model.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from ecgbench import Config, GeneratorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


class PeerPulse2PulseConfig(Config, frozen=True):
    """Settings of `peer-pulse2pulse`; "default" is the package's own."""

    model_size: Annotated[
        int,
        Meta(
            ge=10,
            multiple_of=10,
            description="a fifth of the generator's widest layer (default: 50)",
        ),
    ] = 10
    embedding: Annotated[
        int, Meta(ge=1, description="numbers that stand for a class (default: 128)")
    ] = 16
    critic_steps: Annotated[
        int, Meta(ge=1, description="of the critic to one of the generator (default: 5)")
    ] = 5
    penalty: Annotated[
        float, Meta(ge=0, description="λ, weight of the gradient penalty (default: 10)")
    ] = 10.0
    batch: Annotated[int, Meta(ge=1, description="windows in a step (published: 32)")] = 16
    epochs: Annotated[
        int, Meta(ge=0, description="a checkpoint and a line of the log end each of them")
    ] = 20
    steps: Annotated[int, Meta(ge=1, description="of the critic in an epoch")] = 100
    learning_rate: Annotated[float, Meta(gt=0, description="of both Adams (default: 0.0001)")] = (
        1e-4
    )


@hookimpl
def ecgbench_generators() -> Iterable[GeneratorSpec]:
    """Return the GAN."""
    return [
        GeneratorSpec(
            name="peer-pulse2pulse",
            target="ecgbench_ecgen.model:PeerPulse2Pulse",
            config=PeerPulse2PulseConfig,
            summary="Pulse2Pulse, a Wasserstein GAN conditional on the class; peer's code: ecgen 1.1",
            citation=(
                "Thambawita, ECGEN, https://github.com/vlbthambawita/ECGEN; Thambawita et al., DeepFake "
                "electrocardiograms using generative adversarial networks are the beginning of the end "
                "for privacy issues in medicine, Sci Rep 11:21896, 2021, doi:10.1038/s41598-021-01295-2"
            ),
            conditional=True,
            smoke={
                "model_size": 10,
                "embedding": 4,
                "batch": 2,
                "epochs": 1,
                "steps": 2,
                "critic_steps": 2,
            },
        )
    ]
