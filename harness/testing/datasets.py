"""Rules of datasets.  A trial reads the smoke settings; a database from PhysioNet has to be on the machine."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ecgbench.contracts.errors import DataError, Skip
from ecgbench.harness.cell.trouble import say
from ecgbench.harness.data import physionet
from ecgbench.harness.data.digest import digest
from ecgbench.harness.data.returned import as_windows, twins
from ecgbench.harness.data.split import split
from ecgbench.testing import specs
from ecgbench.testing.rules import SLOW, BrokenRuleError, Rules, require
from ecgbench.testing.state import RANDOM, State, as_in_a_cell

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.contracts.specs import DatasetSpec
    from ecgbench.contracts.windows import EcgWindows

RULES = Rules(specs.RULES)

FEWEST_PEOPLE = 4
"""Of a dataset with people on both sides of a split, at least."""


@dataclass
class Seen:
    """What a reading did.

    Attributes:
        windows: as the harness takes them; None if they were refused.
        returned: as the plugin returned them.
        error: why they were refused.
        digest: of the windows, before anything could change them.
        changed: names of the state that the reading changed.
        seconds: processor time.
    """

    windows: EcgWindows | None = None
    returned: object = None
    error: str = ""
    digest: str = ""
    changed: set[str] = field(default_factory=set)
    seconds: float = 0.0


class DatasetTrial(specs.Trial):
    """A dataset with its smoke settings."""

    spec: DatasetSpec

    @property
    def folder(self) -> Path | None:
        """The folder of its files.

        Raises:
            Skip: it is not on this machine.
        """
        if self.spec.source is None:
            return None
        found = physionet.find(self.spec.source, self.plugin.data_dir)
        if found is None:
            raise Skip(f"its files are not on this machine; ecgbench fetch {self.spec.name}")
        return found

    def read(self) -> Seen:
        """Read it."""
        folder, seen = self.folder, Seen()
        cpu = time.process_time()
        with as_in_a_cell():
            state = State.now()
            try:
                seen.returned = self.spec.load()(self.smoke, folder)
                seen.windows = as_windows(seen.returned, self.spec.name)
                seen.digest = digest(seen.windows, "")
            except Skip:
                raise
            except Exception as error:  # noqa: BLE001 - any dataset, any error
                seen.error = say(error)
            seen.changed.update(state.changed())
        seen.seconds = time.process_time() - cpu
        return seen

    @cached_property
    def first(self) -> Seen:
        """The first reading."""
        return self.read()

    @cached_property
    def again(self) -> Seen:
        """A second reading, after the arrays of a first one were overwritten."""
        before = self.read().returned
        signals = getattr(before, "signals", None)
        if isinstance(signals, np.ndarray) and signals.flags.writeable:
            signals.fill(0.0)
        return self.read()

    @property
    def windows(self) -> EcgWindows:
        """The windows of the first reading.

        Raises:
            Skip: there are none.
        """
        if self.first.windows is None:
            raise Skip("reads fails")
        return self.first.windows


@RULES.add()
def facts(trial: DatasetTrial) -> None:
    """The spec names leads, classes, rate and licence; headline classes are classes; nobody is in both halves."""
    spec = trial.spec
    require(spec.leads and len(set(spec.leads)) == len(spec.leads), f"leads are {spec.leads}")
    require(
        spec.classes and len(set(spec.classes)) == len(spec.classes), f"classes are {spec.classes}"
    )
    require(spec.sampling_rate > 0, f"sampling_rate is {spec.sampling_rate}")
    require(spec.licence.strip(), "licence is empty; an export says under which one the data are")
    odd = set(spec.headline_classes) - set(spec.classes)
    require(not odd, f"headline_classes {sorted(odd)} are no classes")
    if spec.halves is not None:
        both = set(spec.halves[0]) & set(spec.halves[1])
        require(not both, f"halves: people {sorted(both)} are in both")


@RULES.add()
def reads(trial: DatasetTrial) -> None:
    """It returns windows: float32 samples that can be millivolts, labels of its classes, a person for each window."""
    require(trial.first.windows is not None, trial.first.error)


@RULES.add()
def as_declared(trial: DatasetTrial) -> None:
    """Leads, rate and classes of the windows are those of the spec."""
    windows, spec = trial.windows, trial.spec
    for name in ("leads", "sampling_rate", "classes"):
        found, declared = getattr(windows, name), getattr(spec, name)
        require(found == declared, f"windows have {name} {found!r}, the spec says {declared!r}")


@RULES.add()
def same_windows_again(trial: DatasetTrial) -> None:
    """A second reading returns the same windows, and does not depend on the arrays of the first."""
    _ = trial.windows
    require(trial.again.windows is not None, trial.again.error)
    require(
        trial.again.digest == trial.first.digest,
        "two readings differ; sort file names, and draw with a generator seeded from the settings",
    )


@RULES.add()
def people(trial: DatasetTrial) -> None:
    """There are people for both sides of a split, and no two have the same windows."""
    windows = trial.windows
    count = len(np.unique(windows.patients))
    require(
        count == 1 or count >= FEWEST_PEOPLE,
        f"there are {count} people; one, or {FEWEST_PEOPLE} and more can be divided",
    )
    found = Counter(twins(windows))
    if found:
        (one, other), shared = found.most_common(1)[0]
        raise BrokenRuleError(
            f"patients {one} and {other} have {shared} windows in common; give one person one number"
        )


@RULES.add()
def divides(trial: DatasetTrial) -> None:
    """The protocol can divide it, with both folds; halves name everybody."""
    for seed in (0, 1):
        try:
            split(trial.windows, seed, trial.spec.halves)
        except DataError as error:
            raise BrokenRuleError(str(error)) from None


@RULES.add()
def origin_of_windows(trial: DatasetTrial) -> None:
    """Where windows have records and positions, no two windows are at the same place of one record."""
    windows = trial.windows
    if windows.records is None or windows.positions is None:
        raise Skip("windows have no records and positions")
    places = Counter(zip(windows.records.tolist(), windows.positions.tolist(), strict=True))
    (record, position), count = places.most_common(1)[0]
    require(count == 1, f"{count} windows are at {position:g} s of record {record}")
    owners: dict[str, set[int]] = {}
    for name, person in zip(windows.records.tolist(), windows.patients.tolist(), strict=True):
        owners.setdefault(name, set()).add(person)
    shared = {name: sorted(who) for name, who in owners.items() if len(who) > 1}
    require(not shared, f"records of several people: {dict(list(shared.items())[:3])}")


@RULES.add()
def files_declared(trial: DatasetTrial) -> None:
    """The spec says which files it reads (source, files), so that a change of one is noticed."""
    spec = trial.spec
    require(
        spec.source is not None or spec.files is not None,
        "neither source nor files is given; files=() says that it reads none",
    )


@RULES.add()
def random_state(trial: DatasetTrial) -> None:
    """Reading leaves the global random states alone."""
    _ = trial.windows
    changed = trial.first.changed & trial.again.changed & set(RANDOM)
    require(not changed, f"the global random state of {', '.join(sorted(changed))} changes")


@RULES.add()
def process_state(trial: DatasetTrial) -> None:
    """Reading leaves the state of the process as it was: folder, threads, environment and the like."""
    _ = trial.windows
    changed = (trial.first.changed & trial.again.changed) - set(RANDOM)
    require(not changed, f"it changes {', '.join(sorted(changed))}")


@RULES.add(timed=True)
def smoke_in_seconds(trial: DatasetTrial) -> None:
    """Reading with the smoke settings takes less than 10 s of processor time."""
    _ = trial.windows
    require(
        trial.first.seconds < SLOW,
        f"it took {trial.first.seconds:.0f} s; give the spec smaller smoke settings",
    )
