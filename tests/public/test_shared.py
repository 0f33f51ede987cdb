"""Results that metrics share: neighbours, the encoder, single beats, the people behind windows."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench import Contributions, Skip, shared
from ecgbench.contracts.comparison import Comparison
from ecgbench.contracts.windows import EcgWindows
from ecgbench.harness.data.split import number, split
from ecgbench.nn import Encoder, EncoderConfig
from ecgbench.shared import NEAREST, embeddings, neighbours, one_beat, people_behind
from tests.harness.conftest import make_windows

if TYPE_CHECKING:
    from ecgbench.contracts.comparison import Side
    from ecgbench.shared import Neighbours


def distances(left: EcgWindows, right: EcgWindows) -> Any:
    """All Euclidean distances, in double precision, the plain way."""
    a = left.signals.reshape(len(left), 1, -1).astype(float)
    b = right.signals.reshape(1, len(right), -1).astype(float)
    return np.sqrt(((a - b) ** 2).sum(axis=2))


@pytest.mark.parametrize(("of", "among"), [("synthetic", "train"), ("test", "synthetic")])
def test_neighbours_are_the_nearest(comparison: Comparison, of: Any, among: Any) -> None:
    plain = distances(comparison.windows(of), comparison.windows(among))
    found = neighbours(comparison, of, among, k=3)
    assert found.distances == pytest.approx(np.sort(plain, axis=1)[:, :3], rel=1e-5)
    rows = np.arange(len(plain))[:, None]
    assert plain[rows, found.indices] == pytest.approx(found.distances, rel=1e-5)


def test_a_window_is_not_its_own_neighbour(comparison: Comparison) -> None:
    plain = distances(comparison.splits.train, comparison.splits.train)
    np.fill_diagonal(plain, np.inf)
    found = neighbours(comparison, "train", "train")
    assert found.distances[:, 0] == pytest.approx(plain.min(axis=1), rel=1e-5)
    assert (found.indices[:, 0] != np.arange(len(plain))).all()


def test_an_identical_window_is_at_distance_zero_however_large_it_is() -> None:
    """|a|² − 2ab + |b|² in single precision leaves about 1 mV here."""
    splits = split(number(make_windows(np.zeros(100))), 0)
    splits.train.signals[:] += 1000
    synthetic = splits.train.take(slice(len(splits.fresh)))
    comparison = Comparison(synthetic=synthetic, splits=splits, seed=0, headline_classes=())
    assert neighbours(comparison, "synthetic", "train").distances.max() == 0


def test_distances_ascend_even_where_they_differ_by_their_rounding() -> None:
    splits = split(number(make_windows(np.zeros(400))), 0)
    unit = splits.train.signals / np.linalg.norm(splits.train.signals, axis=2, keepdims=True)
    splits.train.signals[:] = np.float32(0.1) + unit
    synthetic = splits.train.synthetic(
        np.full(splits.fresh.signals.shape, 0.1), splits.fresh.labels
    )
    comparison = Comparison(synthetic=synthetic, splits=splits, seed=0, headline_classes=())
    found = neighbours(comparison, "synthetic", "train", k=100)
    assert (np.diff(found.distances, axis=1) >= 0).all()
    plain = distances(synthetic, splits.train)
    rows = np.arange(len(synthetic))[:, None]
    assert plain[rows, found.indices] == pytest.approx(found.distances, rel=1e-6)


def test_too_few_windows_to_choose_from_are_an_error(comparison: Comparison) -> None:
    n = len(comparison.splits.control)
    assert neighbours(comparison, "synthetic", "control", k=n).distances.shape[1] == n
    with pytest.raises(ValueError, match=f"control has {n} windows; {n + 1} are needed"):
        neighbours(comparison, "synthetic", "control", k=n + 1)
    with pytest.raises(ValueError, match=f"control has {n} windows; {n + 1} are needed"):
        neighbours(comparison, "control", "control", k=n)


def searches(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Side, Side, int]]:
    """Return a list of the searches from here on."""
    calls: list[tuple[Side, Side, int]] = []
    search = shared._search

    def counted(comparison: Comparison, of: Side, among: Side, k: int) -> Neighbours:
        calls.append((of, among, k))
        return search(comparison, of, among, k)

    monkeypatch.setattr(shared, "_search", counted)
    return calls


def test_neighbours_are_computed_once_per_cell(
    comparison: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = searches(monkeypatch)
    first = neighbours(comparison, "synthetic", "train")
    again = neighbours(comparison, "synthetic", "train")
    assert np.shares_memory(again.distances, first.distances)
    assert np.shares_memory(again.indices, first.indices)
    neighbours(comparison, "synthetic", "control")
    neighbours(comparison, "train", "synthetic")
    assert calls == [
        ("synthetic", "train", NEAREST),
        ("synthetic", "control", NEAREST),
        ("train", "synthetic", NEAREST),
    ]


@pytest.mark.parametrize("order", [(1, NEAREST), (NEAREST, 1)])
@pytest.mark.parametrize(("of", "among"), [("synthetic", "train"), ("control", "control")])
def test_one_search_serves_fewer_neighbours_whichever_are_asked_for_first(
    comparison: Comparison, monkeypatch: pytest.MonkeyPatch, order: Any, of: Any, among: Any
) -> None:
    calls = searches(monkeypatch)
    found = {k: neighbours(comparison, of, among, k) for k in order}
    assert len(calls) == 1
    for one, more in zip(found[1], found[NEAREST], strict=True):
        assert one.shape == (len(comparison.windows(of)), 1)
        assert np.array_equal(one[:, 0], more[:, 0])


@pytest.mark.parametrize("order", [(1, NEAREST + 3), (NEAREST + 3, 1)])
def test_more_neighbours_are_a_search_of_their_own(
    comparison: Comparison, monkeypatch: pytest.MonkeyPatch, order: Any
) -> None:
    calls = searches(monkeypatch)
    found = {k: neighbours(comparison, "synthetic", "train", k) for k in order}
    assert sorted(k for _, _, k in calls) == [NEAREST, NEAREST + 3]
    for one, more in zip(found[1], found[NEAREST + 3], strict=True):
        assert np.array_equal(one[:, 0], more[:, 0])


def test_where_there_is_one_window_it_is_the_neighbour(comparison: Comparison) -> None:
    one = replace(comparison.splits, control=comparison.splits.control.take(slice(1)))
    alone = replace(comparison, splits=one, _memo={})
    assert (neighbours(alone, "synthetic", "control").indices == 0).all()
    with pytest.raises(ValueError, match="control has 1 windows; 2 are needed"):
        neighbours(alone, "synthetic", "control", k=2)
    with pytest.raises(ValueError, match="control has 1 windows; 2 are needed"):
        neighbours(alone, "control", "control")


def test_of_twins_the_first_is_the_nearest(comparison: Comparison) -> None:
    train = comparison.splits.train
    rows = np.repeat(np.arange(len(train) // 2), 2)
    twins = train.synthetic(train.signals[rows], train.labels[rows])
    found = neighbours(replace(comparison, synthetic=twins, _memo={}), "train", "synthetic", 2)
    assert (found.indices % 2 == [0, 1]).all()


def test_a_copied_window_belongs_to_the_person_it_was_copied_from(comparison: Comparison) -> None:
    control = comparison.splits.control
    copies = control.synthetic(control.signals, control.labels)
    copied = replace(comparison, synthetic=copies, _memo={})
    assert people_behind(copied).tolist() == control.patients.tolist()
    assert people_behind(copied) is people_behind(copied)


def test_a_mean_over_synthetic_windows_moves_with_the_weight_of_the_person_behind(
    comparison: Comparison,
) -> None:
    values = np.random.default_rng(0).random(len(comparison.synthetic))
    value, behind = float(values.mean()), people_behind(comparison)
    nearest = distances(comparison.synthetic, comparison.splits.control).argmin(axis=1)
    assert np.array_equal(behind, comparison.splits.control.patients[nearest])
    contributions = Contributions.first_order(value, (behind, values))
    assert contributions.evaluate()[0] == pytest.approx(value)
    step = 1e-4
    weights = np.ones((len(contributions.people),) * 2) + step * np.eye(len(contributions.people))
    moves = contributions.evaluate(weights) - value
    for person, linear in zip(contributions.people, moves, strict=True):
        moved = np.average(values, weights=np.where(behind == person, 1 + step, 1)) - value
        assert linear == pytest.approx(moved, rel=2e-3, abs=1e-9)


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
        found = embeddings(comparison, side)
        windows = comparison.windows(side)
        assert np.array_equal(found, expected.embed(windows.signals))
        assert embeddings(comparison, side) is found


def test_the_encoder_is_trained_once_for_all_cells(
    comparison: Comparison, quick_encoder: EncoderConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = embeddings(comparison, "control")
    monkeypatch.delattr(Encoder, "fit")
    other = replace(comparison, synthetic=comparison.splits.fresh, _memo={})
    assert np.array_equal(embeddings(other, "control"), found)


def test_without_auxiliary_windows_there_is_no_encoder(comparison: Comparison) -> None:
    none = comparison.splits.auxiliary.take(slice(0))
    without = replace(comparison, splits=replace(comparison.splits, auxiliary=none))
    with pytest.raises(Skip, match="no auxiliary windows"):
        embeddings(without, "synthetic")


def test_it_imports_torch_only_for_embeddings() -> None:
    program = "import sys, ecgbench.contracts.comparison; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def beats_of_people(count: int, rng: np.random.Generator) -> EcgWindows:
    """Two seconds at 100 Hz, the person's pulse at 1.2 s, and another at any time before .8 s."""
    time = np.arange(200) / 100
    patients = rng.integers(6, size=count)
    widths = 0.01 + 0.004 * patients[:, np.newaxis]
    before = rng.uniform(0.1, 0.8, (count, 1))
    signals = sum(np.exp(-0.5 * ((time - at) / widths) ** 2) for at in (1.2, before))
    return EcgWindows(
        signals=np.asarray(signals, dtype=np.float32)[:, np.newaxis],
        labels=np.zeros(count, dtype=np.int64),
        patients=patients,
        sampling_rate=100.0,
        leads=("II",),
        classes=("beat",),
    )


