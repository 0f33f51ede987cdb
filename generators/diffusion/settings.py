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

    iterations: Annotated[int, Meta(ge=1, description="of Adam")] = 12000
    batch: Annotated[int, Meta(ge=1, description="windows in an iteration")] = 256
    learning_rate: Annotated[
        float, Meta(gt=0, description="of Adam; it falls along half a cosine to 0")
    ] = 1e-3
    warm_up: Annotated[int, Meta(ge=0, description="iterations over which learning_rate rises")] = (
        200
    )
    ema: Annotated[
        float,
        Meta(ge=0, lt=1, description="decay of the running mean of the weights for sampling"),
    ] = 0.999
    width: Annotated[int, Meta(ge=1, description="units of each layer")] = 384
    blocks: Annotated[int, Meta(ge=1, description="blocks of two layers")] = 4
    time: Annotated[
        Literal["own", "rr"],
        Meta(description="model windows as they are, or in time normalised by RR intervals"),
    ] = "own"
    dimensions: Annotated[int, Meta(ge=1, description="leading principal components")] = 64
    bands: Annotated[
        int,
        Meta(ge=0, description="bands of the residual whose levels are coordinates; 0 for none"),
    ] = 4
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
