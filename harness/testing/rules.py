"""`Rule`: one sentence of the contract, and the function that looks whether a plugin keeps it."""

from __future__ import annotations

import inspect
import unittest
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ecgbench.contracts.errors import Skip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ecgbench.contracts.specs import PluginSpec

    Look = Callable[[Any], None]

SLOW = 10.0
"""Seconds that smoke settings may take."""


class BrokenRuleError(AssertionError):
    """A plugin breaks a rule; the message says by what."""


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        name: lower-case words with hyphens.
        text: the rule, one sentence.
        look: called with a trial; raises `BrokenRuleError`, or `ecgbench.Skip` where the rule does not apply.
        timed: whether the outcome depends on the speed of the machine.
    """

    name: str
    text: str
    look: Look
    timed: bool = False


class Rules(dict[str, Rule]):
    """Rules by name, in the order in which they are looked at."""

    def add(self, *, timed: bool = False) -> Callable[[Look], Look]:
        """Return a decorator for a function of a trial: its name names the rule, its docstring is the text."""

        def register(look: Look) -> Look:
            name = look.__name__.replace("_", "-")
            text = " ".join((inspect.getdoc(look) or "").split("\n\n")[0].split())
            self[name] = Rule(name, text, look, timed)
            return look

        return register


def require(holds: object, message: str) -> None:
    """Raise `BrokenRuleError` with this message unless a condition holds."""
    if not holds:
        raise BrokenRuleError(message)


@dataclass(frozen=True)
class Plugin:
    """A plugin to check.

    Attributes:
        spec: its spec.
        module: the import name of the module with its hook, or the file for ``--plugin``; empty if it is
            unknown.
        data_dir: folder with datasets in PhysioNet's layout, for datasets alone; None for the user's.
        settings: in place of the smoke settings of these names.
    """

    spec: PluginSpec
    module: str = ""
    data_dir: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


class Check:
    """One rule for one plugin, to be called.

    Attributes:
        rule: the rule.
        plugin: the plugin.
    """

    def __init__(self, rule: Rule, plugin: Plugin, trial: Any) -> None:
        self.rule = rule
        self.plugin = plugin
        self._trial = trial

    @property
    def name(self) -> str:
        """The name of the rule."""
        return self.rule.name

    def __call__(self) -> None:
        """See whether the plugin keeps the rule.

        Raises:
            AssertionError: it breaks the rule; the message says by what.
            unittest.SkipTest: the rule does not apply; pytest then skips the test.
        """
        try:
            self.rule.look(self._trial)
        except Skip as skip:
            raise unittest.SkipTest(str(skip)) from None

    def __repr__(self) -> str:
        return f"{self.plugin.spec.name}-{self.name}"
