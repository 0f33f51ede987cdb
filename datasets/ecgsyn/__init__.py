"""`ecgsyn`: a simulated cohort with known truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from ecgbench import Config, DatasetSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


class EcgsynConfig(Config, frozen=True):
    """Settings of `ecgsyn`."""

    patients: Annotated[int, msgspec.Meta(ge=1, description="simulated people")] = 40
    beats: Annotated[int, msgspec.Meta(ge=1, description="windows of each person")] = 60
    seed: Annotated[int, msgspec.Meta(ge=0, description="draws the cohort")] = 0
    noise: Annotated[float, msgspec.Meta(ge=0, description="deviation of white noise, mV")] = 0.02
    wander: Annotated[
        float, msgspec.Meta(ge=0, description="A of the respiratory baseline z₀, mV (paper: 0.15)")
    ] = 0.05
    sampling_rate: Annotated[int, msgspec.Meta(ge=50, le=2000, description="Hz")] = 100
    length: Annotated[int, msgspec.Meta(ge=8, description="samples in a window")] = 200
    r_sample: Annotated[
        int,
        msgspec.Meta(ge=0, description="sample of the R peak in a window, from 0"),
    ] = 100

    def __post_init__(self) -> None:
        if self.r_sample >= self.length:
            raise ValueError(
                f"r_sample = {self.r_sample} lies outside a window of {self.length} samples "
                f"(0 to {self.length - 1})"
            )


@hookimpl
def ecgbench_datasets() -> Iterable[DatasetSpec]:
    """The simulated cohort."""
    return [
        DatasetSpec(
            name="ecgsyn",
            target="ecgbench.datasets.ecgsyn.cohort:load",
            config=EcgsynConfig,
            summary="simulated cohort (McSharry–Clifford model), beats N S V F, truth known",
            citation=(
                "McSharry, Clifford, Tarassenko, Smith, A dynamical model for generating synthetic "
                "electrocardiogram signals, IEEE TBME 50(3):289-294, 2003, "
                "doi:10.1109/TBME.2003.808805"
            ),
            leads=("II",),
            sampling_rate=100.0,
            classes=("N", "S", "V", "F"),
            headline_classes=("N", "S", "V"),
            licence="MIT",
            redistributable=True,
            smoke={"patients": 12, "beats": 40},
            files=(),
        )
    ]
