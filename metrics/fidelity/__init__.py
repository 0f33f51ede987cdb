"""Metrics of fidelity: do the synthetic windows look like real ones of the same people?

`inception-score`, `distance`, `dtw`, `embedding-plots`, `discriminative`, `detection-size`, `mmd`.  All
compare with the ``control`` split; against ``train`` a copy would beat reality.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from ecgbench import Config, MetricSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


class InceptionScoreConfig(Config, frozen=True):
    """Settings of `inception-score`: its classifier's."""

    steps: Annotated[int, msgspec.Meta(ge=1, description="optimiser steps")] = 600
    batch: Annotated[
        int, msgspec.Meta(ge=2, description="windows in a step, fewer if they are long")
    ] = 128
    learning_rate: Annotated[float, msgspec.Meta(gt=0, description="peak of the schedule")] = 3e-3
    width: Annotated[int, msgspec.Meta(ge=1, description="channels of the first block")] = 16


class DtwConfig(Config, frozen=True):
    """Settings of `dtw`."""

    band: Annotated[
        float, msgspec.Meta(ge=0, description="half-width of the Sakoe–Chiba band, in seconds")
    ] = 0.1
    windows: Annotated[int, msgspec.Meta(ge=1, description="most windows of each side")] = 500
    candidates: Annotated[
        int, msgspec.Meta(ge=1, description="Euclidean neighbours to warp against each")
    ] = 10


class EmbeddingPlotsConfig(Config, frozen=True):
    """Settings of `embedding-plots`."""

    points: Annotated[
        int, msgspec.Meta(ge=10, description="most points in each panel of pca.png")
    ] = 2000
    tsne_windows: Annotated[
        int, msgspec.Meta(ge=10, description="most windows of each side in tsne.png")
    ] = 500


class DiscriminativeConfig(Config, frozen=True):
    """Settings of `discriminative`."""

    steps: Annotated[
        int, msgspec.Meta(ge=1, description="optimiser steps of a fit; 2000 as published")
    ] = 600
    batch: Annotated[
        int,
        msgspec.Meta(
            ge=1,
            description="windows of each kind in a step, fewer if they are long; 128 as published",
        ),
    ] = 64
    replacement: Annotated[
        bool, msgspec.Meta(description="a step may draw a window twice; false as published")
    ] = True
    learning_rate: Annotated[
        float, msgspec.Meta(gt=0, description="peak of the schedule; .001 as published")
    ] = 0.01
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
    ] = 16
    pooling: Annotated[
        Literal["mean", "last"],
        msgspec.Meta(description="of the logits over time; the last one as published"),
    ] = "mean"
    scaling: Annotated[
        Literal["standard", "unit"],
        msgspec.Meta(
            description="of a lead, by real windows: to mean 0 and deviation 1, or to [0, 1] as published"
        ),
    ] = "standard"
    splits: Annotated[
        int, msgspec.Meta(ge=1, description="divisions, a network each; 10 runs as published")
    ] = 2
    average: Annotated[
        Literal["accuracy", "score"],
        msgspec.Meta(
            description="over the divisions, of accuracy before |accuracy − ½|, or of score after; "
            "score as published"
        ),
    ] = "accuracy"


class DetectionSizeConfig(Config, frozen=True):
    """Settings of `detection-size`."""

    windows: Annotated[
        int, msgspec.Meta(ge=2, description="most windows of each kind to train a judge on")
    ] = 4096
    held_out: Annotated[
        int, msgspec.Meta(ge=20, description="most windows of each kind to test the judges on")
    ] = 400
    trees: Annotated[int, msgspec.Meta(ge=1, description="trees of a judge")] = 60
    noise: Annotated[
        float,
        msgspec.Meta(
            ge=0,
            description="deviation of the noise on a window before its spectrum is taken, in "
            "deviations of the lead",
        ),
    ] = 0.3


class MmdConfig(Config, frozen=True):
    """Settings of `mmd`."""

    windows: Annotated[int, msgspec.Meta(ge=2, description="most windows of each side")] = 2000
    permutations: Annotated[int, msgspec.Meta(ge=1, description="of the p-value")] = 500


