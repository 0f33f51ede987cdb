"""`cross-classification-boosting`: TSTR and TRTS beside TRTR, with boosted trees on features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from ecgbench import principal_components
from ecgbench.large import by_parts
from ecgbench.metrics.utility.draw import root_weights
from ecgbench.metrics.utility.experiments import cross_classify
from ecgbench.metrics.utility.shape import shape_features

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ecgbench import Comparison, Score
    from ecgbench.metrics.utility import BoostingConfig


def cross_classification_boosting(comparison: Comparison, config: BoostingConfig) -> Score:
    """Return the macro-F1, on unseen people, of boosted trees on features of synthetic windows.

    This is `cross-classification` with gradient-boosted trees (scikit-learn's
    ``HistGradientBoostingClassifier``).  The features are the window's principal components, fitted on
    the training windows of the trees, and the amplitudes, widths and slopes of each lead
    (`shape_features`).  A window of a class of n weighs in proportion to 1/√n, as in
    `ecgbench.nn.Classifier`.

    An ideal generator scores as the part ``trtr-macro-f1``.

    Returns:
        The value, the parts of `cross-classification`, and exact per-person contributions.

    Raises:
        Skip: there are no unseen people, or the synthetic windows are all of one class.
    """
    return cross_classify(
        comparison,
        "cross-classification-boosting",
        lambda: Boosting(len(comparison.classes), config, seed=comparison.seed),
        msgspec.to_builtins(config),
        version=2,
    )


class Boosting:
    """Gradient-boosted trees on principal components and simple features of shape.

    Args:
        classes: the number of classes.
        config: settings.
        seed: of the trees.
    """

    def __init__(self, classes: int, config: BoostingConfig, *, seed: int) -> None:
        self.classes = classes
        self.config = config
        self.seed = seed

    def fit(self, signals: NDArray[np.float32], labels: NDArray[np.int64]) -> Boosting:
        """Train on windows of at least two classes; return itself."""
        self.signals, self.labels = signals, labels
        flat = signals.reshape(len(signals), -1)
        self.components = principal_components(flat, self.config.components)
        self.trees = HistGradientBoostingClassifier(
            max_iter=self.config.iterations,
            max_leaf_nodes=self.config.leaves,
            early_stopping=False,
            random_state=self.seed,
        )
        self.trees.fit(self._features(signals), labels, sample_weight=root_weights(labels))
        return self

    def probabilities(self, signals: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the probability of each class, shape (window, class)."""
        probabilities_of_classes = np.zeros((len(signals), self.classes))
        probabilities_of_classes[:, self.trees.classes_] = self.trees.predict_proba(
            self._features(signals)
        )
        return probabilities_of_classes

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the training windows: trees are no arrays, and are soon grown again."""
        return {"signals": self.signals, "labels": self.labels}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> Boosting:
        """Train on the result of `state`; return itself."""
        return self.fit(state["signals"], state["labels"])

    def _features(self, signals: NDArray[np.float32]) -> NDArray[np.float32]:
        components = self.components.project(signals.reshape(len(signals), -1))
        shapes = by_parts(shape_features, signals)
        return np.concatenate([components, shapes], axis=1, dtype=np.float32)
