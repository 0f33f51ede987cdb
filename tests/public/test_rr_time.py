from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench import DataError
from ecgbench.rr_time import SHORTEST, RrIntervals, RrTime, rr_intervals

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE, LENGTH, R_SAMPLE = 100.0, 200, 100
TIME = (np.arange(LENGTH) - R_SAMPLE) / RATE
MAP = RrTime(sampling_rate=RATE, length=LENGTH, r_sample=R_SAMPLE)


def ecg(before: NDArray[Any], after: NDArray[Any], gain: float = 1.0) -> NDArray[Any]:
    """Windows of one lead: a narrow QRS complex and a T wave for the beat and each neighbour."""
    beats = np.stack([np.zeros_like(before), -before, after], axis=1)[:, :, None]
    gains = np.array([1.0, gain, gain])[None, :, None]
    qrs = np.exp(-0.5 * ((TIME - beats) / 0.015) ** 2)
    t_wave = 0.3 * np.exp(-0.5 * ((TIME - beats - 0.28) / 0.05) ** 2)
    return np.asarray((gains * (qrs + t_wave)).sum(axis=1, keepdims=True))


def intervals(before: float, after: float, count: int = 1) -> RrIntervals:
    return RrIntervals(np.full(count, before), np.full(count, after))


# --- detection -------------------------------------------------------------------------------------


@pytest.mark.parametrize("gain", [0.5, 1.0, 2.0])
def test_the_neighbours_are_found_at_their_sample(gain: float) -> None:
    before, after = np.meshgrid(np.arange(0.35, 0.9, 0.05), np.arange(0.35, 0.9, 0.05))
    signals = ecg(before.ravel(), after.ravel(), gain)
    found = rr_intervals(signals, RATE, R_SAMPLE)
    np.testing.assert_allclose(found.before, before.ravel(), atol=0.021)
    np.testing.assert_allclose(found.after, after.ravel(), atol=0.021)


def test_a_neighbour_outside_the_window_is_censored_at_its_edge() -> None:
    found = rr_intervals(ecg(np.array([1.4]), np.array([2.0])), RATE, R_SAMPLE)
    assert found.before == pytest.approx(1.0)
    assert found.after == pytest.approx(0.99)


def test_any_lead_shows_a_neighbour() -> None:
    one = ecg(np.array([0.7]), np.array([0.6]))
    leads = np.concatenate([np.zeros_like(one), one], axis=1)
    found = rr_intervals(leads, RATE, R_SAMPLE)
    assert (found.before[0], found.after[0]) == pytest.approx((0.7, 0.6), abs=0.021)


def test_flat_windows_have_censored_intervals_only() -> None:
    found = rr_intervals(np.zeros((2, 1, LENGTH)), RATE, R_SAMPLE)
    assert found.before.tolist() == [1.0, 1.0]
    assert found.after.tolist() == [0.99, 0.99]


def test_a_rate_too_low_for_a_qrs_complex_is_refused() -> None:
    said = "R peaks cannot be found at 40 Hz; more than 40 Hz is needed"
    with pytest.raises(DataError, match=re.escape(said)):
        rr_intervals(np.zeros((1, 1, 80)), 40.0, 40)


# --- the map ---------------------------------------------------------------------------------------


def test_the_neighbours_come_to_their_places_and_the_core_keeps_its_width() -> None:
    before, after = np.array([0.6, 0.9, 0.75]), np.array([0.8, 0.5, 0.75])
    canonical = MAP.forward(ecg(before, after), RrIntervals(before, after))
    first, last = MAP.samples
    time = np.arange(-first, last + 1) / RATE
    for place in (-1.0, 0.0, 1.0):
        near = np.flatnonzero(np.abs(time - place) < 0.05)
        np.testing.assert_array_equal(time[near][canonical[:, 0, near].argmax(axis=1)], [place] * 3)
    core = np.abs(time) <= 0.4 * 0.5 + 1e-9
    np.testing.assert_allclose(canonical[:, 0, core], ecg(before, after)[:, 0, 80:121], atol=1e-12)


