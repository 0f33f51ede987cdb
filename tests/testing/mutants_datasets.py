"""Mutants of the built-in simulated dataset."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ecgbench.datasets.ecgsyn import EcgsynConfig, ecgbench_datasets

if TYPE_CHECKING:
    from ecgbench import DatasetSpec, EcgWindows

ECGSYN = next(spec for spec in ecgbench_datasets() if spec.name == "ecgsyn")

MUTANTS: list[tuple[str, DatasetSpec]] = []


@cache
def _windows() -> EcgWindows:
    windows: EcgWindows = ECGSYN.load()(EcgsynConfig(patients=6, beats=12), None)
    return windows


def mutant(check: str, **changes: Any) -> Any:
    """Register a function from good windows to bad ones."""

    def register(change: Any) -> Any:
        def load(config: Any, folder: Any) -> Any:
            return change(replace(_windows(), signals=_windows().signals.copy()))

        MUTANTS.append((check, replace(ECGSYN, target=load, **changes)))
        return change

    return register


for _check, _changes in (
    ("facts", {"licence": ""}),
    ("facts", {"classes": ("N", "N", "V", "F")}),
    ("facts", {"headline_classes": ("N", "Q")}),
    ("facts", {"halves": ((1, 2), (2, 3))}),
    ("files-declared", {"files": None}),
    ("as-declared", {"leads": ("MLII",)}),
    ("divides", {"halves": ((0, 1), (2, 3))}),
):
    MUTANTS.append((_check, replace(ECGSYN, **_changes)))


@mutant("reads")
def a_tuple(windows):
    return windows.signals, windows.labels


@mutant("reads")
def not_finite(windows):
    windows.signals[0] = np.nan
    return windows


@mutant("same-windows-again")
def drawn_anew(windows):
    windows.signals[0, 0, 0] += 0.1 + int.from_bytes(os.urandom(2), "little") / 2**16
    return windows


@mutant("same-windows-again")
def one_array(windows):
    return _windows_once()


@cache
def _windows_once() -> EcgWindows:
    return replace(_windows(), signals=_windows().signals.copy())


@mutant("reads")
def synthetic_people(windows):
    return replace(windows, patients=np.full(len(windows), -1))


@mutant("people")
def two_people(windows):
    return replace(windows, patients=windows.patients % 2)


@mutant("people")
def twins(windows):
    of = windows.patients
    windows.signals[of == 1] = windows.signals[of == 0]
    return windows


@mutant("reads")
def microvolts(windows):
    return replace(windows, signals=windows.signals * np.float32(1000))


@mutant("origin-of-windows")
def one_place(windows):
    n = len(windows)
    return replace(windows, records=np.full(n, "100"), positions=np.zeros(n))


@mutant("origin-of-windows")
def record_of_two(windows):
    n = len(windows)
    return replace(windows, records=np.full(n, "100"), positions=np.arange(n, dtype=float))


@mutant("random-state")
def seeds(windows):
    np.random.seed(1)  # noqa: NPY002 - the fault
    return windows


@mutant("process-state")
def moves(windows):
    os.chdir("/")
    return windows
