"""Rules of every plugin: its spec and its settings."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from ecgbench.contracts.canonical import canonical, restored
from ecgbench.contracts.config import Config, as_dict, build, fields
from ecgbench.contracts.errors import EcgbenchError, Skip
from ecgbench.harness.planning.catalog import check_settings
from ecgbench.testing.rules import BrokenRuleError, Rules, require

if TYPE_CHECKING:
    from ecgbench.testing.rules import Plugin

RULES = Rules()

HEAVY = ("numpy", "torch", "scipy", "pandas", "sklearn", "matplotlib")

LONGEST = 120
"""Letters of a summary."""

LOOK = """
import importlib, sys
before = set(sys.modules)
importlib.import_module({module!r})
print(*sorted(name for name in {heavy!r} if name in sys.modules and name not in before))
"""

LOOK_FILE = """
import sys
from ecgbench.harness.planning.catalog import discover
before = set(sys.modules)
discover([{module!r}])
print(*sorted(name for name in {heavy!r} if name in sys.modules and name not in before))
"""


class Trial:
    """A plugin that is looked at."""

    def __init__(self, plugin: Plugin) -> None:
        self.plugin = plugin

    @property
    def spec(self) -> Any:
        """Its spec."""
        return self.plugin.spec

    @property
    def smoke(self) -> Config:
        """Its smoke settings, or those of the caller."""
        spec = self.spec
        given = {**spec.smoke, **self.plugin.settings}
        config: Config = build(spec.config, given, where=f"{spec.kind} {spec.name} (smoke)")
        return config


@RULES.add()
def spec_complete(trial: Trial) -> None:
    """The spec has a summary of one line, a citation, and a version from 1."""
    spec = trial.spec
    summary = spec.summary
    require(summary.strip(), "summary is empty; ecgbench list shows it")
    require("\n" not in summary, "summary has several lines; ecgbench list shows one")
    require(
        len(summary) <= LONGEST,
        f"summary has {len(summary)} letters; at most {LONGEST} fit into ecgbench list",
    )
    require(
        spec.citation.strip(), "citation is empty: authors, year, and a DOI or URL of the source"
    )
    require(
        isinstance(spec.version, int) and spec.version >= 1,
        f"version is {spec.version!r}; a whole number from 1 is wanted",
    )


@RULES.add()
def settings_described(trial: Trial) -> None:
    """Every setting has a type, a default and a description; the smoke settings are settings."""
    spec = trial.spec
    try:
        check_settings(spec)
    except EcgbenchError as error:
        raise BrokenRuleError(str(error)) from None
    # the hook is for paths, which JSON has not
    schema = msgspec.json.schema(spec.config, schema_hook=lambda _: {"type": "string"})["$defs"][
        spec.config.__name__
    ]
    properties = schema.get("properties", {})
    for each in fields(spec.config):
        told = properties.get(each.encode_name, {})
        require(
            told.get("description"),
            f"setting {each.name} has no description; "
            f'{each.name}: Annotated[..., msgspec.Meta(description="...")]',
        )


@RULES.add()
def settings_travel(trial: Trial) -> None:
    """Settings are the same after a journey as JSON to another process or machine."""
    spec = trial.spec
    for config in (build(spec.config, {}, where=spec.name), trial.smoke):
        travelled = restored(msgspec.json.decode(msgspec.json.encode(canonical(as_dict(config)))))
        there = build(spec.config, travelled, where=spec.name)
        require(
            canonical(as_dict(there)) == canonical(as_dict(config)),
            f"settings {as_dict(config)} arrive as {as_dict(there)}",
        )


@RULES.add()
def importable(trial: Trial) -> None:
    """The target can be imported by name in another process, as a cluster does."""
    spec = trial.spec
    try:
        target = spec.load()
    except EcgbenchError as error:
        raise BrokenRuleError(str(error)) from None
    require(callable(target), f"target is {target!r}; a class or a function is wanted")
    if isinstance(spec.target, str):
        return
    try:
        pickle.dumps(target)
    except Exception as error:  # noqa: BLE001 - any object, any error
        raise BrokenRuleError(
            f"target {target!r} cannot be found by name in another process: {error}; define it at the "
            'top of a module, or write target="module:name"'
        ) from None


@RULES.add()
def light_import(trial: Trial) -> None:
    """The module of the hook imports neither numpy nor torch, so that ecgbench list stays fast."""
    module = trial.plugin.module
    if not module:
        raise Skip("the spec is from no installed plugin and no file")
    code = LOOK_FILE if module.endswith((".py", ".toml")) else LOOK
    done = subprocess.run(
        [sys.executable, "-c", code.format(module=module, heavy=HEAVY)],
        capture_output=True,
        text=True,
        check=False,
    )
    require(done.returncode == 0, f"{module} cannot be imported: {_last(done.stderr)}")
    require(
        not done.stdout.split(),
        f"{module} imports {', '.join(done.stdout.split())}; name heavy code as "
        'target="module:name", or import it inside the function',
    )


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if re.search(r"\S", line)]
    return lines[-1] if lines else "no reason is given"
