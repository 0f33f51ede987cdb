"""Patient-level privacy: who took part?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from ecgbench import Config, MetricSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


class PatientMembershipConfig(Config, frozen=True):
    """Settings of `patient-membership`."""

    windows: Annotated[
        int, msgspec.Meta(ge=1, description="most windows of a person in the comparison")
    ] = 200


@hookimpl
def ecgbench_metrics() -> Iterable[MetricSpec]:
    """Return the metric of patient-level privacy."""
    return [
        MetricSpec(
            name="patient-membership",
            target="ecgbench.metrics.patients.patient_membership:patient_membership",
            config=PatientMembershipConfig,
            summary="AUC of telling the people trained on from others, mean of both folds",
            version=2,
            citation="ecgbench, docs/privacy.md",
            family="privacy",
            better="lower",
            bounds=(0.0, 1.0),
            ideal=0.5,
            null=0.5,
            formula=(
                "mean over both folds of P(d(member) < d(unseen)) + ½ P(equal); d(person) = median "
                "over the person's windows of min ‖x − synthetic‖ of the one beat, of members in control"
            ),
            needs_patients=True,
            needs_both_folds=True,
            terms=("members", "unseen", "distance"),
            sees=("members",),
        ),
    ]
