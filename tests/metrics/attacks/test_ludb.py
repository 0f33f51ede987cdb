"""`attribute-inference` on a dataset with attributes of its patients: sex, age and rhythm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench import Comparison
from ecgbench.harness.data import physionet
from ecgbench.harness.data.split import number, split
from ecgbench.metrics.attacks import AttributeInferenceConfig
from ecgbench.metrics.attacks.attribute_inference import attribute_inference
from tests.shipped import load, shipped

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench import EcgWindows, Score

pytestmark = [pytest.mark.real_data, pytest.mark.slow]
SEEDS = range(12)
LUDB = shipped("ludb")


@pytest.fixture(scope="module")
def beats(data_dir: Path) -> EcgWindows:
    assert LUDB.source is not None
    folder = physionet.find(LUDB.source, data_dir)
    if folder is None:
        pytest.skip("ECGBENCH_DATA_DIR holds no ludb")
    return number(load(LUDB, folder))


def score(beats: EcgWindows, seed: int, copies: bool) -> Score:
    splits = split(beats, seed)
    made = splits.fresh
    if copies:
        rows = np.random.default_rng(seed).permutation(len(splits.train))
        made = splits.train.take(rows[: len(made)])
    comparison = Comparison(
        synthetic=splits.train.synthetic(made.signals, made.labels),
        splits=splits,
        seed=seed,
        headline_classes=beats.classes,
    )
    return attribute_inference(comparison, AttributeInferenceConfig())


def test_secrets_are_what_is_told_of_everybody(beats: EcgWindows) -> None:
    parts = score(beats, 0, copies=False).parts
    assert {name for name in parts if name.startswith("attack-")} == {
        "attack-age",
        "attack-rhythm",
        "attack-sex",
    }


def test_copies_give_attributes_away_and_fresh_windows_do_not(beats: EcgWindows) -> None:
    fresh, copied = (
        np.mean([score(beats, seed, copies).value for seed in SEEDS]) for copies in (False, True)
    )
    assert fresh == pytest.approx(0, abs=0.08)
    assert copied > 0.1
