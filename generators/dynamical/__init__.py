"""`ecgsyn-fit`: the dynamical model of McSharry and others, fitted to each class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from ecgbench import Between, Config, GeneratorSpec, OneOf, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


class EcgsynFitConfig(Config, frozen=True):
    """Settings of `ecgsyn-fit`."""

    windows: Annotated[
        int, Meta(ge=1, description="training windows of a class that are fitted, at most")
    ] = 2000
    rounds: Annotated[
        int, Meta(ge=1, description="of the fit; each estimates the class's distribution anew")
    ] = 5
    steps: Annotated[int, Meta(ge=1, description="of Gauss and Newton in a round")] = 4
    components: Annotated[
        int, Meta(ge=1, description="Gaussians of a class's parameters, at most")
    ] = 16
    windows_each: Annotated[
        int, Meta(ge=1, description="fitted windows of the class for each Gaussian")
    ] = 40
    prior: Annotated[
        float,
        Meta(
            gt=0,
            description="weight of the textbook's waves and of the other classes in a class, in windows",
        ),
    ] = 10.0


SEARCH = {"components": Between(1, 64, log=True), "prior": Between(1.0, 100.0, log=True)}

SMOKE = {"windows": 60, "rounds": 2, "steps": 3, "components": 2}


class VirtualPeopleConfig(EcgsynFitConfig, frozen=True):
    """Settings of `virtual-people`."""

    components: Annotated[
        int, Meta(ge=1, description="Gaussians of the deviations from a person, at most")
    ] = 8
    windows_each: Annotated[
        int, Meta(ge=1, description="fitted windows of the class for each Gaussian")
    ] = 150
    weights: Annotated[
        Literal["windows", "people"],
        Meta(description="a person counts by windows, or all count the same"),
    ] = "windows"
    shrinkage: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None,
        Meta(
            description="λ, share of the covariance within people in the one between them; none: as "
            "people left out prefer",
        ),
    ] = None


@hookimpl
def ecgbench_generators() -> Iterable[GeneratorSpec]:
    """Return the fitted dynamical model, and its virtual people."""
    return [
        GeneratorSpec(
            name="ecgsyn-fit",
            target="ecgbench.generators.dynamical.model:EcgsynFit",
            config=EcgsynFitConfig,
            summary="waves P, Q, R, S, T by phase of the beat, fitted to each class, and their noise",
            citation=(
                "McSharry, Clifford, Tarassenko, Smith, A dynamical model for generating synthetic "
                "electrocardiogram signals, IEEE TBME 50(3):289-294, 2003, "
                "doi:10.1109/TBME.2003.808805; Clifford, Shoeb, McSharry, Janz, Model-based "
                "filtering, compression and classification of the ECG, Int J Bioelectromagn "
                "7(1):158-161, 2005; Sameni, Shamsollahi, Jutten, Clifford, A nonlinear Bayesian "
                "filtering framework for ECG denoising, IEEE TBME 54(12):2172-2185, 2007, "
                "doi:10.1109/TBME.2007.897817"
            ),
            conditional=True,
            search=SEARCH,
            smoke=SMOKE,
        ),
        GeneratorSpec(
            name="virtual-people",
            target="ecgbench.generators.dynamical.people:VirtualPeople",
            config=VirtualPeopleConfig,
            summary="waves of people who do not exist: drawn about the population, not about members",
            citation="ecgbench, docs/virtual-people.md",
            conditional=True,
            search={
                **SEARCH,
                "shrinkage": Between(0.0, 1.0),
                "weights": OneOf(("windows", "people")),
            },
            smoke=SMOKE,
        ),
    ]
