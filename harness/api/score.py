"""`score`: windows from elsewhere, as a row of the board."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from ecgbench.contracts.errors import UsageError
from ecgbench.contracts.windows import EcgWindows
from ecgbench.harness.api.arguments import callback, check, plugin_files
from ecgbench.harness.api.datasets import load_splits
from ecgbench.harness.api.messages import Callback, Notice, silent
from ecgbench.harness.api.places import data_folder, store_at
from ecgbench.harness.api.request import names, request
from ecgbench.harness.api.work import job
from ecgbench.harness.engine.submission import Submission
from ecgbench.harness.formats.conform import Said
from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.planning.plan import cell_id, generator_records, metric_records, plan_of
from ecgbench.harness.planning.study import resolve
from ecgbench.results.store.npz import npz, synthetic_digest
from ecgbench.results.store.records import CellRecord, DatasetRecord, GeneratorRecord, now
from ecgbench.results.store.store import Store, sha256, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from ecgbench.contracts.specs import DatasetSpec
    from ecgbench.contracts.windows import Splits
    from ecgbench.harness.api.messages import Tell
    from ecgbench.harness.api.request import Names, Settings
    from ecgbench.harness.api.work import Job, Run
    from ecgbench.harness.planning.catalog import Catalog
    from ecgbench.harness.planning.study import Study


def score(
    windows: EcgWindows | ArrayLike | str | PathLike[str],
    labels: ArrayLike | str | PathLike[str] | None = None,
    *,
    name: str,
    dataset: str | None = None,
    seed: int | None = None,
    rate: float | None = None,
    resample: bool = False,
    unit: str | None = None,
    lead: Names = None,
    classes: Mapping[int | str, str] | Sequence[str] | None = None,
    axes: Names = None,
    metrics: Names = None,
    study: str | PathLike[str] | None = None,
    settings: Settings = None,
    subsample: int | None = None,
    references: bool = True,
    device: str = "auto",
    threads: int | None = None,
    jobs: int | None = None,
    timeout: float | None = None,
    memory: int | None = None,
    scheduler: str | None = None,
    results: str = "wire",
    plugins: Iterable[str | PathLike[str]] = (),
    data_dir: str | PathLike[str] | None = None,
    store: str | PathLike[str] | None = None,
    on_progress: Tell | None = None,
) -> Run:
    """Score windows that were made elsewhere, beside the reference rows.

    The arguments are the options of the command ``ecgbench score``, with the same defaults.  The model must
    have learnt from ``ecgbench.splits(dataset, seed).train`` alone: a wrong seed makes copies look private.
    Give `splits` the same ``study`` and ``settings``, since they may change the dataset.

    Args:
        windows: `EcgWindows`; or floating-point millivolts of shape (window, lead, sample), one window for
            each of ``splits(dataset, seed).fresh.labels``, in any order; or the path of an ``.npz``,
            ``.npy``, ``.csv`` or ``.parquet``, or of a folder of WFDB records (docs/data.md).
        labels: for arrays: whole numbers, shape (window,), indices into the dataset's classes, or names of
            them; for a path: the path of an ``.npy``, ``.csv`` or text of labels, None if the windows'
            file has them.
        name: the row's name: lower-case letters, digits and hyphens.
        dataset: the dataset of the split; a file of ``ecgbench split`` says it itself.
        seed: the seed of the split; likewise.
        rate: samples per second of the windows, in Hz; None if their file says it, or it is the dataset's.
        resample: whether to resample the windows to the dataset's rate.
        unit: of the samples, ``"mV"``, ``"uV"`` or ``"V"``; None if the file says it, or it is mV.
        lead: names of the windows' leads, in order; None if the file says them, or they are the dataset's.
        classes: names of the classes by label, or in the order of the labels from 0.
        axes: of the signals, in order, if not ``("window", "lead", "sample")``.
        metrics: names; None for all that are not costly.
        study: a study's name or file; None for the study of ``ecgbench split``, else ``"quick"``.
        settings: values by ``"KIND.NAME.SETTING"``.
        subsample: size of the subsample of the dataset (``--windows`` of the command).
        references: whether the reference rows are added.
        device: as for `ecgbench.run`; the same holds for all arguments below.
        threads: for each plugin.
        jobs: cells at a time.
        timeout: seconds for each score.
        memory: bytes for a cell.
        scheduler: address of a Dask cluster.
        results: with a cluster, ``"wire"`` or ``"store"``.
        plugins: Python files with plugins.
        data_dir: folder with datasets.
        store: folder of finished cells.
        on_progress: called with each message.

    Returns:
        The state of each cell and the ``boards``, as from `ecgbench.run`.

    Raises:
        UsageError: the windows are not those of such a split; the message says what is wrong, what is
            wanted, and how to get there.
        DataError: the dataset cannot be fetched or read.
        StoreError: the store cannot be read or written.

    Example:
        >>> import ecgbench, numpy as np
        >>> parts = ecgbench.splits("ecgsyn", seed=0, study="smoke")
        >>> rng = np.random.default_rng(0)
        >>> rows = [rng.choice(np.flatnonzero(parts.train.labels == k)) for k in parts.fresh.labels]
        >>> signals = parts.train.signals[rows] + 0.1 * rng.standard_normal((len(rows), 1, 200))
        >>> outcome = ecgbench.score(
        ...     signals,
        ...     parts.fresh.labels,
        ...     name="jittered",
        ...     dataset="ecgsyn",
        ...     seed=0,
        ...     metrics=["mmd"],
        ...     study="smoke",
        ...     references=False,
        ... )
        >>> outcome.boards[0].rows[0].scores["mmd"].status
        'ok'
    """
    tell = callback(on_progress) or silent
    with planned_score(
        submission_of(windows, labels, said(rate, resample, unit, lead, classes, axes)),
        tell=tell,
        name=name,
        dataset=dataset,
        seed=seed,
        settings=settings,
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
        },
        metrics=metrics,
        study=study,
        windows=subsample,
        references=references,
    ) as planned:
        for warning in planned.plan.warnings:
            tell(Notice(level="warning", text=warning))
        return planned.work(Callback(tell))


def said(
    rate: float | None,
    resample: bool,
    unit: str | None,
    lead: Names,
    classes: Mapping[int | str, str] | Sequence[str] | None,
    axes: Names,
) -> Said:
    """Return the user's words on the windows, checked; the arguments are those of `score`.

    Raises:
        UsageError: one is none of the possible values.
    """
    if rate is not None:
        check(sampling_rate=rate)
    if classes is not None and not isinstance(classes, Mapping):
        classes = dict(enumerate([classes] if isinstance(classes, str) else classes))
    return Said(
        rate=None if rate is None else float(rate),
        resample=resample,
        unit=unit,
        leads=names("lead", lead) or None,
        classes=None if classes is None else {str(k): str(v) for k, v in classes.items()},
        axes=names("axes", axes) or None,
    )


def submission_of(
    windows: EcgWindows | ArrayLike | str | PathLike[str],
    labels: ArrayLike | str | PathLike[str] | None,
    told: Said,
) -> Submission:
    """Return windows as `score` takes them.

    Raises:
        UsageError: there are no labels for arrays, or labels for anything else; a file cannot be read.
    """
    if isinstance(windows, str | PathLike):
        if labels is not None and not isinstance(labels, str | PathLike):
            raise UsageError(
                "labels belong to arrays; those of a file are in it, or in another file"
            )
        return Submission.read(Path(windows), told, None if labels is None else Path(labels))
    if isinstance(labels, str | PathLike):
        raise UsageError(
            "a file of labels belongs to a file of windows; arrays need an array of labels"
        )
    if isinstance(windows, EcgWindows):
        if labels is not None:
            raise UsageError("labels belong to arrays; EcgWindows hold their own")
        if problem := windows.problem():
            raise UsageError(f"windows: {problem}")
        arrays: dict[str, Any] = {
            "signals": windows.signals,
            "labels": windows.labels,
            "sampling_rate": np.array(windows.sampling_rate),
            "leads": np.array(windows.leads),
            "classes": np.array(windows.classes),
            "unit": np.array("mV"),
        }
    elif labels is None:
        raise UsageError("arrays need labels: one whole number for each window")
    else:
        arrays = {"signals": as_array("windows", windows), "labels": as_array("labels", labels)}
    return Submission("windows", arrays, told)


def as_array(name: str, given: ArrayLike) -> NDArray[Any]:
    """Return an array.

    Args:
        name: of the argument.
        given: its value.

    Raises:
        UsageError: it is none, such as lists of unlike lengths, or some of its values are masked.
    """
    if np.ma.is_masked(given):
        raise UsageError(f"{name}: some values are masked; fill them, or leave their windows out")
    try:
        return np.asarray(given)
    except Exception as error:  # noqa: BLE001 - any library's own array
        raise UsageError(f"{name} is no array: {error}") from None


@contextmanager
def planned_score(
    submission: Submission,
    *,
    tell: Tell,
    name: str,
    dataset: str | None,
    seed: int | None,
    settings: Settings,
    plugins: Iterable[str | PathLike[str]],
    data_dir: str | PathLike[str] | None,
    store: str | PathLike[str] | None,
    machine: Mapping[str, Any],
    study: str | PathLike[str] | None,
    **requested: Any,
) -> Iterator[Job]:
    """Put submitted windows into the store, plan their scores, and open the machine.

    Args:
        submission: the windows.
        tell: receives messages.
        name: as `score` takes it; the same holds for all that is not named here.
        dataset: of the split.
        seed: of the split.
        settings: by full name.
        plugins: files.
        data_dir: folder of datasets.
        store: folder of finished cells.
        machine: the options of the machine (`ecgbench.harness.api.machine.machine_and_pool`).
        study: a study's name or file; None for that of the split, else ``quick``.
        requested: for `ecgbench.harness.api.request.request`.
    """
    check(name=name, dataset=dataset)
    catalog = discover(plugin_files(plugins))
    _check_name(name, catalog)
    dataset, seed = submission.of_split(dataset, seed)
    wanted = request(
        study or submission.study, datasets=[dataset], seeds=[seed], settings=settings, **requested
    )
    resolved = resolve(msgspec.structs.replace(wanted, generators=()), catalog)
    resolved = submission.fit_study(resolved, catalog)
    source, record, parts = load_splits(resolved, catalog, data_folder(data_dir), tell)
    submitted, notes = submission.windows(parts)
    for note in notes:
        tell(Notice(level="note", text=f"{Path(submission.file).name}: {note}"))
    cells = store_at(store)
    generator = GeneratorRecord(
        name=name,
        version=1,
        settings={"windows": synthetic_digest(submitted)},
        origin="submitted",
        submitted=True,
    )
    _put_down(cells, record, generator, submitted, parts, resolved, notes, source.spec)
    generators = [*generator_records(resolved, catalog), generator]
    metrics = metric_records(resolved, catalog)
    # the row of the user first
    ids = [cell_id(record, each, seed) for each in reversed(generators)]
    plan = plan_of(resolved, [record], generators, metrics, ids, cells)
    shown = names("metrics", requested.get("metrics"))
    with job(catalog, resolved, [source], cells, plan, machine, shown) as planned:
        yield planned


def _check_name(name: str, catalog: Catalog) -> None:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", name):
        raise UsageError(
            f"--name {name!r} does not match [a-z0-9][a-z0-9-]{{0,63}}; it becomes a path, so it "
            "holds lower-case letters, digits and hyphens only"
        )
    if ("generator", name) in catalog.entries:
        raise UsageError(f"--name {name!r} is a generator plugin's name; choose another")


def _put_down(
    store: Store,
    dataset: DatasetRecord,
    generator: GeneratorRecord,
    submitted: EcgWindows,
    splits: Splits,
    study: Study,
    notes: list[str],
    spec: DatasetSpec,
) -> None:
    from ecgbench.harness.cell.pictures import pictures_of  # noqa: PLC0415 - it imports matplotlib

    cell = cell_id(dataset, generator, study.seeds[0])
    while (file := store.damage(cell.name)) is not None:
        store.set_aside(cell.name, file)
    record = store.cell(cell.name)
    if record is not None and record.stored:
        return
    content = npz({"signals": submitted.signals, "labels": submitted.labels})
    write(store.folder(cell.name) / "synthetic.npz", content)
    # of a cell that was merged without its windows the record stays, and its scores with it
    if record is None:
        pictures, trouble = pictures_of(cell, submitted, splits, spec)
        record = CellRecord(
            cell=cell,
            status="ok",
            synthetic=synthetic_digest(submitted),
            fold=splits.fold,
            study=msgspec.to_builtins(study),
            finished=now(),
            artefacts={
                name: store.write_artefact(cell.name, name, content)
                for name, content in pictures.items()
            },
            notes=notes + trouble,
        )
    store.write_cell(msgspec.structs.replace(record, stored=True, synthetic_file=sha256(content)))
