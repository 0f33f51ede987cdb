from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ecgbench import Comparison, Score, Skip, Splits
from ecgbench.harness.data.split import split
from ecgbench.metrics.patients import PatientMembershipConfig
from ecgbench.metrics.patients.patient_membership import patient_membership
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
    return patient_membership(
        comparison(splits, signals, seed), PatientMembershipConfig(windows=windows)
    )


def test_the_value_is_the_auc_of_medians_over_equally_many_windows() -> None:
    splits = split(cohort(1), 0)
    found = comparison(splits, splits.fresh.signals, 0)
    # one window a person, so there is nothing to draw
    first = {
        side: getattr(splits, side).take(np.unique(getattr(splits, side).patients, True)[1])
        for side in ("control", "test")
    }
    found = dataclasses.replace(found, splits=dataclasses.replace(splits, **first), _memo={})
    distances = [neighbours(found, side, "synthetic").distances[:, 0] for side in first]  # type: ignore[arg-type]
    truth = roc_auc_score(
        np.repeat([1, 0], [len(distances[0]), len(distances[1])]), -np.concatenate(distances)
    )
    result = patient_membership(found, PatientMembershipConfig())
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
            PatientMembershipConfig(),
        )
