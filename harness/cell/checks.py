"""Checks before a plugin is called, and of its answer."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ecgbench.contracts.comparison import REAL
from ecgbench.contracts.contributions import Contributions
from ecgbench.contracts.errors import PluginError, Skip
from ecgbench.contracts.protocols import Score
from ecgbench.contracts.windows import EcgWindows
from ecgbench.results.store.records import ContributionsRecord

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.contracts.comparison import Comparison
    from ecgbench.contracts.specs import GeneratorSpec, MetricSpec
    from ecgbench.contracts.windows import Splits

MAX_COUNT = 2**53
"""Whole numbers below are exact in JSON, whoever reads it."""


def check_applies(spec: GeneratorSpec, train: EcgWindows, labels: NDArray[np.int64]) -> None:
    """See whether a generator applies to these training windows and labels.

    Raises:
        Skip: it does not; the reason says why.
    """
    leads = train.signals.shape[1]
    if spec.max_leads is not None and leads > spec.max_leads:
        raise Skip(f"it models at most {spec.max_leads} leads, the windows have {leads}")
    counts = {"all classes": len(train)}
    if not spec.conditional:
        counts = {
            f"class {train.classes[c]}": int((train.labels == c).sum()) for c in np.unique(labels)
        }
    for what, count in counts.items():
        if count < spec.min_windows:
            raise Skip(f"it needs {spec.min_windows} training windows, {what} has {count}")


def check_metric_applies(spec: MetricSpec, comparison: Comparison) -> None:
    """See whether a metric applies to this comparison.

    Raises:
        Skip: it does not; the reason says why.
    """
    synthetic = comparison.synthetic
    if spec.needs_labels and len(np.unique(comparison.splits.train.labels)) < 2:
        raise Skip("it needs several classes, the dataset has one")
    if spec.needs_patients and not len(comparison.splits.test):
        raise Skip("it needs unseen patients, the dataset has one patient")
    check_shape(spec, synthetic)
    if len(synthetic) < spec.min_windows:
        raise Skip(f"it needs {spec.min_windows} synthetic windows, there are {len(synthetic)}")


def check_shape(spec: MetricSpec, windows: EcgWindows) -> None:
    """See whether a metric applies to windows of these leads and seconds.

    Raises:
        Skip: it does not; the reason says why.
    """
    leads, seconds = len(windows.leads), windows.length / windows.sampling_rate
    if leads < spec.min_leads:
        raise Skip(f"it needs {spec.min_leads} leads, the windows have {leads}")
    if seconds < spec.min_seconds:
        raise Skip(f"it needs windows of {spec.min_seconds:g} s, these last {seconds:g} s")


def check_sample(
    name: str, synthetic: object, train: EcgWindows, labels: NDArray[np.int64]
) -> None:
    """Check the windows of a generator: their count, shape, names and labels.

    Raises:
        PluginError: something differs; the message names it and both values.
    """
    where = f"generator {name}"
    if not isinstance(synthetic, EcgWindows):
        raise PluginError(f"{where} returned {type(synthetic).__name__}; EcgWindows are wanted")
    if problem := synthetic.problem():
        raise PluginError(f"{where}: {problem}")
    wanted = (len(labels), *train.signals.shape[1:])
    if synthetic.signals.shape != wanted:
        raise PluginError(
            f"{where} returned signals of shape {synthetic.signals.shape}; {wanted} is wanted"
        )
    for what in ("sampling_rate", "leads", "classes"):
        given, asked = getattr(synthetic, what), getattr(train, what)
        if given != asked:
            raise PluginError(
                f"{where} returned windows with {what} {given!r}; {asked!r} is wanted"
            )
    if not np.array_equal(synthetic.labels, labels):
        raise PluginError(f"{where} returned other labels than it was asked for, or another order")


def as_score(spec: MetricSpec, returned: object) -> Score:
    """Check that a metric returned a number in its bounds, and make a `Score` of plain numbers.

    Raises:
        PluginError: it did not; the message shows the answer.
    """
    where = f"metric {spec.name}"
    if isinstance(returned, Score):
        score = returned
    elif isinstance(returned, int | float | np.integer | np.floating):
        score = Score(value=float(returned))
    else:
        raise PluginError(f"{where} returned {type(returned).__name__}; a float or a Score")
    value = _number(f"{where}: value", score.value)
    low, high = spec.bounds
    tolerance = 1e-6 * max(1.0, abs(value))
    if not np.isfinite(value):
        raise PluginError(f"{where} returned {value}; a finite number is wanted")
    if not low - tolerance <= value <= high + tolerance:
        raise PluginError(f"{where} returned {value}, outside its bounds {spec.bounds}")
    return dataclasses.replace(
        score,
        value=value,
        parts=_parts(where, score.parts),
        n=None if score.n is None else _count(where, score.n),
        artefacts=_artefacts(where, score.artefacts),
    )


def _number(what: str, given: Any) -> float:
    try:
        return float(given)
    except (TypeError, ValueError, OverflowError):
        raise PluginError(f"{what} is {_short(given)}; a number is wanted") from None


def _parts(where: str, parts: Any) -> dict[str, float]:
    if not isinstance(parts, Mapping):
        raise PluginError(f"{where}: parts are {_short(parts)}; numbers by name are wanted")
    return {str(name): _number(f"{where}: part {name!r}", part) for name, part in parts.items()}


def _count(where: str, given: Any) -> int:
    count = _number(f"{where}: n", given)
    if not 0 <= count < MAX_COUNT or count != int(count):
        raise PluginError(f"{where}: n is {_short(given)}; a count of windows is wanted")
    return int(count)


def _artefacts(where: str, artefacts: Any) -> dict[str, bytes]:
    if not isinstance(artefacts, Mapping):
        raise PluginError(f"{where}: artefacts are {_short(artefacts)}; bytes by name are wanted")
    for name, content in artefacts.items():
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", str(name)):
            raise PluginError(
                f"{where} named an artefact {name!r}; letters, digits, dots, hyphens and underscores"
            )
        if not isinstance(content, bytes | bytearray | memoryview):
            raise PluginError(f"{where}: artefact {name} is {_short(content)}; bytes are wanted")
    return {str(name): bytes(content) for name, content in artefacts.items()}


def as_contributions(
    spec: MetricSpec, score: Score, splits: Splits
) -> tuple[ContributionsRecord | None, list[str]]:
    """Check a score's contributions, and return them as a record, with notes for the reader.

    Contributions that do not make the value are left out, and a note says so: a wrong interval is worse
    than none.

    Raises:
        PluginError: they hold NaN or infinite numbers, or belong to people whom the dataset lacks.
    """
    given = score.contributions
    where = f"metric {spec.name}"
    if given is None:
        return None, []
    if not isinstance(given, Contributions):
        raise PluginError(
            f"{where}: contributions are {_short(given)}; Contributions.of makes them"
        )
    arrays = (given.numerators, given.denominators, given.coefficients, given.offset)
    if not all(np.isfinite(array).all() for array in arrays):
        raise PluginError(f"{where}: its contributions hold NaN or infinite numbers")
    # somebody with one window may be in any part
    known = np.concatenate([getattr(splits, side).patients for side in REAL])
    strangers = np.setdiff1d(given.people, known)
    if len(strangers):
        hint = (
            "a synthetic window has no patient; people_behind(Comparison) names the people behind them"
            if -1 in strangers
            else "the patients of the splits are wanted"
        )
        raise PluginError(
            f"{where}: its contributions are of person {strangers[0]}, whom the dataset lacks; {hint}"
        )
    made = float(given.evaluate()[0])
    if abs(made - score.value) > 1e-6 * max(1.0, abs(score.value)):
        note = f"its contributions make {made:.6g} and its value is {score.value:.6g}"
        return None, [f"{note}, so it has no interval"]
    record = ContributionsRecord(
        people=given.people.tolist(),
        numerators=given.numerators.tolist(),
        denominators=given.denominators.tolist(),
        coefficients=given.coefficients.tolist(),
        offset=float(given.offset),
    )
    return record, []


def _short(given: object) -> str:
    text = " ".join(repr(given).split())
    return text if len(text) <= 60 else f"a {type(given).__name__}"
