from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib._pylab_helpers import Gcf
from sklearn.decomposition import PCA

from ecgbench import Skip
from ecgbench.metrics.fidelity import EmbeddingPlotsConfig, embedding
from ecgbench.metrics.fidelity.embedding import embedding_plots
from ecgbench.metrics.fidelity.overlap import overlap

if TYPE_CHECKING:
    from ecgbench.metrics.fidelity.pictures import Cloud
    from tests.metrics.fidelity.conftest import Cell

CONFIG = EmbeddingPlotsConfig(points=60, tsne_windows=20)


@pytest.fixture
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Cloud, Cloud]]:
    """Leave the slow drawing out; return the clouds to draw."""
    drawn: list[tuple[Cloud, Cloud]] = []

    def note(real: Cloud, synthetic: Cloud, **_: object) -> bytes:
        drawn.append((real, synthetic))
        return b""

    monkeypatch.setattr(embedding, "side_by_side", note)
    return drawn


@pytest.mark.parametrize("leads", [1, 2])
@pytest.mark.usefixtures("without_pictures")
def test_it_is_the_overlap_in_and_about_the_plane_of_real_windows(cell: Cell, leads: int) -> None:
    comparison = cell("noisy", leads=leads, sigma=0.3)
    control, synthetic = (
        windows.signals.reshape(len(windows), -1).astype(float)
        for windows in (comparison.splits.control, comparison.synthetic)
    )
    exact = PCA(2, svd_solver="full").fit(control)

    def place(flat: np.ndarray) -> np.ndarray:
        plane = exact.transform(flat)
        length = np.sum((flat - exact.mean_) ** 2, axis=1) - np.sum(plane**2, axis=1)
        return np.column_stack([plane, np.sqrt(length)])

    found = embedding_plots(comparison, CONFIG)
    assert found.value == pytest.approx(overlap(place(control), place(synthetic)).value, abs=0.01)
    flat = overlap(exact.transform(control), exact.transform(synthetic)).value
    assert found.parts["plane"] == pytest.approx(flat, abs=0.01)
    explained = exact.explained_variance_ratio_.sum()
    assert found.parts["explained-variance"] == pytest.approx(explained, rel=1e-4)


@pytest.mark.parametrize("leads", [1, 2])
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.usefixtures("without_pictures")
def test_it_orders_generators_of_known_quality(cell: Cell, seed: int, leads: int) -> None:
    values = {
        row: embedding_plots(cell(row, seed=seed, leads=leads, sigma=0.3), CONFIG).value
        for row in ("fresh", "copy", "noisy", "noise", "collapsed")
    }
    assert values["fresh"] == pytest.approx(1, abs=0.15)
    assert values["copy"] == pytest.approx(1, abs=0.15)
    assert max(values["noise"], values["collapsed"]) < 0.3 < values["noisy"] < 0.8


@pytest.mark.usefixtures("without_pictures")
def test_classes_have_parts_where_there_are_windows_enough(cell: Cell) -> None:
    comparison = cell("fresh")
    many = np.bincount(comparison.splits.control.labels) >= 40
    assert many.any()
    assert not many.all()
    parts = embedding_plots(comparison, CONFIG).parts
    named = [f"overlap-{name}" in parts for name in comparison.classes]
    assert named == many.tolist()


@pytest.mark.usefixtures("without_pictures")
def test_its_contributions_give_back_the_value(cell: Cell) -> None:
    found = embedding_plots(cell("noisy", sigma=0.3), CONFIG)
    assert found.contributions is not None
    assert found.contributions.evaluate()[0] == pytest.approx(found.value)


def test_its_pictures_are_the_same_bytes_every_time_and_leave_pyplot_alone(cell: Cell) -> None:
    open_figures = len(Gcf.figs)
    state = np.random.get_state(legacy=False)["state"]["key"].tolist()  # noqa: NPY002 - the global state, to stay
    first, second = (embedding_plots(cell("fresh"), CONFIG).artefacts for _ in range(2))
    assert sorted(first) == ["pca.png", "tsne.png"]
    assert first == second
    assert all(picture.startswith(b"\x89PNG") for picture in first.values())
    assert len(Gcf.figs) == open_figures
    assert np.random.get_state(legacy=False)["state"]["key"].tolist() == state  # noqa: NPY002 - as above


@pytest.mark.parametrize("reference", [False, True])
@pytest.mark.parametrize("redistributable", [False, True])
def test_windows_that_must_not_leave_the_machine_are_hidden(
    cell: Cell,
    without_pictures: list[tuple[Cloud, Cloud]],
    *,
    redistributable: bool,
    reference: bool,
) -> None:
    comparison = cell("fresh", redistributable=redistributable, reference=reference)
    embedding_plots(comparison, CONFIG)
    assert [(real.hidden, synthetic.hidden) for real, synthetic in without_pictures] == [
        (not redistributable, reference and not redistributable)
    ] * 2


def test_pictures_show_each_class_in_its_proportion(
    cell: Cell, without_pictures: list[tuple[Cloud, Cloud]]
) -> None:
    comparison = cell("fresh")
    embedding_plots(comparison, CONFIG)
    (pca, _), (_, tsne) = without_pictures
    assert (len(pca.points), len(tsne.points)) == (60, 20)
    share = np.bincount(comparison.splits.control.labels) / len(comparison.splits.control)
    assert np.bincount(pca.labels) == pytest.approx(60 * share, abs=1)


def test_few_or_equal_control_windows_have_no_plane(cell: Cell) -> None:
    comparison = cell("fresh")
    control = comparison.splits.control
    few = replace(comparison.splits, control=control.take(slice(39)))
    with pytest.raises(Skip, match="needs 40 control windows, there are 39"):
        embedding_plots(cell("fresh", splits=few), CONFIG)
    equal = replace(comparison.splits, control=control.take(np.zeros(50, dtype=np.int64)))
    with pytest.raises(Skip, match="all equal"):
        embedding_plots(cell("fresh", splits=equal), CONFIG)
