"""`explore`: what a dataset is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from ecgbench.harness.api.arguments import callback, plugin_files
from ecgbench.harness.api.datasets import prepared
from ecgbench.harness.api.messages import silent
from ecgbench.harness.api.places import data_folder
from ecgbench.harness.api.request import request
from ecgbench.harness.data import cache as data
from ecgbench.harness.data.split import divided, subsample
from ecgbench.harness.exploration import analysis
from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.planning.study import resolve

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from matplotlib.figure import Figure

    from ecgbench.contracts.specs import DatasetSpec
    from ecgbench.contracts.windows import EcgWindows
    from ecgbench.harness.api.messages import Tell
    from ecgbench.harness.api.request import Settings
    from ecgbench.harness.exploration.records import Exploration

SEEDS = (0, 1)
"""Of the shown splits: one of each fold."""


@dataclass(frozen=True, kw_only=True)
class Explored:
    """A dataset, explored.

    Attributes:
        spec: of the dataset.
        facts: the exploration.
        windows: explored.
        seed: drew the examples.
    """

    spec: DatasetSpec
    facts: Exploration
    windows: EcgWindows
    seed: int

    def examples(self) -> Figure | None:
        """Draw the example windows on ECG paper; None if the dataset may not be redistributed."""
        from ecgbench.results.pictures.windows import Row, windows  # noqa: PLC0415 - a second

        if not self.spec.redistributable:
            return None
        classes = [each for each in self.facts.classes if each.examples]
        return windows(
            [
                Row(
                    name="real",
                    windows=[
                        [self.windows.signals[row] for row in each.examples] for each in classes
                    ],
                )
            ],
            classes=[f"class {each.name}" for each in classes],
            leads=self.windows.leads,
            rate=self.windows.sampling_rate,
            length=self.windows.length,
            title=self.spec.name,
            notes=[f"Drawn at random by seed {self.seed}, none chosen."],
        )

    @property
    def why_no_examples(self) -> str:
        """Return why no windows are shown; empty if they are."""
        if self.spec.redistributable:
            return ""
        return f"Windows are not shown: {self.spec.name} may not be redistributed."


def explore(
    dataset: str,
    *,
    seed: int = 0,
    study: str | os.PathLike[str] = "quick",
    settings: Settings = None,
    windows: int | None = None,
    plugins: Iterable[str | os.PathLike[str]] = (),
    data_dir: str | os.PathLike[str] | None = None,
    on_progress: Tell | None = None,
) -> Explored:
    """Explore a dataset: classes, people, leads, heart rates, quality, splits.

    Args:
        dataset: its name.
        seed: draws the example windows.
        study: a study's name or file, for its settings of the dataset.
        settings: values by ``"dataset.NAME.SETTING"``.
        windows: size of a fixed subsample, 20 or more; None for all windows.
        plugins: Python files with plugins that are not installed.
        data_dir: folder with datasets in PhysioNet's layout; None for ``ECGBENCH_DATA_DIR``, else the
            user's cache.
        on_progress: called with messages ``Fetching`` and ``Reading`` (`ecgbench.run`).

    Raises:
        UsageError: a name or a setting is wrong.
        DataError: the dataset cannot be fetched, read or divided.

    Example:
        >>> import ecgbench
        >>> found = ecgbench.explore("ecgsyn")
        >>> found.facts.people, [each.name for each in found.facts.classes]
        (40, ['N', 'S', 'V', 'F'])
    """
    catalog = discover(plugin_files(plugins))
    wanted = request(study, datasets=[dataset], seeds=SEEDS, windows=windows, settings=settings)
    resolved = resolve(msgspec.structs.replace(wanted, generators=()), catalog)
    tell = callback(on_progress) or silent
    (source,), (record,) = prepared(resolved, catalog, data_folder(data_dir), tell)
    everything = data.windows(source)
    chosen = subsample(everything, record.windows)
    splits = {
        number: divided(everything, record, number, source.spec.halves)
        for number in SEEDS
        if number == 0 or len(np.unique(chosen.patients)) > 1
    }
    facts = analysis.explore(chosen, splits, seed=seed)
    return Explored(spec=source.spec, facts=facts, windows=chosen, seed=seed)
