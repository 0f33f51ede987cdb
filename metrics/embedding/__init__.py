"""Metrics of fidelity and diversity in the space of the ECG encoder, and a trained two-sample test.

`frechet-distance`, `frechet-distance-fixed`, `kernel-distance`, `precision`, `density`, `classifier-two-sample` (fidelity),
`recall`, `coverage` (diversity).  All compare with the ``control`` split; `frechet-distance-unseen` and
`coverage-unseen` compare with ``test``.  The encoder has seen ``auxiliary`` alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from ecgbench import Config, MetricSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

KYNKAANNIEMI = (
    "Kynkäänniemi, Karras, Laine, Lehtinen, Aila, Improved Precision and Recall Metric for Assessing "
    "Generative Models, NeurIPS 2019, arXiv:1904.06991"
)
NAEEM = (
    "Naeem, Oh, Uh, Choi, Yoo, Reliable Fidelity and Diversity Metrics for Generative Models, ICML "
    "2020, section 3, arXiv:2002.09797"
)
KHAYATKHOEI = (
    "Khayatkhoei, AbdAlmageed, Emergent Asymmetry of Precision and Recall for Measuring Fidelity and "
    "Diversity of Generative Models in High Dimensions, ICML 2023, arXiv:2306.09618 (symmetric recall)"
)

DISTORTIONS = (
    *("noise", "gain", "shift", "warp", "smoothing", "slope", "shrinking"),
    *("gain-scatter", "outliers"),
)
LOSSES = ("mode-drop", "patient-drop", "duplication", "mode-collapse")


class EmbeddingConfig(Config, frozen=True):
    """Settings of `frechet-distance` and `kernel-distance`."""

    encoder_steps: (
        Annotated[
            int,
            msgspec.Meta(ge=1, description="optimiser steps of the encoder; unset: its own, 400"),
        ]
        | msgspec.UnsetType
    ) = msgspec.UNSET


class PrdcConfig(EmbeddingConfig, frozen=True):
    """Settings of `precision`, `recall`, `density` and `coverage`."""

    neighbours: Annotated[
        int, msgspec.Meta(ge=1, description="a ball reaches the k-th nearest window; this is k")
    ] = 5


WEIGHTS = Path(__file__).with_name("encoder.safetensors")
"""The fixed encoder, as ``examples/fixed-encoder/train.py`` writes it."""

SMOKE = {"encoder_steps": 20}
"""Smoke settings of every metric in the encoder's space: one encoder serves them all."""


class TwoSampleConfig(Config, frozen=True):
    """Settings of `classifier-two-sample`."""

    steps: Annotated[int, msgspec.Meta(ge=1, description="optimiser steps of a network")] = 200


