"""From a dataset file to a `DatasetSpec`; no numpy is imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecgbench.contracts.errors import UsageError
from ecgbench.contracts.specs import DatasetSpec, PhysioNet
from ecgbench.recordings.description import read
from ecgbench.recordings.settings import settings_of

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.contracts.windows import EcgWindows


@dataclass(frozen=True)
class Reader:
    """The `LoadDataset` of a dataset file; another process gets the path alone.

    Attributes:
        file: the dataset file.
    """

    file: Path

    def __call__(self, config: Any, folder: Path | None) -> EcgWindows:
        """Return all windows; ``folder`` is None for a dataset of a folder on this machine."""
        from ecgbench.recordings.load import load  # noqa: PLC0415 - discovery needs no numpy

        told = read(self.file)
        return load(told, config, folder or self.file.parent / told.source.folder)


def described(file: Path) -> DatasetSpec:
    """Return the spec of a dataset file.

    Raises:
        UsageError: it is no dataset file, or the folder that it names is not there; the message names
            the place and the way out.
    """
    told = read(file)
    folder = None if not told.source.folder else file.parent / told.source.folder
    slug, _, version = told.source.physionet.partition("/")

    settings = settings_of(told)
    return DatasetSpec(
        name=told.name,
        target=Reader(file),
        config=settings,
        summary=told.summary,
        version=told.version,
        citation=told.citation,
        leads=told.leads.default,
        sampling_rate=settings().sampling_rate,
        classes=tuple(told.classes),
        headline_classes=told.windows.headline,
        licence=told.licence,
        redistributable=told.redistributable,
        halves=told.people.halves,
        source=PhysioNet(slug, version, told.source.sums_sha256, told.source.files)
        if slug
        else None,
        files=None if folder is None else lambda _config: [_there(folder, file)],
        described=file,
        verified=told.verified,
    )


def _there(folder: Path, file: Path) -> Path:
    if not folder.is_dir():
        raise UsageError(
            f"{file}: source.folder: there is no folder {folder}; a relative path starts at the dataset file"
        )
    return folder
