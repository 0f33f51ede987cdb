"""The picture of windows by class, from a small run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.image import imread

import ecgbench

SCRIPT = Path(__file__).parents[2] / "examples" / "pictures" / "windows.py"


@pytest.mark.slow
def test_each_generator_has_a_row_below_the_real_one(tmp_path: Path) -> None:
    sizes = []
    for generators in (["pca-gaussian"], ["pca-gaussian", "gmm"]):
        ecgbench.run(
            generators, ["ecgsyn"], ["mmd"], study="smoke", seeds=[0], store=tmp_path / "store"
        )
        out = tmp_path / "windows.png"
        flags = ["ecgsyn", tmp_path / "store", "--out", out]
        subprocess.run([sys.executable, *map(str, [SCRIPT, *flags])], check=True)
        picture = imread(out)
        assert picture[..., :3].std() > 0.05
        sizes.append(picture.shape)
    (low, width, _), (high, same, _) = sizes
    assert width == same == 1000
    assert high > low
