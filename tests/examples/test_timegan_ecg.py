"""Learning curves of TimeGAN: the fit of a cell, scored on the way."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "timegan-ecg"
SETTINGS = ("hidden=6", "embedding_iterations=30", "supervised_iterations=20", "iterations=20")
METRICS = "mmd,cross-classification,discriminative"


def run(*command: object) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def curve(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a fit on embedded data."""
    out = tmp_path_factory.mktemp("curves")
    flags = ["--dataset", "ecgsyn", "--windows", "600", "--study", "smoke", "--metrics", METRICS]
    flags += ["--every", "10", "--out", str(out)]
    sets = [word for setting in SETTINGS for word in ("--set", setting)]
    run(sys.executable, FOLDER / "curves.py", *flags, *sets)
    (file,) = out.iterdir()
    return file


@pytest.mark.long
def test_the_curve_ends_where_a_cell_ends(curve: Path, tmp_path: Path) -> None:
    found = json.loads(curve.read_text())
    assert curve.name == f"seed-0-{'-'.join(SETTINGS)}.json"
    assert [point["iteration"] for point in found["curve"]] == [0, 10, 20]
    seconds = [point["fit_seconds"] for point in found["curve"]]
    assert seconds == sorted(seconds)
    sets = [f"generator.timegan.{setting}" for setting in SETTINGS]
    flags = ["--study", "smoke", "--windows", "600", "--seeds", "0", "--datasets", "ecgsyn"]
    flags += ["--metrics", METRICS, "--generators", "timegan", "--store", str(tmp_path)]
    flags += ["--threads", "1", *(word for each in sets for word in ("--set", each))]
    run(sys.executable, "-m", "ecgbench", "run", *flags)
    for row, scores in (("timegan", found["curve"][-1]["scores"]), ("real", found["real"])):
        for metric in METRICS.split(","):
            assert scores[metric]["value"] == value(tmp_path, row, metric), (row, metric)


def value(store: Path, row: str, metric: str) -> Any:
    (file,) = store.glob(f"cells/ecgsyn/{row}/seed-0-*/scores/{metric}-*.json")
    return json.loads(file.read_text())["value"]


@pytest.mark.long
def test_real_windows_are_as_varied_as_control_and_a_constant_is_not(curve: Path) -> None:
    found = json.loads(curve.read_text())
    assert found["real"]["diversity"]["value"] == pytest.approx(1, abs=0.2)
    assert found["real"]["diversity"]["plane"] == pytest.approx(1, abs=0.2)
    assert found["curve"][0]["scores"]["diversity"]["value"] < 0.5


@pytest.mark.long
def test_curves_are_drawn(curve: Path, tmp_path: Path) -> None:
    for x in ("iteration", "fit_seconds"):
        picture = tmp_path / f"{x}.png"
        run(sys.executable, FOLDER / "plot.py", curve, "--out", picture, "--x", x)
        assert picture.read_bytes().startswith(b"\x89PNG")
