"""Rules of metrics.  A trial scores windows of known quality: fresh real ones, copies, white noise."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecgbench.contracts.comparison import Comparison
from ecgbench.contracts.config import build
from ecgbench.contracts.errors import PluginError, Skip
from ecgbench.contracts.families import FAMILIES
from ecgbench.contracts.protocols import Context, Costs, Score
from ecgbench.harness.cell.checks import as_contributions, as_score, check_metric_applies
from ecgbench.harness.cell.trouble import say
from ecgbench.harness.isolation.frozen import Frozen
from ecgbench.harness.planning.catalog import discover
from ecgbench.testing import cohort, specs
from ecgbench.testing.rules import SLOW, BrokenRuleError, Rules, require
from ecgbench.testing.state import RANDOM, State, as_in_a_cell

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecgbench.contracts.specs import MetricSpec
    from ecgbench.contracts.windows import EcgWindows, Splits

RULES = Rules(specs.RULES)

SEED = 0

COSTS = Costs(
    fit_seconds=1.0, sample_seconds=0.5, cpu_seconds=1.5, peak_memory=2**28, parameters=1000
)


@dataclass
class Seen:
    """What a metric did.

    Attributes:
        score: its answer; None if it failed.
        error: why it failed.
        skipped: why it does not apply.
        changed: names of the state that it changed.
        wrote: whether it changed the windows.
        seconds: processor time.
    """

    score: Score | None = None
    error: str = ""
    skipped: str = ""
    changed: set[str] = field(default_factory=set)
    wrote: bool = False
    seconds: float = 0.0


@cohort.kept
@cache
def comparison(
    row: str, people: Callable[[int], Splits] = cohort.cohort, fold: int = 0
) -> Comparison:
    """Return the comparison of a reference row; metrics of one process share its memory.

    Args:
        row: ``real``, ``copy``, ``noisy-copy`` or ``gaussian-noise``.
        people: returns the splits of a fold.
        fold: 0 or 1, also the seed.
    """
    splits = people(fold)
    return Comparison(
        synthetic=_row(row, splits, fold),
        splits=splits,
        seed=fold,
        headline_classes=splits.train.classes[:3],
        redistributable=True,
        reference=True,
        costs=COSTS,
        refit=lambda train, number: _row(row, dataclasses.replace(splits, train=train), number),
    )


def _row(name: str, splits: Splits, seed: int) -> EcgWindows:
    spec = discover().generator(name)
    row = spec.load()(build(spec.config, {}, where=f"generator {name}"))
    context = Context(
        seed=seed,
        device="cpu",
        threads=1,
        log=lambda *_, **__: None,
        checkpoint_dir=Path(),
        fresh=splits.fresh,
    )
    row.fit(splits.train, context)
    found: EcgWindows = row.sample(splits.fresh.labels, context)
    return found


class MetricTrial(specs.Trial):
    """A metric with its smoke settings."""

    spec: MetricSpec

    def __init__(self, plugin: Any) -> None:
        super().__init__(plugin)
        self._kept: dict[tuple[str, int], Seen] = {}

    @property
    def people(self) -> Callable[[int], Splits]:
        """The cohort: beats of one lead, or strips for a metric that needs leads or seconds."""
        needs = self.spec.min_leads > 1 or self.spec.min_seconds > cohort.SECONDS
        return cohort.strips if needs else cohort.cohort

    def comparison(self, row: str, fold: int = 0) -> Comparison:
        """Return the comparison of a reference row on people to whom the metric applies."""
        return comparison(row, self.people, fold)

    def of(self, row: str, fold: int = 0) -> Seen:
        """Return what the metric does with a reference row, once."""
        key = row, fold
        if key not in self._kept:
            self._kept[key] = self.run(self.comparison(row, fold))
        return self._kept[key]

    def run(self, given: Comparison) -> Seen:
        """Score a comparison, as the harness does."""
        seen = Seen()
        splits = given.splits
        parts = (splits.train, splits.control, splits.auxiliary, splits.fresh, splits.test)
        frozen = Frozen(given.synthetic, *parts)
        cpu = time.process_time()
        with as_in_a_cell():
            state = State.now()
            try:
                check_metric_applies(self.spec, given)
                seen.score = as_score(self.spec, self.spec.load()(given, self.smoke))
            except Skip as skip:
                seen.skipped = str(skip)
            except Exception as error:  # noqa: BLE001 - any metric, any error
                seen.error = say(error)
            seen.changed.update(state.changed())
        seen.seconds = time.process_time() - cpu
        try:
            frozen.check("it")
        except PluginError:
            seen.wrote = True
            comparison.cache_clear()
        cohort.restore()
        return seen

    @cached_property
    def changed(self) -> set[str]:
        """Names of the state that every score changes; a first import may change more."""
        return self.of("real").changed & self.of("gaussian-noise").changed

    @property
    def real(self) -> Score:
        """The score of fresh real windows.

        Raises:
            Skip: there is none.
        """
        return self.score("real")

    def score(self, row: str, fold: int = 0) -> Score:
        """Return the score of a reference row.

        Raises:
            Skip: there is none; the rule `value` says why.
        """
        seen = self.of(row, fold=fold)
        if seen.score is None:
            raise Skip(seen.skipped or f"value fails: {seen.error}")
        return seen.score

    def is_better(self, one: float, other: float) -> bool:
        """Return whether a value is better than another, by the direction of the spec."""
        return one > other if self.spec.better == "higher" else one < other


@RULES.add()
def facts(trial: MetricTrial) -> None:
    """The spec has a formula; the ideal lies within the bounds, and a ranked privacy metric has an ideal or a null."""
    spec = trial.spec
    low, high = spec.bounds
    require(low < high, f"bounds are {spec.bounds}")
    require(spec.formula.strip(), "formula is empty; ecgbench show metric prints it")
    if spec.ideal is not None:
        require(
            low <= spec.ideal <= high,
            f"the ideal, {spec.ideal}, is outside the bounds {spec.bounds}",
        )
    if FAMILIES[spec.family].has_null and spec.sees != () and spec.ranked:
        require(
            spec.null is not None or spec.ideal is not None,
            "neither ideal nor null is known; a reader cannot read a value",
        )


@RULES.add()
def value(trial: MetricTrial) -> None:
    """It returns a finite number within its bounds for real windows, copies and noise, or skips with a reason."""
    for row in ("real", "copy", "gaussian-noise"):
        seen = trial.of(row)
        require(not seen.error, f"on the row {row}: {seen.error}")


@RULES.add()
def same_seed_same_value(trial: MetricTrial) -> None:
    """The same seed gives the same value and parts: all random numbers come from comparison.seed."""
    first = trial.real
    again = trial.run(dataclasses.replace(trial.comparison("real"), _memo={}))
    require(again.score is not None, again.error or again.skipped)
    assert again.score is not None
    require(
        again.score.value == first.value and _listed(again.score) == _listed(first),
        f"two calls with one seed returned {first.value!r} and {again.score.value!r}",
    )


def _listed(score: Score) -> list[tuple[str, str]]:
    return sorted((name, repr(part)) for name, part in score.parts.items())


@RULES.add()
def direction(trial: MetricTrial) -> None:
    """Fresh real windows score better than white noise, if the metric is of looks, variety or use."""
    spec = trial.spec
    if spec.family not in ("fidelity", "diversity", "utility"):
        raise Skip(f"metrics of {spec.family} say nothing of noise")
    if not spec.is_ranked:
        raise Skip("it is not ranked")
    folds = (0, 1) if spec.needs_both_folds else (0,)
    real, noise = (
        float(np.mean([trial.score(row, fold).value for fold in folds]))
        for row in ("real", "gaussian-noise")
    )
    require(
        trial.is_better(real, noise),
        f"real reads {real:.4g}, gaussian-noise {noise:.4g}, and better is {spec.better}",
    )


@RULES.add()
def copies_condemned(trial: MetricTrial) -> None:
    """A privacy metric that claims to see copies or members scores a copy of train worse than private windows."""
    spec = trial.spec
    if spec.family != "privacy":
        raise Skip(f"it is a metric of {spec.family}")
    if not spec.is_ranked:
        raise Skip("it is not ranked")
    if not set(spec.claims) & {"copies", "members", "copied-people"}:
        raise Skip("it claims to see no copies")
    folds = (0, 1) if spec.needs_both_folds else (0,)
    private = "gaussian-noise" if spec.needs_both_folds else "real"
    copy, other = (
        float(np.mean([trial.score(row, fold).value for fold in folds]))
        for row in ("copy", private)
    )
    require(
        trial.is_better(other, copy),
        f"copy reads {copy:.4g}, {private} {other:.4g}, and better is {spec.better}",
    )
    if spec.null is not None:
        require(
            trial.is_better(spec.null, copy),
            f"copy reads {copy:.4g}, no worse than the null {spec.null:g}",
        )


@RULES.add()
def contributions(trial: MetricTrial) -> None:
    """The contributions of people, if there are any, make the value and are of people of the dataset."""
    score = trial.real
    if score.contributions is None:
        raise Skip("it returns no contributions, so it has no interval")
    for row in ("real", "gaussian-noise"):
        score = trial.score(row)
        try:
            _, notes = as_contributions(trial.spec, score, trial.comparison(row).splits)
        except PluginError as error:
            raise BrokenRuleError(str(error)) from None
        require(not notes, " ".join(notes))


@RULES.add()
def terms(trial: MetricTrial) -> None:
    """Contributions have as many terms as the spec names."""
    found = trial.real.contributions
    if found is None or not trial.spec.terms:
        raise Skip("the spec names no terms, or there are no contributions")
    require(
        len(found.coefficients) == len(trial.spec.terms),
        f"terms are {', '.join(trial.spec.terms)}, and the contributions have {len(found.coefficients)}",
    )


@RULES.add()
def random_state(trial: MetricTrial) -> None:
    """It leaves the global random states alone."""
    changed = trial.changed & set(RANDOM)
    require(
        not changed,
        f"the global random state of {', '.join(sorted(changed))} changes; use generators of your own, "
        "seeded with comparison.seed",
    )


@RULES.add()
def process_state(trial: MetricTrial) -> None:
    """It leaves the state of the process as it was: folder, threads, environment and the like."""
    changed = trial.changed - set(RANDOM)
    require(not changed, f"it changes {', '.join(sorted(changed))}")


@RULES.add()
def inputs_untouched(trial: MetricTrial) -> None:
    """It does not write into the windows."""
    for row in ("real", "gaussian-noise"):
        require(
            not trial.of(row).wrote,
            "it changed windows that it may only look at; work on a copy (torch.tensor, not "
            "torch.from_numpy)",
        )


@RULES.add()
def several_leads(trial: MetricTrial) -> None:
    """It scores windows of two leads, or skips them with a reason."""
    _ends_well(trial, comparison("real", cohort.two_leads), "two leads")


@RULES.add()
def one_class(trial: MetricTrial) -> None:
    """It scores a dataset with one class, or needs_labels or its own word skips it."""
    given = comparison("real", cohort.one_class)
    seen = _ends_well(trial, given, "one class", "; say needs_labels=True, or raise Skip")
    if trial.spec.needs_labels:
        require(seen.skipped, "needs_labels is True, and a dataset with one class is not skipped")


@RULES.add()
def one_person(trial: MetricTrial) -> None:
    """It scores a dataset without unseen people, or needs_patients or its own word skips it."""
    given = comparison("real", cohort.one_person)
    seen = _ends_well(trial, given, "nobody unseen", "; say needs_patients=True, or raise Skip")
    if trial.spec.needs_patients:
        require(seen.skipped, "needs_patients is True, and a dataset of one person is not skipped")


@RULES.add()
def fewest_windows(trial: MetricTrial) -> None:
    """It scores as few windows as min_windows says, or skips them with a reason."""
    whole = trial.comparison("real")
    count = min(trial.spec.min_windows, len(whole.synthetic))
    labels = whole.splits.fresh.labels
    rows = np.sort(np.argsort(labels, kind="stable")[:: max(len(labels) // count, 1)][:count])
    few = dataclasses.replace(
        whole,
        synthetic=whole.synthetic.take(rows),
        splits=dataclasses.replace(whole.splits, fresh=whole.splits.fresh.take(rows)),
        _memo={},
    )
    _ends_well(trial, few, f"{count} windows, as min_windows says")


def _ends_well(trial: MetricTrial, given: Comparison, what: str, hint: str = "") -> Seen:
    seen = trial.run(given)
    require(not seen.error, f"with {what}: {seen.error}{hint}")
    return seen


@RULES.add(timed=True)
def smoke_in_seconds(trial: MetricTrial) -> None:
    """A score with the smoke settings takes less than 10 s of processor time."""
    seconds = trial.of("real").seconds
    require(seconds < SLOW, f"it took {seconds:.0f} s; give the spec smaller smoke settings")
