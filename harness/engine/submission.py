"""Submitted windows: the content of their file, and checks of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np

from ecgbench.contracts.config import as_dict
from ecgbench.contracts.errors import ConfigError, PluginError, UsageError
from ecgbench.contracts.windows import MAX_SEED, PROTOCOL
from ecgbench.harness.cell.plausible import check_origin, remarks
from ecgbench.harness.data.digest import digest
from ecgbench.harness.planning.study import Study, override, resolve
from ecgbench.harness.planning.study import names as built_in_studies
from ecgbench.results.store.npz import parse_npz

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from ecgbench.contracts.windows import EcgWindows, Splits
    from ecgbench.harness.planning.catalog import Catalog

ARRAYS = ("signals", "labels", "sampling_rate", "leads", "classes", "split")
"""The arrays to read from a file; all others are the model's own affair."""


class SplitNote(msgspec.Struct, frozen=True, kw_only=True):
    """The note of ``ecgbench split`` on a split in its files, as JSON in the array ``split``.

    Attributes:
        dataset: its name.
        settings: the dataset's, all, in their canonical form.
        windows: size of the subsample; None for all.
        seed: of the split.
        protocol: version of the splits.
        train: SHA-256 of the training windows (`ecgbench.harness.data.digest.digest`).
        study: name of the study, if it comes with ecgbench.
        nested: seed of the split whose training windows alone were divided; None for all windows.
    """

    dataset: str
    settings: dict[str, Any]
    windows: Annotated[int, msgspec.Meta(ge=20)] | None
    seed: Annotated[int, msgspec.Meta(ge=0, le=MAX_SEED)]
    protocol: int
    train: str
    study: str | None = None
    nested: int | None = None

    def to_array(self) -> NDArray[np.str_]:
        """Return the array for a file."""
        return np.array(msgspec.json.encode(self, order="sorted").decode())


def note_of(study: Study, catalog: Catalog, splits: Splits) -> SplitNote:
    """Return the note on the split of a resolved study's one dataset and seed."""
    (dataset,) = study.datasets or ()
    return SplitNote(
        dataset=dataset,
        settings=as_dict(study.settings(catalog.dataset(dataset))),
        windows=study.windows,
        seed=study.seeds[0],
        protocol=PROTOCOL,
        train=digest(splits.train, ""),
        study=study.name if study.name in built_in_studies() else None,
        nested=study.nested,
    )


