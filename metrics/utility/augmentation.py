"""`augmentation-gain`: the gain from synthetic windows beside real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from ecgbench import Contributions, Score
from ecgbench.large import by_parts
from ecgbench.metrics.utility import CrossClassificationConfig
from ecgbench.metrics.utility.cross_classification import untrained
from ecgbench.metrics.utility.experiments import (
    check,
    headline_classes,
    some_real,
    trained_on_real,
)
from ecgbench.metrics.utility.f1 import f1_by_class, f1_terms
from ecgbench.nn.classifier import VERSION

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison
    from ecgbench.metrics.utility import AugmentationGainConfig


def augmentation_gain(comparison: Comparison, config: AugmentationGainConfig) -> Score:
    """Return the gain in macro-F1, on unseen people, from synthetic windows beside a few real ones.

    This is data augmentation as Frid-Adar et al. (Neurocomputing 321:321, 2018) measure it.  A fraction f
    of as many ``train`` windows as there are synthetic ones, spread over people and classes, trains a
    network A_f.  The same windows and all synthetic ones train B_f, equal in design, initial weights and
    steps.  Both are networks of `cross-classification`::

        gain_f = macro-F1(B_f) − macro-F1(A_f), on ``test``, over the headline classes

    Windows that add nothing score 0, up to the noise of training.  There is no ideal value, but the row
    ``real``, new windows of the same people, shows the possible gain.

    The value sees windows of the wrong class.  White noise on windows of the right class hardly disturbs
    learning: up to one deviation of the signal the value stays that of real windows, within the noise of
    training.

    Parts: ``gain-F`` and ``real-F``, the gain and the macro-F1 of A_f, of each fraction F;
    ``minority-gain-F``, the gain in mean F1 of the headline classes but the most common one of
    ``train``; ``f1-gain-CLASS``, the gain in the F1 of each class, mean over the fractions.

    Returns:
        The value with its parts, and exact per-person contributions.

    Raises:
        Skip: there are no unseen people, or the synthetic windows are all of one class.
    """
    check(comparison)
    test, synthetic = comparison.splits.test, comparison.synthetic
    headline = headline_classes(comparison)
    minority = _minority(comparison.splits.train.labels, headline)
    model = CrossClassificationConfig(
        steps=config.steps, gain=config.gain, stretch=config.stretch, shift=config.shift
    )
    settings = msgspec.to_builtins(model)
    parts, gains, terms = {}, [], []
    for fraction in config.fractions:
        before = trained_on_real(
            comparison,
            "cross-classification",
            lambda: untrained(comparison, model),
            settings,
            VERSION,
            fraction,
        ).predicted
        real = some_real(comparison, fraction)
        both = untrained(comparison, model).fit(
            np.concatenate([real.signals, synthetic.signals]),
            np.concatenate([real.labels, synthetic.labels]),
        )
        after = by_parts(both.probabilities, test.signals).argmax(axis=1)
        f1 = f1_by_class(test, before)
        gains.append(f1_by_class(test, after) - f1)
        parts[f"gain-{fraction:g}"] = float(gains[-1][headline].mean())
        parts[f"real-{fraction:g}"] = float(f1[headline].mean())
        if minority:
            parts[f"minority-gain-{fraction:g}"] = float(gains[-1][minority].mean())
        weight = 1 / len(config.fractions)
        terms += f1_terms(test, after, headline, weight) + f1_terms(test, before, headline, -weight)
    mean_gains = np.mean(gains, axis=0)
    for c, label in enumerate(comparison.classes):
        parts[f"f1-gain-{label}"] = float(mean_gains[c])
    return Score(
        value=float(mean_gains[headline].mean()),
        parts=parts,
        contributions=Contributions.of(terms),
        n=len(test),
    )


def _minority(labels: NDArray[np.int64], headline: list[int]) -> list[int]:
    """Return the headline classes but the most common of them."""
    common = max(headline, key=lambda c: int(np.sum(labels == c)))
    return [c for c in headline if c != common]