def test_one_beat_is_what_stands_about_the_usual_place_of_the_complex() -> None:
    windows = number(beats_of_people(600, np.random.default_rng(1)))
    splits = split(windows, 0)
    synthetic = splits.train.synthetic(splits.fresh.signals, splits.fresh.labels)
    whole = Comparison(synthetic=synthetic, splits=splits, seed=0, headline_classes=("beat",))
    beat = one_beat(whole)
    assert one_beat(whole) is beat
    for side in ("synthetic", "train", "control", "auxiliary", "fresh", "test"):
        cut = beat.windows(side)
        assert cut.length == 66
        assert set(cut.signals[:, 0].argmax(axis=1)) == {25}
        np.testing.assert_array_equal(cut.patients, whole.windows(side).patients)

    def names_its_person(comparison: Comparison) -> Any:
        named = comparison.splits.train.patients[
            neighbours(comparison, "fresh", "train").indices[:, 0]
        ]
        return (named == splits.fresh.patients).mean()

    assert names_its_person(beat) == 1
    assert names_its_person(whole) < 0.95


def test_a_window_shorter_than_a_beat_is_left_whole() -> None:
    windows = beats_of_people(200, np.random.default_rng(1))
    short = replace(windows, signals=windows.signals[:, :, 105:140])
    splits = split(number(short), 0)
    synthetic = splits.train.synthetic(splits.fresh.signals, splits.fresh.labels)
    whole = Comparison(synthetic=synthetic, splits=splits, seed=0, headline_classes=("beat",))
    np.testing.assert_array_equal(one_beat(whole).synthetic.signals, synthetic.signals)