class Submission:
    """Windows from elsewhere.

    Args:
        file: their name, for messages.
        arrays: ``signals`` and ``labels``; ``sampling_rate``, ``leads``, ``classes`` and ``split`` are
            checked if they are there.

    Raises:
        UsageError: an array is missing, or ``split`` cannot be read.
    """

    def __init__(self, file: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.file = file
        self.arrays = arrays
        for name in ("signals", "labels"):
            if name not in self.arrays:
                held = ", ".join(self.arrays) or "neither"
                raise UsageError(f"{file} holds {held}; signals and labels are wanted")
        self.note = self._note()

    @classmethod
    def read(cls, file: Path) -> Submission:
        """Read an ``.npz``.

        Raises:
            UsageError: it cannot be read, or lacks an array.
        """
        try:
            arrays = parse_npz(file.read_bytes(), only=ARRAYS)
        except (ValueError, OSError) as error:
            raise UsageError(
                f"{file} is no .npz of plain arrays ({error}); numpy.savez(FILE, signals=…, labels=…)"
            ) from None
        return cls(str(file), arrays)

    def _note(self) -> SplitNote | None:
        if "split" not in self.arrays:
            return None
        text = _texts(self.arrays["split"])
        try:
            return msgspec.json.decode("".join(text), type=SplitNote)
        except ValueError as error:  # msgspec's errors are ValueErrors
            raise UsageError(
                f"{self.file}: its array split is not that of ecgbench split ({error}): copy it from "
                "draw.npz, or leave it out and say --dataset and --seed"
            ) from None

    @property
    def study(self) -> str:
        """Name of the study of the split, if it is known; else of the default one."""
        return (self.note and self.note.study) or "quick"

    def of_split(self, dataset: str | None, seed: int | None) -> tuple[str, int]:
        """Return dataset and seed of the model's training split.

        Args:
            dataset: named by the user, if any.
            seed: the same.

        Raises:
            UsageError: the file and the user contradict each other, or neither tells.
        """
        note = self.note
        if note is None:
            flags = {"--dataset": dataset, "--seed": seed}
            if missing := [flag for flag, given in flags.items() if given is None]:
                raise UsageError(
                    f"{self.file} does not say on which split its model was trained, so "
                    f"{' and '.join(missing)} must: a wrong seed makes copies look private. Or carry it "
                    "on: numpy.savez(FILE, signals=…, labels=…, split=draw['split']), with draw what "
                    "ecgbench split wrote into draw.npz"
                )
            assert dataset is not None
            assert seed is not None
            return dataset, seed
        for flag, given, told in (
            ("--dataset", dataset, note.dataset),
            ("--seed", seed, note.seed),
        ):
            if given is not None and given != told:
                raise UsageError(
                    f"{self.file}: its model was trained on the split of {note.dataset} with seed "
                    f"{note.seed}, so {flag} {given} does not fit; leave it out"
                )
        return note.dataset, note.seed

    def fit_study(self, study: Study, catalog: Catalog) -> Study:
        """Return a resolved study with the subsample and the dataset's settings of the file's split.

        Raises:
            UsageError: the study says others, or this ecgbench divides otherwise.
        """
        note = self.note
        if note is None:
            return study
        if note.protocol != PROTOCOL:
            raise self._other(f"of version {note.protocol} of the protocol, here it is {PROTOCOL}")
        if study.windows is not None and study.windows != note.windows:
            wanted = f"of {note.windows or 'all'} windows"
            raise self._other(f"{wanted}, --windows or --study says {study.windows}")
        spec = catalog.dataset(note.dataset)
        asked = as_dict(study.settings(spec))
        plain = as_dict(msgspec.structs.replace(study, dataset={}).settings(spec))
        if asked not in (note.settings, plain):
            unlike = [k for k, v in asked.items() if v != note.settings.get(k)]
            raise self._other(
                f"made with {unlike[0]} = {note.settings.get(unlike[0])!r} of dataset {note.dataset}, "
                f"--set or --study says {asked[unlike[0]]!r}"
            )
        try:
            settings = {"dataset": {note.dataset: note.settings}}
            study = msgspec.structs.replace(study, windows=note.windows, nested=note.nested)
            return resolve(override(study, settings=settings), catalog)
        except ConfigError as error:
            raise UsageError(f"{self.file}, the split that it tells of: {error}") from None

    def _other(self, how: str) -> UsageError:
        return UsageError(f"{self.file}: its model was trained on a split {how}")

    def windows(self, splits: Splits) -> tuple[EcgWindows, list[str]]:
        """Return the windows in the order of the wanted labels, with remarks on them.

        Raises:
            UsageError: names the fault, the wanted value, and the way there.
        """
        if self.note is not None and self.note.train != digest(splits.train, ""):
            raise UsageError(
                f"{self.file}: the training windows of its split are not those of dataset "
                f"{self.note.dataset} here: its files or its code are others. Run ecgbench split again; "
                "or, if you know that both are the same, leave split out of the file and say --dataset "
                "and --seed"
            )
        train, wanted = splits.train, splits.fresh.labels
        signals = self.arrays["signals"]
        self._check_signals(train, len(wanted))
        self._check_rate(train)
        self._check_leads(train)
        labels, notes = self._labels(train)
        if not np.array_equal(np.sort(labels), np.sort(wanted)):
            raise UsageError(
                f"{self.file}: labels by class are {_count(labels, train.classes)}; wanted are "
                f"{_count(wanted, train.classes)}: those that ecgbench split writes into draw.npz"
            )
        order = np.empty(len(labels), dtype=np.int64)
        order[np.argsort(wanted, kind="stable")] = np.argsort(labels, kind="stable")
        submitted = train.synthetic(signals[order], labels[order])
        try:
            check_origin(str(self.file), submitted, splits)
            return submitted, notes + remarks(str(self.file), submitted, train)
        except PluginError as error:
            raise UsageError(str(error)) from None

    def _check_signals(self, train: EcgWindows, count: int) -> None:
        signals, wanted = self.arrays["signals"], (count, *train.signals.shape[1:])
        shape = signals.shape
        if signals.dtype.kind != "f":
            raise UsageError(
                f"{self.file}: signals are {signals.dtype}; floating-point millivolts are wanted (raw "
                "digital samples become mV by (sample − baseline) / gain)"
            )
        if shape != wanted:
            hint = _hint(shape, wanted, train.sampling_rate)
            raise UsageError(f"{self.file}: signals have shape {shape}; {wanted} is wanted{hint}")
        # numbers beyond float32 become infinite
        with np.errstate(over="ignore"):
            bad = ~np.isfinite(signals.astype(np.float32)).all(axis=(1, 2))
        if bad.any():
            raise UsageError(
                f"{self.file}: {int(bad.sum())} windows hold NaN or infinite samples, "
                f"first window {int(bad.argmax())}"
            )

    def _check_rate(self, train: EcgWindows) -> None:
        given = self.arrays.get("sampling_rate")
        if given is None:
            return
        if given.size != 1 or given.dtype.kind not in "iuf":
            raise UsageError(
                f"{self.file}: sampling_rate is {_short(given)}; one number of Hz is wanted, "
                f"{train.sampling_rate:g}"
            )
        rate = float(given.item())
        if not math.isclose(rate, train.sampling_rate, rel_tol=1e-6):
            raise UsageError(
                f"{self.file}: sampling_rate is {rate:g} Hz; {train.sampling_rate:g} Hz is wanted: "
                "resample the windows"
            )

    def _check_leads(self, train: EcgWindows) -> None:
        given = self.arrays.get("leads")
        if given is not None and (leads := _texts(given)) != train.leads:
            raise UsageError(
                f"{self.file}: leads are {', '.join(leads)}; wanted are {', '.join(train.leads)}"
            )

    def _labels(self, train: EcgWindows) -> tuple[NDArray[np.int64], list[str]]:
        """Return the labels as the dataset counts its classes, with a remark if the file's order is another."""
        labels, count = self.arrays["labels"], len(self.arrays["signals"])
        if labels.shape != (count,) or labels.dtype.kind not in "iu":
            raise UsageError(
                f"{self.file}: labels are {labels.dtype} of shape {labels.shape}; whole numbers of "
                f"shape ({count},) are wanted, indices into {', '.join(train.classes)}"
            )
        given = self.arrays.get("classes")
        names = train.classes if given is None else _texts(given)
        if set(names) - set(train.classes) or len(set(names)) < len(names):
            raise UsageError(
                f"{self.file}: classes are {', '.join(names)}; those of the dataset are wanted: "
                f"{', '.join(train.classes)}"
            )
        if len(labels) and not (labels.min() >= 0 and labels.max() < len(names)):
            raise UsageError(
                f"{self.file}: labels run from {labels.min()} to {labels.max()}; indices into "
                f"{', '.join(names)} are wanted, from 0 to {len(names) - 1}"
            )
        places = np.array([train.classes.index(name) for name in names], dtype=np.int64)
        notes = []
        if names != train.classes[: len(names)]:
            notes.append(
                f"labels were taken by the names of its classes ({', '.join(names)}); the dataset's are "
                f"{', '.join(train.classes)}"
            )
        return places[labels.astype(np.int64)], notes


def _hint(shape: tuple[int, ...], wanted: tuple[int, ...], sampling_rate: float) -> str:
    """Return how signals of a shape become signals of the wanted one; empty if that is unclear."""
    count, leads, length = wanted
    if shape == (count, length) and leads == 1:
        return ": signals[:, None, :] has it"
    if len(shape) != 3:
        return ""
    if (shape[0], shape[2], shape[1]) == wanted:
        return ": signals.transpose(0, 2, 1) has it"
    if shape[1:] == wanted[1:]:
        return f": {count} windows, one for each label that ecgbench split writes into draw.npz"
    if shape[2] != length:
        return f": a window is {length} samples at {sampling_rate:g} Hz ({length / sampling_rate:.3f} s)"
    return ""


def _texts(array: NDArray[Any]) -> tuple[str, ...]:
    """Return the content of an array as text, in one dimension."""
    flat = array.ravel().tolist()
    return tuple(
        each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in flat
    )


def _short(array: NDArray[Any]) -> str:
    shown = repr(array.ravel()[0].item()) if array.size == 1 else f"of shape {array.shape}"
    return f"{shown} ({array.dtype})"


def _count(labels: NDArray[np.int64], classes: tuple[str, ...]) -> str:
    return ", ".join(f"{classes[c]} {int((labels == c).sum())}" for c in np.unique(labels))
