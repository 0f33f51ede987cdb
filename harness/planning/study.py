"""A study describes a whole run: datasets, generators, metrics, seeds, and settings of plugins."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from ecgbench.contracts.config import Config, Text, as_dict, build
from ecgbench.contracts.errors import UsageError, suggest
from ecgbench.contracts.windows import MAX_SEED
from ecgbench.results.board.headline import MOST_HEADLINE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecgbench.contracts.specs import PluginSpec
    from ecgbench.harness.planning.catalog import Catalog

Tables = dict[str, dict[str, Any]]
STUDIES = files("ecgbench.harness.planning") / "studies"


class Study(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A run, whole.

    Attributes:
        name: shown on the board; of a file, its stem unless it says otherwise.
        summary: one line.
        datasets: names; None for the default (docs/studies.md).
        generators: names, each with settings of its own if wanted (`variant`); the reference rows are
            added to them.
        metrics: names; None for all.
        headline: names of the metrics that a board shows first, at most six; None for the default
            (docs/report.md, "The headline").
        seeds: one cell each; even seeds train on the first half of the patients, odd on the second.
        windows: use a fixed subsample of at most so many windows of each dataset; None for all.
        nested: use only the training windows of the split of this seed; None for all windows.
        smoke: start from every plugin's smoke settings rather than from its defaults.
        references: whether the reference rows are added.
        dataset: settings of datasets, by name.
        generator: settings of generators, by name.
        metric: settings of metrics, by name.
    """

    name: str = ""
    summary: str = ""
    datasets: tuple[str, ...] | None = None
    generators: tuple[str, ...] = ()
    metrics: tuple[str, ...] | None = None
    headline: Annotated[tuple[str, ...], msgspec.Meta(max_length=MOST_HEADLINE)] | None = None
    seeds: tuple[Annotated[int, msgspec.Meta(ge=0, le=MAX_SEED)], ...] = (0, 1)
    windows: Annotated[int, msgspec.Meta(ge=20)] | None = None
    nested: Annotated[int, msgspec.Meta(ge=0, le=MAX_SEED)] | None = None
    smoke: bool = False
    references: bool = True
    dataset: Tables = msgspec.field(default_factory=dict)
    generator: Tables = msgspec.field(default_factory=dict)
    metric: Tables = msgspec.field(default_factory=dict)

    def settings(self, spec: PluginSpec, own: Mapping[str, Any] | None = None) -> Config:
        """Return a plugin's settings in this study.

        Args:
            spec: of the plugin.
            own: settings of one of its rows alone.

        Raises:
            ConfigError: a setting is unknown, of the wrong type or out of range.
        """
        given = dict(spec.smoke) if self.smoke else {}
        given |= getattr(self, spec.kind).get(spec.name, {}) | dict(own or {})
        return build(spec.config, given, where=f"{spec.kind} {spec.name}")

    def plain(self, spec: PluginSpec) -> Config:
        """Return a plugin's settings without those of this study: its smoke settings, or its defaults."""
        return build(
            spec.config, spec.smoke if self.smoke else {}, where=f"{spec.kind} {spec.name}"
        )


def variant(generator: str) -> tuple[str, dict[str, Text]]:
    """Return the name of a generator and the settings that stand behind it.

    >>> variant("gmm:time=rr:components=8")
    ('gmm', {'time': 'rr', 'components': '8'})

    Raises:
        UsageError: the text has another form.
    """
    name, *assignments = generator.split(":")
    own = {}
    for assignment in assignments:
        setting, sign, value = assignment.partition("=")
        if not sign or not setting:
            raise UsageError(
                f"generator {generator!r}: {assignment!r} is no setting; for example gmm:time=rr, or "
                "gmm:time=rr:components=8"
            )
        own[setting] = Text(value)
    return name, own


def names() -> list[str]:
    """Return the names of the built-in studies."""
    return sorted(Path(f.name).stem for f in STUDIES.iterdir() if f.name.endswith(".toml"))


def read(name_or_file: str) -> Study:
    """Read a built-in study, by name, or a TOML file, by path.

    Raises:
        UsageError: there is no such study, or it cannot be read.
    """
    known = name_or_file in names()
    file = STUDIES / f"{name_or_file}.toml" if known else Path(name_or_file)
    if not file.is_file():
        raise UsageError(
            f"no study or file is called {name_or_file!r}; {suggest(name_or_file, names())}"
        )
    try:
        # "sig": editors on Windows put a byte order mark first
        study = msgspec.convert(tomllib.loads(file.read_text("utf-8-sig")), Study)
    except UnicodeDecodeError as error:
        raise UsageError(
            f"study {name_or_file}: {error}; a TOML file is UTF-8: save it as UTF-8"
        ) from None
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise UsageError(f"study {name_or_file}: {error}") from None
    return msgspec.structs.replace(study, name=study.name or Path(file.name).stem)


def override(
    study: Study,
    *,
    datasets: tuple[str, ...] = (),
    generators: tuple[str, ...] = (),
    metrics: tuple[str, ...] = (),
    seeds: tuple[int, ...] = (),
    windows: int | None = None,
    references: bool = True,
    settings: Mapping[str, Mapping[str, Mapping[str, Any]]] | None = None,
) -> Study:
    """Return the study with the values of flags in place of its own."""
    flags = {
        "datasets": datasets,
        "generators": generators,
        "metrics": metrics,
        "seeds": seeds,
        "windows": windows,
    }
    changed: dict[str, Any] = {field: value for field, value in flags.items() if value}
    changed["references"] = study.references and references
    for kind, plugins in (settings or {}).items():
        tables = {name: dict(table) for name, table in getattr(study, kind).items()}
        for name, table in plugins.items():
            tables[name] = tables.get(name, {}) | dict(table)
        changed[kind] = tables
    return msgspec.structs.replace(study, **changed)


def resolve(study: Study, catalog: Catalog) -> Study:
    """Return the study with every name checked, lists freed of repeats, and its settings typed.

    Settings equal to the plugin's defaults (or smoke settings) are dropped, so two ways of saying the
    same study are equal.

    Raises:
        UsageError: a name or a setting is unknown.
    """
    changed: dict[str, Any] = {
        field: None if (found := getattr(study, field)) is None else tuple(dict.fromkeys(found))
        for field in ("datasets", "generators", "metrics", "headline", "seeds")
    }
    for name in changed["headline"] or ():
        catalog.entry("metric", name)
    for kind in ("dataset", "generator", "metric"):
        for name in changed[f"{kind}s"] or ():
            catalog.entry(kind, variant(name)[0] if kind == "generator" else name)
        specs = [catalog.entry(kind, name).spec for name in sorted(getattr(study, kind))]
        tables = {spec.name: differences(study.plain(spec), study.settings(spec)) for spec in specs}
        changed[kind] = {name: table for name, table in tables.items() if table}
    if not changed["seeds"]:
        raise UsageError(f"study {study.name}: it has no seeds; for example seeds = [0, 1]")
    return msgspec.structs.replace(study, **changed)


def differences(plain: Config, config: Config) -> dict[str, Any]:
    """Return the settings of ``config`` that differ from ``plain``, in their canonical form."""
    before, after = as_dict(plain), as_dict(config)
    return {k: v for k, v in after.items() if k not in before or before[k] != v}
