"""Finds the code of a plugin by reading files; nothing is imported.

A plugin's code is its own modules and their imports of the author's other modules, anywhere in a file.
Libraries are recognised by their folders.
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

LAZY: dict[str, str] = ecgbench._LAZY  # noqa: SLF001 - the modules behind public names
COMPUTED = "ecgbench.shared"
SHARED = (
    "ecgbench.nn",
    "ecgbench.processing",
    "ecgbench.r_peaks",
    "ecgbench.recordings",
    "ecgbench.rr_time",
    "ecgbench.space",
    "ecgbench.spectra",
    "ecgbench.transport",
    COMPUTED,
    *sorted(set(LAZY.values())),
)
"""Public modules: their code is a part of each installed plugin with an import of them."""

COMPARISON = "ecgbench.contracts.comparison"
OF_COMPARISON = {"cut": (COMPARISON,)}
"""Modules behind an attribute of a metric's `Comparison`, used without an import."""

OF_COMPUTED = {
    **dict.fromkeys(
        ("one_beat", "people_behind"), (COMPARISON, "ecgbench.processing", "ecgbench.r_peaks")
    ),
    **dict.fromkeys(("beats", "median_beats"), ("ecgbench.r_peaks",)),
    **dict.fromkeys(("embeddings", "encoder"), ("ecgbench.nn.encoder",)),
}
"""Modules behind a function of `ecgbench.shared`: few of its functions use all its imports."""

COMPILED = (".c", ".cc", ".cpp", ".cu", ".f90", ".h", ".pyx")
"""Sources in other languages; they count with the package in their folder."""


def code_of(entry: Entry) -> str:
    """Return 12 hexadecimal digits of the SHA-256 of a plugin's code.

    For a file given with ``--plugin``, the code is the file and its imports from outside the standard
    library, of installed packages, and of ecgbench.  For an installed plugin, it is the modules of its
    hooks, its settings and its target, and their imports of their own distribution, of public modules
    of ecgbench, and from folders without installed packages.  A built-in plugin's own is its folder.
    For a dataset file, it is the file, and of a built-in one also the reader.
    """
    spec, origin = entry.spec, entry.origin
    target = spec.target if isinstance(spec.target, str) else spec.target.__module__
    starts = (origin.module, spec.config.__module__, target.partition(":")[0])
    if (file := getattr(spec, "described", None)) is not None:
        # the reader is ecgbench's: its code counts for a built-in dataset, as that of other built-in plugins
        read = _digest(starts, _own(starts)) if origin.built_in else ""
        return digest_of([hashlib.sha256(_read(file)).hexdigest(), read])
    if origin.is_file:
        file = Path(origin.plugin.removeprefix("file:"))
        return _digest(starts, lambda name: name == origin.module, {origin.module: ""}, file.parent)
    return _digest(starts, _own(starts))


@cache
def code_of_module(name: str) -> str:
    """Return the same digits for the code of an imported module."""
    return _digest((name,), _own((name,)))


def _own(starts: Iterable[str]) -> Callable[[str], bool]:
    """Return a test for names: does the module belong to the plugin, or to the shared modules?"""
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
    """Return the digest of a plugin's modules, each by its name and content.

    Args:
        starts: names of modules.
        is_own: whether a module of this name counts in any folder.
        names: other names for modules, if their own tell a path.
        folder: the last place to look for modules.
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
        folder: the last place to look.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.known: dict[str, ModuleSpec | None] = {}

    def file(self, name: str) -> Path | None:
        """Return the file of a module; None if there is none."""
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
            return loaded  # type: ignore[no-any-return]  # an import left it there
        above, path = name.rpartition(".")[0], None
        if above:
            parent = self._spec(above)
            if parent is None or parent.submodule_search_locations is None:
                return None
            path = list(parent.submodule_search_locations)
        for finder in sys.meta_path:
            with suppress(Exception):  # of finders of other packages
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
    """Return whether a module is no library's: neither installed, nor Python's, nor ecgbench's."""
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
    """Return digests of the sources in other languages in a package's folder."""
    return {
        f"{package}/{file.name}": hashlib.sha256(_read(file)).hexdigest()
        for file in folder.iterdir()
        if file.suffix in COMPILED
    }


@lru_cache(maxsize=1024)
def _imports(source: bytes, package: str) -> tuple[str, ...]:
    """Return the full names of a file's imports; some are not of modules."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return ()
    reader = _Reader(package)
    reader.visit(tree)
    return tuple(dict.fromkeys(reader.found))


class _Reader(ast.NodeVisitor):
    """Notes all imports of a file, but those for type checkers alone.

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
