"""The settings of the diffusion models."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from ecgbench import Config


class TrainingConfig(Config, frozen=True):
    """Settings of the training, common to all."""

    iterations: Annotated[int, Meta(ge=1, description="of Adam")]
    batch: Annotated[int, Meta(ge=1, description="windows in an iteration")]
    learning_rate: Annotated[
        float, Meta(gt=0, description="of Adam; it falls along half a cosine to 0")
    ]
    warm_up: Annotated[int, Meta(ge=0, description="iterations over which learning_rate rises")]
    ema: Annotated[
        float,
        Meta(ge=0, lt=1, description="decay of the running mean of the weights for sampling"),
    ]


class FlowMatchingConfig(TrainingConfig, frozen=True):
    """Settings of `flow-matching`."""

    iterations: Annotated[int, Meta(ge=1, description="of Adam")] = 2500
    batch: Annotated[int, Meta(ge=1, description="windows in an iteration")] = 512
    learning_rate: Annotated[
        float, Meta(gt=0, description="of Adam; it falls along half a cosine to 0")
    ] = 1e-3
    warm_up: Annotated[int, Meta(ge=0, description="iterations over which learning_rate rises")] = (
        200
    )
    ema: Annotated[
        float,
        Meta(ge=0, lt=1, description="decay of the running mean of the weights for sampling"),
    ] = 0.998
    width: Annotated[int, Meta(ge=1, description="units of each layer")] = 256
    blocks: Annotated[int, Meta(ge=1, description="blocks of two layers")] = 3
    time: Annotated[
        Literal["own", "rr"],
        Meta(description="model windows as they are, or in time normalised by RR intervals"),
    ] = "rr"
    dimensions: Annotated[int, Meta(ge=1, description="leading principal components")] = 128
    bands: Annotated[
        int,
        Meta(ge=0, description="bands of the residual whose levels are coordinates; 0 for none"),
    ] = 8
    source: Annotated[
        Literal["gaussian", "mixture"],
        Meta(
            description="starts of paths: N(0, I) (Lipman et al. 2023), or the Gaussian of the cluster "
            "to which the window belongs"
        ),
    ] = "mixture"
    clusters: Annotated[int, Meta(ge=1, description="of a class, at most, in the mixture")] = 64
    windows: Annotated[
        int, Meta(ge=1, description="training windows of the class for each cluster")
    ] = 20
    prior: Annotated[
        float, Meta(gt=0, description="weight of the wider covariance in a cluster, in windows")
    ] = 10.0
    sigma: Annotated[
        float,
        Meta(ge=0, lt=1, description="σ, what is left of the start at the end of a path (1e-4)"),
    ] = 1e-4
    solver: Annotated[
        Literal["euler", "heun"], Meta(description="of the differential equation")
    ] = "heun"
    steps: Annotated[int, Meta(ge=1, description="of the solver")] = 10


class DdpmConfig(TrainingConfig, frozen=True):
    """Settings of `ddpm`."""

    iterations: Annotated[int, Meta(ge=1, description="of Adam")] = 1100
    batch: Annotated[int, Meta(ge=1, description="windows in an iteration")] = 64
    learning_rate: Annotated[
        float, Meta(gt=0, description="of Adam; it falls along half a cosine to 0")
    ] = 1e-3
    warm_up: Annotated[int, Meta(ge=0, description="iterations over which learning_rate rises")] = (
        100
    )
    ema: Annotated[
        float,
        Meta(ge=0, lt=1, description="decay of the running mean of the weights for sampling"),
    ] = 0.998
    patch: Annotated[int, Meta(ge=1, description="samples of a patch")] = 8
    width: Annotated[int, Meta(ge=2, multiple_of=2, description="numbers of a patch inside")] = 96
    blocks: Annotated[int, Meta(ge=1, description="blocks")] = 4
    heads: Annotated[int, Meta(ge=1, description="of the attention; they divide width")] = 4
    sigma_data: Annotated[
        float,
        Meta(gt=0, description="deviation to which leads are scaled (Karras et al., table 1)"),
    ] = 0.5
    p_mean: Annotated[
        float, Meta(description="mean of ln σ in training (Karras et al., table 1)")
    ] = -1.2
    p_std: Annotated[
        float, Meta(gt=0, description="deviation of ln σ in training (Karras et al., table 1)")
    ] = 1.2
    sigma_min: Annotated[
        float, Meta(gt=0, description="lowest noise level of sampling (Karras et al., table 1)")
    ] = 0.002
    sigma_max: Annotated[
        float, Meta(gt=0, description="highest noise level of sampling (Karras et al., table 1)")
    ] = 80.0
    rho: Annotated[
        float, Meta(gt=0, description="ρ, how the levels crowd at low noise (equation 5)")
    ] = 7.0
    steps: Annotated[
        int, Meta(ge=2, description="of Heun's method (Karras et al., CIFAR-10: 18)")
    ] = 10

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"width = {self.width} is no multiple of heads = {self.heads}")


class FourierDiffusionConfig(TrainingConfig, frozen=True):
    """Settings of `fourier-diffusion`."""

    iterations: Annotated[int, Meta(ge=1, description="of Adam")] = 2500
    batch: Annotated[int, Meta(ge=1, description="windows in an iteration")] = 512
    learning_rate: Annotated[
        float,
        Meta(
            gt=0,
            description="of Adam; it falls along half a cosine to 0 (authors: 1e-4, long settings)",
        ),
    ] = 1e-3
    warm_up: Annotated[int, Meta(ge=0, description="iterations over which learning_rate rises")] = (
        200
    )
    ema: Annotated[
        float,
        Meta(ge=0, lt=1, description="decay of the running mean of the weights for sampling"),
    ] = 0.998
    width: Annotated[int, Meta(ge=1, description="units of each layer (authors' MLP: 1,024)")] = 256
    blocks: Annotated[
        int, Meta(ge=1, description="blocks of two layers (authors' MLP: 10 layers)")
    ] = 3
    beta_min: Annotated[float, Meta(gt=0, description="β at time 0 (the authors' code)")] = 0.1
    beta_max: Annotated[float, Meta(gt=0, description="β at time 1 (the authors' code)")] = 20.0
    steps: Annotated[int, Meta(ge=1, description="of sampling (authors: 1,000)")] = 100


class SssdEcgConfig(TrainingConfig, frozen=True):
    """Settings of `sssd-ecg`."""

    iterations: Annotated[int, Meta(ge=1, description="of Adam (authors: 100,000)")] = 500
    batch: Annotated[int, Meta(ge=1, description="windows in an iteration (authors: 8)")] = 64
    learning_rate: Annotated[
        float,
        Meta(
            gt=0, description="of Adam; it falls along half a cosine to 0 (authors: 2e-4, constant)"
        ),
    ] = 1e-3
    warm_up: Annotated[int, Meta(ge=0, description="iterations over which learning_rate rises")] = (
        50
    )
    ema: Annotated[
        float,
        Meta(
            ge=0,
            lt=1,
            description="decay of the running mean of the weights for sampling (authors: none)",
        ),
    ] = 0.99
    layers: Annotated[int, Meta(ge=1, description="residual layers (authors: 36)")] = 2
    channels: Annotated[
        int, Meta(ge=1, description="of a residual layer, twice as many within (authors: 256)")
    ] = 24
    states: Annotated[
        int,
        Meta(ge=2, multiple_of=2, description="of a state space, for each channel (authors: 64)"),
    ] = 16
    noise_steps: Annotated[
        int, Meta(ge=2, description="steps of noise in training (the authors' T)")
    ] = 200
    beta_min: Annotated[
        float, Meta(gt=0, lt=1, description="β of the first (the authors' code)")
    ] = 1e-4
    beta_max: Annotated[
        float, Meta(gt=0, lt=1, description="β of the last (the authors' code)")
    ] = 0.02
    steps: Annotated[
        int, Meta(ge=1, description="of sampling, without noise (authors: 200, with noise)")
    ] = 5
