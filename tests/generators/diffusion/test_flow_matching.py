"""Coordinates, sources and the flow of a Gaussian, whose velocity is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest
import torch

from ecgbench import EcgWindows, Skip
from ecgbench.generators.diffusion.coordinates import Coordinates
from ecgbench.generators.diffusion.flow_matching import integrated
from ecgbench.generators.diffusion.source import Clusters, Gaussian
from tests.generators.diffusion.conftest import fitted, windows

if TYPE_CHECKING:
    from ecgbench import Context


def test_coordinates_of_all_components_bring_the_windows_back() -> None:
    real = windows(count=200)
    coordinates = Coordinates("own", 26, 0)
    numbers = coordinates.forward(real)
    back = coordinates.inverse(numbers, np.random.default_rng(0))
    np.testing.assert_allclose(back, real.signals, atol=1e-5)
    assert numbers.dtype == np.float32
    assert numbers.shape == (200, 26)


def test_a_coordinate_has_the_root_of_a_components_deviation_and_their_mean_square_is_one() -> None:
    real = windows(count=200)
    numbers = Coordinates("own", 26, 0).forward(real)
    flat = real.signals.reshape(200, -1).astype(float)
    values = np.linalg.eigvalsh(np.cov(flat.T, bias=True))[::-1]
    expected = np.sqrt(values) / np.sqrt(values).mean()
    np.testing.assert_allclose((numbers**2).mean(axis=0), expected, rtol=1e-3)


def test_the_residual_comes_back_in_its_colour_and_at_each_windows_level() -> None:
    rng = np.random.default_rng(0)
    real = windows(count=4000, leads=1, length=12)
    colour = np.linspace(0.2, 0.02, 12)
    loud = np.arange(4000) % 2 * 3 + 1.0
    noise = colour * loud[:, None] * rng.standard_normal((4000, 12))
    real.signals[:, 0] = noise + 10 * rng.standard_normal((4000, 1))
    coordinates = Coordinates("own", 1, 1)
    back = coordinates.inverse(coordinates.forward(real), rng)[:, 0]
    for level in (1.0, 4.0):
        which = loud == level
        residual, expected = (
            (signals - signals.mean(axis=1, keepdims=True))[which]
            for signals in (back, real.signals[:, 0])
        )
        np.testing.assert_allclose(residual.std(axis=0), expected.std(axis=0), rtol=0.15)


@pytest.mark.parametrize(("solver", "steps"), [("euler", 200), ("heun", 20)])
def test_the_exact_velocity_of_a_gaussian_carries_noise_to_its_mean_and_covariance(
    solver: Literal["euler", "heun"], steps: int
) -> None:
    mean = torch.tensor([1.0, -2.0])
    covariance = torch.tensor([[2.0, 0.6], [0.6, 0.3]])
    one = torch.eye(2)

    def velocity(x: torch.Tensor, time: float) -> torch.Tensor:
        # x_t ~ N(t μ, (1 − t)² I + t² Σ); the velocity is the mean of x₁ − x₀ given x_t
        total = (1 - time) ** 2 * one + time**2 * covariance
        gain = (time * covariance - (1 - time) * one) @ torch.linalg.inv(total)
        found: torch.Tensor = mean + (x - time * mean) @ gain.T
        return found

    source = Gaussian()
    source.restore({"size": 2})
    starts = source.of(np.zeros(20_000, dtype=np.int64), np.random.default_rng(0))
    found = integrated(velocity, starts, steps, solver)
    torch.testing.assert_close(found.mean(dim=0), mean, atol=0.03, rtol=0)
    torch.testing.assert_close(found.T.cov(), covariance, atol=0.05, rtol=0)


def clusters(coordinates: np.ndarray, labels: np.ndarray, most: int = 2) -> Clusters:
    source = Clusters(most=most, windows=20, prior=1e-3)
    source.fit(coordinates, labels, np.random.default_rng(0))
    return source


def test_starts_lie_in_the_cluster_of_the_window_and_have_its_mean_and_covariance() -> None:
    rng = np.random.default_rng(1)
    side = np.where(rng.random(4000) < 0.3, -9.0, 9.0)
    points = rng.standard_normal((4000, 2)) @ np.array([[1.0, 0.5], [0.0, 0.4]]) + side[:, None]
    labels = np.zeros(4000, dtype=np.int64)
    source = clusters(points, labels)
    starts = source.to(np.arange(4000), rng).numpy()
    assert (np.sign(starts[:, 0]) == np.sign(side)).all()
    for which in (side < 0, side > 0):
        np.testing.assert_allclose(starts[which].mean(0), points[which].mean(0), atol=0.12)
        np.testing.assert_allclose(np.cov(starts[which].T), np.cov(points[which].T), atol=0.12)
    drawn = source.of(labels, rng).numpy()
    assert np.mean(drawn[:, 0] < 0) == pytest.approx(np.mean(side < 0), abs=0.03)


def test_starts_of_a_class_lie_in_its_clusters() -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 3], 300)
    source = clusters(rng.standard_normal((600, 2)) + 20.0 * labels[:, None], labels)
    wanted = np.arange(50, dtype=np.int64) % 2 * 3
    np.testing.assert_array_equal(source.of(wanted, rng).numpy()[:, 0] > 30, wanted == 3)


def test_a_class_of_one_window_takes_the_covariance_of_the_others() -> None:
    rng = np.random.default_rng(1)
    points = np.concatenate([rng.standard_normal((500, 2)) * [1, 3], [[50.0, 50.0]]])
    source = clusters(points, np.repeat([0, 1], (500, 1)), most=1)
    drawn = source.of(np.ones(5000, dtype=np.int64), rng).numpy()
    np.testing.assert_allclose(drawn.mean(axis=0), [50, 50], atol=0.2)
    np.testing.assert_allclose(drawn.std(axis=0), [1, 3], rtol=0.1)


def test_without_training_the_mixture_itself_is_drawn(context: Context) -> None:
    model = fitted("flow-matching", context, iterations=1, learning_rate=1e-12)
    labels = np.zeros(9, dtype=np.int64)
    rng = np.random.default_rng(0)
    starts = model.source.of(labels, rng)
    found = model._flow(torch.from_numpy(labels), np.random.default_rng(0))
    torch.testing.assert_close(found, starts, atol=1e-5, rtol=0)


def beats(count: int, length: int = 200) -> EcgWindows:
    """Windows with three beats each, and RR intervals of 0.5 to 0.9 s."""
    rng = np.random.default_rng(0)
    time = (np.arange(length) - length // 2) / 100
    before, after = rng.uniform(0.5, 0.9, (2, count, 1))
    places = [np.zeros_like(before), -before, after]
    signals = sum(np.exp(-0.5 * ((time - place) / 0.02) ** 2) for place in places)
    return EcgWindows(
        signals=(signals + 0.01 * rng.standard_normal((count, length)))[:, None].astype(np.float32),
        labels=np.zeros(count, dtype=np.int64),
        patients=np.zeros(count, dtype=np.int64),
        sampling_rate=100.0,
        leads=("II",),
        classes=("N",),
    )


def test_in_rr_time_neighbours_of_the_beat_keep_their_height(context: Context) -> None:
    real = beats(400)
    heights = {}
    for time in ("own", "rr"):
        changes = {"dimensions": 4, "bands": 0, "clusters": 1, "iterations": 1}
        model = fitted("flow-matching", context, real, time=time, **changes)
        drawn = model.sample(real.labels, context).signals
        heights[time] = np.median(drawn[:, 0, :60].max(axis=1))
    assert heights["rr"] > 0.9  # of 1 mV
    assert heights["own"] < 0.7


@pytest.mark.parametrize("length", [40, 1000])
def test_windows_of_no_beat_or_many_are_skipped_in_rr_time_with_the_way_out(
    length: int, context: Context
) -> None:
    with pytest.raises(Skip, match="set time=own"):
        fitted("flow-matching", context, beats(5, length), time="rr")


@pytest.mark.slow
@pytest.mark.parametrize("source", ["gaussian", "mixture"])
def test_samples_of_a_class_look_like_that_class(context: Context, source: str) -> None:
    real = windows(count=600)
    changes = {"iterations": 600, "batch": 64, "width": 32, "learning_rate": 3e-3, "ema": 0.98}
    model = fitted("flow-matching", context, real, source=source, clusters=1, **changes)
    labels = np.arange(300, dtype=np.int64) % 3
    drawn = model.sample(labels, context).signals
    means = np.stack([real.signals[real.labels == label].mean(axis=0) for label in range(3)])
    scale = real.signals.std(axis=(0, 2))[:, None]
    distances = (((drawn[:, None] - means) / scale) ** 2).sum(axis=(2, 3))
    assert (distances.argmin(axis=1) == labels).mean() > 0.95
