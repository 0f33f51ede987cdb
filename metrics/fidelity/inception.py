"""`inception-score`: how sure and how various the answers of an ECG classifier are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from sklearn.metrics import f1_score, recall_score

from ecgbench import Score
from ecgbench.large import by_parts
from ecgbench.nn import Classifier, ClassifierConfig
from ecgbench.nn.classifier import VERSION

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison
    from ecgbench.metrics.fidelity import InceptionScoreConfig


def inception_score(comparison: Comparison, config: InceptionScoreConfig) -> Score:
    """Return the inception score of the synthetic windows under a classifier of ECG windows.

    Salimans et al. (NeurIPS 2016, section 4) average over parts of the windows; all windows enter at
    once here, for that average is biased (Barratt, Sharma, 2018, arXiv:1801.01973).  The classifier is
    `ecgbench.nn.Classifier`, trained on ``train`` once for each dataset and seed.

    The score is high if each window looks like one class and all classes occur.  In a real set one
    class outnumbers the others, so it scores little above 1; the upper bound is the number of classes.
    An ideal generator scores as real windows do: the ``real`` row, or the part ``control``.

    The score sees neither slight noise nor repeated windows within a class, and is never ranked: on
    MIT-BIH windows 8 to 100 ms late score more than real ones with 5 or 6 of six seeds.

    Parts: ``control``, the score of the control windows; ``test-accuracy``,
    ``test-balanced-accuracy`` (mean recall of the classes in the set) and ``test-macro-f1`` (over the
    headline classes) of the classifier on unseen people.  If there are none, the same on ``control`` as
    ``control-accuracy`` and so on.

    No contributions: real windows enter through the trained classifier alone.
    """
    classifier = Classifier(
        len(comparison.synthetic.leads),
        len(comparison.classes),
        ClassifierConfig(
            steps=config.steps,
            batch=config.batch,
            learning_rate=config.learning_rate,
            width=config.width,
        ),
        seed=comparison.seed,
    )

    def trained() -> dict[str, NDArray[Any]]:
        train = comparison.splits.train
        classifier.fit(train.signals, train.labels)
        read = {name: np.array([value]) for name, value in _read(comparison, classifier).items()}
        return classifier.state() | {f"read.{name}": value for name, value in read.items()}

    kept = comparison.once(
        "inception-classifier",
        trained,
        version=VERSION,
        settings={**msgspec.to_builtins(config), "headline": comparison.headline_classes},
    )
    classifier.restore(kept)
    return Score(
        value=exp_mean_divergence(by_parts(classifier.probabilities, comparison.synthetic.signals)),
        parts={
            name.removeprefix("read."): float(value[0])
            for name, value in kept.items()
            if name.startswith("read.")
        },
        n=len(comparison.synthetic),
    )


def exp_mean_divergence(probabilities: NDArray[np.float64]) -> float:
    """Return exp(mean Kullback–Leibler divergence of a row from the mean row), rows of shape (class,)."""
    marginal = probabilities.mean(axis=0)
    ratio = np.divide(
        probabilities, marginal, out=np.ones_like(probabilities), where=probabilities > 0
    )
    divergence = (probabilities * np.log(ratio)).sum(axis=1).mean()
    return float(np.exp(max(divergence, 0.0)))


def _read(comparison: Comparison, classifier: Classifier) -> dict[str, float]:
    """Return the scores of the classifier, and the inception score of real windows."""
    on_control = by_parts(classifier.probabilities, comparison.splits.control.signals)
    part, windows, of_windows = "control", comparison.splits.control, on_control
    if len(comparison.splits.test):
        part, windows = "test", comparison.splits.test
        of_windows = by_parts(classifier.probabilities, windows.signals)
    labels, answers = windows.labels, of_windows.argmax(axis=1)
    headline = [comparison.classes.index(name) for name in comparison.headline_classes]
    return {
        "control": exp_mean_divergence(on_control),
        f"{part}-accuracy": float(np.mean(labels == answers)),
        f"{part}-balanced-accuracy": float(
            recall_score(labels, answers, labels=np.unique(labels), average="macro")
        ),
        f"{part}-macro-f1": float(
            f1_score(labels, answers, labels=headline, average="macro", zero_division=0)
        ),
    }
