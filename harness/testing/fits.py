"""`GeneratorTrial`: fits the smoke settings on simulated people, as few times as it can."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
import weakref
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np

from ecgbench.contracts.errors import Skip
from ecgbench.contracts.protocols import Context
from ecgbench.harness.cell.checks import check_applies
from ecgbench.harness.cell.fit import left_behind
from ecgbench.harness.cell.models import (
    Model,
    draw,
    fit_model,
    load_models,
    new_models,
)
from ecgbench.harness.cell.trouble import say
from ecgbench.testing import cohort, specs
from ecgbench.testing.state import State, as_in_a_cell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from ecgbench.contracts.windows import EcgWindows


SEED = 3

HOUR = 3600.0


class StopError(BaseException):
    """The user stops a fit; nothing but the harness may catch it."""


@dataclass
class Seen:
    """What a fit and a sampling did.

    Attributes:
        models: the fitted ones.
        returned: of each call of ``sample``: the labels, and what came back.
        wrote_labels: whether a call of ``sample`` changed its labels.
        windows: the drawn windows; None if there are none.
        error: why there are none.
        changed: names of the state that calls changed.
        reports: steps that were reported.
        left: a sentence on files in the working folder.
        checkpoints: files that the fit left for a later one.
        seconds: processor time.
    """

    models: list[Model] = field(default_factory=list)
    returned: list[tuple[NDArray[np.int64], Any]] = field(default_factory=list)
    wrote_labels: bool = False
    windows: EcgWindows | None = None
    error: str = ""
    changed: set[str] = field(default_factory=set)
    reports: list[int] = field(default_factory=list)
    left: str = ""
    checkpoints: int = 0
    seconds: float = 0.0


class _Watched:
    """Calls a generator and notes what it changes."""

    def __init__(self, inner: Any, seen: Seen) -> None:
        self.inner, self.seen = inner, seen

    def fit(self, train: EcgWindows, context: Context) -> None:
        state = State.now()
        try:
            self.inner.fit(train, context)
        finally:
            self.seen.changed.update(state.changed())

    def sample(self, labels: NDArray[np.int64], context: Context) -> Any:
        asked, state = labels.copy(), State.now()
        found = self.inner.sample(labels, context)
        self.seen.wrote_labels |= not np.array_equal(labels, asked)
        self.seen.changed.update(state.changed())
        self.seen.returned.append((asked, found))
        return found


class GeneratorTrial(specs.Trial):
    """A generator with its smoke settings."""

    @cached_property
    def folder(self) -> Path:
        """A folder that is removed when the trial is."""
        folder = tempfile.mkdtemp(prefix="ecgbench-check-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)

    def run(
        self,
        name: str,
        train: EcgWindows,
        labels: NDArray[np.int64],
        *,
        log: Callable[[Seen], None] | None = None,
        between: Callable[[Seen], None] | None = None,
        kept: Path | None = None,
    ) -> Seen:
        """Fit on ``train`` and draw ``labels``, as the harness does.

        Args:
            name: of the folder of checkpoints; a second run of the name finds the first one's files.
            train: the training windows.
            labels: the labels to draw.
            log: called at each report.
            between: called between fit and sampling.
            kept: a folder of saved models, to load in place of the fit.

        Raises:
            Skip: the generator does not apply, by its spec or its own word.
        """
        check_applies(self.spec, train, labels)
        if self.spec.draws_on_fresh and not np.array_equal(labels, fresh_beside(train).labels):
            raise Skip("it draws the fresh windows alone")
        seen = Seen()
        work = self.folder / f"{name}-work-{time.monotonic_ns()}"
        with as_in_a_cell():
            cpu = time.process_time()
            try:
                self._run(name, seen, train, labels, work, log, between, kept)
            except (Skip, StopError):
                raise
            except Exception as error:  # noqa: BLE001 - any generator, any error
                seen.error = say(error)
            seen.seconds = time.process_time() - cpu
        cohort.restore()
        seen.left = left_behind(work)
        seen.checkpoints = len(self.checkpoints(name))
        return seen

    def checkpoints(self, name: str) -> list[Path]:
        """Return the files that a fit left for a later one."""
        return [file for file in (self.folder / name).rglob("*") if file.is_file()]

    def _run(
        self,
        name: str,
        seen: Seen,
        train: EcgWindows,
        labels: NDArray[np.int64],
        work: Path,
        log: Callable[[Seen], None] | None,
        between: Callable[[Seen], None] | None,
        kept: Path | None,
    ) -> None:
        def report(step: int, /, **_: Any) -> None:
            seen.reports.append(int(step))
            if log is not None:
                log(seen)

        def context_of(part: str) -> Context:
            folder = self.folder / name / part
            folder.mkdir(parents=True, exist_ok=True)
            fresh = fresh_beside(train) if self.spec.draws_on_fresh else None
            return Context(
                seed=SEED, device="cpu", threads=1, log=report, checkpoint_dir=folder, fresh=fresh
            )

        made = new_models(self.spec, self.smoke, labels, work=work, context_of=context_of)
        if kept is not None:
            load_models(made, kept)
            seen.windows = draw(self.spec, made, train.take(slice(0)), labels)
            return
        seen.models = [replace(each, generator=_Watched(each.generator, seen)) for each in made]
        for model in seen.models:
            fit_model(model, train)
        if between is not None:
            between(seen)
        seen.windows = draw(self.spec, seen.models, train, labels)

    # --- runs that several rules look at ----------------------------------------------------------

    @cached_property
    def first(self) -> Seen:
        """A fit on one lead and four classes."""
        splits = cohort.cohort()
        return self.run("first", splits.train, splits.fresh.labels)

    @property
    def drawn(self) -> EcgWindows:
        """The windows of `first`.

        Raises:
            Skip: there are none.
        """
        if self.first.windows is None:
            raise Skip("fit-and-sample fails")
        return self.first.windows

    @cached_property
    def again(self) -> Seen:
        """The same fit on a copy of the training windows that are gone before the sampling."""
        splits = cohort.cohort()
        signals = splits.train.signals.copy()
        train = splits.train.take(slice(None))
        object.__setattr__(train, "signals", signals)
        return self.run("again", train, splits.fresh.labels, between=lambda _: signals.fill(0.0))

    @property
    def changed(self) -> set[str]:
        """Names of the state that every fit changes; a first import may change more."""
        return self.first.changed & self.again.changed

    @cached_property
    def is_stopped(self) -> bool:
        """Whether a fit ends that is stopped half way; its clock runs fast, so that checkpoints are due.

        Raises:
            Skip: it reports no progress, at which it could be stopped.
        """
        if not self.first.reports:
            raise Skip(
                "fit-and-sample fails"
                if self.first.error
                else "it reports no progress (context.log)"
            )
        half = max(len(self.first.reports) // 2, 1)

        def stop(seen: Seen) -> None:
            if len(seen.reports) >= half:
                raise StopError

        splits = cohort.cohort()
        try:
            with fast_clock():
                self.run("stopped", splits.train, splits.fresh.labels, log=stop)
        except StopError:
            return True
        return False

    @cached_property
    def other(self) -> Seen:
        """A fit on other people."""
        train = cohort.cohort(fold=1).train
        return self.run("other", train, cohort.cohort().fresh.labels)

    @cached_property
    def two(self) -> Seen:
        """A fit on two leads."""
        splits = cohort.two_leads()
        return self.run("two", splits.train, splits.fresh.labels)


def fresh_beside(train: EcgWindows) -> EcgWindows:
    """Return the fresh windows of the same people, with as many leads."""
    splits = cohort.cohort() if len(train.leads) == 1 else cohort.two_leads()
    return splits.fresh


@contextlib.contextmanager
def fast_clock() -> Iterator[None]:
    """Let an hour pass between two looks at the clock."""
    real = time.monotonic, time.time
    looks = iter(range(1, 2**40))

    def later(clock: Callable[[], float]) -> float:
        return clock() + HOUR * next(looks)

    with (
        patch("time.monotonic", partial(later, real[0])),
        patch("time.time", partial(later, real[1])),
    ):
        yield
