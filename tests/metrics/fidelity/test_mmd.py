from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from ecgbench import Comparison, Skip
from ecgbench.metrics.fidelity import MmdConfig
from ecgbench.metrics.fidelity.mmd import QUANTILES, mmd
from ecgbench.shared import people_behind

if TYPE_CHECKING:
    from tests.metrics.fidelity.conftest import Cell, Row

ALL = MmdConfig(windows=10_000, permutations=99)


def flat(signals: np.ndarray) -> np.ndarray:
    return signals.reshape(len(signals), -1).astype(float)


def weighted(comparison: Comparison, of_real: np.ndarray, of_synthetic: np.ndarray) -> float:
    """The statistic, written out, each window counting so often."""
    control, synthetic = flat(comparison.splits.control.signals), flat(comparison.synthetic.signals)
    among = cdist(control, control)[np.triu_indices(len(control), 1)]
    shares = []
    for s in np.sqrt(np.quantile(among**2, QUANTILES)):
        means = []
        for left, right, u, v in (
            (control, control, of_real, of_real),
            (synthetic, synthetic, of_synthetic, of_synthetic),
            (control, synthetic, of_real, of_synthetic),
        ):
            pair = np.outer(u, v)
            if left is right:
                np.fill_diagonal(pair, 0)
            kernel = np.exp(-(cdist(left, right) ** 2) / (2 * s**2))
            means.append((pair * kernel).sum() / pair.sum())
        a, b, c = means
        shares.append((a + b - 2 * c) / (a + b))
    return float(np.mean(shares))


@pytest.mark.parametrize("leads", [1, 2])
@pytest.mark.parametrize("row", ["fresh", "noisy", "collapsed"])
def test_it_is_the_published_statistic(cell: Cell, row: str, leads: int) -> None:
    comparison = cell(row, leads=leads)  # type: ignore[arg-type]
    ones = np.ones(len(comparison.splits.control)), np.ones(len(comparison.synthetic))
    assert mmd(comparison, ALL).value == pytest.approx(weighted(comparison, *ones), abs=1e-6)


@pytest.mark.parametrize("row", ["noisy", "collapsed"])
def test_its_contributions_are_its_derivative_with_respect_to_people(cell: Cell, row: Row) -> None:
    comparison = cell(row, sigma=0.5)
    found = mmd(comparison, ALL).contributions
    assert found is not None
    control, behind = comparison.splits.control.patients, people_behind(comparison)
    base = found.evaluate()[0]
    assert base == pytest.approx(mmd(comparison, ALL).value)
    step = 1e-4
    for person in found.people[:4]:
        plus, minus = (
            weighted(comparison, 1 + s * (control == person), 1 + s * (behind == person))
            for s in (step, -step)
        )
        weights = 1 + step * (found.people == person)[None].astype(float)
        weights *= len(found.people) / weights.sum()
        moved = (found.evaluate(weights)[0] - base) / step
        assert moved == pytest.approx((plus - minus) / (2 * step), rel=0.02, abs=1e-4)


def test_it_is_zero_on_average_where_both_sides_are_alike(cell: Cell) -> None:
    rng = np.random.default_rng(0)
    splits = cell("fresh").splits
    pool = np.concatenate([flat(splits.control.signals), flat(splits.train.signals)])
    values, ps = [], []
    for _ in range(60):
        drawn = pool[rng.permutation(len(pool))[:160]].astype(np.float32)[:, None]
        labels = np.zeros(80, dtype=np.int64)
        control = replace(splits.control.take(slice(80)), signals=drawn[:80], labels=labels)
        synthetic = control.synthetic(drawn[80:], labels)
        independent = cell("fresh", splits=replace(splits, control=control), synthetic=synthetic)
        found = mmd(independent, ALL)
        values.append(found.value)
        ps.append(found.parts["p"])
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))
    assert np.mean(ps) == pytest.approx(0.5, abs=0.12)
    assert np.mean(np.array(ps) <= 0.1) < 0.25


@pytest.mark.parametrize("leads", [1, 2])
@pytest.mark.parametrize("seed", [0, 1])
def test_it_orders_generators_of_known_quality(cell: Cell, seed: int, leads: int) -> None:
    found = {
        row: mmd(cell(row, seed=seed, leads=leads, sigma=0.3), ALL)
        for row in ("fresh", "copy", "noisy", "noise", "collapsed")
    }
    values = {row: score.value for row, score in found.items()}
    assert max(abs(values["fresh"]), abs(values["copy"])) < 0.1
    assert 0.1 < values["noisy"] < values["collapsed"] < values["noise"] < 1
    assert min(found[row].parts["p"] for row in ("fresh", "copy")) > 0.01
    assert {found[row].parts["p"] for row in ("noisy", "noise", "collapsed")} == {0.01}


@pytest.mark.parametrize("bad", ["one window", "zeros", "spread", "offset", "loud"])
def test_nothing_is_worse_than_windows_that_are_not_like_any_real_one(cell: Cell, bad: str) -> None:
    comparison = cell("noise")
    noise = comparison.synthetic.signals
    signals = {
        "one window": np.broadcast_to(comparison.splits.train.signals[:1], noise.shape),
        "zeros": np.zeros_like(noise),
        "spread": 1e-3 * noise,
        "offset": noise + 5,
        "loud": 1000 * noise,
    }[bad]
    synthetic = comparison.synthetic.synthetic(signals, comparison.synthetic.labels)
    value = mmd(cell("noise", synthetic=synthetic), ALL).value
    floor = mmd(comparison, ALL).value
    assert 0.5 * floor < value <= 1
    if bad in ("offset", "loud"):
        assert value == pytest.approx(1, abs=1e-3)


def test_classes_have_parts_where_both_sides_have_windows_enough(cell: Cell) -> None:
    comparison = cell("fresh")
    counts = [
        np.bincount(windows.labels) for windows in (comparison.splits.control, comparison.synthetic)
    ]
    enough = (np.minimum(*counts) >= 20).tolist()
    assert set(enough) == {False, True}
    parts = mmd(comparison, ALL).parts
    assert [f"mmd-{name}" in parts for name in comparison.classes] == enough
    rows = [
        windows.take(windows.labels == 0)
        for windows in (comparison.splits.control, comparison.synthetic)
    ]
    splits = replace(comparison.splits, control=rows[0])
    alone = cell("fresh", splits=splits, synthetic=rows[1])
    assert parts["mmd-N"] == pytest.approx(mmd(alone, ALL).value)


def test_a_subsample_tells_much_the_same(cell: Cell) -> None:
    comparison = cell("noise")
    found = mmd(comparison, MmdConfig(windows=60, permutations=19))
    assert found.n == 120
    assert found.value == pytest.approx(mmd(comparison, ALL).value, rel=0.3)


def test_equal_or_single_control_windows_are_skipped(cell: Cell) -> None:
    comparison = cell("fresh")
    control = comparison.splits.control
    for rows, reason in ((np.zeros(30, dtype=np.int64), "all equal"), (slice(1), "two windows")):
        splits = replace(comparison.splits, control=control.take(rows))
        with pytest.raises(Skip, match=reason):
            mmd(cell("fresh", splits=splits), ALL)


def test_a_class_of_equal_windows_costs_its_own_part_only(cell: Cell) -> None:
    comparison = cell("fresh")
    control = comparison.splits.control
    signals = control.signals.copy()
    signals[control.labels == 0] = signals[0]
    splits = replace(comparison.splits, control=replace(control, signals=signals))
    parts = mmd(cell("fresh", splits=splits), ALL).parts
    assert "mmd-N" not in parts
    assert "mmd-V" in parts
