"""`copied-share`: its definition, its null, and its readings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.distance import cdist
from scipy.stats import binom, hypergeom
from sklearn.decomposition import PCA

from ecgbench import EcgWindows, Skip
from ecgbench.harness.data import physionet
from ecgbench.harness.data.split import number, split, subsample
from ecgbench.metrics.privacy import CopiedShareConfig
from ecgbench.metrics.privacy.copied_share import SCAN, Strata, p_values, redrawn
from ecgbench.metrics.privacy.disguises import CLEARER
from tests.metrics.privacy.conftest import beats, compare, moved, score, spliced
from tests.shipped import load, shipped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.metrics.privacy.conftest import Cell

    Signals = NDArray[np.floating]


PLAIN = CopiedShareConfig(shift=0, speed=0)


@pytest.mark.parametrize("leads", [1, 2])
def test_it_is_the_definition_computed_over_all_pairs(cell: Cell, leads: int) -> None:
    comparison = cell(copies=0.05, noise=0.2, leads=leads)
    splits = comparison.splits

    def flat(windows: EcgWindows) -> NDArray[np.float64]:
        return windows.signals.astype(float).reshape(len(windows), -1)

    def normal(windows: EcgWindows) -> NDArray[np.float64]:
        signals = windows.signals.astype(float)
        rows = (signals - signals.mean(axis=2, keepdims=True)).reshape(len(windows), -1)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))

    def seen(windows: EcgWindows, change: Callable[[Signals], Signals]) -> NDArray[np.float64]:
        return normal(replace(windows, signals=change(windows.signals.astype(float))))

    def spectrum(windows: EcgWindows) -> NDArray[np.float64]:
        signals = windows.signals.astype(float)
        magnitudes = np.abs(np.fft.rfft(signals))
        magnitudes[:, :, 0] = 0
        rows = magnitudes.reshape(len(windows), -1)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))

    def along(signals: Signals) -> Signals:
        rows = []
        for window in signals:
            pieces = np.linalg.norm(np.diff(window, axis=1), axis=0)
            passed = np.array([pieces[:count].sum() for count in range(window.shape[1])])
            at = passed[-1] * np.arange(window.shape[1]) / (window.shape[1] - 1)
            rows.append([np.interp(at, passed, lead) for lead in window])
        return np.array(rows)

    looks: dict[str, Callable[[EcgWindows], NDArray[np.float64]]] = {
        "whole": flat,
        "aligned": normal,
        "spectrum": spectrum,
        "smooth": lambda w: seen(w, lambda x: gaussian_filter1d(x, 6.25, mode="nearest")),
        "path": lambda w: seen(w, along),
        "first": lambda w: seen(w, lambda x: x[:, :, :8]),
        "last": lambda w: seen(w, lambda x: x[:, :, 8:]),
    }
    isolation, nearest_ones = [], []
    for name, look in looks.items():
        pca = PCA(6, svd_solver="full").fit(look(splits.auxiliary))
        sides = (splits.train, splits.control)
        real = np.concatenate([pca.transform(look(side)) for side in sides])
        distances = cdist(pca.transform(look(comparison.synthetic)), real)
        first, second = np.sort(distances, axis=1)[:, :2].T
        isolation.append(np.log(second / first) - (name not in ("whole", "aligned")) * CLEARER)
        nearest_ones.append(distances.argmin(axis=1))
    best = np.argmax(isolation, axis=0)
    hits = np.max(isolation, axis=0) > 0.4
    owners = np.choose(best, nearest_ones)[hits]
    in_train = (owners < len(splits.train)).sum()
    ratio = len(splits.train) / len(splits.control)
    expected = in_train - (len(owners) - in_train) * ratio

    result = score(comparison, CopiedShareConfig(threshold=0.4, components=6, shift=0, speed=0))
    assert result.parts["hits-train"] == in_train > 0
    assert result.parts["hits-control"] == len(owners) - in_train > 0
    assert result.value == pytest.approx(expected / len(comparison.synthetic))
    for name, alone, of_real in zip(looks, isolation, nearest_ones, strict=True):
        member = of_real[alone > 0.4] < len(splits.train)
        share = (member.sum() - (~member).sum() * ratio) / len(comparison.synthetic)
        assert result.parts[f"share-{name}"] == pytest.approx(share)


def test_copies_of_all_of_train_score_one(cell: Cell) -> None:
    result = score(cell(copies=1))
    assert result.value == 1
    assert result.parts["p"] == result.parts["p-scan"] == pytest.approx(1 / 1001)


def test_it_reads_the_share_that_was_copied() -> None:
    splits = beats()
    for share in (0.2, 0.5):
        signals = splits.fresh.signals.copy()
        count = round(share * len(signals))
        signals[:count] = splits.train.signals[:: len(splits.train) // count][:count]
        assert score(compare(splits, signals)).value == pytest.approx(share, abs=0.05)


def test_it_orders_the_controls() -> None:
    splits = beats()
    rng = np.random.default_rng(0)
    copy = splits.train.signals[::3]
    rows = {
        "copy": copy,
        "noisy copy": copy + 0.1 * copy.std() * rng.standard_normal(copy.shape),
        "fresh": splits.fresh.signals,
        "noise": copy.std() * rng.standard_normal(copy.shape),
    }
    results = {name: score(compare(splits, row)) for name, row in rows.items()}
    assert results["copy"].value == 1
    assert results["noisy copy"].parts["null-high"] < results["noisy copy"].value < 1
    for name in ("fresh", "noise"):
        assert results[name].value <= results[name].parts["null-high"]
        assert results["noisy copy"].value > 3 * abs(results[name].value)


@pytest.mark.parametrize("row", ["fresh", "gaussian", "noise"])
def test_what_copies_nothing_is_within_its_null_in_every_look(row: str) -> None:
    splits = beats()
    rng = np.random.default_rng(2)
    flat = splits.train.signals[:, 0].astype(float)
    signals = {
        "fresh": splits.fresh.signals,
        "gaussian": rng.multivariate_normal(flat.mean(axis=0), np.cov(flat.T), 90)[:, None],
        "noise": flat.std() * rng.standard_normal((90, 1, 128)),
    }[row]
    result = score(compare(splits, signals))
    assert result.parts["null-low"] <= result.value <= result.parts["null-high"]
    assert result.parts["p-scan"] > 0.05


def test_labels_are_redrawn_within_patient_and_class() -> None:
    patients = np.repeat([1, 1, 2], [30, 12, 20])
    labels = np.repeat([0, 1, 0], [30, 12, 20])
    rng = np.random.default_rng(0)
    train = rng.permuted(np.arange(62) % 3 > 0)
    hits = np.zeros((62, 2))
    hits[:6, 0] = 1  # six windows of one stratum, and all of another
    hits[30:42, 1] = 1
    sums = redrawn(hits, train.astype(float), Strata.of(patients, labels, 62), rng)
    exact = hypergeom(30, train[:30].sum(), 6)
    assert sums[:, 0].mean() == pytest.approx(exact.mean(), abs=4 * exact.std() / np.sqrt(1000))
    assert sums[:, 0].std() == pytest.approx(exact.std(), rel=0.1)
    assert np.all(sums[:, 1] == train[30:42].sum())


def test_labels_of_people_with_one_window_are_redrawn_over_these_people() -> None:
    patients = np.concatenate([np.arange(70), [100] * 9, np.arange(70, 100)])
    rng = np.random.default_rng(1)
    train = rng.permuted(np.arange(79) % 7 > 1)
    hits = np.zeros((79, 1))
    hits[:6] = 1
    sums = redrawn(
        hits, train.astype(float), Strata.of(patients, np.zeros(len(patients), int), 79), rng
    )
    exact = hypergeom(70, train[:70].sum(), 6)  # the person with nine windows has another size
    assert sums.mean() == pytest.approx(exact.mean(), abs=4 * exact.std() / np.sqrt(1000))
    assert sums.std() == pytest.approx(exact.std(), rel=0.1)


@pytest.mark.parametrize("windows", [(1, 1), (1, 3), (1, 12)])
def test_false_alarms_are_as_rare_as_promised_with_few_windows_a_person(
    windows: tuple[int, int],
) -> None:
    # the hits of an honest generator do not know the draw of the split, but may prefer people
    rng = np.random.default_rng([3, *windows])
    counts = rng.integers(windows[0], windows[1] + 1, 160)
    people = np.repeat(np.arange(160), counts)
    everybody = beats()
    alarms, runs = 0, 200
    for run in range(runs):
        favour = rng.exponential(size=160)[people]
        popular = rng.poisson(0.4 * favour).astype(float)
        splits = split(
            number(
                EcgWindows(
                    signals=popular[:, None, None].astype(np.float32),
                    labels=np.zeros(len(people), dtype=np.int64),
                    patients=people,
                    sampling_rate=everybody.train.sampling_rate,
                    leads=("I",),
                    classes=("beat",),
                )
            ),
            2 * run,
        )
        sides = (splits.train, splits.control)
        hits = np.concatenate([side.signals[:, 0] for side in sides]).astype(float)
        ratio = len(sides[0]) / len(sides[1])
        weights = np.repeat([1.0, -ratio], [len(side) for side in sides])
        patients = np.concatenate(
            [side.patients for side in (*sides, splits.auxiliary, splits.fresh)]
        )
        of = Strata.of(patients, np.zeros(len(patients), dtype=np.int64), len(hits))
        again = redrawn(np.repeat(hits, 1 + len(SCAN), axis=1), weights, of, rng)
        actual = weights @ np.repeat(hits, 1 + len(SCAN), axis=1)
        alarms += p_values(np.vstack([actual, again]))[0] <= 0.05
    assert alarms <= binom(runs, 0.05).ppf(0.999)
    assert alarms >= binom(runs, 0.05).ppf(0.001)  # a null that is too wide hides copies


def test_copies_of_people_with_one_window_are_seen() -> None:
    rng = np.random.default_rng(4)
    windows = beats().train
    everybody = replace(
        windows.take(np.sort(rng.permutation(len(windows))[:140])),
        patients=np.arange(140, dtype=np.int64),
        attributes=None,
        indices=None,
        labels=np.zeros(140, dtype=np.int64),
    )
    splits = split(number(everybody), 0)
    result = score(compare(splits, splits.train.signals[: len(splits.fresh)]), PLAIN)
    assert result.parts["p"] <= 0.05
    assert result.value > result.parts["null-high"] > 0 > result.parts["null-low"]
    honest = score(compare(splits, splits.fresh.signals), PLAIN)
    assert honest.parts["p"] > 0.05


def test_the_p_values_are_shares_of_redraws_that_are_as_high() -> None:
    values = np.zeros((10, 1 + len(SCAN)))
    assert p_values(values) == (1, 1)
    values[:, 0] = [7, 9, 8, 7, 1, 1, 1, 1, 1, 1]
    values[0, 3] = 1
    assert p_values(values) == (0.4, 0.1)
    values[1, 3] = 1  # as strong a sign at this threshold, and another at the next
    values[1, 4] = 1
    assert p_values(values)[1] == 0.2


def test_nothing_memorised_raises_no_more_alarms_than_it_may(cell: Cell) -> None:
    results = [score(cell(copies=0, seed=seed), PLAIN) for seed in range(100)]
    most = binom(100, 0.05).ppf(0.999)
    for name in ("p", "p-scan"):
        assert sum(result.parts[name] <= 0.05 for result in results) <= most
    outside = [not r.parts["null-low"] <= r.value <= r.parts["null-high"] for r in results]
    assert sum(outside) <= most
    values = [result.value for result in results]
    assert abs(np.mean(values)) < 3 * np.std(values, ddof=1) / np.sqrt(100)
    p = np.sort([result.parts["p"] for result in results])
    assert np.max(np.arange(1, 101) / 100 - p) < 1.95 / np.sqrt(100)  # Kolmogorov's, at .1%


def test_one_training_window_given_out_over_and_over_is_no_evidence() -> None:
    splits = beats()
    rng = np.random.default_rng(0)
    copies = np.repeat(splits.train.signals[:1], 80, axis=0)
    result = score(compare(splits, copies + 0.01 * rng.standard_normal(copies.shape)))
    assert result.value == 1
    assert result.parts["p"] > 0.5


def test_its_contributions_give_the_value_under_any_weights_of_people(cell: Cell) -> None:
    comparison = cell(copies=0.3)
    result = score(comparison, PLAIN)
    assert result.contributions is not None
    assert result.contributions.evaluate()[0] == pytest.approx(result.value, abs=1e-12)
    assert np.array_equal(result.contributions.people, np.unique(comparison.splits.train.patients))
    everything = score(cell(copies=1), PLAIN).contributions
    assert everything is not None
    weights = np.random.default_rng(0).integers(1, 4, size=(5, len(everything.people)))
    assert everything.evaluate(weights.astype(float)) == pytest.approx(np.ones(5))


def test_the_same_seed_gives_the_same_score(cell: Cell) -> None:
    first, second = (score(replace(cell(copies=0.1), _memo={})) for _ in range(2))
    assert (first.value, first.parts) == (second.value, second.parts)


def test_a_copy_of_twins_is_no_hit() -> None:
    splits = beats()
    twins = replace(splits, control=splits.train)
    result = score(compare(twins, splits.train.signals[:50]))
    assert result.parts["hits-train"] == result.parts["hits-control"] == 0


def test_constant_windows_and_few_windows_have_a_value() -> None:
    splits = beats()
    constant = np.full((30, 1, 128), 0.3)
    assert score(compare(splits, constant)).value == pytest.approx(0, abs=1)
    few = replace(splits, train=splits.train.take(slice(1)), control=splits.control.take(slice(1)))
    assert np.isfinite(score(compare(few, splits.fresh.signals)).value)


def test_it_is_skipped_where_there_is_nothing_to_tell_apart() -> None:
    splits = beats()
    with pytest.raises(Skip, match="0 control windows"):
        score(compare(replace(splits, control=splits.control.take(slice(0))), splits.fresh.signals))
    equal = splits.auxiliary.signals[:1].repeat(len(splits.auxiliary), axis=0)
    alike = replace(splits, auxiliary=replace(splits.auxiliary, signals=equal))
    with pytest.raises(Skip, match="same shape"):
        score(compare(alike, splits.fresh.signals))


@pytest.mark.long
@pytest.mark.real_data
@pytest.mark.slow
def test_real_beats_few_copies_are_detected_and_none_are_not(data_dir: Path) -> None:
    mitdb = shipped("mitdb")
    assert mitdb.source is not None
    folder = physionet.find(mitdb.source, data_dir)
    if folder is None:
        pytest.skip("ECGBENCH_DATA_DIR holds no mitdb")
    windows = subsample(number(load(mitdb, folder)), 10000)
    alarms = []
    for seed in range(6):
        splits = split(windows, seed, mitdb.halves)
        signals = splits.fresh.signals.copy()
        alarms.append(score(compare(splits, signals, seed)).parts["p-scan"] <= 0.05)
        count = round(0.03 * len(signals))
        signals[:count] = (
            1.1 * moved(splits.train.signals[:: len(splits.train) // count], 3, 1)[:count]
        )
        doped = score(compare(splits, signals, seed))
        assert doped.parts["p-scan"] <= 0.05
        assert doped.value == pytest.approx(0.03, abs=0.03)
    assert sum(alarms) <= 2
    copies = splits.train.signals[:: len(splits.train) // len(signals)][: len(signals)]
    turned = score(compare(splits, -np.roll(copies[:, :, ::-1], 37, axis=2), seed))
    assert turned.value > 0.95
    assert turned.parts["share-spectrum"] > 0.95
    joined = score(compare(splits, spliced(copies, cut=110), seed))
    assert joined.value > 0.95
    assert joined.parts["share-first"] > 0.95
