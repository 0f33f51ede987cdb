"""Patient-level privacy: who took part?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from ecgbench import Config, MetricSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


class PatientConfig(Config, frozen=True):
    """Settings of the attacks on people."""

    windows: Annotated[
        int, msgspec.Meta(ge=1, description="most windows of a person in the comparison")
    ] = 200


@hookimpl
def ecgbench_metrics() -> Iterable[MetricSpec]:
    """Return the metrics of patient-level privacy."""
    return [
        _attack(
            "patient-membership",
            "patient_membership",
            "AUC of telling the people trained on from others, mean of both folds",
            "median over the person's windows of min ‖x − synthetic‖",
            version=2,
        ),
        _attack(
            "patient-closest",
            "patient_closest",
            "as patient-membership, by the nearest of a person's windows",
            "least over the person's windows of min ‖x − synthetic‖",
        ),
        _attack(
            "patient-likelihood-ratio",
            "patient_likelihood_ratio",
            "as patient-membership, by the density against that of other people",
            "median over the person's windows of log min ‖x − synthetic‖ − log min ‖x − others‖",
        ),
    ]


def _attack(name: str, target: str, summary: str, distance: str, *, version: int = 1) -> MetricSpec:
    return MetricSpec(
        name=name,
        target=f"ecgbench.metrics.patients.patient_membership:{target}",
        config=PatientConfig,
        summary=summary,
        version=version,
        citation="ecgbench, docs/privacy.md",
        family="privacy",
        better="lower",
        bounds=(0.0, 1.0),
        ideal=0.5,
        null=0.5,
        formula=(
            "mean over both folds of P(d(member) < d(unseen)) + ½ P(equal); "
            f"d(person) = {distance} of the one beat, of members in control"
        ),
        needs_patients=True,
        needs_both_folds=True,
        terms=("members", "unseen", "distance"),
        sees=("members",),
    )
