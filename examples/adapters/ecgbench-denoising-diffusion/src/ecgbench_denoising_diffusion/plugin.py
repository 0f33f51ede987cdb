"""The spec of `peer-diffusion`; its code is in ``model.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from ecgbench import Config, GeneratorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

Positive = Annotated[int, Meta(ge=1)]


class PeerDiffusionConfig(Config, frozen=True):
    """Settings of `peer-diffusion`; "default" is the package's own."""

    channels: Annotated[
        int,
        Meta(ge=8, multiple_of=8, description="of the U-Net's first layer (its example: 64)"),
    ] = 16
    factors: Annotated[
        tuple[Positive, ...],
        Meta(
            min_length=1,
            description="channels of each depth, in those of the first (default: 1, 2, 4, 8)",
        ),
    ] = (1, 2, 4)
    steps: Annotated[int, Meta(ge=1, description="of the diffusion (default: 1,000)")] = 200
    sampling_steps: Annotated[
        int, Meta(ge=1, description="when sampling; fewer than `steps` is DDIM (default: as many)")
    ] = 50
    iterations: Annotated[int, Meta(ge=0, description="of training (default: 100,000)")] = 1500
    batch: Annotated[int, Meta(ge=1, description="windows in an iteration (default: 16)")] = 32
    learning_rate: Annotated[float, Meta(gt=0, description="of Adam (default: 0.0001)")] = 1e-3

    def __post_init__(self) -> None:
        if self.sampling_steps > self.steps:
            raise ValueError(
                f"sampling_steps = {self.sampling_steps} are more than the {self.steps} steps"
            )


@hookimpl
def ecgbench_generators() -> Iterable[GeneratorSpec]:
    """Return the diffusion."""
    return [
        GeneratorSpec(
            name="peer-diffusion",
            target="ecgbench_denoising_diffusion.model:PeerDiffusion",
            config=PeerDiffusionConfig,
            summary="denoising diffusion by a 1-D U-Net; peer's code: denoising-diffusion-pytorch 2.3",
            citation=(
                "Wang, denoising-diffusion-pytorch, "
                "https://github.com/lucidrains/denoising-diffusion-pytorch; Ho, Jain, Abbeel, "
                "Denoising diffusion probabilistic models, NeurIPS 2020, arXiv:2006.11239"
            ),
            smoke={
                "channels": 8,
                "factors": (1, 2),
                "steps": 10,
                "sampling_steps": 4,
                "iterations": 10,
            },
        )
    ]
