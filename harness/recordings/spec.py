"""From a dataset file to a `DatasetSpec`; no numpy is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from ecgbench.contracts.errors import UsageError
from ecgbench.contracts.specs import DatasetSpec, PhysioNet
from ecgbench.processing import BeatWindowConfig, StripWindowConfig
from ecgbench.recordings.description import Description, read

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.contracts.windows import EcgWindows


class BeatSettings(BeatWindowConfig, frozen=True):
    """Settings of a described dataset of beats."""

    leads: tuple[str, ...] = ()


class StripSettings(StripWindowConfig, frozen=True):
    """Settings of a described dataset of strips."""

    leads: tuple[str, ...] = ()


def described(file: Path) -> DatasetSpec:
    """Return the spec of a dataset file.

    Raises:
        UsageError: it is no dataset file, or the folder that it names is not there; the message names
            the place and the way out.
    """
    told = read(file)
    folder = None if not told.source.folder else file.parent / told.source.folder
    slug, _, version = told.source.physionet.partition("/")

    def load(config: Any, found: Path | None) -> EcgWindows:
        from ecgbench.recordings.load import load as load_all  # noqa: PLC0415 - discovery needs no numpy

        where = found or folder
        assert where is not None
        return load_all(told, config, where)

    settings = settings_of(told)
    return DatasetSpec(
        name=told.name,
        target=load,
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


def settings_of(told: Description) -> type[BeatSettings | StripSettings]:
    """Return the class of a described dataset's settings: those of its windows, and ``leads``."""
    base = BeatSettings if told.windows.kind == "beat" else StripSettings
    known = told.leads.everywhere

    def check(self: Any) -> None:
        base.__post_init__(self)
        for lead in self.leads:
            if known and lead not in known:
                raise ValueError(f"leads: there is no {lead!r} among {', '.join(known)}")
        if len(set(self.leads)) < len(self.leads):
            raise ValueError(f"leads = {','.join(self.leads)} names a lead twice")

    what = "names" if known else "names; a record that lacks one is left out"
    if told.windows.marks == "{lead}":
        what += "; beats stand at the marks of the first"
    hint = Annotated[tuple[str, ...], msgspec.Meta(min_length=1, description=what)]
    name = "".join(part.capitalize() for part in told.name.split("-")) + "Config"
    return msgspec.defstruct(  # type: ignore[no-any-return]  # it is of the base's kind
        name,
        [("leads", hint, told.leads.default)],
        bases=(base,),
        namespace={"__post_init__": check, "__doc__": f"Settings of `{told.name}`."},
        module=__name__,
        frozen=True,
        forbid_unknown_fields=True,
    )
