from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ecgbench import Comparison, Config, EcgWindows, Score, Skip, Splits
from ecgbench.harness.data.split import split
from ecgbench.metrics.attacks.membership_inference import membership_inference
from ecgbench.metrics.patients import PatientConfig
from ecgbench.metrics.patients.patient_membership import (
    patient_closest,
    patient_likelihood_ratio,
    patient_membership,
    to_others,
)
from ecgbench.shared import neighbours
from tests.metrics.privacy.conftest import cohort


def comparison(splits: Splits, signals: np.ndarray, seed: int) -> Comparison:
    return Comparison(
        synthetic=splits.train.synthetic(signals.astype(np.float32), splits.fresh.labels),
        splits=splits,
        seed=seed,
        headline_classes=splits.train.classes,
    )


def score(row: str, seed: int, windows: int = 200) -> Score:
    splits = split(cohort(1), seed)
    signals = splits.fresh.signals
    if row == "noise":
        rng = np.random.default_rng(seed)
        signals = signals.std() * rng.standard_normal(signals.shape)
    return patient_membership(comparison(splits, signals, seed), PatientConfig(windows=windows))


def test_the_value_is_the_auc_of_medians_over_equally_many_windows() -> None:
    splits = split(cohort(1), 0)
    found = comparison(splits, splits.fresh.signals, 0)
    # one window a member, and equal ones of each unseen person, so there is nothing to draw
    rows = {
        side: np.unique(getattr(splits, side).patients, True)[1] for side in ("control", "test")
    }
    first = {side: getattr(splits, side).take(at) for side, at in rows.items()}
    equal = dataclasses.replace(
        splits,
        control=first["control"],
        test=splits.test.take(np.repeat(rows["test"], 20)),
    )
    found = dataclasses.replace(found, splits=dataclasses.replace(splits, **first), _memo={})
    distances = [neighbours(found, side, "synthetic").distances[:, 0] for side in first]  # type: ignore[arg-type]
    truth = roc_auc_score(
        np.repeat([1, 0], [len(distances[0]), len(distances[1])]), -np.concatenate(distances)
    )
    found = dataclasses.replace(found, splits=equal, _memo={})
    result = patient_membership(found, PatientConfig())
    assert result.value == pytest.approx(truth, abs=1e-12)
    assert result.n == len(first["control"]) + len(first["test"])


def test_people_who_were_learnt_are_told_and_noise_knows_nobody() -> None:
    fresh = [score("fresh", seed).value for seed in range(4)]
    noise = [score("noise", seed).value for seed in range(20)]
    assert min(fresh) > 0.9
    assert np.mean(noise) == pytest.approx(0.5, abs=0.06)


def test_contributions_make_the_value_and_hold_the_distances() -> None:
    found = score("fresh", 1)
    assert found.contributions is not None
    assert found.contributions.evaluate()[0] == pytest.approx(found.value, abs=1e-12)
    members = found.contributions.denominators[:, 0] > 0
    distances = found.contributions.numerators[:, 2]
    assert roc_auc_score(members, -distances) == pytest.approx(found.value)


def test_the_most_windows_of_a_person_are_a_setting() -> None:
    assert score("fresh", 0, windows=2).n == 2 * 12


def test_one_person_has_nobody_unseen() -> None:
    splits = split(cohort(1), 0)
    alone = splits.control.take(splits.control.patients == splits.control.patients[0])
    with pytest.raises(Skip, match="two members"):
        patient_membership(
            comparison(dataclasses.replace(splits, control=alone), splits.fresh.signals, 0),
            PatientConfig(),
        )


def few_windows(seed: int, most: int, people: int) -> EcgWindows:
    """Return 1 to ``most`` windows a person; the more somebody has, the nearer they are to zero."""
    rng = np.random.default_rng([seed, people])
    counts = rng.integers(1, most + 1, people)
    patients = np.repeat(np.arange(people), counts)
    size = (2.0 / counts)[patients, None, None]
    signals = size * (1 + 0.1 * rng.standard_normal((len(patients), 1, 16)))
    return EcgWindows(
        signals=signals.astype(np.float32),
        labels=np.zeros(len(patients), dtype=np.int64),
        patients=patients.astype(np.int64),
        sampling_rate=100.0,
        leads=("I",),
        classes=("strip",),
    )


