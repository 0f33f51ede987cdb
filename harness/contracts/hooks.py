"""The three questions of the harness to every plugin module.

A plugin is a distribution with an entry point in the group ``ecgbench``, or one file given with
``--plugin FILE``.  The entry point names a module with any of these hooks::

    from ecgbench import MetricSpec, hookimpl

    @hookimpl
    def ecgbench_metrics():
        return [MetricSpec(name="amplitude", target="my_package.amplitude:score", ...)]

Every command that needs the list of plugins, such as ``ecgbench list``, calls the hooks once.  So the
module must be light: it imports no numpy and no torch, and its specs name their code as
``"module:attribute"``.  An error in a hook disables that hook of that plugin only and is shown under the
list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ecgbench.contracts.specs import DatasetSpec, GeneratorSpec, MetricSpec

PROJECT = "ecgbench"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def ecgbench_generators() -> Iterable[GeneratorSpec]:
    """Return the generators of this plugin."""
    return ()


@hookspec
def ecgbench_datasets() -> Iterable[DatasetSpec]:
    """Return the datasets of this plugin."""
    return ()


@hookspec
def ecgbench_metrics() -> Iterable[MetricSpec]:
    """Return the metrics of this plugin."""
    return ()
