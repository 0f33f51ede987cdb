"""`dp-vae`: a variational autoencoder under differentially private gradient descent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from ecgbench import Between, Config, GeneratorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


class DpVaeConfig(Config, frozen=True):
    """Settings of `dp-vae`; none may be chosen by looking at the training windows."""

    epsilon: Annotated[
        float, Meta(ge=0.1, le=100, description="ε of the protection of one window")
    ] = 10.0
    delta: Annotated[float, Meta(gt=0, lt=1, description="δ of the protection of one window")] = (
        1e-5
    )
    clip: Annotated[
        float,
        Meta(
            gt=0,
            description="mV, root mean square over samples and leads: windows above it are scaled "
            "down to it; do not choose it by looking at the training windows",
        ),
    ] = 0.5
    bandwidth: Annotated[
        float, Meta(ge=0, description="Hz, the highest frequency of the modelled cosine components")
    ] = 40.0
    latent: Annotated[int, Meta(ge=1, description="numbers of a latent")] = 8
    hidden: Annotated[int, Meta(ge=1, description="units of a hidden layer")] = 64
    iterations: Annotated[int, Meta(ge=1, description="of Adam")] = 1200
    sampling_rate: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            description="probability of a window to be in an iteration, for each by itself "
            "(Poisson sampling)",
        ),
    ] = 0.03
    gradient_norm: Annotated[
        float,
        Meta(
            gt=0,
            description="Euclidean norm: gradients of windows above it are scaled down to it "
            "(Abadi et al., CCS 2016, algorithm 1)",
        ),
    ] = 1.0
    learning_rate: Annotated[float, Meta(gt=0, description="of Adam, at its peak")] = 1e-2
    ema: Annotated[
        float,
        Meta(
            ge=0,
            lt=1,
            description="decay of the running mean of the weights for sampling "
            "(De et al., arXiv:2204.13650)",
        ),
    ] = 0.99


@hookimpl
def ecgbench_generators() -> Iterable[GeneratorSpec]:
    """Return a variational autoencoder with differential privacy for its training windows."""
    return [
        GeneratorSpec(
            name="dp-vae",
            target="ecgbench.generators.dp_vae.model:DpVae",
            config=DpVaeConfig,
            summary="a variational autoencoder, (ε, δ)-differentially private for every training window",
            citation=(
                "Abadi, Chu, Goodfellow, McMahan, Mironov, Talwar, Zhang, Deep learning with "
                "differential privacy, CCS 2016, 308-318, doi:10.1145/2976749.2978318"
            ),
            conditional=True,
            search={
                "clip": Between(0.1, 3.0, log=True),
                "latent": Between(2, 32, log=True),
                "learning_rate": Between(1e-3, 3e-2, log=True),
                "gradient_norm": Between(0.1, 3.0, log=True),
            },
            smoke={"epsilon": 1.0, "hidden": 16, "iterations": 60, "sampling_rate": 0.1},
        )
    ]
