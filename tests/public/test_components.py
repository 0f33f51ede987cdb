from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ecgbench import components, large, principal_components


def windows(count: int, size: int, seed: int = 0) -> Any:
    """Return correlated numbers with a mean; variances fall by a fifth per direction."""
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.standard_normal((size, size)))[0]
    deviations = 0.8 ** np.arange(size)
    return 3 + (rng.standard_normal((count, size)) * deviations) @ turn


@pytest.mark.parametrize(("count", "size"), [(300, 12), (12, 300), (40, 40)])
@pytest.mark.parametrize("exact", [True, False])
def test_they_are_the_singular_vectors(
    count: int, size: int, exact: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not exact:
        monkeypatch.setattr(components, "EXACT", 1)
    flat = windows(count, size)
    found = principal_components(flat, 5)
    _, deviations, axes = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(np.abs((found.axes * axes[:5]).sum(axis=1)), 1, atol=1e-7)
    np.testing.assert_allclose(found.axes @ found.axes.T, np.eye(5), atol=1e-12)
    np.testing.assert_allclose(found.variances, deviations[:5] ** 2 / count, rtol=1e-7)
    assert found.total == pytest.approx(np.var(flat, axis=0).sum())
    np.testing.assert_allclose(found.project(flat).mean(axis=0), 0, atol=1e-12)


@pytest.mark.parametrize(("count", "size"), [(300, 12), (12, 300)])
@pytest.mark.parametrize("exact", [True, False])
def test_windows_read_in_parts_have_the_same_ones(
    count: int, size: int, exact: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not exact:
        monkeypatch.setattr(components, "EXACT", 1)
    flat = windows(count, size)
    whole = principal_components(flat, 5)
    monkeypatch.setattr(large, "LARGE", 1000)
    monkeypatch.setattr(large, "BLOCK", 2000)
    longest = 0

    class Rows:
        shape = flat.shape

        def __getitem__(self, part: slice) -> Any:
            nonlocal longest
            longest = max(longest, part.stop - part.start)
            return flat[part]

    found = principal_components(Rows(), 5)
    assert longest <= max(1, 500 // size)
    np.testing.assert_allclose(found.mean, whole.mean, atol=1e-9)
    np.testing.assert_allclose(found.axes, whole.axes, atol=1e-9)
    np.testing.assert_allclose(found.variances, whole.variances, atol=1e-9)
    assert found.total == pytest.approx(whole.total)
    np.testing.assert_allclose(found.project(flat), whole.project(flat), atol=1e-9)


def test_their_signs_are_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    flat = windows(300, 12)
    found = principal_components(flat, 12)
    assert ((found.axes**3).sum(axis=1) > 0).all()
    eigh, rng = np.linalg.eigh, np.random.default_rng(1)

    def turned(matrix: Any) -> Any:
        values, vectors = eigh(matrix)
        return values, vectors * rng.choice([-1.0, 1.0], vectors.shape[1])

    monkeypatch.setattr(np.linalg, "eigh", turned)
    for _ in range(5):
        np.testing.assert_array_equal(principal_components(flat, 12).axes, found.axes)


def test_the_sign_stays_where_two_opposite_peaks_are_nearly_as_long() -> None:
    heights = np.random.default_rng(0).standard_normal((50, 1))
    axes = [
        principal_components(heights * np.array([1, -1 + tilt, 0.3, 0, 0, 0]), 1).axes[0]
        for tilt in (1e-6, -1e-6)
    ]
    np.testing.assert_allclose(axes[0], axes[1], atol=1e-5)


@pytest.mark.parametrize("flat", [np.ones((4, 6)), np.ones((1, 6)), np.ones((6, 1))])
def test_windows_without_variance_have_axes_all_the_same(flat: Any) -> None:
    found = principal_components(flat, 3)
    assert len(found.axes) == min(3, *flat.shape)
    np.testing.assert_allclose(found.axes @ found.axes.T, np.eye(len(found.axes)), atol=1e-12)
    assert found.total == 0
    assert (found.variances == 0).all()
