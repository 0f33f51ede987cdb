from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.image import imread

from ecgbench.metrics.fidelity.pictures import Cloud, side_by_side

RNG = np.random.default_rng(0)
POINTS = RNG.standard_normal((300, 2))


def draw(real: Cloud, synthetic: Cloud, classes: int = 3) -> np.ndarray:
    names = tuple(f"C{number}" for number in range(classes))
    picture = side_by_side(real, synthetic, axes=("x", "y"), classes=names, ticks=True)
    return np.asarray(imread(BytesIO(picture)))


def cloud(points: np.ndarray = POINTS, classes: int = 3, *, hidden: bool = False) -> Cloud:
    labels = RNG.integers(classes, size=len(points))
    return Cloud(title="cloud", points=points, labels=labels, hidden=hidden)


@pytest.fixture
def scattered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many points each call draws singly."""
    counts: list[int] = []
    monkeypatch.setattr(Axes, "scatter", lambda _, x, y, **__: counts.append(len(x)))
    return counts


def test_every_point_is_drawn_that_is_not_hidden(scattered: list[int]) -> None:
    draw(cloud(), cloud(POINTS[:50], hidden=True))
    assert sum(scattered) == 300


def test_no_contour_surrounds_fewer_points_than_ten(
    scattered: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    enclosed: list[bool] = []
    lonely = np.array([[40.0, 40.0]])

    def note(
        _: object, x: np.ndarray, y: np.ndarray, z: np.ndarray, *, levels: np.ndarray, **__: object
    ) -> None:
        corner = z[np.searchsorted(y, 35) :, np.searchsorted(x, 35) :]
        enclosed.append(bool((corner > levels[0]).any()))

    monkeypatch.setattr(Axes, "contour", note)
    for beside in (3, 30):
        points = np.concatenate([POINTS, lonely + 0.1 * RNG.standard_normal((beside, 2))])
        draw(cloud(points, classes=1, hidden=True), cloud(points, classes=1, hidden=True), 1)
    assert not scattered
    assert enclosed == [False] * 4 + [True] * 4


def test_it_is_the_size_of_a_figure_in_a_paper_and_not_empty() -> None:
    picture = draw(cloud(), cloud())
    assert picture.shape == (800, 1440, 4)
    assert picture[..., :3].std() > 0.05


@pytest.mark.parametrize("classes", [1, 7, 12])
def test_any_number_of_classes_is_told_apart(classes: int) -> None:
    points = RNG.standard_normal((40 * classes, 2))
    picture = draw(cloud(points, classes), cloud(points, classes), classes)
    legend = picture[700:, :, :3].reshape(-1, 3)
    coloured = legend[np.ptp(legend, axis=1) > 0.25]
    assert len(np.unique(coloured.round(1), axis=0)) >= min(classes, 6)


def test_equal_points_and_classes_without_points_are_drawn_too() -> None:
    same = Cloud(title="same", points=np.zeros((20, 2)), labels=np.zeros(20, int), hidden=True)
    assert draw(same, same).shape == (800, 1440, 4)
