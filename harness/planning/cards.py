"""The card of a plugin: the facts of its spec, ready for JSON."""

from __future__ import annotations

from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from ecgbench.contracts.canonical import canonical
from ecgbench.contracts.search import OneOf
from ecgbench.contracts.specs import DatasetSpec, GeneratorSpec, MetricSpec, PluginSpec

if TYPE_CHECKING:
    from ecgbench.contracts.search import Search
    from ecgbench.harness.planning.catalog import Entry

UNVERIFIED = "written from documentation, never run on the real records by us: read `ecgbench dataset check` first"
"""Of a dataset that nobody has verified."""


def card(entry: Entry) -> dict[str, Any]:
    """Return the facts about a plugin, JSON-ready; infinite bounds are null."""
    spec = entry.spec
    fields: dict[str, Any] = {"kind": spec.kind, "name": spec.name, "summary": spec.summary}
    if isinstance(spec, MetricSpec):
        fields |= {"formula": spec.formula, "family": spec.family, "better": spec.better}
        bounds = [b if abs(b) != float("inf") else None for b in spec.bounds]
        fields |= {"bounds": bounds, "ideal": spec.ideal, "null": spec.null}
        fields |= {"ranked": spec.is_ranked}
        fields |= {"needs_labels": spec.needs_labels, "needs_patients": spec.needs_patients}
        fields |= {"needs_both_folds": spec.needs_both_folds}
        fields |= {"min_windows": spec.min_windows, "min_leads": spec.min_leads}
        fields |= {"min_seconds": spec.min_seconds}
        fields |= {"claims_to_see": list(spec.claims)}
    elif isinstance(spec, GeneratorSpec):
        fields |= {"conditional": spec.conditional, "reference": spec.reference}
        fields |= {"max_leads": spec.max_leads, "min_windows": spec.min_windows}
    elif isinstance(spec, DatasetSpec):
        fields |= {"leads": list(spec.leads), "sampling_rate": spec.sampling_rate}
        fields |= {"classes": list(spec.classes), "headline_classes": list(spec.headline_classes)}
        fields |= {"licence": spec.licence, "redistributable": spec.redistributable}
        here = "a folder" if spec.described else "embedded"
        fields["source"] = msgspec.to_builtins(spec.source) if spec.source else here
        if not spec.verified:
            fields["unverified"] = UNVERIFIED
    if isinstance(spec, DatasetSpec) and spec.described:
        target = spec.described.name
    else:
        target = spec.target if isinstance(spec.target, str) else spec.target.__qualname__
    return fields | {
        "version": spec.version,
        "settings": [_setting(f, spec) for f in msgspec.structs.fields(spec.config)],
        "citation": spec.citation,
        "target": target,
        "origin": str(entry.origin),
    }


def _setting(field: msgspec.structs.FieldInfo, spec: PluginSpec) -> dict[str, Any]:
    hint, description = field.type, ""
    if msgspec.UnsetType in (parts := get_args(hint)):
        hint = next(part for part in parts if part is not msgspec.UnsetType)
    limits: dict[str, Any] = {}
    for extra in getattr(hint, "__metadata__", ()):
        if isinstance(extra, msgspec.Meta):
            description = extra.description or description
            limits |= {
                sign: value
                for sign, value in (
                    ("≥", extra.ge),
                    (">", extra.gt),
                    ("≤", extra.le),
                    ("<", extra.lt),
                )
                if value is not None
            }
    bare = get_args(hint)[0] if hasattr(hint, "__metadata__") else hint
    default = None if field.required or field.default is msgspec.UNSET else field.default
    if default is msgspec.NODEFAULT:
        default = field.default_factory()
    return {
        "name": field.encode_name,
        "type": _type(bare),
        "default": canonical(default),
        "limits": " ".join(f"{sign} {value}" for sign, value in limits.items()),
        "smoke": canonical(spec.smoke.get(field.encode_name)),
        "search": _searched(getattr(spec, "search", {}).get(field.encode_name)),
        "description": description,
    }


def _type(hint: Any) -> str:
    """Return a type in words: a name, or the values of a choice."""
    if get_origin(hint) is Literal:
        return " or ".join(map(str, get_args(hint)))
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(_type(part) for part in get_args(hint) if part is not msgspec.UnsetType)
    if get_origin(hint) is Annotated:
        return _type(get_args(hint)[0])
    if get_origin(hint) in (tuple, list, set, frozenset):
        return f"{get_origin(hint).__name__} of {_type(get_args(hint)[0])}"
    if hint is type(None):
        return "none"
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)


def _searched(search: Search | None) -> str:
    """Return what ``ecgbench tune`` tries of a setting, in words; empty for nothing."""
    if search is None:
        return ""
    if isinstance(search, OneOf):
        return ", ".join(map(str, search.values))
    return f"{search.low:g} to {search.high:g}" + ", log" * search.log
