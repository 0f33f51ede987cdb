from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ecgbench import EcgWindows
from ecgbench.generators.dynamical import VirtualPeopleConfig
from ecgbench.generators.dynamical.people import (
    People,
    VirtualPeople,
    likeliest_shrinkage,
    people_of,
    person_means,
    shrunk,
)
from tests.generators.dynamical.test_model import SMALL, beats, context


def cohort(people: int, each: int, seed: int = 0) -> EcgWindows:
    """Windows of people whose beats have a height of their own, 1 on average."""
    real = beats((people * each,), seed=seed)
    patients = np.repeat(np.arange(people), each)
    heights = np.random.default_rng(seed).normal(1.0, 0.3, people)[patients]
    return EcgWindows(
        signals=(real.signals * heights[:, None, None]).astype(np.float32),
        labels=real.labels,
        patients=patients,
        sampling_rate=real.sampling_rate,
        leads=real.leads,
        classes=real.classes,
    )


def drawn(real: EcgWindows, count: int, **settings: Any) -> np.ndarray:
    model = VirtualPeople(VirtualPeopleConfig(**(SMALL | {"windows": 400} | settings)))
    model.fit(real, context())
    labels = np.zeros(count, dtype=np.int64)
    return model.sample(labels, context()).signals.astype(float)


def test_people_left_out_choose_the_shrinkage_that_is_true() -> None:
    rng = np.random.default_rng(0)
    size, people = 6, 40
    within = np.diag(np.linspace(1.0, 0.1, size))
    root = rng.standard_normal((size, size))
    own = root @ root.T

    def chosen(covariance: np.ndarray) -> float:
        means = rng.multivariate_normal(np.zeros(size), covariance, people)
        weights = np.full(people, 1 / people)
        found = People(means, np.full(people, 1000), weights)
        return likeliest_shrinkage(found, within)

    assert np.mean([chosen(4 * within) for _ in range(5)]) > 0.7
    assert np.mean([chosen(4 * own) for _ in range(5)]) < 0.4


def test_two_people_tell_nothing_of_a_covariance() -> None:
    people = People(np.eye(2), np.array([9, 9]), np.array([0.5, 0.5]))
    assert likeliest_shrinkage(people, np.eye(2)) == 1.0


def test_a_shrunk_covariance_keeps_its_trace() -> None:
    covariance, within = np.array([[2.0, 1.0], [1.0, 2.0]]), np.diag([3.0, 1.0])
    np.testing.assert_allclose(shrunk(covariance, within, 0.0), covariance)
    np.testing.assert_allclose(shrunk(covariance, within, 1.0), within)
    assert np.trace(shrunk(covariance, within, 0.3)) == pytest.approx(4.0)


def test_people_count_by_windows_or_the_same_and_few_windows_are_no_person() -> None:
    points = np.array([[0.0], [2.0], [4.0], [10.0], [10.0], [10.0], [10.0], [99.0]])
    people = np.array([3, 3, 3, 5, 5, 5, 5, 8])
    found = people_of(points, people, by_windows=True)
    np.testing.assert_allclose(found.means[:, 0], [2.0, 10.0])
    np.testing.assert_allclose(found.weights, [3 / 7, 4 / 7])
    np.testing.assert_allclose(people_of(points, people, by_windows=False).weights, [0.5, 0.5])
    mean, covariance = found.moments()
    assert mean[0] == pytest.approx(46 / 7)
    # Σ w (m − μ)² / (1 − Σ w²)
    assert covariance[0, 0] == pytest.approx((12 / 49 * 64) / (1 - 25 / 49))
    np.testing.assert_allclose(person_means(points, people)[:, 0], [2, 2, 2, 10, 10, 10, 10, 99])


def test_drawn_people_are_as_unlike_as_real_ones_and_none_of_them() -> None:
    real = cohort(people=8, each=50)
    made = drawn(real, 2000)
    own, true = made[:, 0].max(axis=1), real.signals[:, 0].max(axis=1)
    assert own.mean() == pytest.approx(true.mean(), rel=0.15)
    assert own.std() == pytest.approx(true.std(), rel=0.35)
    # real heights leave gaps between the eight people, drawn ones do not
    grid = np.quantile(true, np.linspace(0.05, 0.95, 40))
    gap = np.diff(np.sort(true)).max()
    near = [np.abs(own - place).min() for place in grid]
    assert max(near) < gap / 4


def test_the_same_seed_draws_the_same_bytes_and_one_person_is_enough() -> None:
    real = cohort(people=1, each=40)
    first, second = (drawn(real, 20) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    assert np.isfinite(first).all()


def test_settings_change_the_people() -> None:
    real = cohort(people=6, each=30)
    rows: list[dict[str, Any]] = [{}, {"shrinkage": 0.0}, {"shrinkage": 1.0}, {"weights": "people"}]
    made = [drawn(real, 10, **row).tobytes() for row in rows]
    assert len(set(made)) >= 3
