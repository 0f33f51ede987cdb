"""``ecgbench fetch`` and ``ecgbench split``: data for this machine, and for models made elsewhere."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click
import msgspec
from click.core import ParameterSource

from ecgbench.contracts.config import parse_overrides
from ecgbench.contracts.errors import UsageError
from ecgbench.harness.cli.datasets import fetch_dataset
from ecgbench.harness.cli.options import (
    SEED,
    data_dir_option,
    plugin_option,
    study_options,
)
from ecgbench.harness.planning import study
from ecgbench.harness.planning.catalog import discover


@click.command()
@click.argument("dataset")
@plugin_option
@data_dir_option
def fetch(dataset: str, plugins: tuple[Path, ...], data_dir: Path | None) -> None:
    """Download a dataset from PhysioNet and verify it; goes on where it was interrupted."""
    catalog = discover(plugins)
    spec = catalog.dataset(dataset)
    if spec.source is None:
        raise UsageError(f"dataset {dataset} is embedded: there is nothing to fetch")
    folder = fetch_dataset(dataset, catalog, data_dir)
    click.echo(f"{dataset} is here, complete and verified: {folder}")


@click.command()
@click.argument("dataset")
@click.option("--seed", type=SEED, default=0, show_default=True)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="A folder."
)
@study_options
@plugin_option
@data_dir_option
def split(
    dataset: str,
    seed: int,
    out: Path,
    study_name: str,
    assignments: tuple[str, ...],
    windows: int | None,
    plugins: tuple[Path, ...],
    data_dir: Path | None,
) -> None:
    """Write what a model made elsewhere may be trained on, and the labels it is to draw.

    OUT/train.npz holds signals (window, lead, sample) in float32 mV, labels, patients,
    sampling_rate, leads and classes; OUT/draw.npz the labels to draw, one window each, in this
    order.  Both hold ``split``, which says what split this is.  ``ecgbench score`` takes the windows
    back.
    """
    import numpy as np  # noqa: PLC0415 - as above

    from ecgbench.harness.cli.datasets import load_splits  # noqa: PLC0415 - as above
    from ecgbench.harness.engine.submission import note_of  # noqa: PLC0415 - as above
    from ecgbench.results.store.npz import npz  # noqa: PLC0415 - fetching needs no numpy
    from ecgbench.results.store.store import write  # noqa: PLC0415 - as above

    catalog = discover(plugins)
    asked = study.override(
        study.read(study_name),
        datasets=(dataset,),
        windows=windows,
        settings=parse_overrides(assignments),
    )
    asked = msgspec.structs.replace(asked, seeds=(seed,), generators=())
    resolved = study.resolve(asked, catalog)
    _, _, splits = load_splits(resolved, catalog, data_dir)
    train = splits.train
    arrays: dict[str, Any] = {
        "signals": np.asarray(train.signals),
        "labels": train.labels,
        "patients": train.patients,
        "sampling_rate": np.array(train.sampling_rate),
        "leads": np.array(train.leads),
        "classes": np.array(train.classes),
        "split": note_of(resolved, catalog, splits).to_array(),
    }
    write(out / "train.npz", npz(arrays))
    draw: dict[str, Any] = {"labels": splits.fresh.labels}
    write(out / "draw.npz", npz(draw | {name: arrays[name] for name in ("classes", "split")}))
    command = ["ecgbench", "score", "FILE.npz", "--dataset", dataset, "--seed", str(seed)]
    command += ["--name", "MYMODEL"]
    command += [] if study_name == "quick" else ["--study", study_name]
    command += [part for assignment in assignments for part in ("--set", assignment)]
    command += [] if windows is None else ["--windows", str(windows)]
    command += [part for file in plugins for part in ("--plugin", str(file))]
    if click.get_current_context().get_parameter_source("data_dir") is ParameterSource.COMMANDLINE:
        command += ["--data-dir", str(data_dir)]
    click.echo(
        f"{out / 'train.npz'}: {len(train)} windows of {train.signals.shape[1]} lead(s) × "
        f"{train.length} samples at {train.sampling_rate:g} Hz, mV\n"
        f"{out / 'draw.npz'}: {len(splits.fresh)} labels to draw\n"
        "Save what the model draws with numpy.savez as signals and labels, and with them split as it "
        "stands in draw.npz, then\n"
        f"{shlex.join(command)}"
    )
