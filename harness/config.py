"""Settings of plugins: frozen typed structs, filled from TOML tables and ``--set`` options."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from ecgbench.harness.errors import ConfigError, suggest

C = TypeVar("C", bound="Config")


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every plugin's settings.

    Each field has a type and a default.  Bounds are annotations, and a plugin reads its settings as
    attributes::

        class RidgeConfig(Config, frozen=True):
            strength: Annotated[float, msgspec.Meta(gt=0, description="penalty")] = 1.0
            leads: tuple[str, ...] = ()
    """


class NoConfig(Config, frozen=True):
    """Settings of a plugin that has none."""


def build(config: type[C], given: Mapping[str, Any], *, where: str) -> C:
    """Make a ``config`` from its defaults and the ``given`` values.

    Args:
        config: the plugin's `Config` class.
        given: values by setting: typed (from TOML) or text (from ``--set``).
        where: what the settings belong to, for messages: ``"generator timegan"``.

    Raises:
        ConfigError: names the setting, what was given and what would do.
    """
    fields = {field.encode_name: field for field in msgspec.structs.fields(config)}
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in fields:
            hint = suggest(name, fields) if fields else "it has none"
            raise ConfigError(f"{where} has no setting {name!r}; {hint}")
        try:
            values[name] = _convert(value, fields[name].type)
        except msgspec.ValidationError as error:
            raise ConfigError(f"{where}: {name} = {value!r}: {_lower(str(error))}") from None
    try:
        plain = msgspec.to_builtins(msgspec.convert(values, config))
        # again, for the defaults: 1 as the default of a float is 1.0, as if it had been given
        return msgspec.convert(plain, config)
    except (msgspec.ValidationError, ValueError) as error:
        raise ConfigError(f"{where}: {_lower(str(error))}") from None


def _convert(value: Any, hint: Any) -> Any:
    """Return ``value`` as ``hint``; text may stand for any type, a comma list for a sequence."""
    if not isinstance(value, str):
        return msgspec.convert(value, hint)
    candidates: list[Any] = [value, [part for part in value.split(",") if part]]
    if value.lower() in ("none", "null"):
        candidates.insert(0, None)
    if value.lower() in ("true", "false", "yes", "no"):
        candidates.insert(0, value.lower() in ("true", "yes"))
    first: msgspec.ValidationError | None = None
    for candidate in candidates:
        try:
            return msgspec.convert(candidate, hint, strict=False)
        except msgspec.ValidationError as error:
            first = first or error
    assert first is not None
    raise first


def as_dict(config: Config) -> dict[str, Any]:
    """The settings as JSON-ready values, in the order of their declaration."""
    return dict(msgspec.to_builtins(config))


def parse_overrides(assignments: Iterable[str]) -> dict[str, dict[str, dict[str, str]]]:
    """Read ``--set`` options into ``{kind: {plugin: {setting: text}}}``.

    >>> parse_overrides(["generator.timegan.hidden=32"])
    {'generator': {'timegan': {'hidden': '32'}}}

    Raises:
        ConfigError: an option is not of the form ``KIND.NAME.SETTING=VALUE``.
    """
    found: dict[str, dict[str, dict[str, str]]] = {}
    for text in assignments:
        match = re.fullmatch(
            r"(generator|dataset|metric)\.([a-z0-9-]+)\.(\w+)=(.*)", text, flags=re.DOTALL
        )
        if not match:
            raise ConfigError(
                f"--set {text!r} is not of the form KIND.NAME.SETTING=VALUE with KIND one of "
                "dataset, generator, metric; for example --set generator.timegan.hidden=32"
            )
        kind, plugin, setting, value = match.groups()
        found.setdefault(kind, {}).setdefault(plugin, {})[setting] = value
    return found


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
