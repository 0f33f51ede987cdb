"""Settings of plugins: frozen typed structs, filled from TOML tables and ``--set`` options."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import PurePath
from typing import Any, TypeVar

import msgspec

from ecgbench.contracts.canonical import canonical, restored
from ecgbench.contracts.errors import ConfigError, suggest

C = TypeVar("C", bound="Config")


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every plugin's settings.

    Each field has a type and a default.  Types are numbers, text, bytes, dates, enumerations, paths, and
    lists, tuples, sets, dictionaries and structs of those.  Such a value can be written down and read
    again as the same.  Bounds are annotations, and a plugin reads its settings as attributes::

        class RidgeConfig(Config, frozen=True):
            strength: Annotated[float, msgspec.Meta(gt=0, description="penalty")] = 1.0
            leads: tuple[str, ...] = ()

    A setting of `msgspec.UNSET` is not written down and is part of no key.  So a plugin may get a further
    setting, ``int | msgspec.UnsetType = msgspec.UNSET``, and stored results stay valid.
    """


class NoConfig(Config, frozen=True):
    """Settings of a plugin without any."""


@cache
def fields(config: type[Config]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """Return the settings of a class, in the order of their declaration; msgspec searches each time."""
    return msgspec.structs.fields(config)


def build(config: type[C], given: Mapping[str, Any], *, where: str) -> C:
    """Return a ``config`` of its defaults and the ``given`` values.

    Args:
        config: the plugin's `Config` class.
        given: values by setting: typed (from TOML), canonical (from a record) or text (from ``--set``).
        where: the owner of the settings, for messages: ``"generator timegan"``.

    Raises:
        ConfigError: names the setting, the given value and valid ones.
    """
    known = {field.encode_name: field for field in fields(config)}
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            hint = suggest(name, known) if known else "it has none"
            raise ConfigError(f"{where} has no setting {name!r}; {hint}")
        try:
            values[name] = _convert(restored(value), known[name].type)
            values[name] = restored(canonical(values[name]))
        except (msgspec.ValidationError, ValueError, TypeError) as error:
            raise ConfigError(f"{where}: {name} = {value!r}: {_lower(str(error))}") from None
    try:
        settings = msgspec.convert(values, config, dec_hook=_read)
        # again, for the defaults: 1 as the default of a float is 1.0, as if it had been given
        reread = msgspec.convert(restored(_plain(settings, where)), config, dec_hook=_read)
    except (msgspec.ValidationError, ValueError, TypeError) as error:
        raise ConfigError(f"{where}: {_lower(str(error))}") from None
    for field in _untyped(config):
        before, after = getattr(settings, field), getattr(reread, field)
        if not _same(before, after):
            raise ConfigError(
                f"{where}: setting {field!r} is {before!r}, which is {after!r} once it has been written "
                "down, for its type does not tell which it is; give it a type without Any"
            )
    return reread


def check(config: type[Config], *, where: str) -> None:
    """Check that all possible settings can be written down and read again as the same.

    Raises:
        ConfigError: names the setting, its type and valid ones.
    """
    for field in fields(config):
        if _is_plain(field.type):
            continue
        setting = f"{where}: setting {field.encode_name!r} has the type {_say(field.type)}"
        try:
            foreign = next(_foreign(msgspec.inspect.type_info(field.type)), None)
        except Exception as error:  # noqa: BLE001 - whatever msgspec makes of a type that it does not know
            raise ConfigError(f"{setting}: {_lower(str(error))}") from None
        if foreign is not None:
            raise ConfigError(
                f"{setting}, of which {_say(foreign)} cannot be written down and read again as the same; "
                "take numbers, text, dates, enumerations, paths, or lists, sets, dictionaries and "
                "structs of those"
            )


def _is_plain(hint: Any) -> bool:
    """Return whether a setting is a number, a text or a truth value, perhaps within bounds: most are."""
    return getattr(hint, "__origin__", hint) in (bool, int, float, str)


def _foreign(
    info: Any, *, is_key: bool = False, seen: frozenset[int] = frozenset()
) -> Iterator[Any]:
    """Return the types within a type that cannot be read back from JSON."""
    if id(info) in seen:
        return
    seen |= {id(info)}
    if isinstance(info, msgspec.inspect.CustomType):
        if is_key or not _is_path(info.cls):
            yield info.cls
    elif isinstance(info, msgspec.inspect.RawType | msgspec.inspect.ExtType):
        yield type(info).__name__.removesuffix("Type")
    for name, part in _parts(info):
        yield from _foreign(part, is_key=is_key or name == "key_type", seen=seen)


def _parts(info: Any) -> Iterator[tuple[str, Any]]:
    """Yield the types within a type, each with the name of its place."""
    for name in getattr(info, "__struct_fields__", ()):
        value = getattr(info, name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, msgspec.inspect.Type):
                yield name, part
            elif isinstance(part, msgspec.inspect.Field):
                yield name, part.type


@cache
def _untyped(config: type[Config]) -> tuple[str, ...]:
    """Return the fields with a part of any type."""
    return tuple(
        field.name
        for field in fields(config)
        if not _is_plain(field.type) and _has_any(msgspec.inspect.type_info(field.type))
    )


def _has_any(info: Any, seen: frozenset[int] = frozenset()) -> bool:
    if isinstance(info, msgspec.inspect.AnyType):
        return True
    seen |= {id(info)}
    return any(_has_any(part, seen) for _, part in _parts(info) if id(part) not in seen)


def _same(one: Any, other: Any) -> bool:
    """Return whether two values are equal and of one type throughout; NaN is NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return bool(one == other)


def _is_path(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, PurePath)


def _read(hint: Any, value: Any) -> Any:
    """Return a value of a type that msgspec does not know; see `msgspec.convert`."""
    if _is_path(hint) and isinstance(value, str | PurePath):
        return hint(value)
    raise ValueError(f"expected `{_say(hint)}`, got `{type(value).__name__}`")


class Text(str):
    """A user's text for a setting of any type."""

    __slots__ = ()


def _convert(given: Any, hint: Any) -> Any:
    """Return ``given`` as ``hint``; text may stand for any type, a comma list for a sequence."""
    if not isinstance(given, str):
        return msgspec.convert(given, hint, dec_hook=_read)
    value = str(given)
    if not isinstance(given, Text):
        # a text of a record or a study stays as it is, if that will do: "none" is not None
        with suppress(msgspec.ValidationError):
            return msgspec.convert(value, hint, dec_hook=_read)
    candidates: list[Any] = [value, [part for part in value.split(",") if part]]
    if value.lower() in ("none", "null"):
        candidates.insert(0, None)
    if value.lower() in ("true", "false", "yes", "no"):
        candidates.insert(0, value.lower() in ("true", "yes"))
    first: msgspec.ValidationError | None = None
    for candidate in candidates:
        try:
            return msgspec.convert(candidate, hint, strict=False, dec_hook=_read)
        except msgspec.ValidationError as error:
            first = first or error
    assert first is not None
    raise first


def as_dict(config: Config) -> dict[str, Any]:
    """Return the settings in their canonical form, JSON-ready, in order of declaration; none is unset."""
    return _plain(config, type(config).__name__)


def _plain(config: Config, where: str) -> dict[str, Any]:
    found = {}
    for field in fields(type(config)):
        if getattr(config, field.name) is msgspec.UNSET:
            continue
        try:
            found[field.encode_name] = canonical(getattr(config, field.name))
        except TypeError as error:
            raise ConfigError(
                f"{where}: setting {field.encode_name!r} holds a {error}, which cannot be written down"
            ) from None
    return found


FORM = "KIND.NAME.SETTING"
"""The full name of a setting."""


def parse_assignments(assignments: Iterable[str]) -> dict[str, Text]:
    """Read ``--set`` options into the text of each setting, by its full name.

    >>> parse_assignments(["generator.timegan.hidden=32"])
    {'generator.timegan.hidden': '32'}

    Raises:
        ConfigError: an option is not of the form ``KIND.NAME.SETTING=VALUE``.
    """
    read: dict[str, Text] = {}
    for text in assignments:
        name, sign, value = text.partition("=")
        if not sign or _parted(name) is None:
            raise ConfigError(
                f"--set {text!r} is not of the form {FORM}=VALUE with KIND one of "
                "dataset, generator, metric; for example --set generator.timegan.hidden=32"
            )
        read[name] = Text(value)
    return read


def nested(settings: Mapping[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return ``{kind: {plugin: {setting: value}}}`` from values by full name.

    >>> nested({"generator.timegan.hidden": 32})
    {'generator': {'timegan': {'hidden': 32}}}

    Raises:
        ConfigError: a name is not of the form ``KIND.NAME.SETTING``.
    """
    tables: dict[str, dict[str, dict[str, Any]]] = {}
    for name, value in settings.items():
        parts = _parted(name)
        if parts is None:
            raise ConfigError(
                f"setting {name!r} is not of the form {FORM} with KIND one of dataset, generator, "
                "metric; for example generator.timegan.hidden"
            )
        kind, plugin, setting = parts
        tables.setdefault(kind, {}).setdefault(plugin, {})[setting] = value
    return tables


def parse_overrides(assignments: Iterable[str]) -> dict[str, dict[str, dict[str, Text]]]:
    """Read ``--set`` options into ``{kind: {plugin: {setting: text}}}``; raises like `parse_assignments`.

    >>> parse_overrides(["generator.timegan.hidden=32"])
    {'generator': {'timegan': {'hidden': '32'}}}
    """
    return nested(parse_assignments(assignments))


def _parted(name: object) -> tuple[str, str, str] | None:
    """Return kind, plugin and setting; None if the name has another form."""
    match = re.fullmatch(r"(generator|dataset|metric)\.([a-z0-9-]+)\.(\w+)", str(name))
    return None if match is None else (match[1], match[2], match[3])


def _say(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
