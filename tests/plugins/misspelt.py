"""Spells a hook wrong."""

from ecgbench import GeneratorSpec, hookimpl


@hookimpl
def ecgbench_generator() -> list[GeneratorSpec]:
    return []
