"""`code_of`: what counts as a plugin's code, and that nothing is imported to find out."""

from __future__ import annotations

import importlib
import subprocess
import sys
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from ecgbench.harness.planning import catalog as catalog_module
from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.planning.code import code_of, code_of_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PLUGIN = """
from ecgbench import Config, MetricSpec, hookimpl
{imports}

def f(comparison, config):
    {inside}
    return 1.0

@hookimpl
def ecgbench_metrics():
    return [MetricSpec(name="mine", target={target}, summary="x", family="fidelity", better="lower")]
"""


class Distribution(NamedTuple):
    name: str
    version: str


class InstalledEntryPoint(EntryPoint):
    dist = Distribution("acme-ecg", "1.0")  # type: ignore[assignment]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, only_files: None) -> Iterator[Path]:
    """A folder on the path of imports, as an editable install or PYTHONPATH puts it there."""
    folder = tmp_path / "library"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    for name in [name for name in sys.modules if name.startswith("acme_")]:
        del sys.modules[name]


def write(folder: Path, files: dict[str, str]) -> None:
    """Write modules, by path without suffix; a folder becomes a package."""
    for name, text in files.items():
        file = folder / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        if file.parent != folder and not (file.parent / "__init__.py").exists():
            (file.parent / "__init__.py").touch()
    importlib.invalidate_caches()


def mine(folder: Path, imports: str = "", inside: str = "", target: str = "f") -> Path:
    file = folder / "my metric.py"
    file.write_text(PLUGIN.format(imports=imports, inside=inside, target=target))
    return file


def code_of_file(file: Path) -> str:
    return code_of(discover([file]).entry("metric", "mine"))


def changes(folder: Path, of: Callable[[], str], module: str, text: str) -> bool:
    """Whether the code is another once a module is edited, and the old one when that is undone."""
    file, before = folder / f"{module}.py", of()
    text_before = file.read_text()
    file.write_text(text)
    after = of()
    file.write_text(text_before)
    assert of() == before
    return after != before


def test_a_file_counts_and_where_it_stands_and_what_it_is_called_does_not(
    tmp_path: Path, library: Path
) -> None:
    file = mine(tmp_path)
    other = tmp_path / "elsewhere" / "other.py"
    other.parent.mkdir()
    other.write_text(file.read_text())
    assert code_of_file(file) == code_of_file(other)
    assert len(code_of_file(file)) == 12
    other.write_text(file.read_text().replace("1.0", "2.0"))
    assert code_of_file(file) != code_of_file(other)


@pytest.mark.parametrize(
    ("imports", "inside", "target"),
    [
        ("import acme_helper", "", "f"),
        ("from acme_helper import VALUE", "", "f"),
        ("import acme_relay", "", "f"),
        ("", "import acme_helper", "f"),
        ("", "from acme_package.deep import VALUE", "f"),
        ("", "from acme_package import deep", "f"),
        ("", "import importlib; importlib.import_module('acme_helper')", "f"),
        ("try:\n    import acme_helper\nexcept ImportError:\n    pass", "", "f"),
        ("", "", "'acme_relay:f'"),
    ],
)
def test_what_a_file_imports_counts_wherever_it_does_so(
    tmp_path: Path, library: Path, imports: str, inside: str, target: str
) -> None:
    write(
        library,
        {
            "acme_helper": "VALUE = 1",
            "acme_relay": "def f(c, s):\n    import acme_helper",
            "acme_package/deep": "from ..acme_package import side\nfrom . import side\nVALUE = 1",
            "acme_package/side": "from acme_helper import VALUE",
        },
    )
    file = mine(tmp_path, imports, inside or "pass", target)
    assert changes(library, lambda: code_of_file(file), "acme_helper", "VALUE = 2")


def test_a_helper_beside_the_file_counts_though_it_is_on_no_path_yet(
    tmp_path: Path, library: Path
) -> None:
    file = mine(tmp_path, inside="import sys; sys.path.append('.'); import acme_beside")
    write(tmp_path, {"acme_beside": "VALUE = 1"})
    assert changes(tmp_path, lambda: code_of_file(file), "acme_beside", "VALUE = 2")


def test_what_a_package_does_when_it_is_imported_counts(tmp_path: Path, library: Path) -> None:
    write(library, {"acme_parent/child": "VALUE = 1"})
    file = mine(tmp_path, inside="import acme_parent.child")
    assert changes(library, lambda: code_of_file(file), "acme_parent/__init__", "GAIN = 2")


def test_what_only_a_type_checker_imports_does_not_count(tmp_path: Path, library: Path) -> None:
    write(library, {"acme_types": "A = int"})
    checked = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import acme_types"
    file = mine(tmp_path, checked)
    assert not changes(library, lambda: code_of_file(file), "acme_types", "A = str")


