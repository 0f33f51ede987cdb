"""The public names are those of ``names.txt``, with their parameters: a plugin that uses them goes on working.

A change of the file breaks somebody's plugin, unless it only adds.  If it is meant, write the file anew and
say so in CHANGELOG.md::

    python tests/public/test_names.py
"""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = Path(__file__).with_name("names.txt")
MODULES = (
    "ecgbench",
    "ecgbench.components",
    "ecgbench.gaussians",
    "ecgbench.large",
    "ecgbench.nn",
    "ecgbench.nn.conditional",
    "ecgbench.nn.training",
    "ecgbench.nn.variational",
    "ecgbench.processing",
    "ecgbench.r_peaks",
    "ecgbench.rr_time",
    "ecgbench.saving",
    "ecgbench.shared",
    "ecgbench.testing",
    "ecgbench.space",
    "ecgbench.spectra",
    "ecgbench.transport",
)


def public(module: Any) -> list[str]:
    """Return the names of a module: its `__all__`, or what it defines under a name without underscore."""
    if hasattr(module, "__all__"):
        return sorted(module.__all__)
    return sorted(
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and name != "TYPE_CHECKING"
        and (
            name.isupper()
            if isinstance(value, int | float | tuple | str)
            else getattr(value, "__module__", None) == module.__name__
            and (inspect.isclass(value) or inspect.isfunction(value))
        )
    )


def parameters(of: Any) -> str:
    """Return the parameters as text; without annotations, which Python versions write in unlike ways."""
    found = inspect.signature(of)
    bare = [
        p.replace(annotation=inspect.Parameter.empty, default=default(p.default))
        for p in found.parameters.values()
        if not p.name.startswith("_")
    ]
    return str(found.replace(parameters=bare, return_annotation=inspect.Signature.empty))


class Text(str):
    """Text that is shown without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def default(value: Any) -> Any:
    """Return a default whose text is the same in each process."""
    if value is inspect.Parameter.empty or isinstance(value, int | float | str | tuple | None):
        return value
    if value is msgspec.UNSET:
        return Text("UNSET")
    return Text(getattr(value, "__name__", "…"))


def described(name: str, value: Any) -> Iterator[str]:
    """Yield a line for a name, and one for each public method or field without a parameter."""
    if not callable(value):
        yield name  # its value may be tuned
        return
    if not inspect.isclass(value):
        yield f"{name}{parameters(value)}"
        return
    hidden = getattr(value, "_is_protocol", False) or issubclass(value, BaseException)
    yield f"class {name}" + ("" if hidden else parameters(value))
    members = {
        member: inspect.getattr_static(value, member)
        for base in value.__mro__
        if base.__module__.startswith("ecgbench")
        for member in vars(base)
        if not member.startswith("_")
    }
    for member, what in sorted(members.items()):
        if isinstance(what, classmethod | staticmethod) or inspect.isfunction(what):
            function = what.__func__ if isinstance(what, classmethod | staticmethod) else what
            yield f"    {name}.{member}{parameters(function)}"
        elif isinstance(what, property):
            yield f"    {name}.{member}"


def listing() -> str:
    """Return the text of the file."""
    lines: list[str] = []
    for path in MODULES:
        module = import_module(path)
        lines += ["", f"[{path}]"]
        for name in public(module):
            lines += described(name, getattr(module, name))
    return "\n".join(lines[1:]) + "\n"


def test_the_public_names_and_their_parameters_are_those_of_the_file() -> None:
    kept, now = set(FILE.read_text("utf-8").splitlines()), listing().splitlines()
    lost, new = sorted(kept - set(now)), [line for line in now if line not in kept]
    assert not lost, f"this breaks plugins: {lost} became {new}; {__doc__}"
    assert not new, f"{new} are new: run python tests/public/test_names.py to add them"


def test_a_change_of_a_parameter_is_seen() -> None:
    def before(a, *, b=1): ...
    def after(a, *, b=2): ...

    class Made:
        def kept(self, x): ...

    assert list(described("f", before)) == ["f(a, *, b=1)"]
    assert list(described("f", before)) != list(described("f", after))
    Made.__module__ = "ecgbench.made"
    assert list(described("Made", Made)) == ["class Made()", "    Made.kept(self, x)"]


if __name__ == "__main__":
    FILE.write_text(listing(), "utf-8")
