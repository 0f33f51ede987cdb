"""The audit's own reference: real windows with a controlled dose of one fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from ecgbench import Config, GeneratorSpec, hookimpl
from ecgbench.contracts.faults import DOSES, KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    Fault = str
else:
    Fault = Literal[("none", *KINDS)]


class DoseConfig(Config, frozen=True):
    """Settings of `dose`."""

    fault: Annotated[Fault, msgspec.Meta(description="of the fresh windows")] = "none"
    amount: Annotated[float, msgspec.Meta(ge=0, description="how much; docs/audit.md")] = 0.0
    sigma: Annotated[
        float,
        msgspec.Meta(ge=0, description="noise on copies, in deviations of the lead in train"),
    ] = 0.0


@hookimpl
def ecgbench_generators() -> Iterable[GeneratorSpec]:
    """Return the doses of ``ecgbench audit``."""
    return [
        GeneratorSpec(
            name="dose",
            target="ecgbench.generators.doses.dose:Dose",
            config=DoseConfig,
            summary="fresh real windows with a dose of one fault, for ecgbench audit",
            version=DOSES,
            citation="ecgbench, docs/audit.md",
            conditional=True,
            min_windows=1,
            reference=True,
            draws_on_fresh=True,
            audit=True,
        )
    ]