@pytest.mark.parametrize("most", [2, 5])
def test_noise_knows_nobody_of_people_with_few_windows_each(most: int) -> None:
    values = []
    for seed in range(60):
        splits = split(few_windows(seed // 2, most, 80), seed)
        noise = np.random.default_rng(seed).standard_normal(splits.fresh.signals.shape)
        found = patient_membership(comparison(splits, 0.1 * noise, seed), PatientConfig())
        values.append(found.value)
    # of people with one window nobody is a member; without the lot the others read .60 and more
    assert np.mean(values) == pytest.approx(0.5, abs=4 * np.std(values) / np.sqrt(len(values)))
    assert np.std(values) < 0.2


def test_with_one_window_a_person_record_level_attacks_ask_the_question() -> None:
    splits = split(few_windows(0, 1, 60), 0)
    with pytest.raises(Skip, match="has 0 and 0; of people with one window, membership-inference"):
        patient_membership(comparison(splits, splits.fresh.signals, 0), PatientConfig())


def scored(metric: Any, row: str, seed: int) -> float:
    splits = split(cohort(1), seed)
    signals = splits.fresh.signals
    if row == "noise":
        rng = np.random.default_rng(seed)
        signals = signals.std() * rng.standard_normal(signals.shape)
    return float(metric(comparison(splits, signals, seed), PatientConfig()).value)


@pytest.mark.parametrize("metric", [patient_closest, patient_likelihood_ratio])
def test_the_other_attacks_tell_who_was_learnt_as_well(metric: Any) -> None:
    fresh = [scored(metric, "fresh", seed) for seed in range(4)]
    noise = [scored(metric, "noise", seed) for seed in range(20)]
    assert min(fresh) > 0.9
    assert np.mean(noise) == pytest.approx(0.5, abs=0.08)


def test_the_nearest_of_a_persons_windows_gives_away_one_beat_of_many() -> None:
    splits = split(cohort(1), 0)
    people, first = np.unique(splits.control.patients, return_index=True)
    rng = np.random.default_rng(0)
    signals = 9 + rng.standard_normal(splits.fresh.signals.shape).astype(np.float32)
    signals[: len(people)] = splits.control.signals[first]
    # with all of a person's windows in the comparison the copied one is among them
    one_each = dataclasses.replace(splits, control=splits.control.take(first))
    given = comparison(one_each, signals, 0)
    assert patient_closest(given, PatientConfig()).value == 1.0


def test_a_likelihood_ratio_sees_a_member_who_is_an_outlier() -> None:
    # member 0 is far from everybody, and a little nearer to the synthetic windows than to other people
    splits = split(cohort(1), 0)
    found = comparison(splits, splits.fresh.signals, 0)
    person = splits.control.patients[0]
    far = {}
    for side in ("control", "fresh"):
        windows = getattr(splits, side)
        signals = windows.signals.copy()
        signals[windows.patients == person] += 20
        far[side] = dataclasses.replace(windows, signals=signals)
    moved = dataclasses.replace(splits, **far)
    synthetic = far["fresh"].signals + np.float32(1.5)
    found = comparison(moved, synthetic, 0)
    plain = patient_membership(found, PatientConfig())
    ratio = patient_likelihood_ratio(found, PatientConfig())
    assert plain.contributions is not None
    assert ratio.contributions is not None
    row = list(ratio.contributions.people).index(person)
    assert ratio.contributions.numerators[row, 0] >= plain.contributions.numerators[row, 0]
    assert ratio.contributions.numerators[row, 0] == 1.0


@pytest.mark.parametrize(("copies", "low", "high"), [(False, 0.0, 0.12), (True, 0.75, 1.0)])
def test_with_one_window_a_person_the_attack_on_windows_tells_who_took_part(
    copies: bool, low: float, high: float
) -> None:
    # 200 people: 15 synthetic windows a fold; 50 members against 20 others of the same half
    alarms, boards, people = 0, 80, 200
    for board in range(boards):
        scores = []
        for seed in (2 * board, 2 * board + 1):
            splits = split(few_windows(board, 1, people), seed)
            rng = np.random.default_rng([seed, 7])
            rows = rng.integers(len(splits.train), size=len(splits.fresh))
            signals = (splits.train.take(rows) if copies else splits.fresh).signals
            scores.append(membership_inference(comparison(splits, signals, seed), Config()))
        weights = rng.multinomial(people, np.full(people, 1 / people), size=400).astype(float)
        parts = [found.contributions for found in scores if found.contributions is not None]
        resampled = np.mean([part.evaluate(weights[:, part.people]) for part in parts], axis=0)
        alarms += (np.mean([found.value for found in scores]) - 0.5) / resampled.std() > 1.645
    assert low <= alarms / boards <= high


@pytest.mark.parametrize("windows", [1, 3])
def test_one_search_for_many_people_finds_what_a_search_for_each_does(
    windows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # people lie close to themselves, so the nearest windows of all are mostly one's own
    rng = np.random.default_rng(0)
    everybody = rng.standard_normal((40, 1, 6)) + 0.1 * rng.standard_normal((40, windows, 6))
    for_each = to_others(everybody)
    monkeypatch.setattr("ecgbench.metrics.patients.patient_membership.MANY", 39)
    np.testing.assert_allclose(to_others(everybody), for_each, rtol=1e-9)
