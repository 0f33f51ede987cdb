"""The program that trains the fixed encoder writes what the metric reads."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from safetensors.numpy import load

from ecgbench.metrics.embedding import WEIGHTS
from ecgbench.nn import FixedEncoder

if TYPE_CHECKING:
    import pytest

PROGRAM = Path(__file__).parents[2] / "examples" / "fixed-encoder" / "train.py"


def test_it_writes_an_encoder_of_the_shipped_shape(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = runpy.run_path(str(PROGRAM))
    small = program["main"].__globals__
    small["COHORT"] = msgspec.structs.replace(program["COHORT"], patients=3, beats=8)
    small["SETTINGS"] = msgspec.structs.replace(program["SETTINGS"], steps=2, batch=8)
    files = [tmp_path / name for name in ("one", "two")]
    for file in files:
        program["main"](file)
    assert files[0].read_bytes() == files[1].read_bytes()
    made, shipped = (load(file.read_bytes()) for file in (files[0], WEIGHTS))
    assert {name: array.shape for name, array in made.items()} == {
        name: array.shape for name, array in shipped.items()
    }
    signals = np.zeros((2, 1, 200), dtype=np.float32)
    assert np.isfinite(FixedEncoder(made).embed(signals)).all()
    assert "numbers" in capsys.readouterr().out
