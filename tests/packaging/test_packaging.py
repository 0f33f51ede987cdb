"""The built distributions, and their files in site-packages."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def build(*arguments: object, cwd: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, the wheel made from the tree, and the wheel made from the sdist."""
    out = tmp_path_factory.mktemp("built")
    build("--sdist", "--wheel", "--outdir", out / "tree", ROOT, cwd=out)
    (sdist,) = (out / "tree").glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(out / "unpacked", filter="data")
    (unpacked,) = (out / "unpacked").iterdir()
    build("--wheel", "--outdir", out / "sdist", unpacked, cwd=out)
    return out


@pytest.mark.slow
def test_the_wheel_holds_one_package_and_no_other_top_level_name(built: Path) -> None:
    (wheel,) = (built / "tree").glob("*.whl")
    names = contents(wheel)
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"ecgbench"}
    for module in (
        "__init__.py",
        "__main__.py",
        "py.typed",
        "contracts/specs.py",
        "nn/recurrent.py",
        "shared.py",
        "harness/planning/studies/quick.toml",
        "harness/templates/generator/plugin.py.jinja",
        "harness/templates/shared/gitignore.jinja",
        "generators/timegan/__init__.py",
        "results/store/store.py",
    ):
        assert f"ecgbench/{module}" in names
    assert not [
        name
        for name in names
        if name.startswith(("ecgbench/harness/nn", "ecgbench/harness/contracts", "ecgbench/tests"))
    ]


@pytest.mark.slow
def test_the_sdist_builds_the_same_wheel(built: Path) -> None:
    (tree,) = (built / "tree").glob("*.whl")
    (sdist,) = (built / "sdist").glob("*.whl")
    assert contents(tree) == contents(sdist)


@pytest.mark.slow
def test_the_built_wheel_is_the_command(built: Path, tmp_path: Path) -> None:
    (wheel,) = (built / "tree").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "ecgbench", "list", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert '"timegan"' in done.stdout


def test_importing_our_folders_never_shadows_other_packages() -> None:
    assert str(ROOT) not in sys.path
