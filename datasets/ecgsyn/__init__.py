"""`ecgsyn` and `ecgsyn-strips`: a simulated cohort with known truth, as beats and as twelve leads."""

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


class EcgsynStripsConfig(Config, frozen=True):
    """Settings of `ecgsyn-strips`."""

    patients: Annotated[int, msgspec.Meta(ge=1, description="simulated people")] = 200
    strips: Annotated[int, msgspec.Meta(ge=1, description="mean strips of most people")] = 8
    frequent: Annotated[
        float, msgspec.Meta(ge=0, le=1, description="share of people with many strips")
    ] = 0.1
    many: Annotated[int, msgspec.Meta(ge=1, le=99, description="their strips")] = 48
    seed: Annotated[int, msgspec.Meta(ge=0, description="draws the cohort")] = 0
    noise: Annotated[float, msgspec.Meta(ge=0, description="deviation of a lead's noise, mV")] = (
        0.02
    )
    wander: Annotated[
        float, msgspec.Meta(ge=0, description="deviation of an electrode's respiratory sine, mV")
    ] = 0.03
    sampling_rate: Annotated[int, msgspec.Meta(ge=50, le=2000, description="Hz")] = 100
    length: Annotated[int, msgspec.Meta(ge=8, description="samples in a strip")] = 1000


@hookimpl
def ecgbench_datasets() -> Iterable[DatasetSpec]:
    """The simulated cohort, as beats and as strips."""
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
        ),
        DatasetSpec(
            name="ecgsyn-strips",
            target="ecgbench.datasets.ecgsyn.strips:load",
            config=EcgsynStripsConfig,
            summary="simulated strips of 10 s, 12 leads of a dipole; sinus, AF, ectopy, truth known",
            citation=(
                "Sameni, Clifford, Jutten, Shamsollahi, Multichannel ECG and Noise Modeling, EURASIP J "
                "Adv Signal Process 2007:43407, doi:10.1155/2007/43407; Dower, Machado, Osborne, On "
                "deriving the electrocardiogram from vectorcardiographic leads, Clin Cardiol 3:87-95, "
                "1980; rhythm: McSharry et al., IEEE TBME 50(3):289-294, 2003, "
                "doi:10.1109/TBME.2003.808805"
            ),
            leads=("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"),
            sampling_rate=100.0,
            classes=("sinus", "AF", "ectopy"),
            licence="MIT",
            redistributable=True,
            costly=True,
            smoke={"patients": 24, "strips": 6, "many": 24},
            files=(),
        ),
    ]
