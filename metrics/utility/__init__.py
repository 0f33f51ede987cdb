"""Metrics of utility: `predictive`, `cross-classification`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from ecgbench import Config, MetricSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


class PredictiveConfig(Config, frozen=True):
    """Settings of `predictive`."""

    steps: Annotated[
        int, msgspec.Meta(ge=1, description="optimiser steps of each fit; 5000 as published")
    ] = 600
    batch: Annotated[int, msgspec.Meta(ge=1, description="windows in a step; 128 as published")] = (
        64
    )
    learning_rate: Annotated[
        float, msgspec.Meta(gt=0, description="peak of the schedule; .001 as published")
    ] = 0.02
    schedule: Annotated[
        Literal["one-cycle", "constant"],
        msgspec.Meta(description="of the learning rate; constant as published"),
    ] = "one-cycle"
    hidden: Annotated[
        int,
        msgspec.Meta(
            ge=1,
            description="fewest units; half as many as leads, if that is more; 1 as published",
        ),
    ] = 24
    target: Annotated[
        Literal["all-leads", "last-lead"],
        msgspec.Meta(
            description="forecast all leads from all, or the last from the others; last-lead as "
            "published (one lead is forecast from itself)"
        ),
    ] = "all-leads"
    scaling: Annotated[
        Literal["standard", "unit"],
        msgspec.Meta(
            description="of a lead: to mean 0 and deviation 1, error in mV; or to [0, 1], with a sigmoid "
            "head and the error of the scaled signals, as published"
        ),
    ] = "standard"
    repeats: Annotated[
        int, msgspec.Meta(ge=1, description="networks whose errors are averaged; 10 as published")
    ] = 1
    test_windows: Annotated[
        int,
        msgspec.Meta(
            ge=1, description="most windows to test on, spread over the people; all as published"
        ),
    ] = 5000


class CrossClassificationConfig(Config, frozen=True):
    """Settings of `cross-classification`."""

    steps: Annotated[int, msgspec.Meta(ge=1, description="optimiser steps of each fit")] = 600


@hookimpl
def ecgbench_metrics() -> Iterable[MetricSpec]:
    """What the synthetic windows are good for, on people that nobody has seen."""
    return [
        MetricSpec(
            name="predictive",
            target="ecgbench.metrics.utility.predictive:predictive",
            config=PredictiveConfig,
            summary="error in mV of a one-step forecaster, trained on synthetic and tested on real",
            citation=(
                "Yoon, Jarrett, van der Schaar, Time-series Generative Adversarial Networks, NeurIPS "
                "2019, section 5, and metrics/predictive_metrics.py in "
                "https://github.com/jsyoon0823/TimeGAN"
            ),
            smoke={"steps": 20, "test_windows": 500},
            family="utility",
            better="lower",
            bounds=(0.0, float("inf")),
            formula="mean |x[t+1] − GRU(x[0..t])| over test windows, samples and leads",
            needs_patients=True,
        ),
        MetricSpec(
            name="cross-classification",
            target="ecgbench.metrics.utility.cross_classification:cross_classification",
            config=CrossClassificationConfig,
            summary="macro-F1 on unseen people of a classifier trained on synthetic (TSTR)",
            citation=(
                "Esteban, Hyland, Rätsch, Real-valued (Medical) Time Series Generation with "
                "Recurrent Conditional GANs, 2017, arXiv:1706.02633"
            ),
            smoke={"steps": 30},
            family="utility",
            better="higher",
            bounds=(0.0, 1.0),
            formula="mean over headline classes of 2TP / (2TP + FP + FN)",
            needs_labels=True,
            needs_patients=True,
        ),
    ]
