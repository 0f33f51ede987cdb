"""Metrics of record-level privacy that attack: who of these windows was in `train`?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from ecgbench import Config, MetricSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


class MembershipInferenceConfig(Config, frozen=True):
    """Settings of `membership-inference`."""

    false_positive_rate: Annotated[
        float, msgspec.Meta(gt=0, lt=1, description="at which the true-positive rate is shown")
    ] = 0.01


@hookimpl
def ecgbench_metrics() -> Iterable[MetricSpec]:
    """Attacks that tell training windows from unused ones of the same people."""
    return [
        MetricSpec(
            name="membership-inference",
            target="ecgbench.metrics.attacks.membership_inference:membership_inference",
            config=MembershipInferenceConfig,
            summary="AUC of the distance attack that tells training windows from unused ones",
            citation=(
                "Chen, Yu, Zhang, Fritz, GAN-Leaks: A Taxonomy of Membership Inference Attacks "
                "against Generative Models, ACM CCS 2020, doi:10.1145/3372297.3417238 (full "
                "black-box attack); intervals: DeLong, DeLong, Clarke-Pearson, Biometrics "
                "44:837-845, 1988, doi:10.2307/2531595; Wilson, JASA 22:209-212, 1927, "
                "doi:10.1080/01621459.1927.10502953"
            ),
            family="privacy",
            better="lower",
            bounds=(0.0, 1.0),
            ideal=0.5,
            formula=(
                "P(d(member) < d(non-member)) + ½ P(d(member) = d(non-member)); "
                "d(x) = min ‖x − synthetic‖, members: train, non-members: control"
            ),
        ),
    ]
