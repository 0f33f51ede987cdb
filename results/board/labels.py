"""Labels of plugins on boards: the name, with more if several share it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ecgbench.results.store.records import PluginRecord


def labels(records: Iterable[PluginRecord]) -> dict[str, str]:
    """Return labels by key: the name; if several share it, with the version or digits of the key."""
    by_name: dict[str, dict[str, PluginRecord]] = {}
    for record in records:
        by_name.setdefault(record.name, {}).setdefault(record.key, record)
    by_key = {}
    for name, sharing in by_name.items():
        versions = {record.version for record in sharing.values()}
        for key, record in sharing.items():
            by_key[key] = name if len(sharing) == 1 else f"{name} v{record.version}"
            if len(versions) < len(sharing):
                by_key[key] += f" {key[:8]}"
    return by_key


def labels_with(ours: Iterable[PluginRecord], others: Iterable[PluginRecord]) -> dict[str, str]:
    """Return labels by key; the others change no label of ours."""
    ours = list(ours)
    return labels([*ours, *others]) | labels(ours)
