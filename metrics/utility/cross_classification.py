"""`cross-classification`: TSTR and TRTS beside TRTR, with a convolutional network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ecgbench.metrics.utility.experiments import cross_classify
from ecgbench.nn import Classifier, ClassifierConfig
from ecgbench.nn.classifier import VERSION

if TYPE_CHECKING:
    from ecgbench import Comparison, Score
    from ecgbench.metrics.utility import CrossClassificationConfig


def cross_classification(comparison: Comparison, config: CrossClassificationConfig) -> Score:
    """Return the macro-F1, on unseen people, of a classifier trained on synthetic windows.

    Train on synthetic, test on real (TSTR) and the reverse (TRTS) after Esteban, Hyland, Rätsch
    (2017), with `ecgbench.nn.Classifier`.  The value is that of TSTR; the F1 of a class neither present
    nor predicted is 0.

    ======  ================================================  ==========
    name    trained on                                        tested on
    ======  ================================================  ==========
    tstr    synthetic                                         ``test``
    trts    ``train``, as many windows of each class          synthetic
    trtr    the same                                          ``test``
    ======  ================================================  ==========

    The networks are equal in design, initial weights and steps, and TSTR and TRTR meet the same
    people.  Windows are distorted in training (gain, speed, shift), because people differ in that.

    An ideal generator scores as TRTR does.

    Parts, of each of the three: ``macro-f1``, ``f1-CLASS`` (every class), ``accuracy`` and ``auroc``,
    the mean over the headline classes of the area under the curve one-versus-rest; a class missing from
    the test windows has no area and is left out of that mean.  ``gap`` is the macro-F1 of TSTR less that
    of TRTR.

    Returns:
        The value with its parts, and exact per-person contributions.

    Raises:
        Skip: there are no unseen people, or the synthetic windows are all of one class.
    """
    return cross_classify(
        comparison,
        "cross-classification",
        lambda: untrained(comparison, config),
        msgspec.to_builtins(config),
        VERSION,
    )


def untrained(comparison: Comparison, config: CrossClassificationConfig) -> Classifier:
    """Return the network before training: the same for the same leads, classes, settings and seed."""
    return Classifier(
        len(comparison.synthetic.leads),
        len(comparison.classes),
        ClassifierConfig(
            steps=config.steps, gain=config.gain, stretch=config.stretch, shift=config.shift
        ),
        seed=comparison.seed,
    )
