"""What code a plugin is made of, found by reading files: nothing is imported for it.

A plugin's code is its own modules and what they import of its author's, wherever in a file they do so.
Libraries are told from it by the place where they stand.
"""

from __future__ import annotations

import ast
import hashlib
import sys
import sysconfig
from contextlib import suppress
from functools import cache, lru_cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

import ecgbench
from ecgbench.results.store.records import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from importlib.machinery import ModuleSpec

    from ecgbench.harness.planning.catalog import Entry

LAZY: dict[str, str] = ecgbench._LAZY  # noqa: SLF001 - which module stands behind a public name
COMPUTED = "ecgbench.shared"
SHARED = ("ecgbench.nn", "ecgbench.processing", COMPUTED, *sorted(set(LAZY.values())))
"""Public modules: their code is a part of whatever installed plugin imports them."""

COMPARISON = "ecgbench.contracts.comparison"
OF_COMPARISON = {"cut": (COMPARISON,)}
"""Modules that a metric uses without an import, by attribute of the `Comparison` that it is given."""

OF_COMPUTED = {
    **dict.fromkeys(("one_beat", "people_behind"), (COMPARISON, "ecgbench.processing")),
    **dict.fromkeys(("embeddings", "encoder"), ("ecgbench.nn.encoder",)),
}
"""Modules behind a function of `ecgbench.shared`: not all of its functions use all that it imports."""

COMPILED = (".c", ".cc", ".cpp", ".cu", ".f90", ".h", ".pyx")
"""Sources that count with the package in which they stand."""


def code_of(entry: Entry) -> str:
    """12 hexadecimal digits of the SHA-256 of a plugin's code.

    Of a file given with ``--plugin``: that file and all that it imports from outside the standard
    library, of what was installed, and of ecgbench.  Of what is installed: the modules of its hooks, its
    settings and its target, and what they import of their own distribution, of public modules of
    ecgbench, and from folders where nothing is installed.  A built-in plugin's own is its folder.
    """
    spec, origin = entry.spec, entry.origin
    target = spec.target if isinstance(spec.target, str) else spec.target.__module__
    starts = (origin.module, spec.config.__module__, target.partition(":")[0])
    if origin.is_file:
        file = Path(origin.plugin.removeprefix("file:"))
        return _digest(starts, lambda name: name == origin.module, {origin.module: ""}, file.parent)
    return _digest(starts, _own(starts))


@cache
def code_of_module(name: str) -> str:
    """The same of what a module that has been imported is made of."""
    return _digest((name,), _own((name,)))


def _own(starts: Iterable[str]) -> Callable[[str], bool]:
    """Whether a module of this name belongs to the plugin or to what plugins share."""
    roots = [*SHARED]
    for start in starts:
        parts = start.split(".")
        roots.append(".".join(parts[:3] if parts[0] == "ecgbench" else parts[:1]))
    # the settings of a plugin without any are the harness's
    within = tuple(f"{root}." for root in roots if not root.startswith("ecgbench.contracts.config"))
    return lambda name: f"{name}.".startswith(within)


def _digest(
    starts: Iterable[str],
    is_own: Callable[[str], bool],
    names: dict[str, str] | None = None,
    folder: Path | None = None,
) -> str:
    """The digest of all modules that count, each by its name and content.

    Args:
        starts: names of modules.
        is_own: whether a module of that name counts wherever it stands.
        names: other names for modules, of those whose own says where they stand.
        folder: where modules are looked for that are nowhere else.
    """
    find = _Finder(folder)
    found: dict[str, str] = {}
    seen: set[str] = set()
    ahead = list(starts)
    while ahead:
        name = ahead.pop()
        if name in seen:
            continue
        seen.add(name)
        file = find.file(name)
        if file is None or not (is_own(name) or _is_local(name, file)):
            continue
        content = _read(file)
        found[(names or {}).get(name, name)] = hashlib.sha256(content).hexdigest()
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        if package:
            found |= _compiled(package, file.parent)
        if package and not name.startswith("ecgbench."):
            ahead.append(name.rpartition(".")[0])  # it is imported, too
        if file.suffix == ".py" and (name not in (COMPARISON, COMPUTED) or name in starts):
            ahead += _imports(content, package)
    return digest_of(sorted(found.items()))


