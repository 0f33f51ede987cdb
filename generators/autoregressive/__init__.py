"""`ar`: an autoregression of samples, with coefficients for each class and place in the window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from ecgbench import Between, Config, GeneratorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


class ArConfig(Config, frozen=True):
    """Settings of `ar`."""

    order: Annotated[
        int, Meta(ge=1, description="past samples of each lead that a sample depends on, at most")
    ] = 64
    prior: Annotated[
        float, Meta(gt=0, description="weight of the pooled covariance in a class, in windows")
    ] = 10.0


@hookimpl
def ecgbench_generators() -> Iterable[GeneratorSpec]:
    """Return the autoregression."""
    return [
        GeneratorSpec(
            name="ar",
            target="ecgbench.generators.autoregressive.model:Ar",
            config=ArConfig,
            summary="an autoregression of samples; coefficients for each class and place",
            citation=(
                "Subba Rao, The fitting of non-stationary time-series models with time-dependent "
                "parameters, J R Stat Soc B 32(2):312-322, 1970, "
                "doi:10.1111/j.2517-6161.1970.tb00844.x; Gabriel, Ante-dependence analysis of an "
                "ordered set of variables, Ann Math Stat 33(1):201-212, 1962, "
                "doi:10.1214/aoms/1177704724"
            ),
            conditional=True,
            search={"order": Between(4, 128, log=True), "prior": Between(1.0, 300.0, log=True)},
            smoke={"order": 4},
        )
    ]
