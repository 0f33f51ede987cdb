"""Rules of generators."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ecgbench.contracts.errors import PluginError, Skip
from ecgbench.harness.cell.checks import check_applies
from ecgbench.harness.cell.models import (
    can_be_kept,
    draw,
    save_models,
)
from ecgbench.harness.cell.plausible import scale_problem
from ecgbench.harness.cell.trouble import say
from ecgbench.testing import cohort, specs
from ecgbench.testing.fits import SEED, GeneratorTrial, Seen, fast_clock
from ecgbench.testing.rules import SLOW, BrokenRuleError, Rules, require
from ecgbench.testing.state import RANDOM, as_in_a_cell

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.contracts.windows import EcgWindows


RULES = Rules(specs.RULES)


def _drawn(seen: Seen, what: str) -> EcgWindows:
    require(seen.windows is not None, f"{what}: {seen.error}")
    assert seen.windows is not None
    return seen.windows


@RULES.add()
def fit_and_sample(trial: GeneratorTrial) -> None:
    """A fit with the smoke settings ends, and sample returns finite float32 windows of the asked shape."""
    _drawn(trial.first, "with smoke settings on one lead and four classes")


@RULES.add()
def labels_in_order(trial: GeneratorTrial) -> None:
    """Sample returns one window for each label, in the order of the labels."""
    drawn, train = trial.drawn, cohort.cohort().train
    present = np.unique(train.labels)
    means = np.stack([train.signals[train.labels == c].mean(axis=0).ravel() for c in present])
    flat = drawn.signals.reshape(len(drawn), -1)
    nearest = present[((flat[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)]
    asked = (nearest == drawn.labels).mean()
    for name, other in (
        ("sorted labels", np.sort(drawn.labels)),
        ("labels in the reverse order", drawn.labels[::-1]),
    ):
        fits = (nearest == other).mean()
        require(
            fits <= asked + 0.1,
            f"{fits:.0%} of the windows look like their class for {name}, {asked:.0%} for the labels "
            "in the asked order",
        )


@RULES.add()
def other_labels(trial: GeneratorTrial) -> None:
    """A fitted model draws any labels: a single one, one class alone, many."""
    _ = trial.drawn
    splits = cohort.cohort()
    usual = int(np.bincount(splits.train.labels).argmax())
    for labels in (np.array([usual]), np.full(7, usual), np.full(300, usual)):
        _sample(trial, labels.astype(np.int64))


def _sample(trial: GeneratorTrial, labels: NDArray[np.int64], seed: int = SEED) -> EcgWindows:
    """Draw again from the models of the first fit."""
    models = [
        replace(model, generator=model.generator.inner, context=replace(model.context, seed=seed))
        for model in trial.first.models
    ]
    if trial.spec.draws_on_fresh:
        raise Skip("it draws the fresh windows themselves")
    with as_in_a_cell():
        for model in models:
            model.folder.mkdir(parents=True, exist_ok=True)
        try:
            return draw(trial.spec, models, cohort.cohort().train, labels)
        except PluginError as error:
            raise BrokenRuleError(f"{len(labels)} labels: {error}") from None
        except Exception as error:  # noqa: BLE001 - any generator, any error
            raise BrokenRuleError(f"{len(labels)} labels: {say(error)}") from None


@RULES.add()
def millivolts(trial: GeneratorTrial) -> None:
    """Sample returns millivolts: the scale of train, not a scale of the model's own."""
    if trial.spec.max_leads == 1:
        problem = scale_problem(
            trial.drawn.signals.astype(np.float64),
            cohort.cohort().train.signals.astype(np.float64),
            "the training windows",
        )
        require(not problem, problem)
        return
    if trial.two.windows is None:
        raise Skip("several-leads fails")
    first, second = trial.two.windows.signals.std(axis=(0, 2), dtype=np.float64)
    require(
        cohort.SECOND / 5 < second / max(first, 1e-9) < cohort.SECOND * 5,
        f"the second lead of train is {cohort.SECOND:g} times as large as the first, that of the drawn "
        f"windows {second / max(first, 1e-9):.2g} times; undo the scaling of each lead",
    )
    one, both = cohort.cohort().train.signals.std(), cohort.two_leads().train.signals.std()
    drawn = max(float(trial.drawn.signals.std()), 1e-9)
    grown = float(trial.two.windows.signals.std()) / drawn
    require(
        grown > both / one / 4,
        f"samples of train with two leads deviate {both / one:.2g} times as much as with one, those of the "
        f"drawn windows {grown:.2g} times; undo the scaling",
    )
    largest = np.abs(cohort.two_leads().train.signals).max()
    made = np.abs(trial.two.windows.signals).max()
    require(
        largest / 500 < made < largest * 20,
        f"drawn samples reach {made:.3g}, those of train {largest:.3g} mV",
    )