def strips_of(times: list[list[float]], shapes: list[float]) -> EcgWindows:
    """Make strips of 10 s with R peaks at these times; a T wave of its own height follows each."""
    time = np.arange(1000)[:, None] / 100
    signals = [
        np.exp(-0.5 * ((time - at) / 0.012) ** 2).sum(axis=1)
        + t * np.exp(-0.5 * ((time - np.array(at) - 0.26) / 0.04) ** 2).sum(axis=1)
        for at, t in zip(times, shapes, strict=True)
    ]
    return EcgWindows(
        signals=np.array(signals, dtype=np.float32)[:, None],
        labels=np.zeros(len(times), dtype=np.int64),
        patients=np.arange(len(times)),
        sampling_rate=100.0,
        leads=("II",),
        classes=("beat",),
    )


def test_the_beat_of_a_strip_is_the_median_of_its_beats_wherever_they_stand() -> None:
    early, late = ([start + 0.9 * n for n in range(10)] for start in (0.5, 0.9))
    one, other, third = shared.median_beats(strips_of([early, late, early], [0.2, 0.2, 0.5]))
    np.testing.assert_allclose(one, other, atol=1e-5)
    assert one[0].argmax() == 25
    assert third[0, 51] == pytest.approx(0.5, abs=0.02)
    assert one[0, 51] == pytest.approx(0.2, abs=0.02)


def test_one_odd_beat_leaves_the_median_beat_alone() -> None:
    windows = strips_of([[0.5 + 0.9 * n for n in range(10)]], [0.2])
    odd = windows.signals.copy()
    odd[0, 0, 300:350] += 0.4
    before, after = (
        shared.median_beats(replace(windows, signals=s)) for s in (windows.signals, odd)
    )
    np.testing.assert_allclose(before, after, atol=0.02)


def test_a_strip_without_beats_has_its_middle() -> None:
    windows = strips_of([[0.5]], [0.0])
    ramp = np.zeros((1, 1, 1000), dtype=np.float32)
    found = shared.median_beats(replace(windows, signals=ramp + np.float32(0.25)))
    assert (found == 0.25).all()
    assert found.shape == (1, 1, 66)


def test_r_peaks_are_searched_once_for_all_metrics(
    comparison: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = []

    def search(signals: Any, rate: float) -> list[Any]:
        searched.append(len(signals))
        return [np.array([row / rate]) for row in range(len(signals))]

    monkeypatch.setattr(shared, "r_peaks", search)
    first = shared.beats(comparison, "control", np.array([3, 1]))
    again = shared.beats(comparison, "control", np.array([1, 5, 3]))
    assert searched == [2, 1]
    assert again[0] is first[1]
    assert again[2] is first[0]
