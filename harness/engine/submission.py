"""Submitted windows: the content of their file, and checks of it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np

from ecgbench.contracts.config import as_dict
from ecgbench.contracts.errors import ConfigError, PluginError, UsageError
from ecgbench.contracts.windows import MAX_SEED, PROTOCOL
from ecgbench.harness.cell.plausible import check_origin, remarks
from ecgbench.harness.cell.room import attributes_of
from ecgbench.harness.data.digest import digest
from ecgbench.harness.formats.conform import Said, conform
from ecgbench.harness.formats.found import texts
from ecgbench.harness.formats.table import read_windows
from ecgbench.harness.planning.study import Study, override, resolve
from ecgbench.harness.planning.study import names as built_in_studies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ecgbench.contracts.windows import EcgWindows, Splits
    from ecgbench.harness.planning.catalog import Catalog


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

    def to_text(self) -> str:
        """Return the text of ``split.json``, and of the array ``split``."""
        return msgspec.json.encode(self, order="sorted").decode()


def note_of(study: Study, catalog: Catalog, splits: Splits) -> SplitNote:
    """Return the note on the split of a resolved study's one dataset and seed."""
    (dataset,) = study.datasets or ()
    return SplitNote(
        dataset=dataset,
        settings=as_dict(study.settings(catalog.dataset(dataset))),
        windows=study.windows,
        seed=study.seeds[0],
        protocol=PROTOCOL,
        train=_digest_of(splits.train),
        study=study.name if study.name in built_in_studies() else None,
        nested=study.nested,
    )


def _digest_of(train: EcgWindows) -> str:
    """Return the digest of training windows as a generator receives them: with their own people alone."""
    return digest(dataclasses.replace(train, attributes=attributes_of(train)), "")


class Submission:
    """Windows from elsewhere.

    Args:
        file: their name, for messages.
        arrays: ``signals`` and ``labels``; the others of `ecgbench.harness.formats.found.ARRAYS` count if
            they are there.
        said: by the user on the file.
        notes: remarks on its reading.

    Raises:
        UsageError: an array is missing, or ``split`` cannot be read.
    """

    def __init__(
        self,
        file: str,
        arrays: Mapping[str, NDArray[Any]],
        said: Said | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        self.file = file
        self.arrays = arrays
        self.said = said or Said()
        self.notes = notes
        if missing := [name for name in ("signals", "labels") if name not in self.arrays]:
            held = ", ".join(self.arrays) or "neither"
            way = " (labels in a file of their own: --labels FILE)" if missing == ["labels"] else ""
            raise UsageError(f"{file} holds {held}; signals and labels are wanted{way}")
        self.note = self._note()

    @classmethod
    def read(cls, path: Path, said: Said | None = None, labels: Path | None = None) -> Submission:
        """Read a file of windows, or a folder of WFDB records.

        Args:
            path: of any format of `ecgbench.harness.formats.table.FORMATS`.
            said: by the user on the file.
            labels: a file of the labels; None for the usual places.

        Raises:
            UsageError: it cannot be read, or lacks an array.
        """
        arrays, notes = read_windows(path, labels)
        return cls(str(path), arrays, said, notes)

    def _note(self) -> SplitNote | None:
        if "split" not in self.arrays:
            return None
        text = texts(self.arrays["split"])
        try:
            return msgspec.json.decode("".join(text), type=SplitNote)
        except ValueError as error:  # msgspec's errors are ValueErrors
            raise UsageError(
                f"{self.file}: its array split is not that of ecgbench split ({error}): copy it from "
                "draw.npz (or split.json from its folder), or leave it out and say --dataset and --seed"
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
                    "ecgbench split wrote into draw.npz; for other formats put its split.json beside the file"
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
        if self.note is not None and self.note.train != _digest_of(splits.train):
            raise UsageError(
                f"{self.file}: the training windows of its split are not those of dataset "
                f"{self.note.dataset} here: its files or its code are others. Run ecgbench split again; "
                "or, if you know that both are the same, leave split out of the file and say --dataset "
                "and --seed"
            )
        train, wanted = splits.train, splits.fresh.labels
        signals, labels, notes = conform(self.file, self.arrays, self.said, train, len(wanted))
        if not np.array_equal(np.sort(labels), np.sort(wanted)):
            raise UsageError(
                f"{self.file}: labels by class are {_count(labels, train.classes)}; wanted are "
                f"{_count(wanted, train.classes)}: those that ecgbench split writes into its file draw"
            )
        order = np.empty(len(labels), dtype=np.int64)
        order[np.argsort(wanted, kind="stable")] = np.argsort(labels, kind="stable")
        submitted = train.synthetic(signals[order], labels[order])
        try:
            check_origin(str(self.file), submitted, splits)
            return submitted, [*self.notes, *notes, *remarks(str(self.file), submitted, train)]
        except PluginError as error:
            raise UsageError(f"{error}{self._unit_hint(submitted, train)}") from None

    def _unit_hint(self, submitted: EcgWindows, train: EcgWindows) -> str:
        """Return the option that makes samples of another unit millivolts; empty if it is not the unit."""
        if self.said.unit is not None or "unit" in self.arrays:
            return ""
        made, real = (float(np.median(side.signals.std(axis=2))) for side in (submitted, train))
        for unit, factor in (("uV", 1000.0), ("V", 1 / 1000)):
            if real and factor / 5 < made / real < factor * 5:
                return f" (--unit {unit} converts them)"
        return ""


def _count(labels: NDArray[np.int64], classes: tuple[str, ...]) -> str:
    return ", ".join(f"{classes[c]} {int((labels == c).sum())}" for c in np.unique(labels))