@RULES.add()
def same_seed_same_bytes(trial: GeneratorTrial) -> None:
    """The same seed gives the same bytes: all random numbers come from context.seed."""
    _ = trial.drawn
    if trial.again.windows is not None and _equal(trial.again.windows, trial.drawn):
        return
    splits = cohort.cohort()
    third = trial.run("third", splits.train, splits.fresh.labels)
    require(
        third.windows is not None and _equal(third.windows, trial.drawn),
        third.error or "two fits with the same seed drew other windows",
    )


def _equal(one: EcgWindows, other: EcgWindows) -> bool:
    return one.signals.tobytes() == other.signals.tobytes()


@RULES.add()
def seed_used(trial: GeneratorTrial) -> None:
    """Another seed of sample gives other windows, and the same seed the same ones."""
    drawn = trial.drawn
    other = _sample(trial, drawn.labels, seed=SEED + 1)
    require(
        not _equal(other, drawn),
        f"seeds {SEED} and {SEED + 1} drew the same {len(drawn)} windows; numpy.random.default_rng"
        "(context.seed), or torch.Generator",
    )
    if not _equal(_sample(trial, drawn.labels), drawn):
        _need_same_bytes(trial)
        raise BrokenRuleError(
            "a second call of sample with the same seed drew other windows than the first; make the "
            "generator of random numbers in sample, from context.seed, and not in fit"
        )


@RULES.add()
def fitted_anew(trial: GeneratorTrial) -> None:
    """A fit learns from its own training windows alone: nothing of an earlier fit is used again."""
    drawn = trial.drawn
    if trial.spec.reference or trial.spec.files is not None:
        raise Skip("it may draw from something else than a fit")
    require(trial.other.windows is not None, f"on other people: {trial.other.error}")
    assert trial.other.windows is not None
    require(
        not _equal(trial.other.windows, drawn),
        "fits to the windows of two groups of people drew the same windows; keep the fitted model in "
        "self, not in the class or the module (a generator that learns nothing is an expected failure)",
    )
    splits = cohort.cohort()
    after = trial.run("after", splits.train, splits.fresh.labels)
    require(after.windows is not None, f"after a fit to other people: {after.error}")
    assert after.windows is not None
    if not _equal(after.windows, drawn):
        _need_same_bytes(trial)
        raise BrokenRuleError(
            "a fit after one to other people drew other windows than before; keep all of the fitted "
            "model in self, not in the class or the module"
        )


@RULES.add()
def train_released(trial: GeneratorTrial) -> None:
    """A fitted model does not read the windows of train any more: they may be gone when it draws."""
    if trial.spec.reference:
        raise Skip("a reference row may draw windows of train")
    drawn = trial.drawn
    require(trial.again.windows is not None, f"without the training windows: {trial.again.error}")
    assert trial.again.windows is not None
    if not _equal(trial.again.windows, drawn):
        _need_same_bytes(trial)
        raise BrokenRuleError(
            "windows are drawn otherwise after those of train are overwritten; keep copies of what the "
            "model needs (train.take(slice(0)) keeps rate, leads and classes alone)"
        )
    train = cohort.cohort().train
    for _, found in trial.first.returned:
        require(
            not np.shares_memory(found.signals, train.signals),
            "the drawn signals are a view of the training windows; return a copy",
        )


def _need_same_bytes(trial: GeneratorTrial) -> None:
    """Raise `Skip` if the rule of the same seed is broken: then other rules cannot be told from it."""
    try:
        RULES["same-seed-same-bytes"].look(trial)
    except BrokenRuleError:
        raise Skip("same-seed-same-bytes fails") from None


@RULES.add()
def random_state(trial: GeneratorTrial) -> None:
    """Fit and sample leave the global random states alone."""
    changed = trial.changed & set(RANDOM)
    require(
        not changed,
        f"the global random state of {', '.join(sorted(changed))} changes; use generators of your own, "
        "seeded with context.seed",
    )


@RULES.add()
def process_state(trial: GeneratorTrial) -> None:
    """Fit and sample leave the state of the process as it was: folder, threads, environment and the like."""
    changed = trial.changed - set(RANDOM)
    require(not changed, f"it changes {', '.join(sorted(changed))}")


@RULES.add()
def inputs_untouched(trial: GeneratorTrial) -> None:
    """Fit and sample do not write into the windows of train, nor into the labels."""
    splits = cohort.cohort()
    train = splits.train.take(slice(None))
    writable = {name: getattr(train, name).copy() for name in ("signals", "labels", "patients")}
    for name, array in writable.items():
        object.__setattr__(train, name, array)
    labels = splits.fresh.labels.copy()
    seen = trial.run("inputs", train, labels)
    for name, array in writable.items():
        require(
            np.array_equal(array, getattr(splits.train, name)),
            f"fit or sample changed the {name} of train; work on a copy",
        )
    require(not seen.wrote_labels, "sample changed the labels that it was given")


@RULES.add()
def working_folder(trial: GeneratorTrial) -> None:
    """Fit and sample leave no files in the working folder; context.checkpoint_dir is the place for them."""
    require(not trial.first.left, trial.first.left)


