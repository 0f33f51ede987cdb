"""TSTR, TRTS and TRTR with any classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from sklearn.metrics import roc_auc_score

from ecgbench import Contributions, Score, Skip
from ecgbench.large import by_parts
from ecgbench.metrics.utility.draw import real_like_synthetic, spread
from ecgbench.metrics.utility.f1 import f1_by_class, f1_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from ecgbench import Comparison, EcgWindows


class Model(Protocol):
    """A classifier of windows; `ecgbench.nn.Classifier` is one."""

    def fit(self, signals: NDArray[np.float32], labels: NDArray[np.int64], /) -> Model:
        """Train on windows (window, lead, sample) and their labels; return itself."""
        ...

    def probabilities(self, signals: NDArray[np.float32], /) -> NDArray[np.float64]:
        """Return the probability of each class, shape (window, class)."""
        ...

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the trained state, as arrays by name."""
        ...

    def restore(self, state: Mapping[str, NDArray[Any]], /) -> Model:
        """Take over the result of `state`; return itself."""
        ...


def cross_classify(
    comparison: Comparison,
    name: str,
    untrained: Callable[[], Model],
    settings: object,
    version: int,
) -> Score:
    """Train on synthetic and test on real (TSTR), the reverse (TRTS), and real on real (TRTR).

    Args:
        comparison: the cell.
        name: of the metric.
        untrained: makes a model, each time the same.
        settings: of the model.
        version: of the model; raise it if the same windows and settings train another.

    Returns:
        Macro-F1 of TSTR, with the parts of `cross-classification`.

    Raises:
        Skip: there are no unseen people, or the synthetic windows are all of one class.
    """
    check(comparison)
    test, synthetic = comparison.splits.test, comparison.synthetic
    headline = headline_classes(comparison)
    real = trained_on_real(comparison, name, untrained, settings, version)
    on_synthetic = by_parts(real.model.probabilities, synthetic.signals)
    trts = _measures("trts", synthetic, on_synthetic, headline)
    model = untrained().fit(synthetic.signals, synthetic.labels)
    probabilities = by_parts(model.probabilities, test.signals)
    tstr = _measures("tstr", test, probabilities, headline)
    value = tstr["tstr-macro-f1"]
    return Score(
        value=value,
        parts={"gap": value - real.measures["trtr-macro-f1"], **tstr, **trts, **real.measures},
        contributions=Contributions.of(f1_terms(test, probabilities.argmax(axis=1), headline)),
        n=len(test),
    )


def check(comparison: Comparison) -> None:
    """Raise `Skip` if nothing can be learnt or tested."""
    if not len(comparison.splits.test):
        raise Skip("the dataset has no unseen people to test on")
    if len(np.unique(comparison.synthetic.labels)) < 2:
        raise Skip("the synthetic windows are all of one class")


def headline_classes(comparison: Comparison) -> list[int]:
    """Return the classes of the macro-averages."""
    return [comparison.classes.index(name) for name in comparison.headline_classes]


class TrainedOnReal(NamedTuple):
    """A model of real windows, its predicted classes on ``test``, and the parts of TRTR."""

    model: Model
    predicted: NDArray[np.int64]
    measures: dict[str, float]


def trained_on_real(
    comparison: Comparison,
    name: str,
    untrained: Callable[[], Model],
    settings: object,
    version: int,
    share: float = 1.0,
) -> TrainedOnReal:
    """Return the model trained on real windows, or on a share of them; once in a store."""
    test, headline = comparison.splits.test, headline_classes(comparison)

    def train() -> dict[str, NDArray[Any]]:
        drawn = some_real(comparison, share)
        model = untrained().fit(drawn.signals, drawn.labels)
        probabilities = by_parts(model.probabilities, test.signals)
        trtr = _measures("trtr", test, probabilities, headline)
        measures = {measure: np.array([value]) for measure, value in trtr.items()}
        return {**model.state(), "predicted": probabilities.argmax(axis=1), **measures}

    kept = comparison.once(
        f"{name}-real",
        train,
        version=version,
        settings={"model": settings, "headline": comparison.headline_classes, "share": share},
    )
    measures = {key: float(kept[key][0]) for key in kept if key.startswith("trtr-")}
    return TrainedOnReal(untrained().restore(kept), kept["predicted"], measures)


def some_real(comparison: Comparison, share: float) -> EcgWindows:
    """Return a share of as many training windows as synthetic ones, spread over people and classes."""
    drawn = real_like_synthetic(comparison.splits, comparison.seed)
    return spread(drawn, max(1, round(share * len(drawn))))


def _measures(
    name: str, windows: EcgWindows, probabilities: NDArray[np.float64], headline: list[int]
) -> dict[str, float]:
    """Return the parts of one of the three experiments, by name."""
    labels, predicted = windows.labels, probabilities.argmax(axis=1)
    f1 = f1_by_class(windows, predicted)
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
