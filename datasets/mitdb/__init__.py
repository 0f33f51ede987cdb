"""`mitdb`: the MIT-BIH Arrhythmia Database 1.0.0, one window an annotated beat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from ecgbench import DatasetSpec, PhysioNet, hookimpl
from ecgbench.datasets.mitdb.protocol import CLASSES, HALVES, HEADLINE_CLASSES
from ecgbench.processing import BeatWindowConfig

if TYPE_CHECKING:
    from collections.abc import Iterable


class MitdbConfig(BeatWindowConfig, frozen=True):
    """Settings of `mitdb`."""

    leads: Annotated[
        tuple[str, ...],
        msgspec.Meta(min_length=1, description="names; a record that lacks one is left out"),
    ] = ("MLII",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.leads)) < len(self.leads):
            raise ValueError(f"leads = {','.join(self.leads)} names a lead twice")


@hookimpl
def ecgbench_datasets() -> Iterable[DatasetSpec]:
    """Return the whole database, from PhysioNet."""
    return [
        DatasetSpec(
            name="mitdb",
            target="ecgbench.datasets.mitdb.load:load",
            config=MitdbConfig,
            summary="MIT-BIH Arrhythmia Database: beats of 43 people, AAMI classes N S V F",
            citation=(
                "Moody, Mark, The impact of the MIT-BIH Arrhythmia Database, IEEE Eng Med Biol "
                "20(3):45-50, 2001, doi:10.1109/51.932724; Goldberger et al., PhysioBank, "
                "PhysioToolkit, and PhysioNet, Circulation 101(23):e215-e220, 2000, "
                "doi:10.1161/01.CIR.101.23.e215; the data: doi:10.13026/C2F305"
            ),
            leads=("MLII",),
            sampling_rate=100.0,
            classes=CLASSES,
            headline_classes=HEADLINE_CLASSES,
            licence="ODC-By-1.0",
            redistributable=True,
            halves=HALVES,
            source=PhysioNet(
                slug="mitdb",
                version="1.0.0",
                sums_sha256="b61158a96d5f2ca80edfb354a9a66a6324836c390a84e1966dcee2b907d6be43",
                files=r"\d{3}\.(hea|dat|atr)",
            ),
        )
    ]
