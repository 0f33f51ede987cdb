"""`cross-classification`: TSTR and TRTS beside TRTR."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from sklearn.metrics import roc_auc_score

from ecgbench import Contributions, Score, Skip, Term
from ecgbench.metrics.utility.draw import real_like_synthetic
from ecgbench.nn import Classifier, ClassifierConfig

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison, EcgWindows
    from ecgbench.metrics.utility import CrossClassificationConfig


def cross_classification(comparison: Comparison, config: CrossClassificationConfig) -> Score:
    r"""Macro-F1, on people that nobody has seen, of a classifier trained on synthetic windows.

    Train on synthetic, test on real (TSTR) and the reverse (TRTS) after Esteban, Hyland, Rätsch
    (2017, arXiv:1706.02633), with `ecgbench.nn.Classifier`::

        F1_c = 2·TP_c / (2·TP_c + FP_c + FN_c),  0 where a class is neither there nor predicted
        value = mean of F1_c over the headline classes, of TSTR

    ======  ================================================  ==========
    name    trained on                                        tested on
    ======  ================================================  ==========
    tstr    synthetic                                         ``test``
    trts    ``train``, as many windows of each class          synthetic
    trtr    the same                                          ``test``
    ======  ================================================  ==========

    The three networks are equal in design, initial weights and steps, and TSTR and TRTR meet the
    same people.  Parts, of each of the three: ``macro-f1``, ``f1-CLASS`` (every class), ``accuracy``
    and ``auroc``, the mean over the headline classes of the area under the curve one-versus-rest;
    a class that is missing from the windows tested on has no area and is left out of that mean.
    ``gap`` is the macro-F1 of TSTR less that of TRTR.

    Higher is better.  Range (0, 1).  An ideal generator scores what TRTR does.

    Returns:
        The value with its parts, and exact per-person contributions.

    Raises:
        Skip: there are no unseen people, or the synthetic windows are all of one class.
    """
    splits, synthetic = comparison.splits, comparison.synthetic
    if not len(splits.test):
        raise Skip("the dataset has no unseen people to test on")
    if len(np.unique(synthetic.labels)) < 2:
        raise Skip("the synthetic windows are all of one class")
    headline = [comparison.classes.index(name) for name in comparison.headline_classes]

    def on_real() -> dict[str, NDArray[Any]]:
        model = _untrained(comparison, config)
        drawn = real_like_synthetic(splits, comparison.seed)
        model.fit(drawn.signals, drawn.labels)
        trtr = _measures("trtr", splits.test, model.probabilities(splits.test.signals), headline)
        return model.state() | {name: np.array([value]) for name, value in trtr.items()}

    real = comparison.once(
        "cross-classification-real",
        on_real,
        version=1,
        settings={**msgspec.to_builtins(config), "headline": comparison.headline_classes},
    )
    trtr = {name: float(kept[0]) for name, kept in real.items() if name.startswith("trtr-")}
    on_synthetic = _untrained(comparison, config).restore(real).probabilities(synthetic.signals)
    trts = _measures("trts", synthetic, on_synthetic, headline)
    model = _untrained(comparison, config).fit(synthetic.signals, synthetic.labels)
    probabilities = model.probabilities(splits.test.signals)
    tstr = _measures("tstr", splits.test, probabilities, headline)
    value = tstr["tstr-macro-f1"]
    return Score(
        value=value,
        parts={"gap": value - trtr["trtr-macro-f1"], **tstr, **trts, **trtr},
        contributions=_contributions(splits.test, probabilities.argmax(axis=1), headline),
        n=len(splits.test),
    )


def _untrained(comparison: Comparison, config: CrossClassificationConfig) -> Classifier:
    return Classifier(
        len(comparison.synthetic.leads),
        len(comparison.classes),
        ClassifierConfig(steps=config.steps),
        seed=comparison.seed,
    )


def _measures(
    name: str, windows: EcgWindows, probabilities: NDArray[np.float64], headline: list[int]
) -> dict[str, float]:
    """The parts of one of the three experiments, by name."""
    labels, predicted = windows.labels, probabilities.argmax(axis=1)
    hits, counts = _f1_counts(labels, predicted, len(windows.classes))
    f1 = hits.sum(axis=0) / np.maximum(counts.sum(axis=0), 1)
    areas = [
        roc_auc_score(labels == c, probabilities[:, c])
        for c in headline
        if 0 < np.sum(labels == c) < len(labels)
    ]
    measures = {"macro-f1": f1[headline].mean()}
    measures |= {f"f1-{label}": f1[c] for c, label in enumerate(windows.classes)}
    measures |= {"auroc": np.mean(areas)} if areas else {}
    measures |= {"accuracy": np.mean(labels == predicted)}
    return {f"{name}-{measure}": float(value) for measure, value in measures.items()}


def _f1_counts(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What each window adds to 2·TP and to 2·TP + FP + FN, each of shape (window, class)."""
    there = labels[:, None] == np.arange(classes)
    said = predicted[:, None] == np.arange(classes)
    return 2.0 * (there & said), there.astype(np.float64) + said


def _contributions(
    test: EcgWindows, predicted: NDArray[np.int64], headline: list[int]
) -> Contributions:
    hits, counts = _f1_counts(test.labels, predicted, len(test.classes))
    return Contributions.of(
        Term(
            patients=test.patients,
            numerators=hits[:, c],
            denominators=counts[:, c],
            coefficient=1 / len(headline),
        )
        for c in headline
    )
