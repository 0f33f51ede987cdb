from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench import Skip
from ecgbench.metrics.embedding import EmbeddingConfig, kernel
from ecgbench.metrics.embedding.kernel import discrepancy, kernel_distance

if TYPE_CHECKING:
    from tests.metrics.embedding.conftest import Cell, Row

RNG = np.random.default_rng(0)
LEFT, RIGHT = RNG.standard_normal((25, 3)), RNG.standard_normal((20, 3)) + 0.5

DOSES: tuple[tuple[Row, float], ...] = (
    ("fresh", 0.0),
    ("copy", 0.0),
    ("noisy", 0.1),
    ("noisy", 0.3),
    ("noise", 0.0),
    ("smooth", 0.0),
    ("shrunk", 0.0),
)


def similar(x: np.ndarray, y: np.ndarray) -> float:
    return float((x @ y / len(x) + 1) ** 3)


def published(left: np.ndarray, right: np.ndarray, u: np.ndarray, v: np.ndarray) -> float:
    """The statistic in loops, each point counting so often."""
    terms = []
    for a, b, of_a, of_b in ((left, left, u, u), (right, right, v, v), (left, right, u, v)):
        top = bottom = 0.0
        for i, x in enumerate(a):
            for j, y in enumerate(b):
                if a is not b or i != j:
                    top += of_a[i] * of_b[j] * similar(x, y)
                    bottom += of_a[i] * of_b[j]
        terms.append(top / bottom)
    return terms[0] + terms[1] - 2 * terms[2]


@pytest.mark.parametrize("rows", [7, 500])
def test_it_is_the_published_statistic(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "ROWS", rows)
    expected = published(LEFT, RIGHT, np.ones(25), np.ones(20))
    assert discrepancy(LEFT, RIGHT).value == pytest.approx(expected)
    assert discrepancy(RIGHT, LEFT).value == pytest.approx(expected)


def test_influences_are_the_derivative_by_a_points_weight() -> None:
    found = discrepancy(LEFT, RIGHT)
    step = 1e-5
    for point in range(3):
        u, v = np.ones(25), np.ones(20)
        u[point] += step
        v[point] += step
        for influence, moved in (
            (found.of_left, published(LEFT, RIGHT, u, np.ones(20))),
            (found.of_right, published(LEFT, RIGHT, np.ones(25), v)),
        ):
            expected = (influence[point] - influence.mean()) / len(influence)
            # pairs of a point with itself are left out; to first order there are none
            assert (moved - found.value) / step == pytest.approx(expected, rel=0.1, abs=0.01)


def test_it_is_zero_on_average_where_both_sides_are_alike_however_few() -> None:
    rng = np.random.default_rng(1)
    values = [
        discrepancy(*(rng.standard_normal((n, 4)) for n in (6, 30))).value for _ in range(2000)
    ]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))


def test_two_points_have_a_closed_form() -> None:
    ones, zeros = np.ones((5, 2)), np.zeros((7, 2))
    assert discrepancy(ones, zeros).value == pytest.approx(8 + 1 - 2)


def test_it_orders_generators_of_known_quality(cell: Cell) -> None:
    values = {
        (row, sigma): kernel_distance(cell(row, sigma=sigma), EmbeddingConfig()).value
        for row, sigma in DOSES
    }
    at_most = max(values["fresh", 0.0], values["copy", 0.0])
    assert at_most == pytest.approx(0, abs=0.1)
    assert at_most < values["noisy", 0.1] < values["noisy", 0.3] < values["noise", 0.0]
    assert values["smooth", 0.0] > at_most
    assert values["shrunk", 0.0] > at_most


def test_classes_have_parts_where_both_sides_have_windows_enough(cell: Cell) -> None:
    comparison = cell("noisy")
    found = kernel_distance(comparison, EmbeddingConfig())
    assert list(found.parts) == ["kernel-distance-N", "kernel-distance-V"]
    synthetic = comparison.synthetic
    rows = np.concatenate(
        [np.flatnonzero(synthetic.labels == 0), np.flatnonzero(synthetic.labels == 1)[:19]]
    )
    few = kernel_distance(cell("noisy", synthetic=synthetic.take(rows)), EmbeddingConfig())
    assert list(few.parts) == ["kernel-distance-N"]
    assert few.parts["kernel-distance-N"] == pytest.approx(found.parts["kernel-distance-N"])


def test_one_control_window_is_skipped(cell: Cell) -> None:
    splits = cell("fresh").splits
    one = replace(splits, control=splits.control.take(slice(1)))
    with pytest.raises(Skip, match="two control windows"):
        kernel_distance(cell("fresh", splits=one), EmbeddingConfig())
