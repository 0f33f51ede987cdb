"""Every metric of fidelity: contributions, order of the controls, the same bytes twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench.metrics.fidelity import ecgbench_metrics

if TYPE_CHECKING:
    from ecgbench import Score
    from tests.metrics.fidelity.conftest import Cell

SPECS = {spec.name: spec for spec in ecgbench_metrics()}
QUICK: dict[str, dict[str, Any]] = {
    "inception-score": {"steps": 60},
    "detection-size": {"trees": 20, "held_out": 100},
    "distance": {},
    "dtw": {"windows": 60, "candidates": 5},
    "embedding-plots": {"tsne_windows": 60},
    "discriminative": {"steps": 80, "splits": 1},
    "mmd": {"windows": 300, "permutations": 20},
}


def score(name: str, cell: Cell, row: Any, **more: Any) -> Score:
    spec = SPECS[name]
    found: Score = spec.load()(cell(row, **more), spec.config(**QUICK[name]))
    return found


def good(name: str, value: float) -> float:
    return value if SPECS[name].better == "higher" else -value


@pytest.mark.slow
@pytest.mark.parametrize("name", list(SPECS))
def test_real_windows_score_better_than_one_window_a_class_and_than_noise(
    name: str, cell: Cell
) -> None:
    fresh = good(name, score(name, cell, "fresh").value)
    assert fresh > good(name, score(name, cell, "noise").value)
    if name != "inception-score":  # it asks for clear classes, not for variety within them
        assert fresh > good(name, score(name, cell, "collapsed").value)


@pytest.mark.parametrize("name", ["distance", "dtw", "mmd"])
def test_noise_on_copies_is_seen_and_copies_look_real(name: str, cell: Cell) -> None:
    fresh, copy, noisy, more = (
        score(name, cell, row, sigma=sigma).value
        for row, sigma in (("fresh", 0.0), ("copy", 0.0), ("noisy", 0.2), ("noisy", 0.6))
    )
    assert copy < noisy < more
    assert abs(copy - fresh) < more - fresh


@pytest.mark.parametrize("name", ["distance", "dtw", "embedding-plots", "discriminative", "mmd"])
def test_what_people_contributed_adds_up_to_the_value(name: str, cell: Cell) -> None:
    found = score(name, cell, "noisy")
    assert found.contributions is not None
    assert found.contributions.evaluate()[0] == pytest.approx(found.value, rel=1e-9)
    assert len(found.contributions.people) == 12  # the members


@pytest.mark.slow
@pytest.mark.parametrize("name", list(SPECS))
def test_the_same_comparison_gives_the_same_bytes(name: str, cell: Cell) -> None:
    first, second = (score(name, cell, "noisy") for _ in range(2))
    assert first.value == second.value
    assert dict(first.parts) == dict(second.parts)
    assert dict(first.artefacts) == dict(second.artefacts)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(SPECS))
def test_two_leads_are_scored_too_and_values_keep_their_bounds(name: str, cell: Cell) -> None:
    low, high = SPECS[name].bounds
    for row in ("fresh", "noise"):
        assert low <= score(name, cell, row, leads=2).value <= high


def test_pictures_are_png_files(cell: Cell) -> None:
    found = score("embedding-plots", cell, "fresh")
    assert set(found.artefacts) == {"pca.png", "tsne.png"}
    assert all(content.startswith(b"\x89PNG") for content in found.artefacts.values())


def test_fresh_windows_overlap_wholly_and_noise_hardly(cell: Cell) -> None:
    assert score("embedding-plots", cell, "fresh").value == pytest.approx(1, abs=0.15)
    assert score("embedding-plots", cell, "noise").value < 0.6


def test_discriminative_is_at_most_half_and_noise_is_told_from_real(cell: Cell) -> None:
    assert score("discriminative", cell, "noise").value == pytest.approx(0.5, abs=0.02)
    assert score("discriminative", cell, "fresh").value < 0.25


def test_inception_score_reports_its_classifiers_accuracy_on_unseen_people(cell: Cell) -> None:
    parts = score("inception-score", cell, "fresh").parts
    assert {"control", "test-accuracy", "test-balanced-accuracy", "test-macro-f1"} <= set(parts)
    assert parts["test-accuracy"] > 0.5


def test_permuting_the_windows_changes_no_distance(cell: Cell) -> None:
    comparison = cell("fresh")
    turned = np.random.default_rng(0).permutation(len(comparison.synthetic))
    spec = SPECS["distance"]
    config = spec.config(**QUICK["distance"])
    again = cell("fresh", synthetic=comparison.synthetic.take(turned))
    first, second = spec.load()(comparison, config), spec.load()(again, config)
    assert first.value == pytest.approx(second.value, rel=1e-12)
