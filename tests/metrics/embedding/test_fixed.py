from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import load
from scipy.signal import resample_poly

from ecgbench import Skip
from ecgbench.contracts.config import NoConfig
from ecgbench.metrics.embedding import WEIGHTS
from ecgbench.metrics.embedding.fixed import frechet_distance_fixed
from ecgbench.metrics.embedding.frechet import frechet
from ecgbench.nn import FixedEncoder

if TYPE_CHECKING:
    from ecgbench import Comparison, EcgWindows
    from tests.metrics.embedding.conftest import Cell

SHA256 = "a6536302b27d01bde5901a9109e1adf8c18d68d07cee0648ac6f8ee17230c7b0"


def value(comparison: Comparison) -> float:
    return frechet_distance_fixed(comparison, NoConfig()).value


def changed(comparison: Comparison, rate: float, change: object) -> Comparison:
    """The same comparison of changed signals at another rate."""

    def of(windows: EcgWindows) -> EcgWindows:
        signals = np.ascontiguousarray(change(windows.signals), dtype=np.float32)  # type: ignore[operator]
        return replace(windows, signals=signals, sampling_rate=rate)

    names = ("train", "control", "auxiliary", "fresh", "test")
    splits = replace(
        comparison.splits,
        **{name: of(getattr(comparison.splits, name)) for name in names},  # type: ignore[arg-type]
    )
    return replace(comparison, splits=splits, synthetic=of(comparison.synthetic), _memo={})


def test_the_weights_are_small_and_those_of_the_docs() -> None:
    payload = WEIGHTS.read_bytes()
    assert len(payload) < 1_000_000
    assert hashlib.sha256(payload).hexdigest() == SHA256


def test_it_orders_rows_of_known_quality(cell: Cell) -> None:
    fresh = value(cell("fresh"))
    noisy = [value(cell("noisy", sigma=sigma)) for sigma in (0.05, 0.1, 0.3)]
    assert fresh < noisy[0] < noisy[1] < noisy[2] < value(cell("noise"))
    for row in ("smooth", "shrunk", "collapsed"):
        assert value(cell(row)) > 3 * fresh


def test_a_seed_changes_the_windows_and_not_the_space(cell: Cell) -> None:
    comparison = cell("noisy", sigma=0.3)
    assert value(comparison) == value(replace(comparison, seed=7, _memo={}))


def test_leads_are_embedded_each(cell: Cell) -> None:
    signals = cell("fresh", leads=2).splits.control.signals
    encoder = FixedEncoder(load(WEIGHTS.read_bytes()))
    both = encoder.embed(signals)
    each = [encoder.embed(signals[:, [lead]]) for lead in (0, 1)]
    np.testing.assert_array_equal(both, np.concatenate(each, axis=1))


def test_another_rate_gives_nearly_the_same_value(cell: Cell) -> None:
    slow = cell("noisy", sigma=0.3)
    fast = changed(slow, 200.0, lambda signals: resample_poly(signals, 4, 1, axis=2))
    assert value(fast) == pytest.approx(value(slow), rel=0.05)


def test_contributions_make_the_value_and_count_windows(cell: Cell) -> None:
    comparison = cell("noisy", sigma=0.3)
    found = frechet_distance_fixed(comparison, NoConfig())
    assert found.contributions is not None
    assert found.contributions.evaluate()[0] == pytest.approx(found.value)
    assert found.n == len(comparison.synthetic) + len(comparison.splits.control)
    encoder = FixedEncoder(load(WEIGHTS.read_bytes()))
    assert encoder.embed(comparison.synthetic.signals).shape == (len(comparison.synthetic), 32)
    assert frechet(np.eye(3), np.eye(3)).value == pytest.approx(0, abs=1e-9)


def test_short_windows_are_skipped(cell: Cell) -> None:
    short = changed(cell("fresh"), 100.0, lambda signals: signals[:, :, :50])
    with pytest.raises(Skip, match=r"shorter than 0\.64 s"):
        value(short)
