"""`run`: fit, sample, score, and make the boards."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ecgbench.harness.api.arguments import callback, plugin_files
from ecgbench.harness.api.datasets import check_present, prepared, with_datasets
from ecgbench.harness.api.messages import Callback, Notice, silent
from ecgbench.harness.api.places import data_folder, relative, store_at
from ecgbench.harness.api.request import names, request
from ecgbench.harness.api.work import job
from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.planning.plan import Plan, make_plan
from ecgbench.harness.planning.study import resolve
from ecgbench.results.store.lease import Leases

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping

    from ecgbench.harness.api.messages import Tell
    from ecgbench.harness.api.request import Names, Seeds, Settings
    from ecgbench.harness.api.work import Job, Run
    from ecgbench.results.store.store import Store


def run(
    generators: Names = None,
    datasets: Names = None,
    metrics: Names = None,
    seeds: Seeds = None,
    *,
    study: str | os.PathLike[str] = "quick",
    settings: Settings = None,
    windows: int | None = None,
    references: bool = True,
    retry_failed: bool = False,
    fresh: bool = False,
    dry_run: bool = False,
    verify: bool = False,
    keep_models: bool = False,
    device: str = "auto",
    threads: int | None = None,
    jobs: int | None = None,
    timeout: float | None = None,
    memory: int | None = None,
    scheduler: str | None = None,
    results: str = "wire",
    plugins: Iterable[str | os.PathLike[str]] = (),
    data_dir: str | os.PathLike[str] | None = None,
    store: str | os.PathLike[str] | None = None,
    on_progress: Tell | None = None,
) -> Run:
    """Fit each generator on each dataset, score it with each metric, and return the boards.

    The arguments are the options of the command ``ecgbench run``, with the same defaults.  Finished cells
    are not done again: call the function once more after any interruption.  Ctrl-C ends the processes of
    the run; all finished cells stay in the store.

    Args:
        generators: names, in a list or in one text with commas; None for the study's.
        datasets: names; None for the full datasets on this machine, else the embedded ones.
        metrics: names; None for all that are not costly.
        seeds: whole numbers from 0, for example ``range(6)``; None for the study's.  Even seeds train on
            one half of the people, odd seeds on the other.
        study: ``"smoke"``, ``"quick"``, ``"standard"``, ``"tuned"``, ``"published"``, or the path of a
            TOML file.
        settings: values by ``"KIND.NAME.SETTING"``, for example ``{"generator.timegan.hidden": 32}``.
        windows: size of a fixed subsample of each dataset, 20 or more; None for all windows.
        references: whether the reference rows are added.
        retry_failed: whether failed cells and scores run again.
        fresh: whether results of other code of the same version are computed again.
        dry_run: whether to plan alone; the result then has no boards.
        verify: whether every stored file is first read against its digest.
        keep_models: whether fitted models are kept in the store, for `ecgbench.sample`.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        threads: for each plugin; None for the processors, divided by the jobs.
        jobs: cells at a time; None for 1, in a smoke study up to 4.
        timeout: seconds for a fit, for its sampling and for each score; None for any time.
        memory: bytes for a cell; None for nine tenths of the machine's memory, divided by the jobs.
        scheduler: address of a Dask cluster, for example ``"tcp://10.0.0.1:8786"``.
        results: with a cluster, ``"wire"`` or ``"store"``: workers send results, or write them into the
            store that they share.
        plugins: Python files with plugins that are not installed.
        data_dir: folder with datasets in PhysioNet's layout; None for ``ECGBENCH_DATA_DIR``, else the
            user's cache.
        store: folder of finished cells; None for ``ECGBENCH_STORE``, else ``ecgbench-results``.
        on_progress: called in this thread with each message (`ecgbench.harness.api.messages`): ``Notice``,
            ``Fetching``, ``Reading``, ``CellStarted``, ``CellProgress``, ``ScoreEnded``, ``CellNote``,
            ``CellEnded``, ``Waiting``.  ``print`` will do.  An exception of the callback ends the run.

    Returns:
        The state of each cell (``cells``, ``failed``, ``ok``, ``to_frame()``) and the ``boards``.

    Raises:
        UsageError: a name, a setting or an option is wrong; the message names the nearest valid choice.
        DataError: a dataset cannot be fetched or read.
        StoreError: the store cannot be read or written.

    Example:
        >>> import ecgbench
        >>> outcome = ecgbench.run(
        ...     generators=["pca-gaussian"],
        ...     datasets=["mitdb-208"],
        ...     metrics=["mmd"],
        ...     seeds=[0],
        ...     study="smoke",
        ...     references=False,
        ... )
        >>> outcome.ok, outcome.counts
        (True, {'done': 1})
        >>> [row.label for row in outcome.boards[0].rows]
        ['pca-gaussian']
    """
    tell = callback(on_progress) or silent
    with planned_run(
        tell=tell,
        generators=generators,
        datasets=datasets,
        metrics=metrics,
        seeds=seeds,
        study=study,
        settings=settings,
        windows=windows,
        references=references,
        retry_failed=retry_failed,
        fresh=fresh,
        dry_run=dry_run,
        verify=verify,
        plugins=plugins,
        data_dir=data_dir,
        store=store,
        machine={
            "device": device,
            "threads": threads,
            "jobs": jobs,
            "timeout": timeout,
            "memory": memory,
            "scheduler": scheduler,
            "results": results,
            "keep_models": keep_models,
        },
    ) as planned:
        for warning in planned.plan.warnings:
            tell(Notice(level="warning", text=warning))
        return planned.planned() if dry_run else planned.work(Callback(tell))


@contextmanager
def planned_run(
    *,
    tell: Tell,
    settings: Settings,
    retry_failed: bool,
    fresh: bool,
    dry_run: bool,
    verify: bool,
    plugins: Iterable[str | os.PathLike[str]],
    data_dir: str | os.PathLike[str] | None,
    store: str | os.PathLike[str] | None,
    machine: Mapping[str, Any],
    **requested: Any,
) -> Iterator[Job]:
    """Plan a run: read or fetch its datasets, look into the store, and open the machine.

    Args:
        tell: receives messages.
        settings: as `run` takes them; the same holds for all that is not named here.
        retry_failed: whether failed cells and scores run again.
        fresh: whether results of other code are computed again.
        dry_run: whether nothing may be fetched.
        verify: whether stored files are read against their digests.
        plugins: files.
        data_dir: folder of datasets.
        store: folder of finished cells.
        machine: the options of the machine (`ecgbench.harness.api.machine.machine_and_pool`).
        requested: for `ecgbench.harness.api.request.request`.

    Raises:
        AbsentError: a dry run needs datasets that are not on this machine.
    """
    catalog = discover(plugin_files(plugins))
    for problem in catalog.problems:
        tell(Notice(level="problem", text=problem))
    folder = data_folder(data_dir)
    wanted = request(settings=settings, **requested)
    study = resolve(with_datasets(wanted, catalog, folder, tell), catalog)
    if dry_run:
        check_present(study, catalog, folder)
    sources, records = prepared(study, catalog, folder, tell)
    cells = store_at(store)
    if verify:
        set_aside_damaged(cells, tell)
    plan = make_plan(study, catalog, records, cells, retry_failed=retry_failed, fresh=fresh)
    if machine.get("keep_models"):
        _tell_without_model(plan, cells, tell)
    shown = names("metrics", requested.get("metrics"))
    with job(catalog, study, sources, cells, plan, machine, shown) as planned:
        yield planned


def _tell_without_model(plan: Plan, store: Store, tell: Tell) -> None:
    """Say which finished cells have no model: they are not fitted again."""
    without = []
    for cell in plan.cells:
        record = store.cell(cell.id.name) if cell.state == "done" else None
        if record is not None and not (record.model or record.reference or cell.id.submitted):
            without.append(cell.id.name)
    if without:
        text = (
            f"{len(without)} finished cells have no model, first {without[0]}; ecgbench forget removes "
            "them, and the run then fits them again"
        )
        tell(Notice(level="note", text=text))


def set_aside_damaged(store: Store, tell: Tell) -> None:
    """Read every file of every cell against its digest, and set damaged ones aside."""
    with Leases(store.path) as leases:
        for cell in list(store.cell_names()):
            if (lease := leases.take(cell)) is None:
                continue  # another run works on it, and reads its files itself
            while (file := store.damage(cell)) is not None:
                moved = store.set_aside(cell, file)
                text = f"{relative(file)}; set aside in {relative(moved)}"
                tell(Notice(level="damaged", text=text))
            leases.give_back(lease)
