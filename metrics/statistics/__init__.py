"""Fidelity by plain statistics of the signals.

`marginal-distribution-difference`, `autocorrelation-difference`, `skewness-difference` and
`kurtosis-difference` as TSGBench defines them, `sliced-wasserstein` and `log-spectral-distance`.
All compare with the ``control`` split; against ``train`` a copy would beat reality.  An ideal generator
tends to 0 as the number of windows grows; with few it scores as the ``real`` row does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from ecgbench import Config, MetricSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

TSGBENCH = (
    "Ang, Huang, Bao, Tung, Huang, TSGBench: Time Series Generation Benchmark, PVLDB 17(3):305-318, "
    "2023, arXiv:2309.03755, and src/feature_based_measures.py in "
    "https://github.com/YihaoAng/TSGBench"
)


class SlicedWassersteinConfig(Config, frozen=True):
    """Settings of `sliced-wasserstein`."""

    projections: Annotated[int, msgspec.Meta(ge=1, description="directions of the projections")] = (
        200
    )


class LogSpectralDistanceConfig(Config, frozen=True):
    """Settings of `log-spectral-distance`."""

    lowest: Annotated[float, msgspec.Meta(gt=0, description="lowest frequency, in Hz")] = 0.5
    highest: Annotated[float, msgspec.Meta(gt=0, description="highest frequency, in Hz")] = 40.0


@hookimpl
def ecgbench_metrics() -> Iterable[MetricSpec]:
    """Return the comparisons of plain statistics."""
    return [
        MetricSpec(
            name="marginal-distribution-difference",
            target="ecgbench.metrics.statistics.marginal:marginal_distribution_difference",
            summary="difference of the histograms of single samples, as TSGBench's MDD",
            citation=TSGBENCH,
            family="fidelity",
            better="lower",
            bounds=(0.0, 2.0),
            ideal=0.0,
            formula=(
                "mean over leads and samples of Σ_b |p_b − q_b|; p, q: shares of control and synthetic "
                "windows in 50 bins from control's least to its greatest value"
            ),
        ),
        MetricSpec(
            name="autocorrelation-difference",
            target="ecgbench.metrics.statistics.autocorrelation:autocorrelation_difference",
            summary="difference of the autocorrelations up to 63 samples, as TSGBench's ACD",
            citation=TSGBENCH,
            family="fidelity",
            better="lower",
            bounds=(0.0, float("inf")),
            ideal=0.0,
            formula=(
                "mean over leads of √(Σ_k (ρ_control(k) − ρ_synthetic(k))²), k = 0 … 63 samples, each "
                "sample scaled by control's least and greatest value"
            ),
        ),
        MetricSpec(
            name="skewness-difference",
            target="ecgbench.metrics.statistics.moments:skewness_difference",
            summary="difference of the skewness of all samples, as TSGBench's SD",
            citation=TSGBENCH,
            family="fidelity",
            better="lower",
            bounds=(0.0, float("inf")),
            ideal=0.0,
            formula=(
                "mean over leads of |γ_control − γ_synthetic|, γ = mean of (x − μ)³ / s³, each sample "
                "scaled by control's least and greatest value"
            ),
            ranked=False,
        ),
        MetricSpec(
            name="kurtosis-difference",
            target="ecgbench.metrics.statistics.moments:kurtosis_difference",
            summary="difference of the kurtosis of all samples, as TSGBench's KD",
            citation=TSGBENCH,
            family="fidelity",
            better="lower",
            bounds=(0.0, float("inf")),
            ideal=0.0,
            formula=(
                "mean over leads of |κ_control − κ_synthetic|, κ = mean of (x − μ)⁴ / σ⁴ − 3, each "
                "sample scaled by control's least and greatest value"
            ),
            ranked=False,
        ),
        MetricSpec(
            name="sliced-wasserstein",
            target="ecgbench.metrics.statistics.sliced_wasserstein:sliced_wasserstein",
            config=SlicedWassersteinConfig,
            summary="mean 1-Wasserstein distance in mV of windows projected on random directions",
            citation=(
                "Rabin, Peyré, Delon, Bernot, Wasserstein Barycenter and Its Application to Texture "
                "Mixing, SSVM 2011, 435-446; Bonneel, Rabin, Peyré, Pfister, Sliced and Radon "
                "Wasserstein Barycenters of Measures, J Math Imaging Vis 51:22-45, 2015, "
                "doi:10.1007/s10851-014-0506-3"
            ),
            smoke={"projections": 50},
            family="fidelity",
            better="lower",
            bounds=(0.0, float("inf")),
            ideal=0.0,
            formula="mean over unit vectors θ of W₁({θ·x}, {θ·y}), x in control, y synthetic",
        ),
        MetricSpec(
            name="log-spectral-distance",
            target="ecgbench.metrics.statistics.log_spectral_distance:log_spectral_distance",
            config=LogSpectralDistanceConfig,
            summary="root mean square difference in dB of the mean log spectra, 0.5 to 40 Hz",
            version=2,
            citation=(
                "Gray, Markel, Distance measures for speech processing, IEEE Trans ASSP "
                "24(5):380-391, 1976, doi:10.1109/TASSP.1976.1162849"
            ),
            family="fidelity",
            better="lower",
            bounds=(0.0, float("inf")),
            ideal=0.0,
            formula=(
                "√(mean over leads and frequencies of (S̄ − C̄)²), S̄ and C̄ the mean over synthetic and "
                "control windows of 10 log₁₀ of the power spectral density"
            ),
        ),
    ]