@hookimpl
def ecgbench_metrics() -> Iterable[MetricSpec]:
    """Return the comparisons of two clouds of embedded windows."""
    return [
        MetricSpec(
            name="frechet-distance",
            target="ecgbench.metrics.embedding.frechet:frechet_distance",
            config=EmbeddingConfig,
            smoke=SMOKE,
            summary="squared Fréchet distance of ECG embeddings (FID); read it beside `real`",
            citation=(
                "Heusel, Ramsauer, Unterthiner, Nessler, Hochreiter, GANs Trained by a Two Time-Scale "
                "Update Rule Converge to a Local Nash Equilibrium, NeurIPS 2017, equation 6, "
                "arXiv:1706.08500"
            ),
            family="fidelity",
            better="lower",
            bounds=(0.0, float("inf")),
            formula=(
                "‖m − m'‖² + tr(C + C' − 2 (C C')^½), means and covariances of the embeddings of "
                "control and of synthetic windows"
            ),
            sees=(*DISTORTIONS, *LOSSES, "class-collapse", "collapse-outliers"),
        ),
        MetricSpec(
            name="frechet-distance-fixed",
            target="ecgbench.metrics.embedding.fixed:frechet_distance_fixed",
            summary="as `frechet-distance`, in one space for all datasets, seeds and papers",
            citation="Heusel et al., NeurIPS 2017 (`frechet-distance`); the encoder is ecgbench's",
            files=(WEIGHTS,),
            family="fidelity",
            better="lower",
            bounds=(0.0, float("inf")),
            formula=(
                "‖m − m'‖² + tr(C + C' − 2 (C C')^½), means and covariances of the embeddings of "
                "control and of synthetic windows by an encoder of simulated people"
            ),
            sees=(*DISTORTIONS, *LOSSES, "class-collapse", "collapse-outliers"),
        ),
        MetricSpec(
            name="frechet-distance-unseen",
            target="ecgbench.metrics.embedding.frechet:frechet_distance_unseen",
            config=EmbeddingConfig,
            smoke=SMOKE,
            summary="as `frechet-distance`, from people whom no generator saw, mean of both folds",
            citation="Heusel et al., NeurIPS 2017 (`frechet-distance`); unseen people are ecgbench's",
            family="fidelity",
            better="lower",
            bounds=(0.0, float("inf")),
            formula=(
                "‖m − m'‖² + tr(C + C' − 2 (C C')^½), means and covariances of the embeddings of "
                "test and of synthetic windows, mean over both folds"
            ),
            needs_patients=True,
            needs_both_folds=True,
            sees=("noise", "outliers", "mode-collapse", "patient-drop"),
        ),
        MetricSpec(
            name="kernel-distance",
            target="ecgbench.metrics.embedding.kernel:kernel_distance",
            config=EmbeddingConfig,
            smoke=SMOKE,
            summary="squared kernel discrepancy of ECG embeddings (KID), unbiased",
            citation=(
                "Bińkowski, Sutherland, Arbel, Gretton, Demystifying MMD GANs, ICLR 2018, section 4, "
                "arXiv:1801.01401"
            ),
            family="fidelity",
            better="lower",
            ideal=0.0,
            formula=(
                "mean k(x, x') + mean k(y, y') − 2 mean k(x, y) over pairs of different embeddings, "
                "x of control, y synthetic; k(x, y) = (x·y/d + 1)³, d dimensions"
            ),
            sees=(*DISTORTIONS, *LOSSES, "class-collapse", "collapse-outliers"),
        ),
        MetricSpec(
            name="precision",
            target="ecgbench.metrics.embedding.prdc:precision",
            config=PrdcConfig,
            smoke=SMOKE,
            summary="share of synthetic windows within a real one's ball; read it beside `real`",
            citation=KYNKAANNIEMI,
            family="fidelity",
            better="higher",
            bounds=(0.0, 1.0),
            formula="share of y with ‖y − x‖ ≤ r_k(x) for an x, y synthetic, x in control, embedded",
            min_windows=6,
            ranked=False,
            sees=DISTORTIONS,
        ),
        MetricSpec(
            name="density",
            target="ecgbench.metrics.embedding.prdc:density",
            config=PrdcConfig,
            smoke=SMOKE,
            summary="how densely real windows lie about synthetic ones, relative to each other",
            citation=NAEEM,
            family="fidelity",
            better="higher",
            bounds=(0.0, float("inf")),
            ideal=1.0,
            formula="mean over y of |{x: ‖y − x‖ ≤ r_k(x)}| / k, y synthetic, x in control, embedded",
            min_windows=6,
            sees=DISTORTIONS,
        ),
        MetricSpec(
            name="recall",
            target="ecgbench.metrics.embedding.prdc:recall",
            config=PrdcConfig,
            smoke=SMOKE,
            summary="share of real windows among synthetic ones; read it beside `real`",
            version=2,
            citation=KHAYATKHOEI,
            family="diversity",
            better="higher",
            bounds=(0.0, 1.0),
            formula=(
                "the smaller of the shares of x with ‖x − y‖ ≤ r_k(y) for a y and of x with ‖x − y‖ ≤ "
                "r_k(x) for a y, x in control, y synthetic, embedded"
            ),
            min_windows=6,
            ranked=False,
            sees=(*LOSSES, "shrinking", "gain-scatter", "outliers", "collapse-outliers"),
        ),
        MetricSpec(
            name="coverage",
            target="ecgbench.metrics.embedding.prdc:coverage",
            config=PrdcConfig,
            smoke=SMOKE,
            summary="share of real windows with a synthetic one near by",
            citation=NAEEM,
            family="diversity",
            better="higher",
            bounds=(0.0, 1.0),
            ideal=1 - 2**-5,
            formula="share of x with ‖y − x‖ ≤ r_k(x) for a y, x in control, y synthetic, embedded",
            min_windows=6,
            sees=(*LOSSES, "shrinking", "gain-scatter", "outliers", "collapse-outliers"),
        ),
        MetricSpec(
            name="coverage-unseen",
            target="ecgbench.metrics.embedding.prdc:coverage_unseen",
            config=PrdcConfig,
            smoke=SMOKE,
            summary="share of windows of people whom no generator saw with a synthetic one near by",
            citation="Naeem et al., ICML 2020 (`coverage`); unseen people are ecgbench's",
            family="diversity",
            better="higher",
            bounds=(0.0, 1.0),
            formula=(
                "share of x with ‖y − x‖ ≤ r_k(x) for a y, x in test, y synthetic, embedded, mean over "
                "both folds"
            ),
            needs_patients=True,
            needs_both_folds=True,
            sees=("noise", "outliers", "mode-collapse", "patient-drop"),
            min_windows=6,
        ),
        MetricSpec(
            name="classifier-two-sample",
            target="ecgbench.metrics.embedding.two_sample:classifier_two_sample",
            config=TwoSampleConfig,
            summary="accuracy beyond chance of a convolutional network told to find synthetic windows",
            citation=(
                "Lopez-Paz, Oquab, Revisiting Classifier Two-Sample Tests, ICLR 2017, "
                "arXiv:1610.06545"
            ),
            smoke={"steps": 3},
            family="fidelity",
            better="lower",
            bounds=(0.0, 0.5),
            ideal=0.0,
            formula="|accuracy on held-out windows − ½|, as many real as synthetic ones",
            min_windows=4,
        ),
    ]