class _Finder:
    """Finds modules as an import would, but imports none.

    Args:
        folder: where to look in the end.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.known: dict[str, ModuleSpec | None] = {}

    def file(self, name: str) -> Path | None:
        """The file of a module; None if there is none."""
        spec = self._spec(name)
        if spec is None or not spec.has_location or spec.origin is None:
            return None
        return Path(spec.origin)

    def _spec(self, name: str) -> ModuleSpec | None:
        if name not in self.known:
            self.known[name] = self._look(name)
        return self.known[name]

    def _look(self, name: str) -> ModuleSpec | None:
        loaded = getattr(sys.modules.get(name), "__spec__", None)
        if loaded is not None:
            return loaded  # type: ignore[no-any-return]  # what an import left there
        above, path = name.rpartition(".")[0], None
        if above:
            parent = self._spec(above)
            if parent is None or parent.submodule_search_locations is None:
                return None
            path = list(parent.submodule_search_locations)
        for finder in sys.meta_path:
            with suppress(Exception):  # of finders that others have installed
                if (found := finder.find_spec(name, path)) is not None:
                    return found
        if not above and self.folder is not None:
            return PathFinder.find_spec(name, [str(self.folder)])
        return None


@cache
def _libraries() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    return tuple(Path(paths[name]).resolve() for name in ("stdlib", "platstdlib"))


def _is_local(name: str, file: Path) -> bool:
    """Whether a module is no library's: neither installed, nor Python's, nor ecgbench's."""
    file = file.resolve()
    return (
        name.partition(".")[0] != "ecgbench"
        and not {"site-packages", "dist-packages"} & set(file.parts)
        and not any(file.is_relative_to(library) for library in _libraries())
    )


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


def _compiled(package: str, folder: Path) -> dict[str, str]:
    """Digests of the sources in other languages that stand in a package's folder."""
    return {
        f"{package}/{file.name}": hashlib.sha256(_read(file)).hexdigest()
        for file in folder.iterdir()
        if file.suffix in COMPILED
    }


@lru_cache(maxsize=1024)
def _imports(source: bytes, package: str) -> tuple[str, ...]:
    """Full names of what a file of this package imports; some are not of modules."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return ()
    reader = _Reader(package)
    reader.visit(tree)
    return tuple(dict.fromkeys(reader.found))


class _Reader(ast.NodeVisitor):
    """Notes imports wherever they stand, but for those that only a type checker does.

    Args:
        package: of the file.
    """

    def __init__(self, package: str) -> None:
        self.package = package.split(".")
        self.found: list[str] = []

    def visit_If(self, node: ast.If) -> None:
        test = node.test
        if getattr(test, "id", getattr(test, "attr", "")) == "TYPE_CHECKING":
            for each in node.orelse:
                self.visit(each)
        else:
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        self.found += [alias.name for alias in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        above = self.package[: len(self.package) - node.level + 1] if node.level else []
        module = ".".join([*above, *([node.module] if node.module else [])])
        names = [alias.name for alias in node.names]
        if module == "ecgbench":
            self.found += [LAZY[name] for name in names if name in LAZY]
        if module == COMPUTED:
            self.found += [used for name in names for used in OF_COMPUTED.get(name, ())]
        self.found += [module, *(f"{module}.{name}" for name in names)]

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.found += OF_COMPARISON.get(node.attr, ())
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        name = getattr(function, "id", getattr(function, "attr", ""))
        if name in ("import_module", "__import__") and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                self.found.append(first.value)
        self.generic_visit(node)
