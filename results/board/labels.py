"""Labels of plugins on boards: the name, with more if several share it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecgbench.contracts.canonical import restored
from ecgbench.contracts.plain import plain
from ecgbench.results.store.records import GeneratorRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ecgbench.results.store.records import PluginRecord

LONGEST = 40
"""Characters of the settings in a label, at most."""


def labels(records: Iterable[PluginRecord]) -> dict[str, str]:
    """Return labels by key: the name; if several share it, with the difference between them.

    The difference is the version, the changed settings of a generator as a study writes them
    (``gmm:time=rr``), or else digits of the key.
    """
    by_name: dict[str, dict[str, PluginRecord]] = {}
    for record in records:
        by_name.setdefault(record.name, {}).setdefault(record.key, record)
    by_key: dict[str, str] = {}
    for name, sharing in by_name.items():
        versions = {record.version for record in sharing.values()}
        settings = {key: _settings(record) for key, record in sharing.items()}
        version = {key: f" v{r.version}" * (len(versions) > 1) for key, r in sharing.items()}
        told = {key: f"{name}{settings[key]}{version[key]}" for key in sharing}
        for key, record in sharing.items():
            if len(versions) == len(sharing):
                by_key[key] = name + version[key]
            elif list(told.values()).count(told[key]) == 1 and len(settings[key]) <= LONGEST:
                by_key[key] = told[key]
            else:
                by_key[key] = f"{name} v{record.version} {key[:8]}"
    return by_key


def labels_with(ours: Iterable[PluginRecord], others: Iterable[PluginRecord]) -> dict[str, str]:
    """Return labels by key; the others change no label of ours."""
    ours = list(ours)
    return labels([*ours, *others]) | labels(ours)


def _settings(record: PluginRecord) -> str:
    """Return the changed settings of a generator; a plan that names others is not believed."""
    changed = record.changed if isinstance(record, GeneratorRecord) else {}
    return "".join(
        f":{key}={plain(str(restored(value)))}"
        for key, value in sorted(changed.items())
        if record.settings.get(key) == value
    )
