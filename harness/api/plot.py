"""`plot`: pictures of a store for papers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecgbench.contracts.errors import UsageError, suggest
from ecgbench.harness.api.arguments import plugin_files
from ecgbench.harness.api.places import data_folder, store_at
from ecgbench.harness.api.request import names
from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.planning.facts import facts
from ecgbench.results.audit.records import audits
from ecgbench.results.board.board import boards as boards_of
from ecgbench.results.board.chosen import choose
from ecgbench.results.board.compare import compare
from ecgbench.results.board.plans import named
from ecgbench.results.pictures.beside import (
    Made,
    Real,
    classes_picture,
    is_of_beats,
    spectra_picture,
    windows_picture,
)
from ecgbench.results.render import audit as of_audit
from ecgbench.results.render.cells import curves_picture, people_picture, roc_picture
from ecgbench.results.render.cost import cost
from ecgbench.results.render.effects import picture as effects_picture
from ecgbench.results.render.front import front

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    from matplotlib.figure import Figure

    from ecgbench.harness.api.request import Names
    from ecgbench.harness.planning.catalog import Catalog
    from ecgbench.results.board.catalogue import Catalogue
    from ecgbench.results.board.chosen import Choice
    from ecgbench.results.board.table import Board
    from ecgbench.results.store.store import Store

BESIDES = 8
"""Generators on a picture of means or spectra, at most."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The wishes for a picture.

    Attributes:
        store: read only.
        catalog: of plugins.
        catalogue: facts of the installed plugins.
        dataset: name; None if the store has one alone.
        study: name; None for any.
        generators: labels or names; empty for all competitors.
        metric: name or label.
        seed: of the cells.
        drawing: draws the windows.
        count: windows of a class.
        neighbours: whether to show nearest training windows.
        wide: whether windows of a class stand side by side.
        data_dir: the user's folder of datasets.
    """

    store: Store
    catalog: Catalog
    catalogue: Catalogue
    dataset: str | None = None
    study: str | None = None
    generators: tuple[str, ...] = ()
    metric: str | None = None
    seed: int | None = None
    drawing: int = 0
    count: int = 1
    neighbours: bool = True
    wide: bool = False
    data_dir: str | os.PathLike[str] | None = None

    @property
    def choice(self) -> Choice:
        """The rows."""
        return choose(
            self.store,
            self.catalogue,
            dataset=self.dataset,
            study=self.study,
            generators=self.generators,
        )

    @property
    def boards(self) -> list[Board]:
        """The boards."""
        groups = named(self.store, self.dataset, self.study)
        return boards_of(self.store, self.catalogue, groups)


def plot(
    kind: str,
    store: str | os.PathLike[str] | None = None,
    *,
    dataset: str | None = None,
    study: str | None = None,
    generators: Names = None,
    metric: str | None = None,
    seed: int | None = None,
    drawing: int = 0,
    count: int = 1,
    neighbours: bool = True,
    wide: bool = False,
    plugins: Iterable[str | os.PathLike[str]] = (),
    data_dir: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draw a picture of a store.

    ``ecgbench plot`` writes the same as PDF, SVG or PNG.

    Args:
        kind: a name in `KINDS`.
        store: folder of finished cells; None for ``ECGBENCH_STORE``, else ``./ecgbench-results``.
        dataset: its name; None if the store has one alone.
        study: only boards of studies with this name.
        generators: labels of rows, or names of generators; None for all competitors.
        metric: of ``people``, ``roc``, ``audit`` and ``cost``.
        seed: of the cells; None for 0, or for all of them in ``people`` and ``curves``.
        drawing: seed of the drawing of windows.
        count: windows of a class.
        neighbours: whether to show the nearest training window below each synthetic one.
        wide: whether the windows of a class stand side by side, however wide the page becomes.
        plugins: Python files with plugins that are not installed.
        data_dir: folder with datasets in PhysioNet's layout; None for ``ECGBENCH_DATA_DIR``, else the
            user's cache.

    Returns:
        The picture.  Real windows are on it only if the dataset may be redistributed.

    Raises:
        UsageError: there is no such kind, board, row or score.
        DataError: the dataset is not on this machine, or is another one here.
        StoreError: a record cannot be read.

    Example:
        >>> import ecgbench
        >>> _ = ecgbench.run("pca-gaussian", "mitdb-208", "mmd", [0], study="smoke")
        >>> picture = ecgbench.plot("windows", generators="pca-gaussian")
        >>> picture.savefig("windows.pdf")
    """
    if kind not in KINDS:
        raise UsageError(f"no picture is called {kind!r}; {suggest(str(kind), KINDS)}")
    catalog = discover(plugin_files(plugins))
    return KINDS[kind](
        Asked(
            store=store_at(store),
            catalog=catalog,
            catalogue=facts(catalog),
            dataset=dataset,
            study=study,
            generators=names("generators", generators),
            metric=metric,
            seed=seed,
            drawing=drawing,
            count=count,
            neighbours=neighbours,
            wide=wide,
            data_dir=data_dir,
        )
    )


