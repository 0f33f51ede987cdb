"""`evaluate`: metrics of two arrays, in this process, without a dataset or a store."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, cast

from rich.table import Table
from rich.text import Text
from threadpoolctl import threadpool_limits

from ecgbench.contracts.errors import Skip, UsageError
from ecgbench.contracts.families import place_of
from ecgbench.contracts.plain import plain
from ecgbench.contracts.specs import MetricSpec
from ecgbench.contracts.windows import EcgWindows, Splits
from ecgbench.harness.api.arguments import check, plugin_files
from ecgbench.harness.api.boards import as_text
from ecgbench.harness.api.request import names, request
from ecgbench.harness.api.sides import Sides, sides_of
from ecgbench.harness.cell.checks import as_score
from ecgbench.harness.cell.trouble import say
from ecgbench.harness.engine.run import choose_device
from ecgbench.harness.isolation.plugin_state import plugin_state
from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.planning.study import resolve
from ecgbench.results.render.html import page, table
from ecgbench.results.render.text import ARROWS, number

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import ArrayLike
    from rich.console import Console

    from ecgbench.contracts.comparison import Comparison
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
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
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
    check(device=device, threads=threads)
    device = choose_device(device)
    given = _metrics(metrics)
    sides = sides_of(real, synthetic, real_labels, synthetic_labels, sampling_rate)
    catalog = discover(plugin_files(plugins))
    own = {spec.name: spec for spec in given if isinstance(spec, MetricSpec)}
    named = names("metrics", [each for each in given if isinstance(each, str)])
    wanted = request(study, metrics=named, seeds=[seed], settings=settings)
    resolved = resolve(wanted, catalog)
    if metrics is None:
        specs = [entry.spec for entry in catalog.of_kind("metric")]
        chosen = {spec.name: cast("MetricSpec", spec) for spec in specs}
        chosen = {name: spec for name, spec in chosen.items() if not spec.costly}
    else:
        chosen = {name: catalog.metric(name) for name in resolved.metrics or ()} | own
    comparison = sides.comparison(seed, threads, device, sides.headline(headline_classes))
    ordered = sorted(chosen.values(), key=lambda spec: place_of(spec.family))
    evaluated = {}
    for spec in ordered:
        evaluated[spec.name] = _evaluated(spec, resolved.settings(spec), comparison, sides)
    count = len(sides.real.control) if isinstance(sides.real, Splits) else len(sides.real)
    return Evaluation(metrics=evaluated, real=count, synthetic=len(sides.synthetic))


def _metrics(given: Any) -> list[str | MetricSpec]:
    """Return the metrics of a call; none for all.

    Raises:
        UsageError: one is neither a name nor a spec.
    """
    if isinstance(given, str):
        return [*names("metrics", given)]
    parts = [] if given is None else list(given) if isinstance(given, Iterable) else [given]
    for part in parts:
        if not isinstance(part, str | MetricSpec):
            raise UsageError(
                f"metrics holds {part!r}: names are wanted, or ecgbench.MetricSpec(name=..., target=...)"
            )
    return parts


def _evaluated(spec: MetricSpec, config: Config, comparison: Comparison, sides: Sides) -> Evaluated:
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
