"""Beats with known waves: sums of Gaussians."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from ecgbench.metrics.morphology.delineate import Beats, delineate
from ecgbench.processing import usual_place

if TYPE_CHECKING:
    from tests.metrics.morphology.conftest import MakeBeats

TIMES = ("p_onset", "p_peak", "p_offset", "qrs_onset", "r", "qrs_offset", "t_onset", "t_peak", "t_offset")  # fmt: skip


def everything(beats: Beats) -> np.ndarray:
    return np.stack([getattr(beats, field.name) for field in fields(Beats)])


@pytest.mark.parametrize("rate", [100, 125, 250, 360, 500])
def test_peaks_and_amplitudes_are_found_at_any_rate(beats: MakeBeats, rate: int) -> None:
    found = delineate(beats(rate, 50), rate, 0.4)
    for name, place in (("p_peak", 0.24), ("r", 0.4), ("t_peak", 0.67)):
        assert getattr(found, name) == pytest.approx(np.full(50, place), abs=0.0121), name
    # a Gaussian of 3% of the height is 2.65 deviations from its peak
    assert np.abs(np.median(found.p_onset) - 0.2) < 0.02
    assert np.abs(np.median(found.p_offset) - 0.28) < 0.02
    assert np.abs(np.median(found.t_onset) - (0.67 - 0.08)) < 0.03
    assert np.abs(np.median(found.t_offset) - (0.67 + 0.08)) < 0.03
    # Q and R, S overlap at their peaks: the extremes of the sum
    fine = beats(2000, noise=0.0)[0].astype(float)
    for name, value in (
        ("p_amplitude", 0.15),
        ("q_amplitude", fine[:800].min()),
        ("r_amplitude", fine.max()),
        ("s_amplitude", fine[800:1000].min()),
        ("t_amplitude", 0.3),
    ):
        assert np.median(getattr(found, name)) == pytest.approx(value, rel=0.1, abs=0.02), name


def test_every_time_moves_with_the_beat(beats: MakeBeats) -> None:
    here, there = (
        delineate(beats(noise=0.0), 250, 0.4),
        delineate(beats(at=0.44, noise=0.0), 250, 0.4),
    )
    for name in TIMES:
        assert getattr(there, name) - getattr(here, name) == pytest.approx(0.04, abs=1e-9), name


def test_intervals_follow_the_waves(beats: MakeBeats) -> None:
    narrow = delineate(beats(), 250, 0.4)
    for wide in (1.5, 2.0, 3.0):
        found = delineate(beats(wide=wide), 250, 0.4)
        grown = (found.qrs_offset - found.qrs_onset) - (narrow.qrs_offset - narrow.qrs_onset)
        # from the onset of Q to the end of S: (0.025 + 0.028) s and two or three deviations each
        assert grown == pytest.approx((wide - 1) * 0.085, rel=0.2)
    for longer in (0.03, 0.06):
        found = delineate(beats(rt=0.27 + longer), 250, 0.4)
        assert found.t_offset - narrow.t_offset == pytest.approx(longer, abs=0.008)
        assert found.qrs_onset == pytest.approx(narrow.qrs_onset, abs=0.004)


def test_a_wave_that_is_not_there_is_not_found(beats: MakeBeats) -> None:
    without_p = delineate(beats(count=200, p=0.0), 250, 0.4)
    assert np.isnan(without_p.p_peak).mean() > 0.8
    assert not without_p.p_amplitude[np.isnan(without_p.p_peak)].any()
    without_t = delineate(beats(t=0.0, noise=0.0), 250, 0.4)
    assert np.isnan(without_t.t_offset)
    assert without_t.t_amplitude == 0
    assert np.isfinite(delineate(beats(count=200), 250, 0.4).p_peak).all()


def test_waves_may_point_downwards(beats: MakeBeats) -> None:
    found = delineate(beats(p=-0.15, t=-0.3), 250, 0.4)
    assert found.p_amplitude == pytest.approx(-0.15, abs=0.03)
    assert found.t_amplitude == pytest.approx(-0.3, abs=0.03)
    assert found.t_peak == pytest.approx(0.67, abs=0.012)


def test_a_complex_without_r_has_its_depth_as_s(beats: MakeBeats) -> None:
    found = delineate(beats(q=0.0, r=-1.2, s=0.0), 250, 0.4)
    assert found.r == pytest.approx(0.4, abs=0.004)
    assert found.s_amplitude == pytest.approx(-1.2, abs=0.05)
    assert found.r_amplitude == found.q_amplitude == 0


def test_the_inverted_beat_has_the_same_boundaries(beats: MakeBeats) -> None:
    upright, inverted = (delineate(sign * beats(), 250, 0.4) for sign in (1, -1))
    for name in ("p_peak", "qrs_onset", "qrs_offset", "t_peak", "t_offset"):
        assert getattr(inverted, name) == pytest.approx(getattr(upright, name), abs=0.004), name
    assert inverted.t_amplitude == pytest.approx(-upright.t_amplitude, abs=0.01)


def test_an_ectopic_beat_is_wide_and_has_no_p(beats: MakeBeats) -> None:
    found = delineate(
        beats(count=50, p=0.0, q=0.0, r=1.5, s=-0.5, t=-0.5, rt=0.3, wide=3.5), 250, 0.4
    )
    assert np.isfinite(found.qrs_onset).all()
    assert (found.qrs_offset - found.qrs_onset > 0.14).all()
    assert found.r == pytest.approx(np.full(50, 0.4), abs=0.012)
    assert np.median(found.t_amplitude) == pytest.approx(-0.5, abs=0.1)


def test_the_st_level_is_that_of_the_segment(beats: MakeBeats) -> None:
    window = beats(noise=0.0, t=0.0)
    time = np.arange(250) / 250 - 0.4
    raised = window + 0.2 * np.clip((time - 0.04) / 0.01, 0, 1).astype(np.float32) * (time < 0.3)
    flat, found = delineate(window, 250, 0.4), delineate(raised, 250, 0.4)
    assert flat.st_level == pytest.approx(0.0, abs=0.01)
    assert found.st_level == pytest.approx(0.2, abs=0.02)


def test_a_beat_before_and_one_after_are_not_taken_for_waves(beats: MakeBeats) -> None:
    alone = delineate(beats(noise=0.0), 250, 0.4)
    window = beats(noise=0.0) + sum(beats(noise=0.0, at=at, p=0.0, t=0.0) for at in (-0.0, 0.97))
    found = delineate(window, 250, 0.4)
    for name in TIMES:
        assert getattr(found, name) == pytest.approx(getattr(alone, name), abs=0.012), name


def test_noise_has_no_qrs_complex() -> None:
    rng = np.random.default_rng(0)
    white = rng.standard_normal((2000, 400))
    slow = sosfiltfilt(butter(2, 10, fs=125, output="sos"), white, axis=1)
    for noise in (white, slow, white.cumsum(axis=1)):
        found = delineate(noise[:, 100:228].astype(np.float32), 125, 0.4)
        assert np.isfinite(found.qrs_onset).mean() < 0.04


@pytest.mark.parametrize("window", [np.zeros(128), np.full(128, 3.0), np.arange(128.0)])
def test_a_window_without_a_beat_has_nothing(window: np.ndarray) -> None:
    assert np.isnan(everything(delineate(window[None].astype(np.float32), 125, 0.4))).all()


@pytest.mark.parametrize("length", [2, 16, 60, 100, 700])
def test_windows_of_any_length_are_taken(beats: MakeBeats, length: int) -> None:
    window = np.tile(beats(125, 3), (1, 6))[:, :length]
    found = everything(delineate(window, 125, 0.4))
    assert found.shape == (15, 3)
    assert np.nanmax(found[:9], initial=0) <= length / 125


def test_chunks_change_nothing(beats: MakeBeats) -> None:
    windows = beats(125, 1200, noise=0.05)
    whole = everything(delineate(windows, 125, 0.4))
    parts = [everything(delineate(part, 125, 0.4)) for part in np.array_split(windows, 7)]
    np.testing.assert_array_equal(whole, np.concatenate(parts, axis=1))


@pytest.mark.parametrize("at", [0.25, 0.4, 0.6])
def test_the_usual_place_is_that_of_most_complexes(beats: MakeBeats, at: float) -> None:
    windows = np.concatenate([beats(125, 40, at=at), beats(125, 10, at=0.8), 0 * beats(125, 5)])
    assert usual_place(windows, 125) == pytest.approx(at, abs=0.025)
