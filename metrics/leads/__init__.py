"""Fidelity of several leads together: what one lead says about another (docs/rhythm.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from ecgbench import Config, MetricSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


class LeadCorrelationConfig(Config, frozen=True):
    """Settings of `lead-correlation-distance`."""

    windows: Annotated[int, msgspec.Meta(ge=20, description="most windows of each side")] = 10_000


class LeadSpectralConfig(Config, frozen=True):
    """Settings of `lead-spectral-distance`."""

    lowest: Annotated[float, msgspec.Meta(gt=0, description="lowest frequency, in Hz")] = 0.5
    highest: Annotated[float, msgspec.Meta(gt=0, description="highest frequency, in Hz")] = 40.0


@hookimpl
def ecgbench_metrics() -> Iterable[MetricSpec]:
    """Return the metrics of several leads."""
    return [
        MetricSpec(
            name="lead-correlation-distance",
            target="ecgbench.metrics.leads.correlation:lead_correlation_distance",
            config=LeadCorrelationConfig,
            summary="distance of the correlations of each two leads of a window from real ones",
            citation="ecgbench, docs/rhythm.md",
            smoke={"windows": 500},
            family="fidelity",
            better="lower",
            bounds=(0.0, 5.0),
            ideal=0.0,
            formula=(
                "mean over classes and pairs of leads of the 1-Wasserstein distance from control of a "
                "window's correlation, in control's deviations, cut off at 5"
            ),
            min_windows=10,
            min_leads=2,
            sees=("noise", "outliers", "shuffled-leads"),
        ),
        MetricSpec(
            name="einthoven-residual",
            target="ecgbench.metrics.leads.einthoven:einthoven_residual",
            summary="how far limb leads are from Einthoven's and Goldberger's equations",
            citation=(
                "Einthoven, Fahr, de Waart, Pflügers Arch 150:275-315, 1913, doi:10.1007/BF01697566; "
                "Goldberger, Am Heart J 23:483-492, 1942, doi:10.1016/S0002-8703(42)90293-X"
            ),
            family="fidelity",
            better="lower",
            bounds=(0.0, float("inf")),
            ideal=0.0,
            formula=(
                "mean over synthetic windows of √(Σ residual² / Σ lead²), of II = I + III, "
                "aVR = −(I + II) / 2, aVL = (I − III) / 2, aVF = (II + III) / 2, as far as there are leads"
            ),
            min_leads=3,
            sees=("noise", "outliers", "shuffled-leads"),
        ),
        MetricSpec(
            name="lead-spectral-distance",
            target="ecgbench.metrics.leads.spectra:lead_spectral_distance",
            config=LeadSpectralConfig,
            summary="log-spectral distance in dB of the lead in which it is largest, 0.5 to 40 Hz",
            citation=(
                "Gray, Markel, Distance measures for speech processing, IEEE Trans ASSP "
                "24(5):380-391, 1976, doi:10.1109/TASSP.1976.1162849"
            ),
            family="fidelity",
            better="lower",
            bounds=(0.0, float("inf")),
            ideal=0.0,
            formula=(
                "max over leads of √(mean over frequencies of (S̄ − C̄)²), S̄ and C̄ the mean over "
                "synthetic and control windows of 10 log₁₀ of the lead's power spectral density"
            ),
            min_leads=2,
        ),
    ]
