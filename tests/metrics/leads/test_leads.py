from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench import Comparison, Config, EcgWindows, Skip, Splits
from ecgbench.metrics.leads import LeadCorrelationConfig, LeadSpectralConfig
from ecgbench.metrics.leads.correlation import correlations, lead_correlation_distance
from ecgbench.metrics.leads.einthoven import einthoven_residual
from ecgbench.metrics.leads.spectra import lead_spectral_distance
from ecgbench.metrics.statistics import LogSpectralDistanceConfig
from ecgbench.metrics.statistics.log_spectral_distance import log_spectral_distance

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIMBS = ("I", "II", "III", "aVR", "aVL", "aVF")


def windows(signals: NDArray[Any], leads: tuple[str, ...]) -> EcgWindows:
    return EcgWindows(
        signals=signals.astype(np.float32),
        labels=np.zeros(len(signals), np.int64),
        patients=np.arange(len(signals)) % 10,
        sampling_rate=100.0,
        leads=leads,
        classes=("beat",),
    )


def compared(real: EcgWindows, signals: NDArray[Any]) -> Comparison:
    return Comparison(
        synthetic=real.synthetic(signals, real.labels),
        splits=Splits(train=real, control=real, auxiliary=real, fresh=real, test=real, fold=0),
        seed=0,
        headline_classes=real.classes,
    )


def limbs(seed: int, count: int = 60) -> EcgWindows:
    rng = np.random.default_rng(seed)
    one, two = rng.standard_normal((2, count, 400))
    three = two - one
    leads = [one, two, three, -(one + two) / 2, (one - three) / 2, (two + three) / 2]
    return windows(np.stack(leads, axis=1), LIMBS)


# --- Einthoven ---------------------------------------------------------------------------------------


def test_leads_of_a_recorder_have_no_residual() -> None:
    real = limbs(0)
    found = einthoven_residual(compared(real, real.signals), Config())
    assert found.value < 1e-6
    assert found.parts["real"] < 1e-6


def test_noise_of_a_lead_is_the_residual_that_it_makes() -> None:
    real = limbs(0, 400)
    signals = real.signals.astype(float)
    noise = np.random.default_rng(1).standard_normal(signals[:, 3].shape)
    signals[:, 3] += 0.3 * noise  # aVR stands in one equation alone
    found = einthoven_residual(compared(real, signals), Config())
    power = 1 + (0.5 + 0.09) + (1.25) + (1.25)  # of II, aVR, aVL, aVF
    assert found.value == pytest.approx(np.sqrt(0.09 / power), rel=0.02)
    assert found.parts["residual-aVR"] == pytest.approx(np.sqrt(0.09 / 0.59), rel=0.02)
    assert found.parts["residual-II"] < 1e-6


def test_independent_leads_of_equal_power_have_the_residual_of_arithmetic() -> None:
    real = limbs(0, 200)
    noise = np.random.default_rng(1).standard_normal(real.signals.shape)
    found = einthoven_residual(compared(real, noise), Config())
    assert found.value == pytest.approx(np.sqrt(15 / 8), rel=0.01)
    assert found.contributions is not None
    assert found.contributions.evaluate()[0] == pytest.approx(found.value)


def test_the_equations_whose_leads_are_there_count_by_name() -> None:
    whole = limbs(0)
    chosen = [5, 2, 1]  # aVF, III, II
    real = windows(whole.signals[:, chosen], tuple(LIMBS[lead] for lead in chosen))
    found = einthoven_residual(compared(real, real.signals), Config())
    assert set(found.parts) == {"real", "residual-aVF"}
    assert found.value < 1e-6


def test_flat_windows_have_the_residual_1() -> None:
    real = limbs(0)
    assert einthoven_residual(compared(real, 0 * real.signals), Config()).value == 1


