"""`tune`: search for a generator's settings on people held out of the training windows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ecgbench.contracts.config import as_dict
from ecgbench.contracts.errors import EcgbenchError, UsageError, suggest
from ecgbench.contracts.search import OneOf
from ecgbench.harness.api.arguments import plugin_files
from ecgbench.harness.api.request import request
from ecgbench.harness.api.run import run
from ecgbench.harness.planning.catalog import discover

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping

    import optuna

    from ecgbench.contracts.search import Search
    from ecgbench.contracts.specs import GeneratorSpec
    from ecgbench.harness.api.boards import Board
    from ecgbench.harness.api.request import Names
    from ecgbench.harness.planning.study import Study

OBJECTIVE = ("cross-classification", "classifier-two-sample", "mmd")
"""The metrics of the objective, unless a user names others."""

TOGETHER = 4
"""Trials of one round.  They do not depend on the jobs, so neither does the result."""

ENDS = ("gaussian-noise", "real")
"""The reference rows at which a metric of the objective counts 0 and 1."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One choice of settings.

    Attributes:
        settings: as they differ from the study's; empty for the study's own.
        value: the objective; None if a fit or a score of it failed.
        scores: value by metric, the mean over both folds.
    """

    settings: dict[str, Any]
    value: float | None
    scores: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """The result of `tune`.

    Attributes:
        generator: its name.
        trials: in the order of the search; the first has the study's own settings.
        best: the trial of the greatest value.
        study: the study with the default and the tuned row, as TOML.
    """

    generator: str
    trials: tuple[Trial, ...]
    best: Trial
    study: str


def tune(
    generator: str,
    dataset: str,
    *,
    study: str | os.PathLike[str] = "standard",
    trials: int = 20,
    objective: Names = OBJECTIVE,
    split: int = 0,
    seed: int = 0,
    windows: int | None = None,
    store: str | os.PathLike[str] = "ecgbench-tuning",
    plugins: Iterable[str | os.PathLike[str]] = (),
    data_dir: str | os.PathLike[str] | None = None,
    on_trial: Callable[[Trial], None] | None = None,
    **machine: Any,
) -> Tuned:
    """Search a generator's settings, and return the study with its default and its tuned row.

    Only the training windows of one split are used.  Their people are divided again, into members and
    unseen people, as the protocol divides those of a dataset: nested cross-validation (Varma, Simon, BMC
    Bioinformatics 7:91, 2006).  A trial is a fit in each of both nested folds.  Its value is the mean
    over the metrics of the objective, on the scale on which the reference row ``gaussian-noise`` is 0 and
    ``real`` is 1; one metric counts at most 1.

    Settings are proposed by the tree-structured Parzen estimator of Optuna (Bergstra et al., NeurIPS
    2011), `TOGETHER` at a time.  Finished fits stay in the store, so the same call goes on after any
    interruption, and ends with the same trials.

    Args:
        generator: its name.
        dataset: name of the dataset.
        study: the study that the result is for: its settings are the first trial.
        trials: number of trials.
        objective: metrics that are defined for one seed or for both folds.
        split: seed of the split whose training windows are used.
        seed: of the search.
        windows: size of a fixed subsample of the dataset; None for the study's.
        store: folder of the finished fits.
        plugins: Python files with plugins that are not installed.
        data_dir: folder of datasets; None for ``ECGBENCH_DATA_DIR``.
        on_trial: called with each trial as it ends.
        machine: ``jobs``, ``threads``, ``timeout``, ``memory``, ``device`` and ``on_progress`` of
            `ecgbench.run`.

    Raises:
        UsageError: the generator has no search space, a name is wrong, or Optuna is not installed.
        EcgbenchError: no trial ended well.
    """
    optuna = _optuna()
    catalog = discover(plugin_files(plugins))
    spec = catalog.generator(generator)
    if not spec.search:
        searched = [s.name for e in catalog.of_kind("generator") if (s := e.spec).search]  # type: ignore[attr-defined]
        raise UsageError(
            f"generator {generator} declares no search space; {suggest(generator, searched)}"
        )
    base = request(study, generators=[generator], windows=windows)
    folder = Path(store)
    nested = msgspec.structs.replace(
        base, name=f"tune {generator}", datasets=(dataset,), nested=split, seeds=(0, 1)
    )
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=max(TOGETHER, trials // 4))
    search = optuna.create_study(direction="maximize", sampler=sampler)
    search.enqueue_trial(_within(as_dict(base.settings(spec)), spec.search))
    found: list[Trial] = []
    while len(found) < trials:
        asked = [search.ask() for _ in range(min(TOGETHER, trials - len(found)))]
        proposed = [_proposed(trial, spec.search) for trial in asked]
        if not found:
            proposed[0] = {}  # the study's own, which may lie outside of the search space
        made = run(
            [generator, *(_written(generator, settings) for settings in proposed if settings)],
            metrics=objective,
            study=_file(folder, nested),
            store=folder,
            plugins=plugins,
            data_dir=data_dir,
            **machine,
        )
        for ask, settings in zip(asked, proposed, strict=True):
            trial = _judged(spec, base, settings, made.boards)
            failed = optuna.trial.TrialState.FAIL if trial.value is None else None
            search.tell(ask, trial.value, state=failed)
            found.append(trial)
            if on_trial is not None:
                on_trial(trial)
    if all(trial.value is None for trial in found):
        raise EcgbenchError(
            f"none of the {trials} trials of {generator} ended well; the reasons: "
            f"ecgbench leaderboard --store {folder}"
        )
    best = max(found, key=lambda trial: -math.inf if trial.value is None else trial.value)
    rows = (generator, *([_written(generator, best.settings)] if best.settings else []))
    result = msgspec.structs.replace(base, generators=rows)
    return Tuned(generator=generator, trials=tuple(found), best=best, study=_toml(result))


def _optuna() -> Any:
    try:
        import optuna  # noqa: PLC0415 - an extra
        import tomli_w  # noqa: F401, PLC0415 - as above
    except ImportError:
        raise UsageError("tune needs Optuna: pip install 'synthetic-ecgbench[tune]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _within(settings: Mapping[str, Any], space: Mapping[str, Search]) -> dict[str, Any]:
    """Return those of the settings that lie in the search space."""
    return {
        name: settings[name]
        for name, search in space.items()
        if (
            settings[name] in search.values
            if isinstance(search, OneOf)
            else search.low <= settings[name] <= search.high
        )
    }


def _proposed(trial: optuna.Trial, space: Mapping[str, Search]) -> dict[str, Any]:
    """Return settings for a trial; numbers keep four digits, so that their text is the number."""
    settings: dict[str, Any] = {}
    for name, search in sorted(space.items()):
        if isinstance(search, OneOf):
            settings[name] = trial.suggest_categorical(name, search.values)
        elif isinstance(search.low, int) and isinstance(search.high, int):
            settings[name] = trial.suggest_int(name, search.low, search.high, log=search.log)
        else:
            value = trial.suggest_float(name, search.low, search.high, log=search.log)
            settings[name] = min(max(float(f"{value:.4g}"), search.low), search.high)
    return settings


def _written(generator: str, settings: Mapping[str, Any]) -> str:
    """Return a row as a study writes it, ``gmm:components=8:time=rr``."""
    return ":".join([generator, *(f"{name}={value}" for name, value in settings.items())])


def _judged(
    spec: GeneratorSpec, base: Study, settings: dict[str, Any], boards: Iterable[Board]
) -> Trial:
    """Return a trial with its value, from the row of its settings."""
    wanted = as_dict(base.settings(spec, settings))
    for board in boards:
        rows = {row.label: row.scores for row in board.references}
        own = next(
            row
            for row in board.rows
            if row.generator.name == spec.name and row.generator.settings == wanted
        )
        worst, best = (rows[name] for name in ENDS)
        scores: dict[str, float] = {}
        shares = []
        for label, score in own.scores.items():
            value, low, high = score.value, worst[label].value, best[label].value
            if value is None or low is None or high is None or low == high:
                return Trial(settings=settings, value=None, scores=scores)
            scores[label] = value
            shares.append(min((value - low) / (high - low), 1.0))
        return Trial(settings=settings, value=sum(shares) / len(shares), scores=scores)
    return Trial(settings=settings, value=None, scores={})


def _file(folder: Path, study: Study) -> Path:
    """Write the study of the trials beside their store, and return its file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "trials.toml"
    file.write_text(_toml(study), "utf-8")
    return file


def _toml(study: Study) -> str:
    """Return a study as TOML: what differs from an empty one."""
    import tomli_w  # noqa: PLC0415 - an extra

    plain = msgspec.to_builtins(type(study)())
    content = msgspec.to_builtins(study)
    return tomli_w.dumps({key: value for key, value in content.items() if value != plain[key]})
