"""Simulated people on whom plugins are tried: the dataset `ecgsyn`, with leads of known amplitude."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ecgbench.contracts.config import build
from ecgbench.contracts.errors import PluginError
from ecgbench.harness.data.split import number, split
from ecgbench.harness.isolation.frozen import Frozen
from ecgbench.harness.planning.catalog import discover

if TYPE_CHECKING:
    from functools import _lru_cache_wrapper
    from typing import Any

    from ecgbench.contracts.windows import EcgWindows, Splits

T = TypeVar("T")

PEOPLE: dict[str, float] = {"patients": 20, "beats": 60}
"""Settings of `ecgsyn`: few windows, but enough for every metric to tell noise from ECG."""

STRIPS: dict[str, float] = {"patients": 160, "frequent": 0.0}
"""Settings of `ecgsyn-strips`: every class has the windows that a metric needs."""

SECONDS = 2.0
"""Length of a window of `ecgsyn`."""

SECOND = 10.0
"""Amplitude of the second lead, in amplitudes of the first."""

PARTS = ("train", "control", "auxiliary", "fresh", "test")

KEPT: list[_lru_cache_wrapper[Any]] = []
"""Functions that keep windows of the people, or what is computed from them."""

_frozen: list[Frozen] = []


def kept(function: _lru_cache_wrapper[T]) -> _lru_cache_wrapper[T]:
    """Have a function with a cache forget it when the windows have changed."""
    KEPT.append(function)
    return function


def restore() -> None:
    """Have the people simulated anew if a plugin wrote into their windows: the next one gets them whole."""
    try:
        for each in _frozen:
            each.check("it")
    except PluginError:
        _frozen.clear()
        for function in KEPT:
            function.cache_clear()


@kept
@cache
def cohort(fold: int = 0) -> Splits:
    """Return the splits of the simulated people, one lead, four classes; the arrays are read-only."""
    return _simulated("ecgsyn", PEOPLE, fold)


@kept
@cache
def strips(fold: int = 0) -> Splits:
    """Return the splits of simulated strips of 10 s, twelve leads, three classes."""
    return _simulated("ecgsyn-strips", STRIPS, fold)


@kept
@cache
def two_leads(fold: int = 0) -> Splits:
    """Return the same with a second lead: the first upside down, `SECOND` times as large, under noise."""
    return _kept_whole(_each(cohort(fold), _with_second_lead))


@kept
@cache
def one_class(fold: int = 0) -> Splits:
    """Return the windows of the first class alone, the only class of the dataset."""
    return _kept_whole(_each(cohort(fold), _first_class))


@kept
@cache
def one_person(fold: int = 0) -> Splits:
    """Return splits without unseen people."""
    splits = cohort(fold)
    return dataclasses.replace(splits, test=splits.test.take(slice(0)))


def rare_classes(splits: Splits) -> EcgWindows:
    """Return training windows with one window of the last class but one, and none of the last."""
    train = splits.train
    *most, rare, _ = range(len(train.classes))
    one = np.flatnonzero(train.labels == rare)[:1]
    rows = np.concatenate([np.flatnonzero(np.isin(train.labels, most)), one])
    return train.take(np.sort(rows))


def _simulated(name: str, settings: dict[str, float], fold: int) -> Splits:
    spec = discover().dataset(name)
    config = build(spec.config, settings, where=f"dataset {name}")
    return _kept_whole(split(number(spec.load()(config, None)), fold))


def _each(splits: Splits, change: object) -> Splits:
    parts = {part: change(getattr(splits, part)) for part in PARTS}  # type: ignore[operator]
    return dataclasses.replace(splits, **parts)


def _with_second_lead(windows: EcgWindows) -> EcgWindows:
    rng = np.random.default_rng(len(windows))
    noise = 0.02 * rng.standard_normal(windows.signals.shape)
    second = SECOND * (noise - windows.signals)
    signals = np.concatenate([windows.signals, second], axis=1).astype(np.float32)
    return dataclasses.replace(windows, signals=signals, leads=(*windows.leads, "V1"))


def _first_class(windows: EcgWindows) -> EcgWindows:
    return dataclasses.replace(windows.take(windows.labels == 0), classes=windows.classes[:1])


def _kept_whole(splits: Splits) -> Splits:
    _frozen.append(Frozen(*(getattr(splits, part) for part in PARTS)))
    return splits
