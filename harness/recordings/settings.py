"""The settings of a described dataset; no numpy is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import msgspec

from ecgbench.processing import BeatWindowConfig, StripWindowConfig

if TYPE_CHECKING:
    from ecgbench.recordings.description import Description


class BeatSettings(BeatWindowConfig, frozen=True):
    """Settings of a described dataset of beats."""

    leads: tuple[str, ...] = ()


class StripSettings(StripWindowConfig, frozen=True):
    """Settings of a described dataset of strips."""

    leads: tuple[str, ...] = ()


RULE = Annotated[
    Literal["first", "single"],
    msgspec.Meta(
        description="first: of several classes the first counts; single: records of one class"
    ),
]

Settings = BeatSettings | StripSettings


def settings_of(told: Description) -> type[BeatSettings | StripSettings]:
    """Return the class of a described dataset's settings: those of its windows, ``leads``, and perhaps ``labels``."""
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
    fields: list[tuple[str, Any, Any]] = [("leads", hint, told.leads.default)]
    if told.windows.codes or told.windows.separator:
        fields.append(("labels", RULE, told.windows.labels))
    name = "".join(part.capitalize() for part in told.name.split("-")) + "Config"
    made = msgspec.defstruct(
        name,
        fields,
        bases=(base,),
        namespace={"__post_init__": check, "__doc__": f"Settings of `{told.name}`."},
        module=__name__,
        frozen=True,
        forbid_unknown_fields=True,
    )
    return cast("type[BeatSettings | StripSettings]", made)
