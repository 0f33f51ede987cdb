"""What the shell completes behind a command: names of plugins, settings, studies, cells and rows."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from click.shell_completion import CompletionItem

from ecgbench.contracts.errors import EcgbenchError
from ecgbench.harness.api.places import DEFAULT_STORE

if TYPE_CHECKING:
    from collections.abc import Callable

    import click

    from ecgbench.contracts.specs import Kind
    from ecgbench.harness.planning.catalog import Catalog

    Completion = Callable[[click.Context, click.Parameter, str], list[str]]


def completes(kind: Kind) -> Completion:
    """Return the completion of a name, or of a comma list of names, of plugins of a kind."""

    def complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
        start, comma, last = incomplete.rpartition(",")
        return [
            f"{start}{comma}{name}" for name in plugin_names(ctx, kind) if name.startswith(last)
        ]

    return complete


def plugin_names(ctx: click.Context, kind: Kind) -> list[str]:
    """Return the names of the plugins of a kind: none if a --plugin is faulty."""
    found = _discovered(ctx)
    return [] if found is None else [entry.spec.name for entry in found.of_kind(kind)]


def plugins_and_files(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the name of a plugin of any kind, and files."""
    found = _discovered(ctx)
    names = sorted({name for _, name in found.entries} if found is not None else ())
    return [
        *(CompletionItem(name) for name in names if name.startswith(incomplete)),
        CompletionItem(incomplete, type="file"),
    ]


def settings(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Complete ``KIND.NAME.SETTING=``, part by part."""
    from ecgbench.harness.planning.catalog import KINDS  # noqa: PLC0415 - for the shell alone

    if incomplete.count(".") == 0:
        return [f"{kind}." for kind in KINDS if kind.startswith(incomplete)]
    kind, name, *rest = incomplete.split(".", 2)
    found = _discovered(ctx)
    if found is None or kind not in KINDS:
        return []
    specs = [entry.spec for entry in found.of_kind(kind)]
    if not rest:
        return [f"{kind}.{spec.name}." for spec in specs if spec.name.startswith(name)]
    return [
        f"{kind}.{name}.{field.name}="
        for spec in specs
        if spec.name == name
        for field in msgspec.structs.fields(spec.config)
        if field.name.startswith(rest[0])
    ]


def studies(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a built-in study, and files."""
    from ecgbench.harness.planning.study import names as built_in  # noqa: PLC0415 - for the shell alone

    return [
        *(CompletionItem(name) for name in built_in() if name.startswith(incomplete)),
        CompletionItem(incomplete, type="file"),
    ]


def stored_cells(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a stored cell: ``dataset/generator/seed-n``, with its key if it needs one."""
    full = ["/".join(path.parts[-3:]) for path in sorted(_cells(ctx).glob("*/*/seed-*"))]
    short = [name.rpartition("-")[0] for name in full]
    names = [
        name if short.count(name) == 1 else whole for name, whole in zip(short, full, strict=True)
    ]
    return [name for name in names if name.startswith(incomplete)]


def stored_rows(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a generator or reference with stored cells."""
    names = {path.name for path in _cells(ctx).glob("*/*")}
    return [name for name in sorted(names) if name.startswith(incomplete)]


def _cells(ctx: click.Context) -> Path:
    store = ctx.params.get("store_path") or os.environ.get("ECGBENCH_STORE") or DEFAULT_STORE
    return Path(store) / "cells"


def _discovered(ctx: click.Context) -> Catalog | None:
    from ecgbench.harness.planning.catalog import discover  # noqa: PLC0415 - for the shell alone

    with suppress(EcgbenchError):
        return discover(ctx.params.get("plugins") or ())
    return None
