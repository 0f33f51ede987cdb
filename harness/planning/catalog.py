"""Finds the installed plugins, without importing their implementations."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import pluggy

from ecgbench.contracts import hooks as hookspecs
from ecgbench.contracts.config import Config, build, check
from ecgbench.contracts.errors import EcgbenchError, PluginError, UsageError, suggest
from ecgbench.contracts.search import ends
from ecgbench.contracts.specs import DatasetSpec, GeneratorSpec, Kind, MetricSpec, PluginSpec
from ecgbench.harness.planning.file_plugins import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable

DISTRIBUTION = "synthetic-ecgbench"
KINDS: tuple[Kind, ...] = ("generator", "dataset", "metric")
SPEC_OF_HOOK: dict[str, type[PluginSpec]] = {
    "ecgbench_generators": GeneratorSpec,
    "ecgbench_datasets": DatasetSpec,
    "ecgbench_metrics": MetricSpec,
}


@dataclass(frozen=True)
class Origin:
    """The origin of a plugin.

    Attributes:
        plugin: its name among the plugins, ``distribution:entry-point`` or ``file:PATH``.
        distribution: the distribution's name, or the file's.
        version: the distribution's version, or the start of the file's SHA-256.
        module: the import name of the module with the hooks.
    """

    plugin: str
    distribution: str
    version: str
    module: str = ""

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"

    @property
    def built_in(self) -> bool:
        """Return whether it comes with ecgbench itself."""
        return self.distribution == DISTRIBUTION

    @property
    def is_file(self) -> bool:
        """Return whether it was given with ``--plugin``."""
        return self.plugin.startswith("file:")


@dataclass(frozen=True)
class Entry:
    """A plugin's spec and origin."""

    spec: PluginSpec
    origin: Origin


