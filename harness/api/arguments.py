"""Checks of the arguments of a call, by name: a wrong type is the caller's mistake and is told as one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from ecgbench.contracts.errors import UsageError

if TYPE_CHECKING:
    from ecgbench.harness.api.messages import Tell

Count = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=1e9)]

WANTED: dict[str, tuple[Any, str]] = {
    "device": (Literal["auto", "cpu", "cuda"], "'auto', 'cpu' or 'cuda'"),
    "threads": (Count | None, "a whole number from 1"),
    "jobs": (Count | None, "a whole number from 1"),
    "timeout": (Seconds | None, "a number of seconds above 0"),
    "memory": (Count | None, "a whole number of bytes"),
    "scheduler": (str | None, "an address, for example 'tcp://10.0.0.1:8786',"),
    "results": (Literal["wire", "store"], "'wire' or 'store'"),
    "dataset": (str | None, "one name"),
    "study": (str | None, "one name"),
    "name": (str, "one name"),
    "a": (str, "the label of a row"),
    "b": (str, "the label of a row"),
    "sampling_rate": (
        Annotated[float, msgspec.Meta(gt=0, le=1e9)],
        "one number of samples a second, in Hz, above 0",
    ),
}
"""The type of each argument, and its words in a message."""


def check(**given: Any) -> None:
    """Check the types of arguments of `WANTED`; a scalar of numpy counts as a number of Python.

    Raises:
        UsageError: one is of another type, or out of its range.
    """
    for name, value in given.items():
        kind, wanted = WANTED[name]
        try:
            number = value.item() if getattr(value, "shape", None) == () else value
            msgspec.convert(number, kind)
        except msgspec.ValidationError:
            number = None
        else:
            if number == number:  # noqa: PLR0124 - NaN is within every range
                continue
        raise UsageError(f"{name} = {value!r}: {wanted} is wanted")


def path(name: str, given: str | os.PathLike[str]) -> Path:
    """Return a path.

    Raises:
        UsageError: it is none.
    """
    try:
        return Path(given)
    except TypeError:
        raise UsageError(f"{name} = {given!r}: a path is wanted") from None


def plugin_files(given: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[str]:
    """Return the files of plugins; one path is a list of one.

    Raises:
        UsageError: these are no paths.
    """
    if isinstance(given, str | os.PathLike):
        given = [given]
    if not isinstance(given, Iterable) or isinstance(given, bytes):
        raise UsageError(f"plugins = {given!r}: paths of Python files are wanted, in a list")
    return [str(path("plugins", each)) for each in given]


def callback(given: Tell | None) -> Tell | None:
    """Return a callback.

    Raises:
        UsageError: nobody can call it.
    """
    if given is not None and not callable(given):
        raise UsageError(f"on_progress = {given!r}: a function of one message is wanted")
    return given
