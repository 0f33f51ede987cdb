"""The two sides of `ecgbench.evaluate`: real and synthetic windows, read and checked against each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, cast

import numpy as np

from ecgbench.contracts.comparison import Comparison
from ecgbench.contracts.errors import Skip, UsageError, suggest
from ecgbench.contracts.windows import EcgWindows, Splits
from ecgbench.harness.api.arguments import check
from ecgbench.harness.api.request import names
from ecgbench.harness.api.score import as_array
from ecgbench.harness.cell.checks import check_metric_applies, check_shape
from ecgbench.harness.cell.plausible import scale_problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

    from ecgbench.contracts.specs import MetricSpec


@dataclass(frozen=True)
class Sides:
    """The windows of an evaluation.

    Attributes:
        real: all real windows, or the splits of a dataset.
        synthetic: the synthetic ones.
    """

    real: EcgWindows | Splits
    synthetic: EcgWindows

    def comparison(
        self, seed: int, threads: int, device: str, headline: tuple[str, ...]
    ) -> Comparison:
        """Return a comparison in which parts without windows skip whatever metric looks at them."""
        if isinstance(self.real, Splits):
            splits, alone = self.real, False
        else:
            splits, alone = _alone(self.real), True
        comparison = Comparison(
            synthetic=self.synthetic,
            splits=splits,
            seed=seed,
            threads=threads,
            device=device,
            headline_classes=headline,
        )
        if alone:
            # contributions of people are not asked for, and who is behind a window is not known
            nobody = np.zeros(len(self.synthetic), dtype=np.int64)
            comparison.memo("people behind", lambda: nobody)
        return comparison

    def headline(self, given: Iterable[str] | None) -> tuple[str, ...]:
        """Return the classes of macro-averages.

        Raises:
            UsageError: the windows have no such class.
        """
        classes = self.synthetic.classes
        chosen = classes if given is None else names("headline_classes", given)
        for name in chosen:
            if name not in classes:
                raise UsageError(
                    f"headline_classes: no class is called {name!r}; {suggest(name, classes)}"
                )
        return chosen

    def check(self, spec: MetricSpec, comparison: Comparison) -> None:
        """Check that a metric applies.

        Raises:
            Skip: it does not; the reason says why.
        """
        if spec.needs_both_folds:
            raise Skip("it needs both folds of a dataset (ecgbench.score has them)")
        if isinstance(self.real, Splits):
            check_metric_applies(spec, comparison)
            return
        if spec.needs_patients:
            raise Skip("it needs unseen people; two arrays have none (ecgbench.score has)")
        if spec.needs_labels and len(np.unique(self.real.labels)) < 2:
            raise Skip("it needs several classes: real_labels and synthetic_labels")
        check_shape(spec, self.synthetic)
        for count in {len(self.synthetic), len(self.real)}:
            if count < spec.min_windows:
                raise Skip(f"it needs {spec.min_windows} windows, there are {count}")


class _Absent:
    """Windows that an evaluation lacks: a metric that looks at them is skipped.

    Args:
        part: name of the split.
        like: real windows, for rate, leads and classes.
    """

    def __init__(self, part: str, like: EcgWindows) -> None:
        self.part = part
        self.sampling_rate = like.sampling_rate
        self.leads = like.leads
        self.classes = like.classes
        self.length = like.length

    def __len__(self) -> int:
        return self._skip()

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        self._skip()

    def _skip(self) -> NoReturn:
        raise Skip(f"it needs {self.part} windows; two arrays have none (ecgbench.score has)")


def _alone(real: EcgWindows) -> Splits:
    """Return splits with nothing but ``control``."""
    absent = {
        part: cast("EcgWindows", _Absent(part, real))
        for part in ("train", "auxiliary", "fresh", "test")
    }
    return Splits(control=real, fold=0, **absent)


def sides_of(
    real: Any,
    synthetic: Any,
    real_labels: ArrayLike | None,
    synthetic_labels: ArrayLike | None,
    sampling_rate: float | None,
) -> Sides:
    """Return both sides, checked against each other; the arguments are those of `ecgbench.evaluate`.

    Raises:
        UsageError: one cannot be read, or they do not fit.
    """
    for side, given, own in (
        ("real", real, real_labels),
        ("synthetic", synthetic, synthetic_labels),
    ):
        if isinstance(given, EcgWindows | Splits) and own is not None:
            raise UsageError(f"{side}_labels belong to an array; {side} holds its own")
        if isinstance(given, EcgWindows) and (problem := given.problem()):
            raise UsageError(f"{side}: {problem}")
    known = real.train if isinstance(real, Splits) else real
    whole = [each for each in (known, synthetic) if isinstance(each, EcgWindows)]
    rate = _rate(sampling_rate, whole)
    if isinstance(real, Splits):
        if not isinstance(synthetic, EcgWindows):
            synthetic = _drawn(real, synthetic, synthetic_labels)
        _check_fit(real.control, synthetic)
        if not np.array_equal(synthetic.labels, real.fresh.labels):
            raise UsageError(
                "synthetic windows have other labels than splits.fresh, or another order; one window "
                f"for each of its {len(real.fresh)} labels is wanted"
            )
    elif len(whole) < 2:
        real, synthetic = _named(real, synthetic, real_labels, synthetic_labels, rate, whole)
        _check_fit(real, synthetic)
    else:
        _check_fit(real, synthetic)
    return Sides(real, synthetic)


def _rate(given: float | None, whole: list[EcgWindows]) -> float:
    """Return the sampling rate of the call, or that of whole windows in it.

    Raises:
        UsageError: there is none, or they contradict each other.
    """
    if given is not None:
        check(sampling_rate=given)
        given = float(given)
    for windows in whole:
        if given is not None and windows.sampling_rate != given:
            raise UsageError(
                f"sampling_rate = {given:g}, but the windows have {windows.sampling_rate:g} Hz; leave it out"
            )
    if not whole and given is None:
        raise UsageError("sampling_rate is missing: samples a second, in Hz, above 0")
    return whole[0].sampling_rate if whole else cast("float", given)


def _drawn(splits: Splits, given: ArrayLike, own: ArrayLike | None) -> EcgWindows:
    """Return an array as windows of ``splits.fresh.labels``."""
    signals = _signals("synthetic", given)
    if own is None:
        return splits.train.synthetic(signals, splits.fresh.labels)
    labels, classes = _labels("synthetic", own, len(signals)), splits.fresh.classes
    if labels.dtype.kind == "U":
        for name in np.unique(labels):
            if name not in classes:
                wanted = suggest(str(name), classes)
                raise UsageError(f"synthetic_labels: no class is called {str(name)!r}; {wanted}")
        labels = np.array([classes.index(name) for name in labels], dtype=np.int64)
    return splits.train.synthetic(signals, labels)


def _named(
    real: Any,
    synthetic: Any,
    real_labels: ArrayLike | None,
    synthetic_labels: ArrayLike | None,
    sampling_rate: float,
    whole: list[EcgWindows],
) -> tuple[EcgWindows, EcgWindows]:
    """Return arrays as windows; the classes are the names of all labels.

    Raises:
        UsageError: an array is none of windows, or labels are missing or of two kinds.
    """
    arrays = {"real": (real, real_labels), "synthetic": (synthetic, synthetic_labels)}
    signals: dict[str, NDArray[np.float32]] = {}
    labels: dict[str, NDArray[Any]] = {}
    for side, (given, own) in arrays.items():
        if isinstance(given, EcgWindows):
            signals[side] = given.signals
            labels[side] = np.array(given.classes)[given.labels]
        else:
            signals[side] = _signals(side, given)
            if own is not None:
                labels[side] = _labels(side, own, len(signals[side]))
    for side in arrays:
        if side in labels:
            continue
        (other,) = labels.values() or [np.array(["all"])]
        if len(np.unique(other)) > 1:
            raise UsageError(
                f"{side}_labels are missing: the other windows have labels of several classes"
            )
        labels[side] = np.full(len(signals[side]), other[0])
    if len({each.dtype.kind for each in labels.values()}) > 1:
        raise UsageError(
            "real_labels and synthetic_labels are of two kinds; whole numbers, or names, for both"
        )
    classes = np.unique(np.concatenate([labels["real"], labels["synthetic"]]))
    windows = {
        side: EcgWindows(
            signals=signals[side],
            labels=np.searchsorted(classes, labels[side]).astype(np.int64),
            patients=np.full(len(signals[side]), 0 if side == "real" else -1, dtype=np.int64),
            sampling_rate=sampling_rate,
            leads=whole[0].leads if whole else _lead_names(signals[side].shape[1]),
            classes=tuple(str(name) for name in classes),
        )
        for side in arrays
    }
    return windows["real"], windows["synthetic"]


def _lead_names(count: int) -> tuple[str, ...]:
    return tuple(f"lead {number}" for number in range(count))


def _check_fit(real: EcgWindows, synthetic: EcgWindows) -> None:
    for name, windows in (("real", real), ("synthetic", synthetic)):
        if not len(windows):
            raise UsageError(f"{name}: there are no windows")
        if not windows.signals.size:
            raise UsageError(f"{name}: there are no samples, shape {windows.signals.shape}")
        if problem := windows.problem():
            raise UsageError(f"{name}: {problem}")
    if real.signals.shape[1:] != synthetic.signals.shape[1:]:
        raise UsageError(
            f"real windows have shape {real.signals.shape[1:]} (lead, sample), synthetic ones "
            f"{synthetic.signals.shape[1:]}; they must be equal"
        )
    for name in ("sampling_rate", "leads", "classes"):
        first, second = getattr(real, name), getattr(synthetic, name)
        if first != second:
            raise UsageError(
                f"real windows have {name} {first!r}, synthetic ones {second!r}; they must be equal"
            )
    made, usual = (side.signals.astype(np.float64) for side in (synthetic, real))
    if problem := scale_problem(made, usual, "the real windows"):
        raise UsageError(f"synthetic: {problem}")


def _signals(side: str, given: ArrayLike) -> NDArray[np.float32]:
    signals = as_array(side, given)
    if signals.ndim == 2:
        signals = signals[:, np.newaxis]
    if signals.ndim != 3 or signals.dtype.kind != "f":
        raise UsageError(
            f"{side}: {signals.dtype} of shape {signals.shape}; floating-point millivolts of shape "
            "(window, sample) or (window, lead, sample) are wanted"
        )
    # `EcgWindows.problem` tells of numbers beyond float32, which become infinite
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(signals, dtype=np.float32)


def _labels(side: str, given: ArrayLike | None, count: int) -> NDArray[Any]:
    if given is None:
        return np.full(count, "all")
    labels = as_array(f"{side}_labels", given)
    if labels.dtype.kind == "O" and all(isinstance(each, str) for each in labels.flat):
        labels = labels.astype(np.str_)  # a column of pandas
    if labels.shape != (count,) or labels.dtype.kind not in "iuU":
        raise UsageError(
            f"{side}_labels: {labels.dtype} of shape {labels.shape}; whole numbers or names of shape "
            f"({count},) are wanted"
        )
    return labels if labels.dtype.kind == "U" else labels.astype(np.int64)
