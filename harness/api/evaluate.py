"""`evaluate`: metrics of two arrays, in this process, without a dataset or a store."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, NoReturn, cast

import numpy as np
from rich.table import Table
from rich.text import Text
from threadpoolctl import threadpool_limits

from ecgbench.contracts.comparison import Comparison
from ecgbench.contracts.errors import Skip, UsageError
from ecgbench.contracts.families import place_of
from ecgbench.contracts.plain import plain
from ecgbench.contracts.specs import MetricSpec
from ecgbench.contracts.windows import EcgWindows, Splits
from ecgbench.harness.api.boards import as_text
from ecgbench.harness.api.request import names, request
from ecgbench.harness.api.score import as_array
from ecgbench.harness.cell.checks import as_score, check_metric_applies
from ecgbench.harness.cell.trouble import say
from ecgbench.harness.isolation.plugin_state import plugin_state
from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.planning.study import resolve
from ecgbench.results.render.html import page, table
from ecgbench.results.render.text import ARROWS, number

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray
    from rich.console import Console

    from ecgbench.contracts.config import Config
    from ecgbench.harness.api.request import Settings

COLUMNS = ("metric", "value", "n")

CAUTION = "Two arrays alone: no people, no null, no control, no interval; nothing is ranked."


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """One metric of an evaluation.

    Attributes:
        metric: its name.
        family: the metric's family.
        better: ``"higher"`` or ``"lower"``.
        state: ``"ok"``, ``"skipped"`` or ``"failed"``.
        value: the score; None unless ``ok``.
        n: windows or pairs behind the value, if the metric says so.
        reason: why it is not ``ok``.
        parts: further numbers by name.
    """

    metric: str
    family: str
    better: str
    state: str
    value: float | None = None
    n: int | None = None
    reason: str = ""
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, repr=False)
class Evaluation:
    """What the metrics say of two sets of windows.

    Attributes:
        metrics: by name, in the order of families.
        real: number of real windows.
        synthetic: number of synthetic windows.
    """

    metrics: Mapping[str, Evaluated]
    real: int
    synthetic: int

    def __getitem__(self, metric: str) -> Evaluated:
        return self.metrics[metric]

    def to_frame(self) -> pd.DataFrame:
        """Return a line for each metric: metric, family, better, state, value, n, reason."""
        import pandas as pd  # noqa: PLC0415 - an evaluation needs none

        columns = [name for name in Evaluated.__dataclass_fields__ if name != "parts"]
        lines = [[getattr(each, name) for name in columns] for each in self.metrics.values()]
        return pd.DataFrame(lines, columns=columns).astype({"value": "float64", "n": "Int64"})

    def __str__(self) -> str:
        return as_text(self._print, None)

    def _print(self, _: None, console: Console) -> None:
        console.print(self._title(), markup=False, highlight=False)
        lines = Table(box=None, pad_edge=False, header_style="dim")
        for column in COLUMNS:
            lines.add_column(column, justify="right" if column == "value" else "left")
        for row in self._rows():
            lines.add_row(*map(Text, row))
        console.print(lines)
        for line in [*self._gaps(), CAUTION]:
            console.print(Text(line, style="dim"), soft_wrap=True)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        lines = "".join(f"<li>{escape(line)}</li>" for line in [*self._gaps(), CAUTION])
        return page(self._title(), [table(COLUMNS, self._rows()), f"<ul>{lines}</ul>"])

    def _title(self) -> str:
        return f"{self.real} real and {self.synthetic} synthetic windows"

    def _rows(self) -> list[list[str]]:
        return [
            [
                f"{plain(each.metric)} {ARROWS[each.better]}",
                number(each.value),
                "" if each.n is None else str(each.n),
            ]
            for each in self.metrics.values()
            if each.state == "ok"
        ]

    def _gaps(self) -> list[str]:
        """Return a line for each reason, with the metrics that have it."""
        without: dict[tuple[str, str], list[str]] = {}
        for each in self.metrics.values():
            if each.state != "ok":
                without.setdefault((each.state, plain(each.reason)), []).append(plain(each.metric))
        return [f"{state}: {', '.join(named)}: {why}" for (state, why), named in without.items()]


def evaluate(
    real: EcgWindows | Splits | ArrayLike,
    synthetic: EcgWindows | ArrayLike,
    metrics: str | Iterable[str | MetricSpec] | None = None,
    *,
    real_labels: ArrayLike | None = None,
    synthetic_labels: ArrayLike | None = None,
    sampling_rate: float | None = None,
    seed: int = 0,
    headline_classes: Iterable[str] | None = None,
    study: str | os.PathLike[str] = "quick",
    settings: Settings = None,
    threads: int = 1,
    device: str = "cpu",
    plugins: Iterable[str | os.PathLike[str]] = (),
) -> Evaluation:
    """Compute metrics of two sets of windows in this process.

    This needs no dataset, no store and no other process.  Such a number is less than a score of a board:

    - There are no people.  Windows of one person are alike, so intervals and tests need them, and a model
      may look good because it repeats a few people.
    - There is no null and no control.  Nobody knows what unused real windows would read, or whether the
      model has seen ``real``: a copy of it reads as perfect.
    - Nothing is ranked.  Compare values of equal ``real``, equal counts and equal settings only.

    Metrics of training windows, of people or of both folds are skipped with the reason.  For all of them
    use `ecgbench.splits` and `ecgbench.score`.

    Args:
        real: millivolts of shape (window, sample) or (window, lead, sample), or `EcgWindows`; or `Splits`
            for all metrics of one fold, as in a cell.
        synthetic: likewise; equal leads and samples, any number of windows.  With `Splits`, one window for
            each of ``fresh.labels``, in their order.
        metrics: names, or `MetricSpec`s with a function as target; None for all that are not costly.
        real_labels: shape (window,), whole numbers or class names; None for one class.
        synthetic_labels: likewise, of the synthetic windows.
        sampling_rate: Hz; needed for arrays.
        seed: a whole number from 0, for the random choices of metrics.
        headline_classes: names of the classes of macro-averages; None for all.
        study: a study's name or file, for the settings of metrics.
        settings: values by ``"metric.NAME.SETTING"``.
        threads: for each metric.
        device: ``"cpu"`` or ``"cuda"``.
        plugins: Python files with plugins that are not installed.

    Returns:
        The metrics by name (``evaluation["mmd"].value``), as ``to_frame()``, as text and as HTML.

    Raises:
        UsageError: the arrays do not fit each other, or a name or a setting is wrong.

    Example:
        >>> import ecgbench, numpy as np
        >>> rng = np.random.default_rng(0)
        >>> real, synthetic = rng.standard_normal((2, 100, 64))
        >>> evaluation = ecgbench.evaluate(real, synthetic, ["mmd", "copied-share"], sampling_rate=64)
        >>> evaluation["mmd"].state, evaluation["copied-share"].state
        ('ok', 'skipped')
        >>> evaluation["copied-share"].reason
        'it needs train windows; two arrays have none (ecgbench.score has)'
    """
    sides = _sides(real, synthetic, real_labels, synthetic_labels, sampling_rate)
    catalog = discover(map(str, plugins))
    given = [metrics] if isinstance(metrics, str) else list(metrics or ())
    own = {spec.name: spec for spec in given if isinstance(spec, MetricSpec)}
    named = names(",".join(each for each in given if isinstance(each, str)))
    wanted = request(study, metrics=filter(None, named), seeds=[seed], settings=settings)
    resolved = resolve(wanted, catalog)
    if metrics is None:
        specs = [entry.spec for entry in catalog.of_kind("metric")]
        chosen = {spec.name: cast("MetricSpec", spec) for spec in specs}
        chosen = {name: spec for name, spec in chosen.items() if not spec.costly}
    else:
        chosen = {name: catalog.metric(name) for name in resolved.metrics or ()} | own
    comparison = sides.comparison(seed, threads, device, headline_classes)
    ordered = sorted(chosen.values(), key=lambda spec: place_of(spec.family))
    evaluated = {}
    for spec in ordered:
        evaluated[spec.name] = _evaluated(spec, resolved.settings(spec), comparison, sides)
    count = len(sides.real.control) if isinstance(sides.real, Splits) else len(sides.real)
    return Evaluation(metrics=evaluated, real=count, synthetic=len(sides.synthetic))


def _evaluated(
    spec: MetricSpec, config: Config, comparison: Comparison, sides: _Sides
) -> Evaluated:
    facts: dict[str, Any] = {"metric": spec.name, "family": spec.family, "better": spec.better}
    try:
        sides.check(spec, comparison)
        with threadpool_limits(comparison.threads), plugin_state(comparison.seed):
            if "torch" in sys.modules:
                sys.modules["torch"].set_num_threads(comparison.threads)
            score = as_score(spec, spec.load()(comparison, config))
    except Skip as skip:
        return Evaluated(state="skipped", reason=str(skip), **facts)
    except Exception as error:  # noqa: BLE001 - any metric, any error
        return Evaluated(state="failed", reason=say(error), **facts)
    return Evaluated(state="ok", value=score.value, n=score.n, parts=score.parts, **facts)


@dataclass(frozen=True)
class _Sides:
    """The windows of an evaluation.

    Attributes:
        real: all real windows, or the splits of a dataset.
        synthetic: the synthetic ones.
    """

    real: EcgWindows | Splits
    synthetic: EcgWindows

    def comparison(
        self, seed: int, threads: int, device: str, headline: Iterable[str] | None
    ) -> Comparison:
        """Return a comparison in which parts without windows skip whatever metric looks at them."""
        if isinstance(self.real, Splits):
            splits, alone = self.real, False
        else:
            splits, alone = _alone(self.real), True
        classes = splits.control.classes
        comparison = Comparison(
            synthetic=self.synthetic,
            splits=splits,
            seed=seed,
            threads=threads,
            device=device,
            headline_classes=classes if headline is None else tuple(headline),
        )
        if alone:
            # contributions of people are not asked for, and who is behind a window is not known
            nobody = np.zeros(len(self.synthetic), dtype=np.int64)
            comparison.memo("people behind", lambda: nobody)
        return comparison

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


def _sides(
    real: Any,
    synthetic: Any,
    real_labels: ArrayLike | None,
    synthetic_labels: ArrayLike | None,
    sampling_rate: float | None,
) -> _Sides:
    """Return both sides, checked against each other.

    Raises:
        UsageError: one cannot be read, or they do not fit.
    """
    if isinstance(real, Splits):
        if not isinstance(synthetic, EcgWindows):
            drawn = real.fresh.labels if synthetic_labels is None else as_array(synthetic_labels)
            made = _signals("synthetic", synthetic)
            synthetic = real.train.synthetic(made, drawn.astype(np.int64))
        _check_fit(real.control, synthetic)
        if not np.array_equal(synthetic.labels, real.fresh.labels):
            raise UsageError(
                "synthetic windows have other labels than splits.fresh, or another order; one window "
                f"for each of its {len(real.fresh)} labels is wanted"
            )
        return _Sides(real, synthetic)
    if isinstance(real, EcgWindows) and isinstance(synthetic, EcgWindows):
        _check_fit(real, synthetic)
        return _Sides(real, synthetic)
    arrays = {
        "real": (real, real_labels),
        "synthetic": (synthetic, synthetic_labels),
    }
    signals: dict[str, NDArray[np.float32]] = {}
    labels: dict[str, NDArray[Any]] = {}
    for side, (given, own) in arrays.items():
        if isinstance(given, EcgWindows):
            signals[side] = given.signals
            labels[side] = np.array(given.classes)[given.labels]
            sampling_rate = given.sampling_rate if sampling_rate is None else sampling_rate
        else:
            signals[side] = _signals(side, given)
            labels[side] = _labels(side, own, len(signals[side]))
    if sampling_rate is None or not sampling_rate > 0:
        raise UsageError("sampling_rate is missing: samples a second, in Hz, above 0")
    kinds = {labels["real"].dtype.kind, labels["synthetic"].dtype.kind}
    if len(kinds) > 1:
        raise UsageError(
            "real_labels and synthetic_labels are of two kinds; whole numbers, or names, for both"
        )
    classes = np.unique(np.concatenate([labels["real"], labels["synthetic"]]))
    made_windows = {
        side: EcgWindows(
            signals=signals[side],
            labels=np.searchsorted(classes, labels[side]).astype(np.int64),
            patients=np.full(len(signals[side]), 0 if side == "real" else -1, dtype=np.int64),
            sampling_rate=float(sampling_rate),
            leads=tuple(f"lead {number}" for number in range(signals[side].shape[1])),
            classes=tuple(str(name) for name in classes),
        )
        for side in arrays
    }
    _check_fit(made_windows["real"], made_windows["synthetic"])
    return _Sides(made_windows["real"], made_windows["synthetic"])


def _check_fit(real: EcgWindows, synthetic: EcgWindows) -> None:
    for name, windows in (("real", real), ("synthetic", synthetic)):
        if not len(windows):
            raise UsageError(f"{name}: there are no windows")
        if problem := windows.problem():
            raise UsageError(f"{name}: {problem}")
    if real.signals.shape[1:] != synthetic.signals.shape[1:]:
        raise UsageError(
            f"real windows have shape {real.signals.shape[1:]} (lead, sample), synthetic ones "
            f"{synthetic.signals.shape[1:]}; they must be equal"
        )
    for name in ("sampling_rate", "classes"):
        first, second = getattr(real, name), getattr(synthetic, name)
        if first != second:
            raise UsageError(
                f"real windows have {name} {first!r}, synthetic ones {second!r}; they must be equal"
            )


def _signals(side: str, given: ArrayLike) -> NDArray[np.float32]:
    signals = as_array(given)
    if signals.ndim == 2:
        signals = signals[:, np.newaxis]
    if signals.ndim != 3 or signals.dtype.kind != "f":
        raise UsageError(
            f"{side}: {signals.dtype} of shape {signals.shape}; floating-point millivolts of shape "
            "(window, sample) or (window, lead, sample) are wanted"
        )
    return np.ascontiguousarray(signals, dtype=np.float32)


def _labels(side: str, given: ArrayLike | None, count: int) -> NDArray[Any]:
    if given is None:
        return np.full(count, "all")
    labels = as_array(given)
    if labels.shape != (count,) or labels.dtype.kind not in "iuU":
        raise UsageError(
            f"{side}_labels: {labels.dtype} of shape {labels.shape}; whole numbers or names of shape "
            f"({count},) are wanted"
        )
    return labels if labels.dtype.kind == "U" else labels.astype(np.int64)
