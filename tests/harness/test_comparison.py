from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench import Skip
from ecgbench.harness.comparison import Comparison, Once
from ecgbench.harness.split import number, split
from ecgbench.nn import Encoder, EncoderConfig

if TYPE_CHECKING:
    from ecgbench.harness.windows import EcgWindows


@pytest.fixture
def comparison(make_windows: Any) -> Comparison:
    rng = np.random.default_rng(2)
    windows = number(make_windows(rng.integers(6, size=300), rng.integers(3, size=300)))
    splits = split(windows, 0)
    signals = rng.standard_normal(splits.fresh.signals.shape).astype(np.float32)
    synthetic = splits.train.synthetic(signals, splits.fresh.labels)
    return Comparison(synthetic=synthetic, splits=splits, seed=0, headline_classes=windows.classes)


def distances(left: EcgWindows, right: EcgWindows) -> Any:
    """All Euclidean distances, in double precision, the plain way."""
    a = left.signals.reshape(len(left), 1, -1).astype(float)
    b = right.signals.reshape(1, len(right), -1).astype(float)
    return np.sqrt(((a - b) ** 2).sum(axis=2))


def test_it_tells_what_is_compared(comparison: Comparison) -> None:
    assert comparison.classes == ("N", "S", "V")
    assert comparison.sampling_rate == 4.0
    assert comparison.windows("synthetic") is comparison.synthetic
    assert comparison.windows("auxiliary") is comparison.splits.auxiliary


@pytest.mark.parametrize(("of", "among"), [("synthetic", "train"), ("test", "synthetic")])
def test_neighbours_are_the_nearest(comparison: Comparison, of: Any, among: Any) -> None:
    plain = distances(comparison.windows(of), comparison.windows(among))
    found = comparison.neighbours(of, among, k=3)
    assert found.distances == pytest.approx(np.sort(plain, axis=1)[:, :3], rel=1e-5)
    rows = np.arange(len(plain))[:, None]
    assert plain[rows, found.indices] == pytest.approx(found.distances, rel=1e-5)


def test_a_window_is_not_its_own_neighbour(comparison: Comparison) -> None:
    plain = distances(comparison.splits.train, comparison.splits.train)
    np.fill_diagonal(plain, np.inf)
    found = comparison.neighbours("train", "train")
    assert found.distances[:, 0] == pytest.approx(plain.min(axis=1), rel=1e-5)
    assert (found.indices[:, 0] != np.arange(len(plain))).all()


def test_an_identical_window_is_at_distance_zero_however_large_it_is(make_windows: Any) -> None:
    """|a|² − 2ab + |b|² in single precision leaves about 1 mV here."""
    splits = split(number(make_windows(np.zeros(100))), 0)
    splits.train.signals[:] += 1000
    synthetic = splits.train.take(slice(len(splits.fresh)))
    comparison = Comparison(synthetic=synthetic, splits=splits, seed=0, headline_classes=())
    assert comparison.neighbours("synthetic", "train").distances.max() == 0


def test_distances_ascend_even_where_they_differ_by_their_rounding(make_windows: Any) -> None:
    splits = split(number(make_windows(np.zeros(400))), 0)
    unit = splits.train.signals / np.linalg.norm(splits.train.signals, axis=2, keepdims=True)
    splits.train.signals[:] = np.float32(0.1) + unit
    synthetic = splits.train.synthetic(
        np.full(splits.fresh.signals.shape, 0.1), splits.fresh.labels
    )
    comparison = Comparison(synthetic=synthetic, splits=splits, seed=0, headline_classes=())
    found = comparison.neighbours("synthetic", "train", k=100)
    assert (np.diff(found.distances, axis=1) >= 0).all()
    plain = distances(synthetic, splits.train)
    rows = np.arange(len(synthetic))[:, None]
    assert plain[rows, found.indices] == pytest.approx(found.distances, rel=1e-6)


