"""Fidelity of the waves of the beat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from ecgbench import Config, MetricSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


class MorphologyConfig(Config, frozen=True):
    """Settings of `morphology`."""

    windows: Annotated[int, msgspec.Meta(ge=20, description="most windows of each side")] = 10_000


@hookimpl
def ecgbench_metrics() -> Iterable[MetricSpec]:
    """Return the comparisons of the waves of the beat."""
    return [
        MetricSpec(
            name="morphology",
            target="ecgbench.metrics.morphology.morphology:morphology",
            config=MorphologyConfig,
            version=2,
            summary="distance of wave amplitudes, QRS width, QT, ST level and P presence, in deviations",
            citation=(
                "Martínez, Almeida, Olmos, Rocha, Laguna, A Wavelet-Based ECG Delineator: Evaluation "
                "on Standard Databases, IEEE TBME 51(4):570-581, 2004, doi:10.1109/TBME.2003.821031 "
                "(delineation); the distance is ecgbench's"
            ),
            smoke={"windows": 500},
            family="fidelity",
            better="lower",
            bounds=(0.0, float("inf")),
            ideal=0.0,
            formula=(
                "mean over classes, leads and nine features of the 1-Wasserstein distance from control, "
                "in its deviations, cut off at 5; a missing value is 5 away"
            ),
        ),
        MetricSpec(
            name="morphology-unseen",
            target="ecgbench.metrics.morphology.morphology:morphology_unseen",
            config=MorphologyConfig,
            summary="as `morphology`, from people whom no generator saw, mean of both folds",
            citation="ecgbench, docs/morphology.md",
            smoke={"windows": 500},
            family="fidelity",
            better="lower",
            bounds=(0.0, float("inf")),
            formula=(
                "mean over classes, leads and nine features of the 1-Wasserstein distance from test, in "
                "its deviations, cut off at 5; a missing value is 5 away; mean over both folds"
            ),
            needs_patients=True,
            needs_both_folds=True,
        ),
    ]