@RULES.add()
def several_leads(trial: GeneratorTrial) -> None:
    """It models several leads, or its spec says max_leads."""
    if trial.spec.max_leads == 1:
        _declared_skip(trial)
        return
    _drawn(trial.two, "on two leads")


def _declared_skip(trial: GeneratorTrial) -> None:
    splits = cohort.two_leads()
    try:
        check_applies(trial.spec, splits.train, splits.fresh.labels)
    except Skip:
        return
    raise BrokenRuleError("max_leads = 1, and two leads are not skipped")


@RULES.add()
def rare_classes(trial: GeneratorTrial) -> None:
    """It is fitted to a class with one training window and draws one with none, or skips them with a reason."""
    train = cohort.rare_classes(cohort.cohort())
    classes = range(len(train.classes) if trial.spec.conditional else len(train.classes) - 1)
    seen = trial.run("rare", train, np.repeat(classes, 3)[::-1].astype(np.int64))
    _drawn(seen, "with one training window of a class, and none of another")


@RULES.add()
def fewest_windows(trial: GeneratorTrial) -> None:
    """It is fitted to as few windows as min_windows says."""
    splits = cohort.cohort()
    usual = int(np.bincount(splits.train.labels).argmax())
    rows = np.flatnonzero(splits.train.labels == usual)[: trial.spec.min_windows]
    if len(rows) < trial.spec.min_windows:
        raise Skip(f"the simulated people have {len(rows)} windows of a class")
    seen = trial.run("fewest", splits.train.take(rows), np.full(4, usual, dtype=np.int64))
    _drawn(seen, f"with {len(rows)} training windows, as min_windows says")


@RULES.add()
def stops(trial: GeneratorTrial) -> None:
    """A fit that is stopped while it reports progress ends at once."""
    require(
        trial.is_stopped,
        "the fit went on after it was stopped; let what context.log raises pass (except Exception "
        "does, a bare except does not)",
    )


@RULES.add()
def resumes(trial: GeneratorTrial) -> None:
    """A fit that was stopped continues from its checkpoint, and draws the same bytes as one that was not."""
    drawn = trial.drawn
    if not trial.is_stopped:
        raise Skip("stops fails")
    if not trial.checkpoints("stopped"):
        raise Skip("it keeps no checkpoint (context.checkpoint_dir)")
    splits = cohort.cohort()
    with fast_clock():
        seen = trial.run("stopped", splits.train, splits.fresh.labels)
    require(seen.windows is not None, f"after a stop: {seen.error}")
    assert seen.windows is not None
    if not _equal(seen.windows, drawn):
        _need_same_bytes(trial)
        raise BrokenRuleError(
            "a fit that was stopped and continued draws other windows than one that was not; a "
            "checkpoint holds weights, optimisers, random generators and the number of the step"
        )
    require(
        len(seen.reports) < len(trial.first.reports) or len(trial.first.reports) < 2,
        "the fit began again from the start though it has a checkpoint",
    )


@RULES.add()
def saves(trial: GeneratorTrial) -> None:
    """A model that was saved and loaded draws the same bytes, and its files are JSON and safetensors."""
    _ = trial.drawn
    if not all(can_be_kept(model.generator.inner) for model in trial.first.models):
        raise Skip("it has no save(folder) and load(folder)")
    splits = cohort.cohort()
    kept = trial.folder / "kept"

    def save(seen: Seen) -> None:
        inner = [replace(model, generator=model.generator.inner) for model in seen.models]
        save_models(inner, kept)

    fitted = trial.run("saves", splits.train, splits.fresh.labels, between=save)
    require(fitted.windows is not None, fitted.error)
    loaded = trial.run("loads", splits.train, splits.fresh.labels, kept=kept)
    require(loaded.windows is not None, f"a loaded model: {loaded.error}")
    assert loaded.windows is not None
    assert fitted.windows is not None
    if not _equal(loaded.windows, fitted.windows):
        _need_same_bytes(trial)
        raise BrokenRuleError("a model that was saved and loaded draws other windows")


@RULES.add()
def parameters(trial: GeneratorTrial) -> None:
    """The attribute parameters, if it has one, is a whole number from 0 after the fit."""
    _ = trial.drawn
    missing = object()
    for model in trial.first.models:
        found = getattr(model.generator.inner, "parameters", missing)
        if found is missing:
            raise Skip("it does not tell the number of its parameters")
        require(
            isinstance(found, int | np.integer) and not isinstance(found, bool) and found >= 0,
            f"parameters is {found!r}; a whole number from 0 is wanted",
        )


@RULES.add(timed=True)
def smoke_in_seconds(trial: GeneratorTrial) -> None:
    """A fit with the smoke settings takes less than 10 s of processor time."""
    _ = trial.drawn
    require(
        trial.first.seconds < SLOW,
        f"fit and sampling took {trial.first.seconds:.0f} s; give the spec smaller smoke settings",
    )
