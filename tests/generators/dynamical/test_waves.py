from __future__ import annotations

import numpy as np
import pytest

from ecgbench.generators.dynamical.waves import ANGLES, WAVES, WIDTHS, Waves, course, height
from ecgbench.rr_time import RrIntervals

TIME = (np.arange(401) - 200) / 100


def intervals(before: float, after: float) -> RrIntervals:
    return RrIntervals(np.array([before]), np.array([after]))


def waves(heights: np.ndarray, leads: int = 1) -> Waves:
    every = np.zeros((1, leads, WAVES + 1))
    every[:, :, : len(heights)] = heights
    return Waves(ANGLES[None], np.log(WIDTHS)[None], every)


def test_the_phase_is_a_lap_at_each_r_peak_and_even_between() -> None:
    phase = course(intervals(0.5, 0.8), TIME).phase[0] / (2 * np.pi)
    at = dict(zip(np.rint(100 * TIME).astype(int), phase, strict=True))
    assert [at[0], at[-50], at[80]] == pytest.approx([0, -1, 1])
    assert [at[-25], at[40]] == pytest.approx([-0.5, 0.5])
    # beyond the neighbours, the mean of both intervals
    assert [at[-115], at[145]] == pytest.approx([-2, 2])


def test_at_a_rate_of_60_own_waves_stand_at_the_angles_of_the_textbook() -> None:
    laps = course(intervals(1.0, 1.0), TIME)
    for wave in range(5):
        heights = np.zeros(WAVES)
        heights[5 + wave] = 2.0
        signal = height(laps, waves(heights))[0, 0]
        seconds = ANGLES[wave] / (2 * np.pi)
        expected = 2 * np.exp(-0.5 * ((TIME - seconds) / (WIDTHS[wave] / (2 * np.pi))) ** 2)
        np.testing.assert_allclose(signal, expected, atol=1e-12)


def test_neighbours_have_waves_of_their_own_and_beats_beyond_repeat_them() -> None:
    heights = np.zeros(WAVES)
    heights[[2, 12]] = [1.0, 3.0]  # R of the previous and of the next beat
    signal = height(course(intervals(0.6, 0.8), TIME), waves(heights))[0, 0]
    at = dict(zip(np.rint(100 * TIME).astype(int), signal, strict=True))
    assert at[0] == pytest.approx(0, abs=1e-9)
    assert [at[-60], at[-130], at[-200]] == pytest.approx([1, 1, 1])
    assert [at[80], at[150]] == pytest.approx([3, 3])


@pytest.mark.parametrize("interval", [0.5, 0.8, 1.2])
def test_the_qt_interval_grows_with_the_root_of_the_rr_interval(interval: float) -> None:
    heights = np.zeros(WAVES)
    heights[9] = 1.0  # T of the window's own beat
    fine = np.arange(20_000) / 20_000
    signal = height(course(intervals(interval, interval), fine), waves(heights))[0, 0]
    assert fine[signal.argmax()] == pytest.approx(0.25 * np.sqrt(interval), abs=1e-4)


def test_leads_share_places_and_have_heights_and_offsets_of_their_own() -> None:
    heights = np.random.default_rng(0).standard_normal((1, 3, WAVES + 1))
    shared = waves(np.zeros(0), 3)._replace(heights=heights)
    laps = course(intervals(0.7, 0.9), TIME)
    together = height(laps, shared)
    for lead in range(3):
        alone = height(laps, shared._replace(heights=heights[:, lead : lead + 1]))
        np.testing.assert_allclose(together[:, lead], alone[:, 0])
    raised = heights.copy()
    raised[:, 1, -1] += 0.5
    difference = height(laps, shared._replace(heights=raised)) - together
    np.testing.assert_allclose(difference[0, :, 0], [0, 0.5, 0], atol=1e-12)
