"""Metrics of record-level privacy: `identifiability`, `membership-inference`."""

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
    """Whether the synthetic windows are nearer to training windows than to others of these people."""
    return [
        MetricSpec(
            name="identifiability",
            target="ecgbench.metrics.privacy.identifiability:identifiability",
            summary="ε-identifiability of training windows beyond that of unused ones",
            citation=(
                "Yoon, Drumright, van der Schaar, Anonymization Through Data Synthesis Using "
                "Generative Adversarial Networks (ADS-GAN), IEEE J Biomed Health Inform "
                "24(8):2378-2388, 2020, doi:10.1109/JBHI.2020.2980262"
            ),
            family="privacy",
            better="lower",
            bounds=(-1.0, 1.0),
            ideal=0.0,
            formula=(
                "ε(train) − ε(control); ε(R) = share of x in R with "
                "min ‖x − synthetic‖ < min ‖x − other x' in R‖, ties half; ε(train) is averaged "
                "over disjoint parts of control's size"
            ),
        ),
        MetricSpec(
            name="membership-inference",
            target="ecgbench.metrics.privacy.membership_inference:membership_inference",
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
