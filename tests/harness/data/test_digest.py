from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench import EcgWindows
from ecgbench.harness.data import digest as module
from ecgbench.harness.data.digest import STEP, digest

if TYPE_CHECKING:
    from collections.abc import Callable


def cohort(n: int = 40) -> EcgWindows:
    """Windows with all that windows can have; samples are anywhere between two steps."""
    rng = np.random.default_rng(3)
    patients = np.arange(n) % 5
    return EcgWindows(
        signals=rng.standard_normal((n, 2, 50)).astype(np.float32),
        labels=rng.integers(3, size=n),
        patients=patients,
        sampling_rate=50.0,
        leads=("II", "V1"),
        classes=("N", "S", "V"),
        records=patients.astype(np.str_),
        positions=np.sort(rng.uniform(0, 60, n)),
        attributes={p: {"sex": "F", "age": 60.0 + p, "lf_hf": 0.1 * p + 0.3} for p in range(5)},
    )


def changed(array: Any, place: Any, value: Any) -> Any:
    copy = array.copy()
    copy[place] = value
    return copy


CHANGES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "all samples": lambda w: {"signals": w.signals * 3},
    "one sample by a step": lambda w: {
        "signals": changed(w.signals, (7, 1, 30), w.signals[7, 1, 30] + np.float32(1.01 * STEP))
    },
    "order against labels": lambda w: {"signals": w.signals[::-1].copy()},
    "two windows swapped": lambda w: {"signals": w.signals[[1, 0, *range(2, len(w))]]},
    "order of leads": lambda w: {"signals": w.signals[:, ::-1].copy()},
    "order of samples": lambda w: {"signals": w.signals[:, :, ::-1].copy()},
    "sign": lambda w: {"signals": -w.signals},
    "shape": lambda w: {"signals": w.signals.reshape(len(w), 1, 100)},
    "one label": lambda w: {"labels": changed(w.labels, 3, (w.labels[3] + 1) % 3)},
    "one patient": lambda w: {"patients": changed(w.patients, 3, 9)},
    "one record": lambda w: {"records": changed(w.records, 3, "9")},
    "no records": lambda w: {"records": None},
    "one position by 2 µs": lambda w: {"positions": changed(w.positions, 3, w.positions[3] + 2e-6)},
    "no positions": lambda w: {"positions": None},
    "rate": lambda w: {"sampling_rate": 50.5},
    "name of a lead": lambda w: {"leads": ("II", "V2")},
    "name of a class": lambda w: {"classes": ("N", "S", "F")},
    "one age": lambda w: {"attributes": {**w.attributes, 2: {"sex": "F", "age": 63.0}}},
    "one attribute more": lambda w: {"attributes": {**w.attributes, 9: {}}},
    "no attributes": lambda w: {"attributes": None},
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_a_plugin_can_see_makes_another_digest(change: str) -> None:
    windows = cohort()
    other = dataclasses.replace(windows, **CHANGES[change](windows))
    assert len(digest(windows, "")) == 64
    assert digest(other, "") != digest(windows, "")


def test_one_window_more_makes_another_digest_and_so_do_other_files() -> None:
    windows = cohort()
    assert digest(windows.take(slice(1, None)), "") != digest(windows, "")
    assert digest(windows, "sums") != digest(windows, "")


def test_what_two_machines_compute_differently_in_the_last_bits_makes_none() -> None:
    """Between versions of numpy and scipy: 1e-12 mV, 1e-14 s, 1e-15 of an attribute."""
    windows, rng = cohort(), np.random.default_rng(4)
    assert windows.positions is not None
    assert windows.attributes is not None
    noise = rng.uniform(-1e-9, 1e-9, windows.signals.shape)
    other = dataclasses.replace(
        windows,
        signals=(windows.signals + noise).astype(np.float32),
        positions=windows.positions + rng.uniform(-1e-13, 1e-13, len(windows)),
        attributes={
            p: {k: v if isinstance(v, str) else v * (1 + 4e-16) for k, v in told.items()}
            for p, told in windows.attributes.items()
        },
    )
    assert not np.array_equal(other.signals, windows.signals)
    assert other.positions is not None
    assert not np.array_equal(other.positions, windows.positions)
    assert other.attributes != windows.attributes
    assert digest(other, "") == digest(windows, "")


def test_a_difference_moves_as_many_samples_as_the_docs_say() -> None:
    """To another step go difference / step of them."""
    rng = np.random.default_rng(5)
    samples = rng.standard_normal(1_000_000)
    other = samples + 1e-8
    moved = np.rint(samples / STEP) != np.rint(other / STEP)
    assert moved.sum() == pytest.approx(1e-8 / STEP * len(samples), rel=0.3)


def test_samples_of_converters_never_lie_between_two_steps() -> None:
    for counts in (100, 200, 205, 400, 500, 1000, 2**12):
        steps = np.arange(-3 * counts, 3 * counts) / counts / STEP
        assert (np.abs(steps % 1 - 0.5) > 1e-4).all(), counts


def test_zeros_have_one_sign() -> None:
    windows = cohort()
    signals = changed(windows.signals, (0, 0), 0.0)
    minus = changed(signals, (0, 0), -0.0)
    assert digest(dataclasses.replace(windows, signals=minus), "") == digest(
        dataclasses.replace(windows, signals=signals), ""
    )


def test_it_does_not_depend_on_how_arrays_lie_in_memory_or_on_how_many_are_read_at_once(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = cohort()
    found = digest(windows, "")
    np.save(tmp_path / "signals.npy", windows.signals)
    for signals in (
        np.asfortranarray(windows.signals),
        np.repeat(windows.signals, 2, axis=2)[:, :, ::2],
        np.load(tmp_path / "signals.npy", mmap_mode="r"),
    ):
        assert digest(dataclasses.replace(windows, signals=signals), "") == found
    for samples in (1, 150, 1000):
        monkeypatch.setattr(module, "CHUNK", samples)
        assert digest(windows, "") == found


def test_another_process_comes_to_the_same(tmp_path: Any) -> None:
    code = "from tests.harness.data.test_digest import *; print(digest(cohort(), ''))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == digest(cohort(), "")
