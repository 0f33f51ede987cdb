"""TimeVQVAE (Lee, Malacarne, Aune, AISTATS 2023), conditional on the class.

Read on in ``spectrum.py`` (the two bands), ``codebook.py``, ``networks.py`` (encoders and decoders),
``prior.py`` (the transformers) and ``model.py`` (losses, training, sampling).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from ecgbench import Between, Config, GeneratorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


class TimeVqVaeConfig(Config, frozen=True):
    """Settings of `timevqvae`; a default is that of the authors' code, or the description names the latter.

    The code is that of April 2023, https://github.com/ML4ITS/TimeVQVAE.
    """

    n_fft: Annotated[
        int, Meta(ge=4, multiple_of=4, description="samples of a frame of the spectrum")
    ] = 8
    low_frames: Annotated[
        int,
        Meta(
            ge=1, description="frames of the low band's tokens, at least (authors: 8, of five rows)"
        ),
    ] = 16
    high_frames: Annotated[
        int,
        Meta(
            ge=1,
            description="frames of the high band's tokens, at least (authors: 32, of five rows)",
        ),
    ] = 16
    codes: Annotated[int, Meta(ge=2, description="codes of a band")] = 32
    width: Annotated[
        int,
        Meta(
            ge=1, description="channels of encoders and decoders, numbers of a code (authors: 64)"
        ),
    ] = 32
    blocks: Annotated[
        int, Meta(ge=0, description="residual blocks of an encoder or decoder (authors: 4)")
    ] = 2
    decay: Annotated[
        float,
        Meta(ge=0, lt=1, description="weight of a batch in the codes, against the next one's"),
    ] = 0.8
    commitment: Annotated[float, Meta(ge=0, description="weight of the commitment loss")] = 1.0
    iterations: Annotated[int, Meta(ge=1, description="of stage 1 (authors: 2,000 epochs)")] = 400
    batch: Annotated[
        int, Meta(ge=2, description="windows in an iteration of stage 1 (authors: 128)")
    ] = 64
    prior_iterations: Annotated[
        int, Meta(ge=1, description="of stage 2 (authors: 10,000 epochs)")
    ] = 1500
    prior_batch: Annotated[
        int, Meta(ge=1, description="windows in an iteration of stage 2 (authors: 256)")
    ] = 64
    prior_width: Annotated[
        int, Meta(ge=1, description="numbers of a token in the priors (authors: 256)")
    ] = 64
    layers: Annotated[int, Meta(ge=1, description="of a prior (authors: 4)")] = 2
    heads: Annotated[int, Meta(ge=1, description="of the attention; they divide prior_width")] = 2
    unconditional: Annotated[
        float,
        Meta(ge=0, lt=1, description="share of windows that hide their class from the priors"),
    ] = 0.2
    learning_rate: Annotated[
        float, Meta(gt=0, description="of AdamW, at its start (authors: 1e-3)")
    ] = 2e-3
    weight_decay: Annotated[float, Meta(ge=0, description="of AdamW")] = 1e-5
    code_temperature: Annotated[
        float,
        Meta(ge=0, description="of the tokens from which the priors learn; 0: the nearest code"),
    ] = 1.0
    steps: Annotated[int, Meta(ge=1, description="in which tokens are decoded")] = 10
    temperature: Annotated[
        float, Meta(ge=0, description="of the noise on the credibility of tokens, at its start")
    ] = 4.0

    def __post_init__(self) -> None:
        if self.prior_width % self.heads:
            raise ValueError(
                f"prior_width = {self.prior_width} is no multiple of heads = {self.heads}"
            )


@hookimpl
def ecgbench_generators() -> Iterable[GeneratorSpec]:
    """Return TimeVQVAE."""
    return [
        GeneratorSpec(
            name="timevqvae",
            target="ecgbench.generators.timevqvae.model:TimeVqVae",
            config=TimeVqVaeConfig,
            summary="tokens of two bands of a spectrum, and transformers (reduced: .3 M weights, authors 4.2 M)",
            citation=(
                "Lee, Malacarne, Aune, Vector quantized time series generation with a bidirectional "
                "prior model, AISTATS 2023, arXiv:2303.04743, "
                "https://doi.org/10.48550/arXiv.2303.04743"
            ),
            conditional=True,
            search={
                "learning_rate": Between(3e-4, 3e-3, log=True),
                "codes": Between(16, 256, log=True),
                "temperature": Between(0.0, 8.0),
            },
            smoke={
                "width": 8,
                "blocks": 1,
                "iterations": 20,
                "prior_width": 16,
                "prior_iterations": 20,
                "batch": 16,
                "prior_batch": 16,
                "layers": 1,
            },
        )
    ]
