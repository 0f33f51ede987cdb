"""`cross-classification-linear`: TSTR and TRTS beside TRTR, with logistic regression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from ecgbench import principal_components
from ecgbench.large import flat
from ecgbench.metrics.utility.draw import root_weights
from ecgbench.metrics.utility.experiments import cross_classify

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ecgbench import Comparison, Score
    from ecgbench.metrics.utility import LinearConfig


def cross_classification_linear(comparison: Comparison, config: LinearConfig) -> Score:
    r"""Return the macro-F1, on unseen people, of logistic regression on synthetic windows.

    This is `cross-classification` with multinomial logistic regression on the window's principal
    components z, each of deviation 1 and fitted on the training windows of the regression::

        p(c|x) = softmax_c(w_c·z + b_c),  minimising  Σ_i a_i · (−log p(c_i|x_i)) + Σ_c ‖w_c‖² / (2·strength)

    A window of a class of n has the weight a_i ∝ 1/√n, as in `ecgbench.nn.Classifier`.  The value sees the
    mean shape of the classes and little else, and is never ranked: on MIT-BIH white noise as strong as
    the signal, on the training windows, changes it by −.015 to +.005 (four seeds).

    An ideal generator scores as the part ``trtr-macro-f1``.

    Returns:
        The value, the parts of `cross-classification`, and exact per-person contributions.

    Raises:
        Skip: there are no unseen people, or the synthetic windows are all of one class.
    """
    return cross_classify(
        comparison,
        "cross-classification-linear",
        lambda: Linear(len(comparison.classes), config, seed=comparison.seed),
        msgspec.to_builtins(config),
        version=2,
    )


class Linear:
    """Logistic regression on standardised principal components, as one affine map of the samples.

    Args:
        classes: the number of classes.
        config: settings.
        seed: of the decomposition, randomised for long windows.
    """

    def __init__(self, classes: int, config: LinearConfig, *, seed: int) -> None:
        self.classes = classes
        self.config = config
        self.seed = seed
        self.weights = np.zeros((0, classes))
        self.biases = np.zeros(classes)

    def fit(self, signals: NDArray[np.float32], labels: NDArray[np.int64]) -> Linear:
        """Train on windows of at least two classes; return itself."""
        rows = flat(signals)
        components = principal_components(rows, self.config.components)
        scaler = StandardScaler()
        inputs = scaler.fit_transform(components.project(rows))
        model = LogisticRegression(C=self.config.strength, max_iter=2000)
        model.fit(inputs, labels, sample_weight=root_weights(labels))
        coefficients, intercepts = model.coef_, model.intercept_
        if len(model.classes_) == 2:  # scikit-learn gives the second class's logit only
            coefficients, intercepts = (
                np.concatenate([np.zeros_like(parameters), parameters])
                for parameters in (coefficients, intercepts)
            )
        by_component = coefficients.T / scaler.scale_[:, None]
        weights = components.axes.T @ by_component
        self.weights = np.zeros((rows.shape[1], self.classes))
        self.biases = np.full(self.classes, -np.inf)  # an absent class is never predicted
        self.weights[:, model.classes_] = weights
        self.biases[model.classes_] = (
            intercepts - components.mean @ weights - scaler.mean_ @ by_component
        )
        return self

    def probabilities(self, signals: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the probability of each class, shape (window, class)."""
        return np.asarray(softmax(flat(signals) @ self.weights + self.biases, axis=1))

    def state(self) -> dict[str, NDArray[Any]]:
        """The affine map."""
        return {"weights": self.weights, "biases": self.biases}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> Linear:
        """Take over the result of `state`; return itself."""
        self.weights, self.biases = state["weights"], state["biases"]
        return self