def test_libraries_do_not_count_and_neither_does_ecgbench(
    tmp_path: Path, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "lib" / "site-packages"
    installed.mkdir(parents=True)
    monkeypatch.syspath_prepend(str(installed))
    write(installed, {"acme_library": "VALUE = 1"})
    inside = "import acme_library, json, torch, ecgbench.nn, ecgbench.metrics.fidelity.mmd"
    file = mine(tmp_path, inside=inside)
    assert not changes(installed, lambda: code_of_file(file), "acme_library", "VALUE = 2")
    without = mine(tmp_path, inside="pass")
    assert code_of_file(without) != code_of_file(mine(tmp_path, inside=inside))


def test_a_file_that_cannot_be_parsed_counts_as_it_is(tmp_path: Path, library: Path) -> None:
    write(library, {"acme_broken": "def ("})
    file = mine(tmp_path, inside="import acme_broken, acme_absent, acme_broken.part")
    assert changes(library, lambda: code_of_file(file), "acme_broken", "def ((")


# --- what is installed -----------------------------------------------------------------------------


@pytest.fixture
def installed(library: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """The code of the metric of a distribution with a package of its own and a helper elsewhere."""
    metric = "from acme_package import side\nimport acme_elsewhere\ndef f(c, s): return 1.0"
    write(
        library,
        {
            "acme_package/plugin": PLUGIN.format(
                imports="", inside="pass", target="'acme_package.metric:f'"
            ),
            "acme_package/metric": metric,
            "acme_package/side": "VALUE = 1",
            "acme_package/other": "VALUE = 1",
            "acme_elsewhere": "VALUE = 1",
        },
    )
    point = InstalledEntryPoint("e", "acme_package.plugin", "ecgbench")
    monkeypatch.setattr(catalog_module, "entry_points", lambda group: [point])
    return lambda: code_of(discover().entry("metric", "mine"))


@pytest.mark.parametrize(
    ("module", "counts"),
    [
        ("acme_package/metric", True),
        ("acme_package/side", True),
        ("acme_package/plugin", True),
        ("acme_elsewhere", True),
        ("acme_package/other", False),
    ],
)
def test_of_a_distribution_that_counts_which_the_plugin_imports(
    library: Path, installed: Callable[[], str], module: str, counts: bool
) -> None:
    edited = (library / f"{module}.py").read_text() + "\n# edited\n"
    assert changes(library, installed, module, edited) == counts


def test_sources_in_other_languages_count_with_their_package(
    library: Path, installed: Callable[[], str]
) -> None:
    before = installed()
    (library / "acme_package" / "fast.c").write_text("int x;")
    (library / "acme_package" / "notes.txt").write_text("no code")
    after = installed()
    assert after != before
    (library / "acme_package" / "notes.txt").write_text("nor this")
    assert installed() == after


def names_in(kind: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The modules of a plugin's code."""
    monkeypatch.setattr("ecgbench.harness.planning.code.digest_of", lambda found: found)
    found: Any = code_of(discover().entry(kind, name))
    return [module for module, _ in found]


def test_a_built_in_plugins_code_is_of_its_folder_and_of_public_modules(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mitdb_208 = names_in("dataset", "mitdb-208", monkeypatch)
    assert mitdb_208 == [
        "ecgbench.datasets.mitdb_208",
        "ecgbench.datasets.mitdb_208.load",
        "ecgbench.processing",
    ]
    timegan = names_in("generator", "timegan", monkeypatch)
    assert {"ecgbench.generators.timegan.training", "ecgbench.nn.recurrent"} <= {*timegan}
    assert "ecgbench.nn/gru.c" in timegan
    inside = ("ecgbench.generators.timegan", "ecgbench.nn")
    assert [name for name in timegan if not name.startswith(inside)] == []


def test_what_a_metric_takes_from_the_comparison_counts_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frechet = names_in("metric", "frechet-distance", monkeypatch)
    assert {"ecgbench.contracts.comparison", "ecgbench.nn.encoder"} <= {*frechet}
    mmd = names_in("metric", "mmd", monkeypatch)
    assert "ecgbench.contracts.sampling" in mmd
    assert not any(name.startswith("ecgbench.nn") for name in mmd)


def test_the_code_of_every_built_in_plugin_is_found_without_numpy_or_torch() -> None:
    code = (
        "import sys\n"
        "from ecgbench.harness.planning.catalog import KINDS, discover\n"
        "from ecgbench.harness.planning.code import code_of\n"
        "catalog = discover()\n"
        "codes = [code_of(e) for kind in KINDS for e in catalog.of_kind(kind)]\n"
        "print(len(codes) > 40, {*map(len, codes)}, *{'numpy', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "{12}"]


def test_the_code_of_a_module_is_that_of_what_it_imports(library: Path) -> None:
    write(library, {"acme_null": "import acme_draws", "acme_draws": "SEED = 1"})
    before = code_of_module("acme_null")
    code_of_module.cache_clear()
    write(library, {"acme_draws": "SEED = 2"})
    assert code_of_module("acme_null") != before
