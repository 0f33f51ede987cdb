"""Utility: `predictive`, `cross-classification` with three classifiers, `augmentation-gain`."""

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
    batch: Annotated[
        int,
        msgspec.Meta(
            ge=1, description="windows in a step, fewer if they are long; 128 as published"
        ),
    ] = 64
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

    steps: Annotated[int, msgspec.Meta(ge=1, description="optimiser steps of each fit")] = 150
    gain: Annotated[
        float,
        msgspec.Meta(ge=0, description="deviation of the logarithm by which windows are amplified"),
    ] = 0.2
    stretch: Annotated[
        float,
        msgspec.Meta(ge=0, description="deviation of the logarithm by which time is stretched"),
    ] = 0.1
    shift: Annotated[
        float, msgspec.Meta(ge=0, le=1, description="share of the window by which it moves at most")
    ] = 0.025


class LinearConfig(Config, frozen=True):
    """Settings of `cross-classification-linear`."""

    components: Annotated[
        int, msgspec.Meta(ge=1, description="most principal components of the window")
    ] = 32
    strength: Annotated[
        float, msgspec.Meta(gt=0, description="inverse of the penalty on the weights")
    ] = 0.1


class BoostingConfig(Config, frozen=True):
    """Settings of `cross-classification-boosting`."""

    components: Annotated[
        int, msgspec.Meta(ge=1, description="most principal components of the window")
    ] = 16
    iterations: Annotated[int, msgspec.Meta(ge=1, description="trees of each class")] = 100
    leaves: Annotated[int, msgspec.Meta(ge=2, description="most leaves of a tree")] = 8


class AugmentationGainConfig(CrossClassificationConfig, frozen=True):
    """Settings of `augmentation-gain`; those of its networks are those of `cross-classification`."""

    fractions: Annotated[
        tuple[Annotated[float, msgspec.Meta(gt=0, le=1)], ...],
        msgspec.Meta(
            min_length=1,
            description="of as many real training windows as there are synthetic ones",
        ),
    ] = (0.05, 0.25, 1.0)


@hookimpl
def ecgbench_metrics() -> Iterable[MetricSpec]:
    """Return the measures of use on unseen people."""
    return [
        MetricSpec(
            name="predictive",
            target="ecgbench.metrics.utility.predictive:predictive",
            config=PredictiveConfig,
            summary="error of a one-step forecaster, trained on synthetic and tested on real windows",
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
            sees=("noise", "smoothing", "slope"),
        ),
        MetricSpec(
            name="cross-classification",
            target="ecgbench.metrics.utility.cross_classification:cross_classification",
            config=CrossClassificationConfig,
            summary="macro-F1 on unseen people of a network trained on synthetic windows (TSTR)",
            version=2,
            citation=(
                "Esteban, Hyland, Rätsch, Real-valued (Medical) Time Series Generation with "
                "Recurrent Conditional GANs, 2017, arXiv:1706.02633"
            ),
            smoke={"steps": 5},
            family="utility",
            better="higher",
            bounds=(0.0, 1.0),
            formula="mean over headline classes of 2TP / (2TP + FP + FN)",
            needs_labels=True,
            needs_patients=True,
        ),
        MetricSpec(
            name="cross-classification-linear",
            target="ecgbench.metrics.utility.linear:cross_classification_linear",
            config=LinearConfig,
            summary="macro-F1 on unseen people of logistic regression on synthetic windows (TSTR)",
            version=2,
            citation=(
                "Esteban, Hyland, Rätsch, Real-valued (Medical) Time Series Generation with "
                "Recurrent Conditional GANs, 2017, arXiv:1706.02633"
            ),
            family="utility",
            better="higher",
            bounds=(0.0, 1.0),
            formula="mean over headline classes of 2TP / (2TP + FP + FN)",
            needs_labels=True,
            needs_patients=True,
            ranked=False,
        ),
        MetricSpec(
            name="cross-classification-boosting",
            target="ecgbench.metrics.utility.boosting:cross_classification_boosting",
            config=BoostingConfig,
            summary="macro-F1 on unseen people of boosted trees on features of synthetic windows (TSTR)",
            version=2,
            citation=(
                "Esteban, Hyland, Rätsch, Real-valued (Medical) Time Series Generation with "
                "Recurrent Conditional GANs, 2017, arXiv:1706.02633; the trees: Friedman, Greedy "
                "function approximation: a gradient boosting machine, Ann Stat 29(5):1189-1232, 2001, "
                "doi:10.1214/aos/1013203451"
            ),
            smoke={"iterations": 20},
            family="utility",
            better="higher",
            bounds=(0.0, 1.0),
            formula="mean over headline classes of 2TP / (2TP + FP + FN)",
            needs_labels=True,
            needs_patients=True,
        ),
        MetricSpec(
            name="augmentation-gain",
            target="ecgbench.metrics.utility.augmentation:augmentation_gain",
            config=AugmentationGainConfig,
            summary="gain in macro-F1 on unseen people from synthetic windows beside a few real ones",
            citation=(
                "Frid-Adar, Diamant, Klang, Amitai, Goldberger, Greenspan, GAN-based synthetic medical "
                "image augmentation for increased CNN performance in liver lesion classification, "
                "Neurocomputing 321:321-331, 2018, arXiv:1803.01229"
            ),
            smoke={"steps": 5, "fractions": [0.25]},
            audited_on="claims",
            family="utility",
            better="higher",
            bounds=(-1.0, 1.0),
            formula=(
                "mean over fractions f of macro-F1(f of real + synthetic) − macro-F1(f of real), "
                "over headline classes"
            ),
            needs_labels=True,
            needs_patients=True,
        ),
    ]
