"""From the arguments of a call to a study."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from ecgbench.contracts.config import nested
from ecgbench.contracts.errors import UsageError
from ecgbench.harness.planning import study as studies

if TYPE_CHECKING:
    import os

    from ecgbench.harness.planning.study import Study

    Names = str | Iterable[str] | None
    """Names, or one text with commas, as the command takes it."""

    Seeds = int | Iterable[int] | None

    Settings = Mapping[str, Any] | None
    """Values by ``"KIND.NAME.SETTING"``, as ``--set`` takes them."""


def names(what: str, given: Names) -> tuple[str, ...]:
    """Return names as a tuple.

    >>> names("generators", "gmm, timegan"), names("generators", ["gmm"]), names("generators", None)
    (('gmm', 'timegan'), ('gmm',), ())

    Args:
        what: the name of the argument.
        given: its value.

    Raises:
        UsageError: it holds no names.
    """
    parts = given.split(",") if isinstance(given, str) else () if given is None else given
    parts = list(parts) if isinstance(parts, Iterable) else [parts]
    if not all(isinstance(part, str) for part in parts):
        raise UsageError(
            f"{what} = {given!r}: names are wanted, in a list or in one text with commas"
        )
    return tuple(part.strip() for part in parts)


def request(
    study: str | os.PathLike[str] = "quick",
    *,
    generators: Names = None,
    datasets: Names = None,
    metrics: Names = None,
    seeds: Seeds = None,
    windows: int | None = None,
    references: bool = True,
    settings: Settings = None,
) -> Study:
    """Return a study with the arguments of a call in place of its own values.

    Raises:
        UsageError: there is no such study, or an argument has the wrong type or is out of range.
        ConfigError: a key of ``settings`` is not of the form ``KIND.NAME.SETTING``.
    """
    flags: dict[str, Any] = {
        "generators": names("generators", generators),
        "datasets": names("datasets", datasets),
        "metrics": names("metrics", metrics),
        "seeds": _whole("seeds", seeds),
        "windows": None if windows is None else _number("windows", windows),
    }
    if not isinstance(settings, Mapping | None):
        raise UsageError(
            f'settings = {settings!r}: a dict is wanted, for example {{"generator.timegan.hidden": 32}}'
        )
    for name, value in flags.items():
        try:
            msgspec.convert({name: value}, studies.Study)
        except msgspec.ValidationError as error:
            raise UsageError(f"{name} = {value!r}: {error}") from None
    return studies.override(
        studies.read(str(study)), references=references, settings=nested(settings or {}), **flags
    )


def _whole(name: str, given: Seeds) -> tuple[int, ...]:
    """Return whole numbers of any kind, numpy's too, as ints."""
    if given is None:
        return ()
    try:
        numbers = given if isinstance(given, Iterable) and not isinstance(given, str) else [given]
        return tuple(operator.index(number) for number in numbers)
    except TypeError:
        raise UsageError(
            f"{name} = {given!r}: whole numbers are wanted, for example [0, 1]"
        ) from None


def _number(name: str, given: Any) -> int:
    """Return one whole number of any kind as an int."""
    try:
        return operator.index(given)
    except TypeError:
        raise UsageError(f"{name} = {given!r}: a whole number is wanted") from None
