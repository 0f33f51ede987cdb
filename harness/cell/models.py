"""Fitted models of a generator: one for all labels or, if it takes no labels, one for each class."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ecgbench.contracts.errors import PluginError, StoreError
from ecgbench.harness.cell.checks import check_sample

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from ecgbench.contracts.config import Config
    from ecgbench.contracts.protocols import Context
    from ecgbench.contracts.specs import GeneratorSpec
    from ecgbench.contracts.windows import EcgWindows


@dataclass(frozen=True)
class Model:
    """A generator's object, with its surroundings.

    Attributes:
        part: ``"all"``, or ``"class-0"`` and so on.
        label: its class; None for all.
        generator: the plugin's object.
        context: of its fit.
        folder: its working folder.
    """

    part: str
    label: int | None
    generator: Any
    context: Context
    folder: Path


def new_models(
    spec: GeneratorSpec,
    config: Config,
    labels: NDArray[np.int64],
    *,
    work: Path,
    context_of: Callable[[str], Context],
) -> list[Model]:
    """Return the models of a generator that are needed for some labels, not yet fitted.

    The working folder of this process is the user's, because a setting may name a file of theirs.

    Args:
        spec: of the generator.
        config: its settings.
        labels: int64, the labels to draw.
        work: gets a working folder for each model.
        context_of: returns the context of a part.
    """
    wanted: list[int | None] = [None]
    if not spec.conditional:
        wanted = [int(label) for label in np.unique(labels)]
    models = []
    for label in wanted:
        part = "all" if label is None else f"class-{label}"
        folder = work / part
        folder.mkdir(parents=True)
        models.append(Model(part, label, spec.load()(config), context_of(part), folder))
    return models


def fit_model(model: Model, train: EcgWindows) -> None:
    """Fit a model, in its working folder, to the training windows of its class."""
    if model.label is not None:
        train = train.take(train.labels == model.label)
    os.chdir(model.folder)
    model.generator.fit(train, model.context)


def draw(
    spec: GeneratorSpec, models: list[Model], like: EcgWindows, labels: NDArray[np.int64]
) -> EcgWindows:
    """Return one window for each label, in their order.

    Args:
        spec: of the generator.
        models: fitted; one for each class, if it takes no labels.
        like: windows with the wanted rate, leads, classes and length; their number does not matter.
        labels: int64, shape (window,).

    Raises:
        PluginError: a model returned other windows than asked for.
    """
    if spec.conditional:
        (model,) = models
        synthetic = _sampled(spec, model, like, labels)
        if spec.reference:
            return synthetic
        return like.synthetic(synthetic.signals, labels)
    signals = np.empty((len(labels), *like.signals.shape[1:]), dtype=np.float32)
    for model in models:
        rows = labels == model.label
        if rows.any():
            signals[rows] = _sampled(spec, model, like, labels[rows]).signals
    return like.synthetic(signals, labels)


def _sampled(
    spec: GeneratorSpec, model: Model, like: EcgWindows, labels: NDArray[np.int64]
) -> EcgWindows:
    os.chdir(model.folder)
    synthetic: EcgWindows = model.generator.sample(labels.copy(), model.context)
    check_sample(spec.name, synthetic, like, labels)
    return synthetic


def save_models(models: list[Model], folder: Path) -> list[str]:
    """Have fitted models write themselves into a folder each; return the names of the files.

    Args:
        models: of one generator.
        folder: gets a folder for each model.

    Raises:
        PluginError: a file is neither JSON nor safetensors.
    """
    names = []
    for model in models:
        place = folder / model.part
        place.mkdir(parents=True)
        os.chdir(model.folder)
        model.generator.save(place)
        for file in sorted(place.rglob("*")):
            name = file.relative_to(folder).as_posix()
            if file.is_symlink() or (
                file.is_file() and file.suffix not in (".json", ".safetensors")
            ):
                raise PluginError(
                    f"save(folder) wrote {name}; a model is kept as .safetensors and .json alone, for "
                    "strangers open it (ecgbench.saving.save_model writes both)"
                )
            if file.is_file():
                names.append(name)
    return names


def load_models(models: list[Model], folder: Path) -> None:
    """Have models read themselves from the folder of `save_models`.

    Raises:
        StoreError: a model is not there.
    """
    for model in models:
        place = folder / model.part
        if not place.is_dir():
            raise StoreError(f"{folder} holds no model {model.part}")
        os.chdir(model.folder)
        model.generator.load(place)


def can_be_kept(generator: Any) -> bool:
    """Return whether a generator has ``save`` and ``load``."""
    return callable(getattr(generator, "save", None)) and callable(getattr(generator, "load", None))
