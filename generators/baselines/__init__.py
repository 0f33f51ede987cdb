"""The baselines: `pca-gaussian` and `gmm`, classical models of each class in a space of few dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from ecgbench import Between, Config, GeneratorSpec, OneOf, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


class PcaGaussianConfig(Config, frozen=True):
    """Settings of `pca-gaussian`."""

    dimensions: Annotated[int, msgspec.Meta(ge=1, description="principal components")] = 48
    prior: Annotated[
        float,
        msgspec.Meta(gt=0, description="weight of the pooled covariance in a class, in windows"),
    ] = 10.0
    time: Annotated[
        Literal["own", "rr"],
        msgspec.Meta(
            description="model windows as they are, or in time normalised by RR intervals"
        ),
    ] = "own"


class GmmConfig(PcaGaussianConfig, frozen=True):
    """Settings of `gmm`."""

    components: Annotated[int, msgspec.Meta(ge=1, description="Gaussians of a class, at most")] = 64
    windows: Annotated[
        int, msgspec.Meta(ge=1, description="training windows of the class for each Gaussian")
    ] = 20
    iterations: Annotated[int, msgspec.Meta(ge=1, description="of EM, at most")] = 30


SEARCH: dict[str, Between | OneOf] = {
    "dimensions": Between(8, 128, log=True),
    "prior": Between(1.0, 300.0, log=True),
    "time": OneOf(("own", "rr")),
}


@hookimpl
def ecgbench_generators() -> Iterable[GeneratorSpec]:
    """The two baselines."""
    return [
        GeneratorSpec(
            name="pca-gaussian",
            target="ecgbench.generators.baselines.mixture:PcaGaussian",
            config=PcaGaussianConfig,
            summary="a Gaussian per class in the space of the principal components, and coloured noise",
            version=3,
            citation=(
                "Tipping, Bishop, Probabilistic principal component analysis, J R Stat Soc B "
                "61(3):611-622, 1999, doi:10.1111/1467-9868.00196"
            ),
            conditional=True,
            smoke={"dimensions": 16},
            search=SEARCH,
        ),
        GeneratorSpec(
            name="gmm",
            target="ecgbench.generators.baselines.mixture:Gmm",
            config=GmmConfig,
            summary="a mixture of Gaussians per class in the space of the principal components",
            version=3,
            citation=(
                "Dempster, Laird, Rubin, Maximum likelihood from incomplete data via the EM algorithm, "
                "J R Stat Soc B 39(1):1-38, 1977, doi:10.1111/j.2517-6161.1977.tb01600.x"
            ),
            conditional=True,
            smoke={"dimensions": 16, "components": 4},
            search={
                **SEARCH,
                "components": Between(8, 256, log=True),
                "windows": Between(10, 200, log=True),
            },
        ),
    ]
