from __future__ import annotations

import numpy as np
import pytest

from ecgbench.generators.dynamical import least_squares
from ecgbench.generators.dynamical.least_squares import fit_waves, joined, parted, textbook
from ecgbench.generators.dynamical.waves import WAVES, Course, Waves, course, height
from ecgbench.rr_time import RrIntervals

TIME = (np.arange(200) - 100) / 100
HEIGHTS = np.tile([0.6, -0.5, 4.0, -1.0, 1.0], 3)


def beats(count: int, leads: int = 1, seed: int = 0) -> tuple[Waves, Course]:
    """Waves like the textbook's, with some spread, and their laps."""
    rng = np.random.default_rng(seed)
    prior = textbook(leads)
    every = parted(np.tile(prior.mean, (count, 1)))
    shape = (count, WAVES)
    sizes = HEIGHTS * (1 + 0.2 * rng.standard_normal((count, leads, WAVES)))
    sizes *= np.linspace(1, -0.5, leads)[:, None]
    heights = np.concatenate([sizes, 0.1 * rng.standard_normal((count, leads, 1))], axis=2)
    waves = Waves(
        every.angles + 0.03 * rng.standard_normal(shape),
        every.widths + 0.1 * rng.standard_normal(shape),
        heights,
    )
    rates = RrIntervals(*rng.uniform(0.7, 0.9, (2, count)))
    return waves, course(rates, TIME)


def fitted(signals: np.ndarray, laps: Course, rounds: int = 8) -> Waves:
    return fit_waves(
        signals, laps, rounds=rounds, steps=5, weight=10.0, log=lambda done, noise: None
    )


@pytest.mark.parametrize("leads", [1, 3])
def test_the_waves_of_beats_made_from_known_ones_come_back(leads: int) -> None:
    true, laps = beats(60, leads)
    signals = height(laps, true)
    noise = 0.02 * np.random.default_rng(1).standard_normal(signals.shape)
    found = fitted(signals + noise, laps)
    error = height(laps, found) - signals
    assert np.sqrt((error**2).mean()) < 0.02  # less than the noise
    # of the window's own beat: P, R and T stand alone enough to be seen one by one
    for wave, angle, width, size in ((5, 0.03, 0.1, 0.1), (7, 0.01, 0.1, 0.3), (9, 0.03, 0.1, 0.1)):
        assert np.abs(found.angles - true.angles)[:, wave].mean() < angle
        assert np.abs(found.widths - true.widths)[:, wave].mean() < width
        assert np.abs(found.heights - true.heights)[:, :, wave].mean() < size


def test_rounds_learn_waves_far_from_the_textbook_s() -> None:
    true, laps = beats(60)
    angles = true.angles.copy()
    angles[:, [4, 9, 14]] += 0.7
    inverted = true._replace(angles=angles, heights=-true.heights)
    signals = height(laps, inverted)
    found = fitted(signals, laps)
    left = ((height(laps, found) - signals) ** 2).mean() / signals.var()
    assert left < 0.002
    assert np.median(found.angles[:, 9]) == pytest.approx(np.pi / 2 + 0.7, abs=0.05)
    assert np.median(found.heights[:, 0, 7]) < -3


def test_slope_and_curvature_are_those_of_finite_differences() -> None:
    true, laps = beats(3, leads=2)
    signals = height(laps, true) + 0.1
    prior = textbook(2)
    at = joined(true)
    point = least_squares._point(signals, laps, at, prior)
    step = 1e-5
    for parameter in range(at.shape[1]):
        up, down = at.copy(), at.copy()
        up[:, parameter] += step
        down[:, parameter] -= step
        losses = [least_squares._point(signals, laps, moved, prior).loss for moved in (up, down)]
        slope = (losses[0] - losses[1]) / (2 * step)
        np.testing.assert_allclose(slope, -2 * point.slope[:, parameter], rtol=1e-4, atol=1e-3)
        moved = [height(laps, parted(values)) for values in (up, down)]
        jacobian = ((moved[0] - moved[1]) / (2 * step)).reshape(3, -1)
        expected = (jacobian**2).sum(axis=1) / prior.noise**2 + 1 / prior.variance[parameter]
        found = point.curvature[:, parameter, parameter]
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(point.curvature, np.swapaxes(point.curvature, 1, 2))


def test_waves_that_no_window_shows_keep_the_textbook_s() -> None:
    true, laps = beats(40)
    near = np.abs(TIME) < 0.3
    cut = Course(laps.phase[:, near], laps.factors)
    found = fitted(height(cut, true), cut, rounds=4)
    prior = textbook(1)
    # T of the next beat stands 1 s after the R peak
    np.testing.assert_allclose(found.angles[:, 14], prior.mean[14], atol=0.02)
    np.testing.assert_allclose(found.heights[:, 0, 14], 0, atol=0.05)


def test_no_step_leads_uphill() -> None:
    true, laps = beats(20)
    signals = height(laps, true) * np.random.default_rng(0).uniform(-3, 3, (20, 1, 1))
    prior = textbook(1)
    at = np.tile(prior.mean, (20, 1))
    losses = [least_squares._point(signals, laps, at, prior).loss]
    for steps in (1, 3, 9):
        after = least_squares._descend(signals, laps, at, np.full(20, 1e-2), prior, steps)[0]
        losses.append(least_squares._point(signals, laps, after, prior).loss)
    assert (np.diff(losses, axis=0) <= 1e-9).all()
    assert (losses[-1] < 0.1 * losses[0]).mean() > 0.8


def test_one_window_is_fitted() -> None:
    true, laps = beats(1)
    signals = height(laps, true)
    found = fitted(signals, laps)
    assert np.sqrt(((height(laps, found) - signals) ** 2).mean()) < 0.1