@pytest.mark.parametrize(("before", "after"), [(0.5, 0.9), (0.8, 0.35), (1.0, 0.99)])
def test_what_is_mapped_comes_back(before: float, after: float) -> None:
    signals = ecg(np.array([before]), np.array([after]))
    given = intervals(before, after)
    canonical = MAP.forward(signals, given)
    shown = np.isfinite(canonical)
    back = MAP.inverse(np.where(shown, canonical, 0.0), given)
    # exact in the cores and beyond the neighbours, where no sample is stretched
    exact = (np.abs(TIME) < 0.1) | (-before >= TIME) | (after <= TIME)
    np.testing.assert_allclose(back[0, 0, exact], signals[0, 0, exact], atol=1e-12)
    np.testing.assert_allclose(back, signals, atol=0.01)


def test_a_constant_and_a_stretched_line_come_back_exactly() -> None:
    rng = np.random.default_rng(0)
    given = RrIntervals(rng.uniform(0.3, 1.0, 50), rng.uniform(0.3, 0.99, 50))
    constant = np.full((50, 1, LENGTH), 0.7)
    canonical = MAP.forward(constant, given)
    assert np.nanmax(np.abs(canonical - 0.7)) < 1e-12
    filled = np.where(np.isnan(canonical), 0.7, canonical)
    np.testing.assert_allclose(MAP.inverse(filled, given), constant, atol=1e-12)


def test_what_a_window_does_not_show_is_nan_and_nothing_else_is() -> None:
    canonical = MAP.forward(np.zeros((1, 2, LENGTH)), intervals(0.6, 0.99))
    first, last = MAP.samples
    time = np.arange(-first, last + 1) / RATE
    hidden = np.isnan(canonical[0])
    np.testing.assert_array_equal(hidden[0], hidden[1])
    # 0.4 s before the previous R peak are seen, and nothing after the next
    np.testing.assert_array_equal(hidden[0], (time < -1.4 - 1e-9) | (time > 1.0 + 1e-9))


def test_a_censored_interval_counts_as_one_to_the_edge() -> None:
    signals = ecg(np.array([1.5]), np.array([1.5]))
    censored = MAP.forward(signals, intervals(1.5, 7.0))
    np.testing.assert_array_equal(censored, MAP.forward(signals, intervals(1.0, 0.99)))


def test_too_short_an_interval_counts_as_the_shortest() -> None:
    signals = ecg(np.array([0.4]), np.array([0.4]))
    least = MAP.forward(signals, intervals(0.01, 0.01))
    np.testing.assert_array_equal(least, MAP.forward(signals, intervals(SHORTEST, SHORTEST)))


@pytest.mark.parametrize("r_sample", [5, 20, 150, 198])
def test_an_r_peak_near_an_edge_is_mapped_all_the_same(r_sample: int) -> None:
    near = RrTime(sampling_rate=RATE, length=LENGTH, r_sample=r_sample)
    signals = np.random.default_rng(0).standard_normal((3, 1, LENGTH))
    given = near.limited(intervals(0.7, 0.7, 3))
    canonical = near.forward(signals, given)
    back = near.inverse(np.where(np.isnan(canonical), 0.0, canonical), given)
    assert back.shape == signals.shape
    assert np.isfinite(back).all()
    np.testing.assert_allclose(back[:, 0, r_sample], signals[:, 0, r_sample], atol=1e-12)


def test_inputs_stay_as_they_are() -> None:
    signals, given = ecg(np.array([0.7]), np.array([0.6])), intervals(0.7, 2.0)
    copy = signals.copy()
    rr_intervals(signals, RATE, R_SAMPLE)
    MAP.forward(signals, given)
    np.testing.assert_array_equal(signals, copy)
    assert given.after == 2.0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"core": 1.0}, "core = 1 does not lie between 0 and place, 1"),
        ({"core": 0.0}, "core = 0 does not lie between 0 and place, 1"),
        ({"r_sample": 0}, "r_sample = 0 does not lie within a window of 200 samples"),
        ({"r_sample": 199}, "r_sample = 199 does not lie within a window of 200 samples"),
    ],
)
def test_impossible_settings_are_named(settings: dict[str, Any], said: str) -> None:
    fixed: dict[str, Any] = {"sampling_rate": RATE, "length": LENGTH, "r_sample": R_SAMPLE}
    with pytest.raises(ValueError, match=re.escape(said)):
        RrTime(**fixed | settings)
