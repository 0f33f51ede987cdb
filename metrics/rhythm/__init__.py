"""Fidelity of the rhythm: what the R peaks of a strip say (docs/rhythm.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from ecgbench import Config, MetricSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

SHORTEST = 6.0
"""Seconds: the least length of a strip with a few intervals at any heart rate."""

TASK_FORCE = (
    "Task Force of the ESC and NASPE, Heart rate variability, Circulation 93:1043-1065, 1996, "
    "doi:10.1161/01.CIR.93.5.1043 (definitions); the distance is ecgbench's"
)

BY_CLASS = (
    "mean over classes of the 1-Wasserstein distance from control of {what} of a strip, in control's "
    "deviations, cut off at 5; a missing value is 5 away"
)


class RhythmConfig(Config, frozen=True):
    """Settings of the metrics of rhythm."""

    windows: Annotated[int, msgspec.Meta(ge=20, description="most strips of each side")] = 10_000


@hookimpl
def ecgbench_metrics() -> Iterable[MetricSpec]:
    """Return the metrics of rhythm."""
    for name, target, what, ranked, sees in (
        ("heart-rate", "heart_rate_distance", "heart rate", True, ("warp",)),
        ("sdnn", "sdnn_distance", "SDNN", False, ("jittered-rhythm",)),
        ("rmssd", "rmssd_distance", "RMSSD", True, ("jittered-rhythm",)),
        ("pnn50", "pnn50_distance", "pNN50", False, ("jittered-rhythm",)),
    ):
        yield MetricSpec(
            name=f"{name}-distance",
            target=f"ecgbench.metrics.rhythm.variability:{target}",
            config=RhythmConfig,
            summary=f"distance of the {what} of strips, within classes, in deviations of real ones",
            citation=TASK_FORCE,
            smoke={"windows": 500},
            family="fidelity",
            better="lower",
            bounds=(0.0, 5.0),
            ideal=0.0,
            formula=BY_CLASS.format(what=f"the {what}"),
            min_windows=10,
            min_seconds=SHORTEST,
            ranked=ranked,
            sees=sees,
        )
    yield MetricSpec(
        name="rr-distance",
        target="ecgbench.metrics.rhythm.intervals:rr_distance",
        config=RhythmConfig,
        summary="distance of all RR intervals of strips, within classes, in deviations of real ones",
        citation="ecgbench, docs/rhythm.md",
        smoke={"windows": 500},
        family="fidelity",
        better="lower",
        bounds=(0.0, 5.0),
        ideal=0.0,
        formula=(
            "mean over classes of the 1-Wasserstein distance of all RR intervals from control's, in "
            "control's deviations, cut off at 5; a strip without intervals has one, 5 away"
        ),
        min_windows=10,
        min_seconds=SHORTEST,
        ranked=False,
        sees=("warp", "jittered-rhythm"),
    )
    yield MetricSpec(
        name="rhythm-agreement",
        target="ecgbench.metrics.rhythm.agreement:rhythm_agreement",
        config=RhythmConfig,
        summary="mean share of each class's strips whose RR intervals are of that class, as real ones are",
        citation="ecgbench, docs/rhythm.md",
        smoke={"windows": 500},
        family="fidelity",
        better="higher",
        bounds=(0.0, 1.0),
        formula=(
            "mean over classes of the share of synthetic strips to which a logistic regression on rate "
            "and irregularity, fitted to control, gives their label"
        ),
        needs_labels=True,
        min_windows=10,
        min_seconds=SHORTEST,
        sees=("class-collapse", "jittered-rhythm"),
    )
