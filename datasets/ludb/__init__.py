"""`ludb`: the Lobachevsky University Electrocardiography Database 1.0.1, one window a marked beat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from ecgbench import DatasetSpec, PhysioNet, hookimpl
from ecgbench.processing import BeatWindowConfig

if TYPE_CHECKING:
    from collections.abc import Iterable

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
"""The leads of every record; the database writes them in lower case."""


class LudbConfig(BeatWindowConfig, frozen=True):
    """Settings of `ludb`."""

    leads: Annotated[
        tuple[str, ...],
        msgspec.Meta(min_length=1, description="names; beats stand at the marks of the first"),
    ] = ("II",)

    def __post_init__(self) -> None:
        super().__post_init__()
        unknown = [lead for lead in self.leads if lead not in LEADS]
        if unknown:
            raise ValueError(f"leads: there is no {unknown[0]!r} among {', '.join(LEADS)}")
        if len(set(self.leads)) < len(self.leads):
            raise ValueError(f"leads = {','.join(self.leads)} names a lead twice")


@hookimpl
def ecgbench_datasets() -> Iterable[DatasetSpec]:
    """Return the whole database, from PhysioNet."""
    return [
        DatasetSpec(
            name="ludb",
            target="ecgbench.datasets.ludb.load:load",
            config=LudbConfig,
            summary="Lobachevsky University database: beats of 200 people in 12 leads, one class",
            citation=(
                "Kalyakulina et al., LUDB: A New Open-Access Validation Tool for Electrocardiogram "
                "Delineation Algorithms, IEEE Access 8:186181-186190, 2020, "
                "doi:10.1109/ACCESS.2020.3029211; Goldberger et al., PhysioBank, PhysioToolkit, and "
                "PhysioNet, Circulation 101(23):e215-e220, 2000, doi:10.1161/01.CIR.101.23.e215; "
                "the data: doi:10.13026/eegm-h675"
            ),
            leads=("II",),
            sampling_rate=100.0,
            classes=("beat",),
            licence="ODC-By-1.0",
            redistributable=True,
            source=PhysioNet(
                slug="ludb",
                version="1.0.1",
                sums_sha256="cccef1f3529519db8f26a333c97a6872a7d0e3e5c64a1448b76b161fd87fb75f",
                files=r"ludb\.csv|data/\d+\.(hea|dat|i{1,3}|av[rlf]|v[1-6])",
            ),
        )
    ]
