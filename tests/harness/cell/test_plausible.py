from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from ecgbench import EcgWindows
from ecgbench.contracts.errors import PluginError
from ecgbench.harness.cell.plausible import remarks


def beats(n: int, seed: int) -> EcgWindows:
    """Beat-like windows in millivolts: a tall R, an S below zero, noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(100)
    wave = np.exp(-(((t - 50) / 4) ** 2)) - 0.3 * np.exp(-(((t - 58) / 4) ** 2))
    signals = wave * rng.uniform(0.7, 1.4, (n, 1, 1)) + rng.normal(0, 0.03, (n, 1, 100))
    return EcgWindows(
        signals=signals.astype(np.float32),
        labels=np.zeros(n, dtype=np.int64),
        patients=np.arange(n, dtype=np.int64),
        sampling_rate=100.0,
        leads=("II",),
        classes=("N",),
    )


TRAIN = beats(300, 0)
MADE = beats(100, 1).signals


def of(signals: Any) -> EcgWindows:
    return TRAIN.synthetic(np.asarray(signals), np.zeros(len(signals), dtype=np.int64))


def scaled() -> Any:
    low, high = (getattr(MADE, end)(axis=2, keepdims=True) for end in ("min", "max"))
    return (MADE - low) / (high - low)


def standardised() -> Any:
    centred = MADE - MADE.mean(axis=2, keepdims=True)
    return centred / centred.std(axis=2, keepdims=True)


def test_windows_like_the_training_windows_need_no_remark() -> None:
    assert remarks("mine", of(MADE), TRAIN) == []


@pytest.mark.parametrize(
    ("signals", "says"),
    [
        (1000 * MADE, "are these µV or digital samples"),
        (200 * MADE, "are these µV or digital samples"),
        (MADE / 1000, "are these volts"),
        (scaled(), r"all samples lie between 0 and 1, so they look scaled to \[0, 1\]"),
        (scaled() * 1.015 - 0.005, r"so they look scaled to \[0, 1\]"),
        (2 * scaled() - 1, "each window reaches from -1 to 1, so they look scaled one by one"),
        (
            scaled() + np.random.default_rng(2).normal(0, 0.03, MADE.shape),
            "each window reaches from 0 to 1, so they look scaled one by one",
        ),
        (standardised(), "look standardised one by one"),
        (np.full_like(MADE, 1000), "samples lie about 1e[+]03"),
        (MADE + 1024, "samples lie about 1.02e[+]03"),
    ],
    ids=[
        *(
            "µV",
            "digital samples",
            "volts",
            "scaled",
            "nearly scaled",
            "-1 to 1",
            "scaled and noise",
        ),
        *("standardised", "far and flat", "baseline of counts"),
    ],
)
def test_windows_that_cannot_be_millivolts_are_refused(signals: np.ndarray, says: str) -> None:
    with pytest.raises(PluginError, match=f"mine: .*{says}"):
        remarks("mine", of(signals), TRAIN)


@pytest.mark.parametrize(
    ("signals", "says"),
    [
        (np.zeros_like(MADE), "all 100 windows are flat"),
        (np.where(np.arange(100)[:, None, None] < 30, 0, MADE), "30 of 100 windows are flat"),
        (np.repeat(MADE[:1], 100, axis=0), "only 1 of the 100 windows are unlike the others"),
        (np.repeat(MADE[:40], 3, axis=0), "only 40 of the 120 windows are unlike the others"),
        (MADE / 20, "the samples of lead II deviate by 0.0"),
        (7 * MADE, "the samples of lead II deviate by 1"),
        (MADE + 3, "the samples of lead II lie about 3"),
        (
            np.where(np.arange(100)[:, None, None] == 7, 1e3 * MADE, MADE),
            "1 of 100 windows deviate 50 times as much as a usual training window; first window 7",
        ),
    ],
    ids=[
        *("zeros", "some flat", "one repeated", "repeated", "a twentieth", "seven times"),
        *("offset", "one wild window"),
    ],
)
def test_what_a_model_may_do_but_a_reader_must_know_is_a_remark(
    signals: np.ndarray, says: str
) -> None:
    assert remarks("mine", of(signals), TRAIN)[0].startswith(says)


def test_each_lead_is_looked_at() -> None:
    both = dataclasses.replace(
        TRAIN, signals=np.repeat(TRAIN.signals, 2, axis=1), leads=("II", "V1")
    )
    made = np.repeat(MADE, 2, axis=1)
    made[:, 1] /= 10
    synthetic = both.synthetic(made, np.zeros(len(made), dtype=np.int64))
    (remark,) = remarks("mine", synthetic, both)
    assert remark.startswith("the samples of lead V1 deviate by")


@pytest.mark.parametrize("sample", [1e25, -2000.0])
def test_a_few_windows_of_volts_cannot_be_meant(sample: float) -> None:
    signals = MADE.copy()
    signals[[7, 30], 0, 5] = sample
    with pytest.raises(PluginError, match=r"mine: 2 of 100 windows .* a volt .*; first window 7"):
        remarks("mine", of(signals), TRAIN)
