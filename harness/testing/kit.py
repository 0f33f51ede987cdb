"""The checks of a plugin: for pytest, and for ``ecgbench check``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecgbench.contracts.errors import PluginError, UsageError, suggest
from ecgbench.testing.rules import Check, Plugin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ecgbench.contracts.specs import PluginSpec
    from ecgbench.testing.rules import Rule


def checks_of(plugin: PluginSpec | Plugin) -> list[Check]:
    """Return the checks of a plugin, in order; they share fits and scores.

    Args:
        plugin: a spec, or a spec with what else is known.
    """
    if not isinstance(plugin, Plugin):
        plugin = Plugin(plugin, _module_of(plugin))
    trial, rules = _trial_of(plugin)
    return [Check(rule, plugin, trial) for rule in rules.values()]


def parametrize_with_checks(
    *plugins: PluginSpec | Plugin,
    expected_failures: Mapping[str, str] | None = None,
    timed: bool = False,
) -> Callable[[Any], Any]:
    """Return a decorator that makes a test of each check; the test has an argument ``check`` and calls it.

    Args:
        plugins: specs.
        expected_failures: reasons by the name of a check.  Such a check must fail.
        timed: whether checks whose outcome depends on the speed of the machine are among them.

    Raises:
        UsageError: an expected failure names no check.

    Example:
        >>> @parametrize_with_checks(SPEC, expected_failures={"seed-used": "it draws nothing"})
        ... def test_contract(check):
        ...     check()
    """
    import pytest  # noqa: PLC0415 - `ecgbench check` works without it

    checks = [check for plugin in plugins for check in checks_of(plugin)]
    names = {check.name for check in checks}
    for name in expected_failures or {}:
        if name not in names:
            raise UsageError(
                f"expected_failures: no check is called {name!r}; {suggest(name, names)}"
            )
    given = []
    for check in checks:
        if check.rule.timed and not timed:
            continue
        reason = (expected_failures or {}).get(check.name)
        marks = [] if reason is None else [pytest.mark.xfail(reason=reason, strict=True)]
        given.append(pytest.param(check, id=repr(check), marks=marks))
    decorate: Callable[[Any], Any] = pytest.mark.parametrize("check", given)
    return decorate


def _module_of(spec: PluginSpec) -> str:
    """Return the module with the hook of an installed plugin; empty if the spec is not from one."""
    from ecgbench.harness.planning.catalog import discover  # noqa: PLC0415 - asks all plugins

    for entry in discover().entries.get((spec.kind, spec.name), []):
        if entry.spec == spec:
            return entry.origin.module
    return ""


def _trial_of(plugin: Plugin) -> tuple[Any, Mapping[str, Rule]]:
    # each imports numpy and torch
    match plugin.spec.kind:
        case "generator":
            from ecgbench.testing import fits, generators  # noqa: PLC0415

            return fits.GeneratorTrial(plugin), generators.RULES
        case "metric":
            from ecgbench.testing import metrics  # noqa: PLC0415

            return metrics.MetricTrial(plugin), metrics.RULES
        case "dataset":
            from ecgbench.testing import datasets  # noqa: PLC0415

            return datasets.DatasetTrial(plugin), datasets.RULES
    raise PluginError(f"{plugin.spec.kind} is no kind of plugin")