# --- windows ---------------------------------------------------------------------------------------


def _windows(asked: Asked) -> Figure:
    made, real, title = _beside(asked)
    return windows_picture(
        made,
        real,
        title=title,
        count=asked.count,
        seed=asked.drawing,
        neighbours=asked.neighbours,
        wide=asked.wide,
    )


def _classes(asked: Asked) -> Figure:
    made, real, title = _beside(asked, BESIDES)
    if not is_of_beats(real.control):
        raise UsageError(
            f"windows of {real.dataset} are strips and not aligned at a beat: they have no mean"
        )
    return classes_picture(made, real, title=title)


def _spectra(asked: Asked) -> Figure:
    made, real, title = _beside(asked, BESIDES)
    return spectra_picture(made, real, title=title)


def _beside(asked: Asked, most: int | None = None) -> tuple[list[Made], Real, str]:
    """Return the windows of the rows, the real ones, and a title."""
    from ecgbench.harness.api.sample import kept_windows  # noqa: PLC0415 - boards need no data
    from ecgbench.harness.data.originals import Originals  # noqa: PLC0415 - as above
    from ecgbench.harness.data.same import TOLERANCE  # noqa: PLC0415 - as above
    from ecgbench.harness.data.split import divided  # noqa: PLC0415 - as above

    choice, seed = asked.choice, asked.seed or 0
    found = choice.with_seed(seed)
    if most is not None and len(found) > most:
        raise UsageError(
            f"{len(found)} generators are too many for one picture, {most} at most; --generators "
            "names some"
        )
    originals = Originals(asked.catalog, data_folder(asked.data_dir))
    dataset = choice.dataset
    free = originals.is_redistributable(dataset)
    if not free and any(row.reference for row, _ in found):
        raise UsageError(
            f"windows of reference rows are patients' own or made of them, and {dataset.name} may not be "
            "redistributed, as far as is known here; --generators names others"
        )
    everything = originals.windows(dataset)
    halves = asked.catalog.dataset(dataset.name).halves
    splits = divided(everything, dataset, seed, halves)
    made = [
        Made(
            name=row.label,
            windows=kept_windows(asked.store, record, everything),
            reference=row.reference,
        )
        for row, record in found
    ]
    real = Real(
        dataset=dataset.name,
        train=splits.train,
        control=splits.control,
        free=free,
        tolerance=TOLERANCE,
    )
    return made, real, f"{choice.title}, seed {seed}"


# --- boards ----------------------------------------------------------------------------------------


def _front(asked: Asked) -> Figure:
    drawn = front(asked.boards)
    if drawn is None:
        raise UsageError(
            "no board has values of utility and of privacy for two competitors; ecgbench run makes them"
        )
    return drawn


def _cost(asked: Asked) -> Figure:
    return cost(asked.boards, asked.metric)


def _compare(asked: Asked) -> Figure:
    if len(asked.generators) != 2:
        raise UsageError("compare draws two rows; name them, for example --generators gmm,vae")
    a, b = asked.generators
    found, _ = compare(asked.store, a, b, asked.catalogue, dataset=asked.dataset, study=asked.study)
    if len(found) > 1:
        told = ", ".join(f"{each.board.dataset.name}/{each.board.study}" for each in found)
        raise UsageError(f"several boards have both: {told}; --dataset and --study name one")
    return effects_picture(found[0])


def _audit(asked: Asked) -> Figure:
    found = [
        record
        for record in audits(asked.store, asked.dataset)
        if any(series.amounts for series in record.series)
    ]
    metrics = sorted({record.metric.name for record in found})
    if not metrics:
        raise UsageError(f"{asked.store.path} holds no audit; ecgbench audit makes some")
    if asked.metric is None and len(found) > 1:
        raise UsageError(f"the store has several audits; --metric names one: {', '.join(metrics)}")
    chosen = [record for record in found if asked.metric in (None, record.metric.name)]
    if not chosen:
        wanted = asked.metric or ""
        raise UsageError(f"no audit is of metric {wanted!r}; {suggest(wanted, metrics)}")
    datasets = sorted({record.dataset.name for record in chosen})
    if len(datasets) > 1:
        raise UsageError(f"audits are on {', '.join(datasets)}; --dataset names one")
    return of_audit.figure(chosen[-1])


# --- cells -----------------------------------------------------------------------------------------


def _people(asked: Asked) -> Figure:
    return people_picture(
        asked.store, asked.choice, asked.catalogue, metric=asked.metric, seed=asked.seed
    )


def _roc(asked: Asked) -> Figure:
    return roc_picture(asked.store, asked.choice, metric=asked.metric, seed=asked.seed or 0)


def _curves(asked: Asked) -> Figure:
    return curves_picture(asked.store, asked.choice, seed=asked.seed)


KINDS: dict[str, Callable[[Asked], Figure]] = {
    "windows": _windows,
    "classes": _classes,
    "spectra": _spectra,
    "front": _front,
    "roc": _roc,
    "people": _people,
    "curves": _curves,
    "audit": _audit,
    "cost": _cost,
    "compare": _compare,
}
"""By name."""
