"""`spline-flow`: a neural spline flow for each class, in the space of the principal components.

Read on in ``space.py`` (principal components and the residual beyond them) and ``model.py`` (the flow, its
training and the generator that the harness calls).  The flow itself is zuko's, the extra ``flows``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from ecgbench import Between, Config, GeneratorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


class SplineFlowConfig(Config, frozen=True):
    """Settings of `spline-flow`; "published" is table 5 of Durkan et al. for BSDS300 in 63 dimensions."""

    dimensions: Annotated[
        int, Meta(ge=1, description="principal components in the flow; the others are Gaussian")
    ] = 48
    prior: Annotated[
        float,
        Meta(
            gt=0,
            description="weight of the variances over all classes in a class's, in its windows",
        ),
    ] = 10.0
    transforms: Annotated[int, Meta(ge=1, description="steps of the flow (published: 20)")] = 5
    bins: Annotated[int, Meta(ge=2, description="of each spline (published: 8)")] = 8
    hidden: Annotated[
        int, Meta(ge=1, description="units of each hidden layer (published: 128)")
    ] = 128
    layers: Annotated[
        int,
        Meta(ge=1, description="hidden layers of a step (published: a block of 2 with a residual)"),
    ] = 2
    batch: Annotated[int, Meta(ge=1, description="windows in an iteration (published: 512)")] = 128
    iterations: Annotated[int, Meta(ge=0, description="of the fit (published: 400,000)")] = 1200
    learning_rate: Annotated[
        float,
        Meta(
            gt=0,
            description="of Adam at the start; falls to 0 along half a cosine wave (published: "
            "0.0005 and the same wave)",
        ),
    ] = 3e-3
    clip: Annotated[
        float, Meta(gt=0, description="longest gradient (published: 5, appendix B.1)")
    ] = 5.0
    held_out: Annotated[
        float,
        Meta(
            gt=0,
            le=0.5,
            description="share of the training windows whose likelihood chooses the weights",
        ),
    ] = 0.1
    every: Annotated[
        int, Meta(ge=1, description="iterations between looks at the windows held out")
    ] = 100


@hookimpl
def ecgbench_generators() -> Iterable[GeneratorSpec]:
    """Return the flow."""
    return [
        GeneratorSpec(
            name="spline-flow",
            target="ecgbench.generators.spline_flow.model:SplineFlow",
            config=SplineFlowConfig,
            summary="a neural spline flow on the principal components, reduced: 5 steps of 20",
            citation=(
                "Durkan, Bekasov, Murray, Papamakarios, Neural spline flows, NeurIPS 2019, "
                "https://papers.nips.cc/paper/2019/hash/7ac71d433f282034e088473244df8c02-Abstract.html; "
                "the flow's code: zuko, doi:10.5281/zenodo.7625672"
            ),
            conditional=True,
            search={
                "learning_rate": Between(3e-4, 1e-2, log=True),
                "dimensions": Between(16, 96, log=True),
                "transforms": Between(2, 8),
                "hidden": Between(32, 256, log=True),
            },
            smoke={
                "dimensions": 16,
                "transforms": 2,
                "hidden": 32,
                "iterations": 60,
                "every": 20,
            },
        )
    ]
