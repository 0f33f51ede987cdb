"""Attacks of record-level privacy: was this window in `train`?

Each metric attacks members, ``train``, and compares the attack with the same one on non-members,
``control``.  Both are windows of the same people, divided at random.

- Who was a member? `membership-inference`, `calibrated-membership-inference`,
  `monte-carlo-membership-inference`, `domias` and, with fits of its own,
  `likelihood-ratio-membership-inference`: an AUC, ½ but for noise if nothing leaked.
- What can be learnt of a member? `waveform-inference` and `attribute-inference`: a residual risk.
- Are synthetic windows closer to members than to others? `authenticity`, and, as no evidence of
  safety, `dcr-share` and `nndr`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from ecgbench import Config, MetricSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

ROC = (
    "intervals: DeLong, DeLong, Clarke-Pearson, Biometrics 44:837-845, 1988, doi:10.2307/2531595; "
    "Wilson, JASA 22:209-212, 1927, doi:10.1080/01621459.1927.10502953"
)
"""The sources of all attacks with an AUC."""

ANONYMETER = (
    "Giomi, Boenisch, Wehmeyer, Tasnádi, A Unified Framework for Quantifying Privacy Risk in Synthetic "
    "Data, PoPETs 2023(2):312-328, doi:10.56553/popets-2023-0055 (inference attack, residual risk)"
)


class MonteCarloMembershipInferenceConfig(Config, frozen=True):
    """Settings of `monte-carlo-membership-inference`."""

    components: Annotated[
        int, msgspec.Meta(ge=1, description="principal components of auxiliary")
    ] = 40


class DomiasConfig(Config, frozen=True):
    """Settings of `domias`."""

    components: Annotated[
        int, msgspec.Meta(ge=1, description="principal components of auxiliary")
    ] = 16


class AttributeInferenceConfig(Config, frozen=True):
    """Settings of `attribute-inference`."""

    known: Annotated[
        float,
        msgspec.Meta(gt=0, lt=1, description="known share of a window, from its start"),
    ] = 0.25


class WaveformInferenceConfig(Config, frozen=True):
    """Settings of `waveform-inference`."""

    known: Annotated[
        float,
        msgspec.Meta(gt=0, lt=1, description="known share of a window, from its start"),
    ] = 0.25
    margin: Annotated[
        float,
        msgspec.Meta(
            gt=0, le=1, description="a right guess's error, in errors without synthetic windows"
        ),
    ] = 0.5


class LikelihoodRatioConfig(Config, frozen=True):
    """Settings of `likelihood-ratio-membership-inference`."""

    shadows: Annotated[
        int, msgspec.Meta(ge=4, multiple_of=2, description="fits of the generator on random halves")
    ] = 8


@hookimpl
def ecgbench_metrics() -> Iterable[MetricSpec]:
    """Return the attacks on windows of ``train``."""
    return [
        MetricSpec(
            name="membership-inference",
            target="ecgbench.metrics.attacks.membership_inference:membership_inference",
            summary="AUC of the distance attack on training windows against unused ones",
            citation=(
                "Chen, Yu, Zhang, Fritz, GAN-Leaks: A Taxonomy of Membership Inference Attacks "
                "against Generative Models, ACM CCS 2020, doi:10.1145/3372297.3417238 (full "
                f"black-box attack); {ROC}"
            ),
            family="privacy",
            better="lower",
            bounds=(0.0, 1.0),
            ideal=0.5,
            null=0.5,
            formula=(
                "P(d(member) < d(non-member)) + ½ P(d(member) = d(non-member)); "
                "d(x) = min ‖x − synthetic‖, members: train, non-members: control"
            ),
        ),
        MetricSpec(
            name="calibrated-membership-inference",
            target=(
                "ecgbench.metrics.attacks.calibrated_membership_inference:"
                "calibrated_membership_inference"
            ),
            summary="AUC of the distance attack, less the expected distance of each window",
            citation=(
                "Chen, Yu, Zhang, Fritz, GAN-Leaks: A Taxonomy of Membership Inference Attacks "
                "against Generative Models, ACM CCS 2020, doi:10.1145/3372297.3417238 (attack "
                f"calibration); {ROC}"
            ),
            family="privacy",
            better="lower",
            bounds=(0.0, 1.0),
            ideal=0.5,
            null=0.5,
            formula=(
                "P(d(member) < d(non-member)) + ½ P(d(member) = d(non-member)); "
                "d(x) = min ‖x − synthetic‖ − min ‖x − auxiliary‖, members: train, non-members: control"
            ),
        ),
        MetricSpec(
            name="monte-carlo-membership-inference",
            target=(
                "ecgbench.metrics.attacks.monte_carlo_membership_inference:"
                "monte_carlo_membership_inference"
            ),
            config=MonteCarloMembershipInferenceConfig,
            summary="AUC of the attack by how many synthetic windows fall close to each window",
            version=2,
            citation=(
                "Hilprecht, Härterich, Bernau, Monte Carlo and Reconstruction Membership Inference "
                "Attacks against Generative Models, PoPETs 2019(4):232-249, "
                f"doi:10.2478/popets-2019-0067, arXiv:1906.03006; {ROC}"
            ),
            family="privacy",
            better="lower",
            bounds=(0.0, 1.0),
            ideal=0.5,
            null=0.5,
            formula=(
                "P(f(member) > f(non-member)) + ½ P(f(member) = f(non-member)); f(x) = share of "
                "synthetic windows within ε of x in principal components of auxiliary, ε = the median "
                "distance to the nearest one"
            ),
        ),
        MetricSpec(
            name="domias",
            target="ecgbench.metrics.attacks.domias:domias",
            config=DomiasConfig,
            summary="AUC of the attack by the ratio of synthetic to population density at each window",
            version=2,
            citation=(
                "van Breugel, Sun, Qian, van der Schaar, Membership Inference Attacks against Synthetic "
                "Data through Overfitting Detection, AISTATS 2023, arXiv:2302.12580; density: "
                "Loftsgaarden, Quesenberry, Ann Math Stat 36:1049-1051, 1965, "
                f"doi:10.1214/aoms/1177700079; {ROC}"
            ),
            family="privacy",
            better="lower",
            bounds=(0.0, 1.0),
            ideal=0.5,
            null=0.5,
            formula=(
                "P(s(member) > s(non-member)) + ½ P(s(member) = s(non-member)); s = nearest-neighbour "
                "density of synthetic / of auxiliary windows, in principal components of auxiliary"
            ),
        ),
        MetricSpec(
            name="likelihood-ratio-membership-inference",
            target="ecgbench.metrics.attacks.likelihood_ratio:likelihood_ratio",
            config=LikelihoodRatioConfig,
            summary="AUC of LiRA with shadow fits of the same generator; costs that many fits",
            citation=(
                "Carlini, Chien, Nasr, Song, Terzis, Tramèr, Membership Inference Attacks From First "
                "Principles, IEEE S&P 2022:1897-1914, arXiv:2112.03570, algorithm 1; " + ROC
            ),
            smoke={"shadows": 4},
            family="privacy",
            better="lower",
            bounds=(0.0, 1.0),
            ideal=0.5,
            null=0.5,
            formula=(
                "P(λ(member) > λ(non-member)) + ½ P(equal); λ(x) = log N(φ | in) − log N(φ | out), "
                "φ = −log min ‖x − synthetic‖, in and out from fits on halves of train ∪ control"
            ),
            costly=True,
            audited_on="claims",
        ),
        MetricSpec(
            name="waveform-inference",
            target="ecgbench.metrics.attacks.waveform_inference:waveform_inference",
            config=WaveformInferenceConfig,
            summary="risk that synthetic windows give away the rest of a partly known window",
            citation=f"{ANONYMETER}; its use on waveforms is ecgbench's",
            family="privacy",
            better="lower",
            bounds=(float("-inf"), 1.0),
            ideal=0.0,
            null=0.0,
            formula=(
                "(attack − control) / (1 − control), shares of windows of train and of control with "
                "the rest guessed at less than half the error of a guess from auxiliary windows alone"
            ),
        ),
        MetricSpec(
            name="attribute-inference",
            target="ecgbench.metrics.attacks.attribute_inference:attribute_inference",
            config=AttributeInferenceConfig,
            summary="risk that synthetic windows give away a window's class or its patient's attributes",
            version=2,
            citation=f"{ANONYMETER}; the transfer of patients' attributes is ecgbench's",
            family="privacy",
            better="lower",
            bounds=(float("-inf"), 1.0),
            ideal=0.0,
            null=0.0,
            formula=(
                "(attack − control) / (1 − control), shares of secrets of train's and of control's windows "
                "equal to those of the synthetic window with the most similar beginning"
            ),
        ),
        MetricSpec(
            name="authenticity",
            target="ecgbench.metrics.attacks.authenticity:authenticity",
            summary="share of synthetic windows no closer to a training window than its real neighbours",
            version=2,
            citation=(
                "Alaa, van Breugel, Saveliev, van der Schaar, How Faithful is your Synthetic Data? "
                "Sample-level Metrics for Evaluating and Auditing Generative Models, ICML 2022, "
                "arXiv:2102.08921; the null is ecgbench's"
            ),
            family="privacy",
            better="higher",
            bounds=(-1.0, 1.0),
            ideal=0.0,
            null=0.0,
            formula=(
                "A(train) − A(control); A(R) = share of synthetic s with ‖s − x‖ > min ‖x − other x' in "
                "R‖, x the nearest of R; A(train) is averaged over disjoint parts of control's size"
            ),
        ),
        MetricSpec(
            name="dcr-share",
            target="ecgbench.metrics.attacks.dcr_share:dcr_share",
            summary="share of synthetic windows closer to train than to control; no evidence of safety",
            version=2,
            citation=(
                "Platzer, Reutterer, Holdout-Based Empirical Assessment of Mixed-Type Synthetic Data, "
                "Frontiers in Big Data 4:679939, 2021, doi:10.3389/fdata.2021.679939; why it is no "
                "evidence: Yao, Krčo, Ganev, de Montjoye, The DCR Delusion, ESORICS 2025, "
                "arXiv:2505.01524"
            ),
            family="privacy",
            better="lower",
            bounds=(0.0, 1.0),
            ideal=0.5,
            formula=(
                "share of synthetic s with min ‖s − train‖ < min ‖s − control‖, ties half, averaged over "
                "disjoint parts of train of control's size"
            ),
            ranked=False,
        ),
        MetricSpec(
            name="nndr",
            target="ecgbench.metrics.attacks.nndr:nndr",
            summary="nearest-neighbour distance ratio to train less to control; no evidence of safety",
            citation=(
                "Zhao, Kunar, Birke, Chen, CTAB-GAN: Effective Table Data Synthesizing, ACML 2021, "
                "PMLR 157:97-112, arXiv:2102.08369; the null is ecgbench's"
            ),
            family="privacy",
            better="higher",
            bounds=(-1.0, 1.0),
            ideal=0.0,
            null=0.0,
            formula=(
                "median r(train) − median r(control); r = distance of s to its nearest / to its second "
                "nearest real window; r(train) over disjoint parts of control's size"
            ),
            ranked=False,
        ),
    ]