@dataclass
class Catalog:
    """All plugins, by kind and name.

    Attributes:
        entries: of the plugins; more than one if distributions claim the same name.
        problems: one line for each unusable plugin, or hook of a plugin.
        files: the files given with ``--plugin``.
    """

    entries: dict[tuple[Kind, str], list[Entry]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    files: tuple[str, ...] = ()

    def of_kind(self, kind: Kind) -> list[Entry]:
        """Return the entries of one kind, by name."""
        return [e for (k, _), found in sorted(self.entries.items()) if k == kind for e in found]

    def entry(self, kind: Kind, name: str) -> Entry:
        """Return the one entry of a kind and name.

        Raises:
            UsageError: there is no such plugin.
            PluginError: two plugins claim the name.
        """
        found = self.entries.get((kind, name), [])
        if len(found) == 1:
            return found[0]
        if found:
            installed = [e.origin for e in found if not e.origin.is_file]
            way = f"ECGBENCH_DISABLE={installed[-1].plugin}" if installed else "drop a --plugin"
            raise PluginError(
                f"{kind} {name!r} is claimed by {' and by '.join(str(e.origin) for e in found)}; "
                f"uninstall one, or leave one out: {way}"
            )
        known = [n for k, n in self.entries if k == kind]
        message = f"no {kind} is called {name!r}; {suggest(name, known)}"
        if kind == "dataset" and name.endswith(".toml"):
            message = f"{name!r} is a file: give it as --plugin {name}, and the dataset by its name"
        if self.problems:
            message += f" ({len(self.problems)} plugin problems: see ecgbench list)"
        raise UsageError(message)

    def generator(self, name: str) -> GeneratorSpec:
        """Return the generator of a name; raises like `entry`."""
        return cast("GeneratorSpec", self.entry("generator", name).spec)

    def dataset(self, name: str) -> DatasetSpec:
        """Return the dataset of a name; raises like `entry`."""
        return cast("DatasetSpec", self.entry("dataset", name).spec)

    def metric(self, name: str) -> MetricSpec:
        """Return the metric of a name; raises like `entry`."""
        return cast("MetricSpec", self.entry("metric", name).spec)


def discover(files: Iterable[str | Path] = ()) -> Catalog:
    """Ask every installed plugin, and every file of ``files``, for its specs.

    A plugin named in the environment variable ``ECGBENCH_DISABLE`` (comma list of
    ``distribution:entry-point``) is left out.

    Raises:
        UsageError: a file does not exist or cannot be imported.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    catalog = Catalog(files=tuple(dict.fromkeys(str(Path(file).resolve()) for file in files)))
    origins = _register_installed(manager, catalog)
    for file in catalog.files:
        origin = _register_file(manager, Path(file))
        origins[origin.plugin] = origin
    _drop_misspelt_hooks(manager, catalog, origins)
    _report_hookless(manager, catalog, origins)
    for hook_name, spec_type in SPEC_OF_HOOK.items():
        for implementation in reversed(getattr(manager.hook, hook_name).get_hookimpls()):
            origin = origins[implementation.plugin_name]
            where = f"{origin} ({origin.plugin}): {hook_name}"
            try:
                for spec in implementation.function():
                    _add(catalog, spec, spec_type, origin, where)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - any plugin, any error
                catalog.problems.append(f"{where}: {_say(error)}")
    return catalog


def _add(
    catalog: Catalog, spec: Any, spec_type: type[PluginSpec], origin: Origin, where: str
) -> None:
    """File a spec, or note its fault: one bad spec hides no other."""
    try:
        _check(spec, spec_type, origin)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - any plugin, any error
        catalog.problems.append(f"{where}: {_say(error)}")
    else:
        catalog.entries.setdefault((spec.kind, spec.name), []).append(Entry(spec, origin))


def _register_installed(manager: pluggy.PluginManager, catalog: Catalog) -> dict[str, Origin]:
    disabled = set(filter(None, os.environ.get("ECGBENCH_DISABLE", "").split(",")))
    origins: dict[str, Origin] = {}
    known: dict[
        int, tuple[str, str]
    ] = {}  # a distribution reads its metadata anew for each question
    for entry_point in sorted(entry_points(group=hookspecs.PROJECT), key=lambda e: e.name):
        distribution = entry_point.dist
        assert distribution is not None
        if id(distribution) not in known:
            known[id(distribution)] = distribution.name, distribution.version
        name, version = known[id(distribution)]
        # two distributions may use one entry-point name
        plugin = f"{name}:{entry_point.name}"
        if plugin in disabled or name in disabled or plugin in origins:
            continue
        origins[plugin] = origin = Origin(plugin, name, version, entry_point.module)
        try:
            manager.register(entry_point.load(), name=plugin)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - any plugin, any error
            catalog.problems.append(f"{origin} ({plugin}): cannot be loaded: {_say(error)}")
    return origins


def _register_file(manager: pluggy.PluginManager, file: Path) -> Origin:
    try:
        is_there = file.is_file()
    except OSError as error:  # a name that no system takes
        raise UsageError(f"--plugin {str(file)[:80]}…: {error.strerror}") from None
    if not is_there:
        raise UsageError(f"--plugin {file}: there is no such file")
    if file.suffix == ".toml":
        return _register_described(manager, file)
    import hashlib  # noqa: PLC0415 - needed here only

    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    name = f"{PREFIX}{re.sub(r'[^A-Za-z0-9]', '_', file.stem)}_{digest}"
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise UsageError(
            f"--plugin {file}: it is no Python file (*.py) and no dataset file (*.toml)"
        )
    module = module_from_spec(spec)
    sys.modules[name] = module
    origin = Origin(f"file:{file}", file.name, digest, name)
    try:
        spec.loader.exec_module(module)
        manager.register(module, name=origin.plugin)
    except (Exception, SystemExit) as error:
        raise UsageError(f"--plugin {file}: cannot be loaded: {_say(error)}") from error
    return origin


def _register_described(manager: pluggy.PluginManager, file: Path) -> Origin:
    """Register the dataset of a dataset file."""
    import hashlib  # noqa: PLC0415 - as above

    from ecgbench.recordings.spec import described  # noqa: PLC0415 - needed here only

    spec = described(file)
    module = ModuleType(file.stem)
    setattr(module, "ecgbench_datasets", hookspecs.hookimpl(lambda: [spec]))  # noqa: B010
    origin = Origin(f"file:{file}", file.name, hashlib.sha256(file.read_bytes()).hexdigest()[:12])
    manager.register(module, name=origin.plugin)
    return origin


def _drop_misspelt_hooks(
    manager: pluggy.PluginManager, catalog: Catalog, origins: dict[str, Origin]
) -> None:
    while True:
        try:
            manager.check_pending()
        except pluggy.PluginValidationError as error:
            origin = origins[str(manager.get_name(error.plugin))]
            manager.unregister(error.plugin)
            hooks = ", ".join(SPEC_OF_HOOK)
            catalog.problems.append(f"{origin} ({origin.plugin}): {_say(error)}; hooks: {hooks}")
        else:
            return


def _report_hookless(
    manager: pluggy.PluginManager, catalog: Catalog, origins: dict[str, Origin]
) -> None:
    for plugin, origin in origins.items():
        if manager.has_plugin(plugin) and not manager.get_hookcallers(manager.get_plugin(plugin)):
            catalog.problems.append(
                f"{origin} ({plugin}): it offers nothing; a hook is a function marked @hookimpl "
                f"and called {', '.join(SPEC_OF_HOOK)}"
            )


def _check(spec: Any, spec_type: type[PluginSpec], origin: Origin) -> None:
    if not isinstance(spec, spec_type):
        raise PluginError(f"expected {spec_type.__name__}, got {spec!r}")
    if origin.built_in:
        return  # tests have done the rest, the longest part of discovery
    if isinstance(spec, GeneratorSpec) and spec.draws_on_fresh:
        raise PluginError(
            f"{spec.kind} {spec.name}: only a built-in reference row may draw on fresh"
        )
    if origin.is_file and isinstance(spec.target, str):
        module, _, attribute = spec.target.partition(":")
        if module == Path(origin.distribution).stem:
            raise PluginError(
                f"{spec.kind} {spec.name}: target {spec.target!r} names its own file, which is not "
                f"installed and cannot be imported; give the object itself: target={attribute}"
            )
    check_settings(spec)


def check_settings(spec: PluginSpec) -> None:
    """Check that a plugin's defaults, and its smoke settings, are settings.

    Raises:
        PluginError: they are of no class of settings.
        ConfigError: names the setting and a right value.
    """
    where = f"{spec.kind} {spec.name}"
    if not (isinstance(spec.config, type) and issubclass(spec.config, Config)):
        raise PluginError(f"{where}: config is {spec.config!r}; a subclass of ecgbench.Config")
    check(spec.config, where=where)
    build(spec.config, {}, where=where)
    if spec.smoke:
        build(spec.config, spec.smoke, where=f"{where} (smoke)")
    for setting, values in getattr(spec, "search", {}).items():
        for value in ends(values):
            build(spec.config, {setting: value}, where=f"{where} (search)")


def _say(error: BaseException) -> str:
    if isinstance(error, EcgbenchError):
        return str(error)
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
