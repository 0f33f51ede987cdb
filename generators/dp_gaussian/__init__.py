"""The differentially private reference point: `dp-pca-gaussian`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from ecgbench import Between, Config, GeneratorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


class DpPcaGaussianConfig(Config, frozen=True):
    """Settings of `dp-pca-gaussian`."""

    epsilon: Annotated[
        float, Meta(gt=0, le=1e6, description="ε of the protection of one window")
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
    ] = 32.0


@hookimpl
def ecgbench_generators() -> Iterable[GeneratorSpec]:
    """Return a generator with differential privacy for its training windows."""
    return [
        GeneratorSpec(
            name="dp-pca-gaussian",
            target="ecgbench.generators.dp_gaussian.model:DpPcaGaussian",
            config=DpPcaGaussianConfig,
            summary="a Gaussian per class, (ε, δ)-differentially private for every training window",
            version=3,
            citation=(
                "Dwork, Talwar, Thakurta, Zhang, Analyze Gauss: optimal bounds for privacy-preserving "
                "principal component analysis, STOC 2014, 11-20, doi:10.1145/2591796.2591883"
            ),
            search={"clip": Between(0.1, 3.0, log=True), "bandwidth": Between(10.0, 50.0)},
            conditional=True,
        )
    ]
