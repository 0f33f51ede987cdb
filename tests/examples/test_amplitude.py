"""The example distribution, built, installed into an environment, and used by the command."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "ecgbench-amplitude"
FILE = EXAMPLE / "src" / "ecgbench_amplitude.py"


def run(*command: object, cwd: Path) -> str:
    environment = os.environ | {"ECGBENCH_CACHE_DIR": str(cwd / "cache")}
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


SMALL = [
    "run",
    "--study",
    "smoke",
    "--windows",
    "400",
    "--seeds",
    "0",
    "--datasets",
    "ecgsyn",
    "--generators",
    "pca-gaussian",
    "--no-references",
    "--metrics",
    "amplitude",
]


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment that sees this one's packages, and has ecgbench-amplitude besides."""
    wheels = tmp_path / "wheels"
    build = ["-m", "build", "--wheel", "--no-isolation", "--outdir", wheels, EXAMPLE]
    run(sys.executable, *build, cwd=tmp_path)
    home = tmp_path / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", home, cwd=tmp_path)
    python = home / "bin" / "python"
    find = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(run(python, "-c", find, cwd=tmp_path).strip())
    mine = sysconfig.get_path("purelib")
    (packages / "parent.pth").write_text(f"import site; site.addsitedir({mine!r})\n")
    (wheel,) = wheels.glob("*.whl")
    install = ["-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel]
    run(sys.executable, *install, cwd=tmp_path)
    return python


@pytest.mark.long
def test_an_installed_metric_becomes_a_column_with_no_change_here(
    environment: Path, tmp_path: Path
) -> None:
    found = json.loads(
        run(environment, "-m", "ecgbench", "list", "metrics", "--json", cwd=tmp_path)
    )
    card = next(metric for metric in found["metrics"] if metric["name"] == "amplitude")
    assert card["origin"] == "ecgbench-amplitude 1.0.0"
    run(environment, "-m", "ecgbench", *SMALL, cwd=tmp_path)
    board = json.loads(
        run(environment, "-m", "ecgbench", "leaderboard", "--format", "json", cwd=tmp_path)
    )["boards"][0]
    (row,) = board["rows"]
    assert row["generator"] == "pca-gaussian"
    assert 0 < row["scores"]["amplitude"]["value"] < 1


@pytest.mark.long
def test_one_local_file_works_unpackaged(tmp_path: Path) -> None:
    out = run(sys.executable, "-m", "ecgbench", *SMALL, "--plugin", FILE, cwd=tmp_path)
    assert "amplitude ↓" in out


def test_the_example_is_under_25_lines_of_code() -> None:
    lines = FILE.read_text("utf-8").splitlines()
    code = [line for line in lines if line.strip() and not line.strip().startswith(('"""', "#"))]
    body = [line for line in code if not line.startswith(("from ", "import "))]
    assert len(body) <= 25 + 6  # the spec is laid out one field a line
