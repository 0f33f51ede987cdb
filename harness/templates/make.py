"""Makes the files of a new plugin from the templates beside this module."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

import ecgbench
from ecgbench.contracts.errors import UsageError
from ecgbench.contracts.specs import check_name
from ecgbench.harness.templates.recordings import recordings

if TYPE_CHECKING:
    from ecgbench.contracts.specs import Kind

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Example:
    """The working example of a kind.

    Attributes:
        module: the module with its code.
        summary: one line for ``ecgbench list``.
        test: what the test of its own holds, for the README.
        run: options of ``ecgbench run`` for a board within a minute.
    """

    module: str
    summary: str
    test: str
    run: str


EXAMPLES: dict[Kind, Example] = {
    "metric": Example(
        module="score",
        summary="difference of the mean RMS slopes of windows, in mV/s",
        test="the value on windows of known slopes",
        run="--metrics {name},mmd --generators pca-gaussian --datasets ecgsyn",
    ),
    "generator": Example(
        module="model",
        summary="the mean of each class with a coloured residual",
        test="means and deviation of the drawn windows",
        run="--generators {name} --datasets ecgsyn --metrics mmd,copied-share",
    ),
    "dataset": Example(
        module="load",
        summary="beats of a folder of CSV recordings",
        test="windows of a known recording, and messages about wrong files",
        run="--datasets {name} --generators pca-gaussian --metrics mmd,copied-share",
    ),
}
"""By kind."""

SHARED = {
    "pyproject.toml": "shared/pyproject.toml.jinja",
    "README.md": "shared/README.md.jinja",
    "LICENSE": "shared/LICENSE.jinja",
    ".gitignore": "shared/gitignore.jinja",
    ".github/workflows/tests.yml": "shared/tests.yml.jinja",
    "src/{package}/__init__.py": "shared/init.py.jinja",
    "src/{package}/plugin.py": "{kind}/plugin.py.jinja",
    "src/{package}/{module}.py": "{kind}/{module}.py.jinja",
    "tests/test_contract.py": "shared/test_contract.py.jinja",
    "tests/test_{module}.py": "{kind}/test.py.jinja",
}
"""The files of a distribution, each with its template."""


IMPORTED = ("Annotated", "Meta", "NDArray", "Path")
"""Names of other libraries that the templates import."""


@dataclass(frozen=True)
class Made:
    """A new plugin.

    Attributes:
        path: its folder, or its one file.
        files: all written files, without recordings.
        recordings: the folder of example recordings, of a dataset.
        run: the words of a command for its first board, without ``--plugin``.
    """

    path: Path
    files: tuple[Path, ...]
    recordings: Path | None
    run: tuple[str, ...]


def make(kind: Kind, name: str, out: Path | None, *, one_file: bool) -> Made:
    """Write a distribution with a plugin, or one file for ``--plugin``.

    Args:
        kind: of the plugin.
        name: of the plugin.
        out: the folder of the distribution, new or empty, ``ecgbench-NAME`` by default; or the folder of
            the one file, by default this one.
        one_file: whether to write one file.  A dataset then has a folder of recordings beside it.

    Raises:
        PluginError: the name cannot be a plugin's.
        UsageError: something is there already, or a file cannot be written.
    """
    check_name(kind, name)
    words = _words(kind, name, one_file=one_file)
    if one_file:
        folder = out or Path()
        form = "toml" if kind == "dataset" else "py"
        path = folder / f"{words['module']}.{form}"
        contents = {path: _rendered(f"{{kind}}/file.{form}.jinja", words)}
        data = folder / words["recordings"]
        places = [path, data] if kind == "dataset" else [path]
    else:
        path = out or Path(words["distribution"])
        contents = {
            path / file.format(**words): _rendered(template, words)
            for file, template in SHARED.items()
        }
        data = path / "src" / words["package"] / words["recordings"]
        places = [path]
    example = recordings() if kind == "dataset" else {}
    everything = contents | {data / file: text for file, text in example.items()}
    for place in places:
        if place.is_file() or (place.is_dir() and any(place.iterdir())):
            raise UsageError(
                f"{place} is there already, and nothing is overwritten; choose another folder with "
                "--out, or remove it first"
            )
    try:
        for file, text in everything.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {error.filename}: {error.strerror}") from error
    return Made(path, tuple(contents), data if example else None, tuple(words["run"].split()))


def _words(kind: Kind, name: str, *, one_file: bool) -> dict[str, Any]:
    """Return the words of the templates."""
    example = EXAMPLES[kind]
    bare = re.sub(r"-+", "-", name).strip("-")
    module = bare.replace("-", "_")
    cls = "".join(part.capitalize() for part in bare.split("-"))
    if not cls.isidentifier() or iskeyword(cls) or cls in IMPORTED or hasattr(ecgbench, cls):
        cls = f"{kind.capitalize()}{cls}"
    if not module.isidentifier() or iskeyword(module) or (one_file and find_spec(module)):
        # beside a command, a file of the name of a library hides the library
        module = f"{kind}_{module}"
    package = f"ecgbench_{bare.replace('-', '_')}"
    code = cls if kind == "generator" else example.module
    run = f"ecgbench run --study smoke {example.run.format(name=name)}"
    return {
        "kind": kind,
        "name": name,
        "cls": cls,
        "distribution": f"ecgbench-{bare}",
        "version": version("synthetic-ecgbench"),
        "package": package,
        "module": module if one_file else example.module,
        "recordings": f"{module}_recordings" if one_file else "recordings",
        "target": code if one_file else f'"{package}.{example.module}:{code}"',
        "file": one_file,
        "summary": example.summary,
        "test": example.test,
        "run": run,
    }


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - it makes Python, TOML and Markdown, and the name is checked
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _rendered(template: str, words: dict[str, Any]) -> str:
    return _environment().get_template(template.format(**words)).render(words)