def test_too_few_windows_to_choose_from_are_an_error(comparison: Comparison) -> None:
    n = len(comparison.splits.control)
    assert comparison.neighbours("synthetic", "control", k=n).distances.shape[1] == n
    with pytest.raises(ValueError, match=f"control has {n} windows; {n + 1} are needed"):
        comparison.neighbours("synthetic", "control", k=n + 1)
    with pytest.raises(ValueError, match=f"control has {n} windows; {n + 1} are needed"):
        comparison.neighbours("control", "control", k=n)


def test_neighbours_are_computed_once_per_cell(comparison: Comparison) -> None:
    first = comparison.neighbours("synthetic", "train")
    assert comparison.neighbours("synthetic", "train") is first
    assert comparison.neighbours("synthetic", "control") is not first
    assert comparison.neighbours("synthetic", "train", k=2) is not first


def test_what_metrics_share_is_computed_once_by_its_key(comparison: Comparison) -> None:
    calls: list[int] = []

    def compute() -> int:
        calls.append(1)
        return len(calls)

    assert comparison.memo("spectra", compute) == comparison.memo("spectra", compute) == 1
    assert comparison.memo("spectra 50 Hz", compute) == 2


def test_two_cells_share_no_memo(comparison: Comparison, make_windows: Any) -> None:
    other = Comparison(
        synthetic=comparison.synthetic, splits=comparison.splits, seed=0, headline_classes=()
    )
    comparison.memo("x", lambda: 1)
    assert other.memo("x", lambda: 2) == 2


def test_once_is_by_name_version_and_settings(comparison: Comparison) -> None:
    calls: list[int] = []

    def compute() -> dict[str, Any]:
        calls.append(1)
        return {"n": np.array(len(calls))}

    def asked(name: str, version: int, settings: object = None) -> int:
        return int(comparison.once(name, compute, version=version, settings=settings)["n"])

    assert asked("encoder", 1) == asked("encoder", 1) == 1
    assert asked("encoder", 2) == 2
    assert asked("encoder", 1, {"width": 8}) == 3
    assert asked("ceiling", 1) == 4
    assert asked("encoder", 1) == 1


def test_cells_can_share_what_depends_on_dataset_and_seed(comparison: Comparison) -> None:
    kept = Once()
    one, other = (
        Comparison(
            synthetic=comparison.synthetic,
            splits=comparison.splits,
            seed=0,
            headline_classes=(),
            once_per_seed=kept,
        )
        for _ in range(2)
    )
    one.once("x", lambda: {"a": np.ones(1)}, version=1)
    found = other.once("x", lambda: {"a": np.zeros(1)}, version=1)
    assert found["a"].tolist() == [1.0]


@pytest.fixture
def quick_encoder(monkeypatch: pytest.MonkeyPatch) -> EncoderConfig:
    quick = EncoderConfig(steps=5, width=4)
    monkeypatch.setattr("ecgbench.nn.EncoderConfig", lambda: quick)
    return quick


def test_embeddings_come_from_an_encoder_that_has_seen_auxiliary_windows_alone(
    comparison: Comparison, quick_encoder: EncoderConfig
) -> None:
    expected = Encoder(comparison.splits.auxiliary, quick_encoder, seed=0).fit()
    for side in ("synthetic", "control"):
        found = comparison.embeddings(side)
        windows = comparison.windows(side)
        assert np.array_equal(found, expected.embed(windows.signals))
        assert comparison.embeddings(side) is found


def test_the_encoder_is_trained_once_for_all_cells(
    comparison: Comparison, quick_encoder: EncoderConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = comparison.embeddings("control")
    monkeypatch.delattr(Encoder, "fit")
    other = replace(comparison, synthetic=comparison.splits.fresh, _memo={})
    assert np.array_equal(other.embeddings("control"), found)


def test_without_auxiliary_windows_there_is_no_encoder(comparison: Comparison) -> None:
    none = comparison.splits.auxiliary.take(slice(0))
    without = replace(comparison, splits=replace(comparison.splits, auxiliary=none))
    with pytest.raises(Skip, match="no auxiliary windows"):
        without.embeddings("synthetic")


def test_it_imports_torch_only_for_embeddings() -> None:
    program = "import sys, ecgbench.harness.comparison; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
