"""`kde` and `smote`: windows near training windows, by a kernel and by interpolation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from ecgbench import Between, Config, GeneratorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


class KdeConfig(Config, frozen=True):
    """Settings of `kde`."""

    dimensions: Annotated[int, Meta(ge=1, description="principal components")] = 48
    prior: Annotated[
        float, Meta(gt=0, description="weight of the pooled covariance in a class, in windows")
    ] = 10.0
    left_out: Annotated[
        int,
        Meta(
            ge=1,
            description="training windows of a class that judge the bandwidth, at most; each is "
            "left out of its own density",
        ),
    ] = 1000


class SmoteConfig(Config, frozen=True):
    """Settings of `smote`."""

    neighbours: Annotated[
        int,
        Meta(ge=1, description="nearest windows of the class, of which one is drawn (paper: 5)"),
    ] = 5


@hookimpl
def ecgbench_generators() -> Iterable[GeneratorSpec]:
    """Return the two generators that stay near training windows."""
    return [
        GeneratorSpec(
            name="kde",
            target="ecgbench.generators.neighbours.kde:Kde",
            config=KdeConfig,
            summary="a kernel density of each class in the space of the principal components",
            citation=(
                "Parzen, On estimation of a probability density function and mode, Ann Math Stat "
                "33(3):1065-1076, 1962, doi:10.1214/aoms/1177704472; Silverman, Density estimation "
                "for statistics and data analysis, Chapman and Hall 1986"
            ),
            conditional=True,
            search={
                "dimensions": Between(8, 128, log=True),
                "prior": Between(1.0, 300.0, log=True),
            },
            smoke={"dimensions": 16, "left_out": 100},
        ),
        GeneratorSpec(
            name="smote",
            target="ecgbench.generators.neighbours.smote:Smote",
            config=SmoteConfig,
            summary="each window lies between two training windows of its class: no privacy",
            citation=(
                "Chawla, Bowyer, Hall, Kegelmeyer, SMOTE: synthetic minority over-sampling technique, "
                "JAIR 16:321-357, 2002, doi:10.1613/jair.953"
            ),
            search={"neighbours": Between(1, 20, log=True)},
            conditional=True,
        ),
    ]
