"""Metrics of record-level privacy that count near-copies: `identifiability`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecgbench import MetricSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


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
    ]
