"""Record-level privacy by nearest windows: `copied-share`, `identifiability`, `identity-agreement`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, get_args

import msgspec

from ecgbench import Config, MetricSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


CopySpace = Literal["whole", "aligned", "spectrum", "smooth", "path", "first", "last"]
"""The spaces of `copied-share` (`disguises`)."""


class CopiedShareConfig(Config, frozen=True):
    """Settings of `copied-share`."""

    threshold: Annotated[
        float, msgspec.Meta(ge=0, description="a window with log(d2/d1) above it is a hit")
    ] = 0.7
    components: Annotated[
        int, msgspec.Meta(ge=1, description="principal components to take distances in")
    ] = 16
    spaces: Annotated[
        tuple[CopySpace, ...],
        msgspec.Meta(min_length=1, description="to compare windows in, each with its cost"),
    ] = get_args(CopySpace)
    shift: Annotated[
        float, msgspec.Meta(ge=0, description="seconds by which copies may be shifted")
    ] = 0.05
    speed: Annotated[
        float, msgspec.Meta(ge=0, le=0.2, description="share by which they may be faster or slower")
    ] = 0.05


@hookimpl
def ecgbench_metrics() -> Iterable[MetricSpec]:
    """Return the metrics of nearest windows."""
    return [
        MetricSpec(
            name="copied-share",
            target="ecgbench.metrics.privacy.copied_share:copied_share",
            config=CopiedShareConfig,
            smoke={"spaces": ["whole"]},
            version=3,
            summary="share of near-copies of one training window, many disguised ones too; no mixtures",
            citation=(
                "ecgbench's own; the ratio of the two nearest distances is Lowe's, Distinctive Image "
                "Features from Scale-Invariant Keypoints, IJCV 60:91-110, 2004, section 7.1, "
                "doi:10.1023/B:VISI.0000029664.99615.94"
            ),
            family="privacy",
            better="lower",
            bounds=(float("-inf"), 1.0),
            ideal=0.0,
            null=0.0,
            formula=(
                "(hits of train − n_train/n_control · hits of control) / n_synthetic; hit: "
                "log(d₂/d₁) > threshold, d₁ < d₂ to the two nearest of train ∪ control, in the "
                "clearest of seven spaces; 0 rules out no copies in other disguises: mixtures, warps "
                "by 20 ms, short pieces, several disguises at once"
            ),
        ),
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
            null=0.0,
            formula=(
                "ε(train) − ε(control); ε(R) = share of x in R with "
                "min ‖x − synthetic‖ < min ‖x − other x' in R‖, ties half; ε(train) is averaged "
                "over disjoint parts of control's size"
            ),
        ),
        MetricSpec(
            name="identity-agreement",
            target="ecgbench.metrics.privacy.identity_agreement:identity_agreement",
            summary="share of synthetic windows that look like one person to both train and control",
            version=2,
            citation="ecgbench's own",
            family="privacy",
            better="lower",
            bounds=(0.0, 1.0),
            formula=(
                "share of synthetic windows with one and the same patient behind the nearest beat in "
                "train and the nearest beat in control; compare it with the part `test`"
            ),
            needs_patients=True,
            ranked=False,
            sees=(),
        ),
    ]