@hookimpl
def ecgbench_metrics() -> Iterable[MetricSpec]:
    """Return the comparisons of synthetic windows with real ones of the same people."""
    return [
        MetricSpec(
            name="inception-score",
            target="ecgbench.metrics.fidelity.inception:inception_score",
            config=InceptionScoreConfig,
            summary="sureness and variety of an ECG classifier's answers; read it beside `real`",
            version=2,
            citation=(
                "Salimans, Goodfellow, Zaremba, Cheung, Radford, Chen, Improved Techniques for "
                "Training GANs, NeurIPS 2016, section 4, arXiv:1606.03498"
            ),
            smoke={"steps": 10},
            family="fidelity",
            better="higher",
            bounds=(1.0, float("inf")),
            formula="exp(mean_x KL(p(c|x) ‖ p(c))), p(c) = mean_x p(c|x), x synthetic",
            needs_labels=True,
            ranked=False,
        ),
        MetricSpec(
            name="distance",
            target="ecgbench.metrics.fidelity.distance:distance",
            summary="mean distance in mV to the nearest window of the other side, both ways",
            citation=(
                "Barrow, Tenenbaum, Bolles, Wolf, Parametric correspondence and chamfer matching, "
                "IJCAI 1977; Fan, Su, Guibas, CVPR 2017, doi:10.1109/CVPR.2017.264, section 4.3"
            ),
            family="fidelity",
            better="lower",
            bounds=(0.0, float("inf")),
            formula="½ (mean_y min_x ‖x − y‖ + mean_x min_y ‖x − y‖), x in control, y synthetic",
        ),
        MetricSpec(
            name="dtw",
            target="ecgbench.metrics.fidelity.dtw_distance:dtw_distance",
            config=DtwConfig,
            summary="as `distance`, under dynamic time warping in a Sakoe–Chiba band",
            citation=(
                "Sakoe, Chiba, Dynamic programming algorithm optimization for spoken word "
                "recognition, IEEE Trans ASSP 26(1):43-49, 1978, doi:10.1109/TASSP.1978.1163055"
            ),
            smoke={"windows": 100, "candidates": 5},
            family="fidelity",
            better="lower",
            bounds=(0.0, float("inf")),
            formula=(
                "½ (mean_y min_x DTW(x, y) + mean_x min_y DTW(x, y)), x in control, y synthetic, "
                "DTW = least √(Σ ‖x(i) − y(j)‖²) over warping paths with |i − j| ≤ band"
            ),
        ),
        MetricSpec(
            name="embedding-plots",
            target="ecgbench.metrics.fidelity.embedding:embedding_plots",
            config=EmbeddingPlotsConfig,
            summary="overlap with real windows in and about the plane of two principal components",
            version=2,
            citation=(
                "Yoon, Jarrett, van der Schaar, Time-series Generative Adversarial Networks, NeurIPS "
                "2019, section 5 (pictures); van der Maaten, Hinton, Visualizing Data using t-SNE, "
                "JMLR 9:2579-2605, 2008; the overlap is ecgbench's"
            ),
            smoke={"points": 500, "tsne_windows": 20},
            family="fidelity",
            better="higher",
            bounds=(0.0, float("inf")),
            ideal=1.0,
            formula=(
                "Σ min(p, q) / its expectation where p = q; p, q: shares of real and synthetic windows "
                "in cells of (PC 1, PC 2, distance from their plane)"
            ),
        ),
        MetricSpec(
            name="discriminative",
            target="ecgbench.metrics.fidelity.discriminative:discriminative",
            config=DiscriminativeConfig,
            summary="accuracy beyond chance of a GRU trained to tell synthetic from real windows",
            citation=(
                "Yoon, Jarrett, van der Schaar, Time-series Generative Adversarial Networks, NeurIPS "
                "2019, section 5, and metrics/discriminative_metrics.py in "
                "https://github.com/jsyoon0823/TimeGAN"
            ),
            smoke={"steps": 20, "splits": 1},
            family="fidelity",
            better="lower",
            bounds=(0.0, 0.5),
            ideal=0.0,
            formula="|accuracy on held-out windows − ½|, as many real as synthetic ones",
            min_windows=5,
        ),
        MetricSpec(
            name="detection-size",
            target="ecgbench.metrics.fidelity.detection_size:detection_size",
            config=DetectionSizeConfig,
            summary="log₂ of the windows of each kind until a judge tells them apart; beside `real`",
            citation=(
                "ecgbench, docs/detection.md; the judge: Geurts, Ernst, Wehenkel, Extremely "
                "randomized trees, Machine Learning 63:3-42, 2006, doi:10.1007/s10994-006-6226-1"
            ),
            smoke={"windows": 64, "trees": 20},
            family="fidelity",
            better="higher",
            bounds=(0.0, float("inf")),
            formula=(
                "log₂ of the smallest training size of each kind with a held-out accuracy "
                "significantly above ¾; beyond the largest size n: log₂ n + (a − accuracy) / (a − ½), "
                "at most log₂ n + 1, a the least accuracy significantly above ¾"
            ),
            min_windows=40,
        ),
        MetricSpec(
            name="mmd",
            target="ecgbench.metrics.fidelity.mmd:mmd",
            config=MmdConfig,
            summary="squared maximum mean discrepancy from real windows, as a share of the most it can be",
            version=2,
            citation=(
                "Gretton, Borgwardt, Rasch, Schölkopf, Smola, A Kernel Two-Sample Test, JMLR "
                "13:723-773, 2012, equation 3"
            ),
            smoke={"windows": 300, "permutations": 100},
            family="fidelity",
            better="lower",
            bounds=(float("-inf"), 1.0),
            ideal=0.0,
            formula=(
                "mean over four Gaussian kernels g of (a + b − 2c) / (a + b), a = mean g(x, x'), b = mean "
                "g(y, y'), c = mean g(x, y) over pairs of different windows, x in control, y synthetic"
            ),
        ),
    ]
