"""Simulated strips in any number, a dataset plugin: people of `ecgsyn-strips`, one after another.

    ecgbench run --plugin examples/large/strips.py --datasets large-strips \
        --set dataset.large-strips.strips=10000

Every strip is drawn anew, none is a copy of another.  They go to a file as they are drawn, so their number
is not bound by the memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from ecgbench import Config, DatasetSpec, EcgWindows, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

AT_ONCE = 64
"""Strips that are handed over at a time."""


class LargeStripsConfig(Config, frozen=True):
    """Settings of `large-strips`."""

    strips: Annotated[int, msgspec.Meta(ge=100, description="in all")] = 100_000
    seed: Annotated[int, msgspec.Meta(ge=0, description="draws the cohort")] = 1


def load(config: LargeStripsConfig, _folder: Path | None) -> EcgWindows:
    """Draw people with all their strips until there are enough strips."""
    import numpy as np  # noqa: PLC0415 - discovery imports this module and no numpy

    from ecgbench.contracts.streams import EcgsynStream  # noqa: PLC0415 - as above
    from ecgbench.datasets.ecgsyn import EcgsynStripsConfig  # noqa: PLC0415 - as above
    from ecgbench.datasets.ecgsyn import strips as ecgsyn  # noqa: PLC0415 - as above
    from ecgbench.large import Growing  # noqa: PLC0415 - as above

    cohort = EcgsynStripsConfig(seed=config.seed)
    labels: list[int] = []
    patients: list[int] = []
    waiting: list[Any] = []
    number = 0
    with Growing() as signals:
        while len(labels) < config.strips:
            patient = ecgsyn.draw_patient(cohort, number)
            for visit in range(min(patient.visits, config.strips - len(labels))):
                rng = np.random.default_rng([cohort.seed, number, EcgsynStream.VISITS, visit])
                labels.append(int(rng.choice(3, p=patient.chances)))
                patients.append(number)
                waiting.append(ecgsyn.draw_strip(cohort, patient, labels[-1], rng))
            number += 1
            if len(waiting) >= AT_ONCE:
                signals.add(np.stack(waiting))
                waiting = []
        if waiting:
            signals.add(np.stack(waiting))
        return EcgWindows(
            signals=signals.together(),
            labels=np.array(labels, dtype=np.int64),
            patients=np.array(patients, dtype=np.int64),
            sampling_rate=float(cohort.sampling_rate),
            leads=ecgsyn.LEADS,
            classes=ecgsyn.CLASSES,
        )


@hookimpl
def ecgbench_datasets() -> Iterable[DatasetSpec]:
    """Return `large-strips`."""
    yield DatasetSpec(
        name="large-strips",
        target=load,
        config=LargeStripsConfig,
        summary="people of ecgsyn-strips, as many as wanted",
        citation="ecgbench, `ecgsyn-strips`",
        leads=("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"),
        sampling_rate=100.0,
        classes=("sinus", "AF", "ectopy"),
        licence="MIT",
        redistributable=True,
        costly=True,
        smoke={"strips": 500},
        files=(),
    )