def test_other_leads_are_skipped_with_the_leads_that_are_wanted() -> None:
    real = windows(limbs(0).signals[:, :3], ("MLII", "V5", "V1"))
    with pytest.raises(Skip, match=r"II with I and III.*the leads are MLII, V5, V1"):
        einthoven_residual(compared(real, real.signals), Config())


# --- correlations ------------------------------------------------------------------------------------


def test_correlations_are_those_of_numpy() -> None:
    signals = np.random.default_rng(0).standard_normal((5, 4, 50)).cumsum(axis=2) + 7
    found = correlations(signals.astype(np.float32))
    for window, pairs in zip(signals, found, strict=True):
        expected = np.corrcoef(window)[np.triu_indices(4, 1)]
        np.testing.assert_allclose(pairs, expected, atol=1e-5)


def test_a_flat_lead_has_no_correlation() -> None:
    signals = np.random.default_rng(0).standard_normal((2, 3, 50)).astype(np.float32)
    signals[0, 1] = 0.25
    found = correlations(signals)
    assert np.isnan(found[0]).tolist() == [True, False, True]
    assert np.isfinite(found[1]).all()


def with_correlation(seed: int, mean: float, count: int = 200) -> EcgWindows:
    rng = np.random.default_rng(seed)
    rho = np.clip(mean + 0.1 * rng.standard_normal((count, 1)), -0.99, 0.99)
    one, other = rng.standard_normal((2, count, 2000))
    return windows(np.stack([one, rho * one + np.sqrt(1 - rho**2) * other], axis=1), ("I", "V1"))


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.3])
def test_the_distance_is_the_shift_of_the_correlations(shift: float) -> None:
    real, drawn = with_correlation(0, 0.5), with_correlation(1, 0.5 - shift)
    found = lead_correlation_distance(compared(real, drawn.signals), LeadCorrelationConfig())
    assert found.parts["correlation"] == pytest.approx(shift, abs=0.025)
    assert found.value == pytest.approx(shift / 0.1, abs=0.35)
    assert found.contributions is not None
    assert found.contributions.evaluate()[0] == pytest.approx(found.value)


def test_gain_and_offset_of_all_leads_change_nothing() -> None:
    real = with_correlation(0, 0.5)
    found = lead_correlation_distance(compared(real, 3 * real.signals + 1), LeadCorrelationConfig())
    assert found.value < 1e-4


def test_leads_of_other_windows_are_far_away() -> None:
    real = with_correlation(0, 0.8)
    mixed = real.signals.copy()
    mixed[:, 1] = np.roll(mixed[:, 1], 1, axis=0)
    assert lead_correlation_distance(compared(real, mixed), LeadCorrelationConfig()).value > 4


def test_few_windows_are_skipped() -> None:
    real = with_correlation(0, 0.5, count=12)
    with pytest.raises(Skip, match="no class has 20 windows"):
        lead_correlation_distance(compared(real, real.signals), LeadCorrelationConfig())


# --- spectra -----------------------------------------------------------------------------------------


def test_the_worst_lead_is_the_value_and_the_root_mean_square_that_of_all() -> None:
    rng = np.random.default_rng(0)
    real = windows(rng.standard_normal((40, 3, 200)), ("I", "II", "V1"))
    gains = np.array([1.0, 2.0, 0.5])[:, None]
    synthetic = compared(real, real.signals * gains)
    found = lead_spectral_distance(synthetic, LeadSpectralConfig())
    each = [found.parts[f"log-spectral-distance-{lead}"] for lead in real.leads]
    six = 20 * np.log10(2)
    assert each == pytest.approx([0, six, six], abs=1e-3)
    assert found.value == pytest.approx(six, abs=1e-3)
    whole = log_spectral_distance(synthetic, LogSpectralDistanceConfig()).value
    assert whole == pytest.approx(np.sqrt(np.mean(np.square(each))), rel=1e-6)
    assert found.contributions is not None
    assert found.contributions.evaluate()[0] == pytest.approx(found.value)
