"""What the harness makes sure of before it calls a plugin, and of what the plugin returns."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import numpy as np

from ecgbench.harness.contracts import Score
from ecgbench.harness.errors import PluginError, Skip
from ecgbench.harness.windows import EcgWindows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.harness.comparison import Comparison
    from ecgbench.harness.specs import GeneratorSpec, MetricSpec


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
    if len(synthetic) < spec.min_windows:
        raise Skip(f"it needs {spec.min_windows} synthetic windows, there are {len(synthetic)}")


def check_sample(
    name: str, synthetic: object, train: EcgWindows, labels: NDArray[np.int64]
) -> None:
    """See that a generator returned what it was asked for.

    Raises:
        PluginError: it did not; the message says what it did return.
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
    """See that a metric returned a number in its bounds, and make a `Score` of it.

    Raises:
        PluginError: it did not; the message says what it did return.
    """
    where = f"metric {spec.name}"
    if isinstance(returned, Score):
        score = returned
    elif isinstance(returned, int | float | np.integer | np.floating):
        score = Score(value=float(returned))
    else:
        raise PluginError(f"{where} returned {type(returned).__name__}; a float or a Score")
    for name in score.artefacts:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
            raise PluginError(
                f"{where} named an artefact {name!r}; letters, digits, dots, hyphens and underscores"
            )
    value = float(score.value)
    low, high = spec.bounds
    tolerance = 1e-6 * max(1.0, abs(value))
    if not np.isfinite(value):
        raise PluginError(f"{where} returned {value}; a finite number is wanted")
    if not low - tolerance <= value <= high + tolerance:
        raise PluginError(f"{where} returned {value}, outside its bounds {spec.bounds}")
    return dataclasses.replace(score, value=value)
