from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "timegan-sines" / "reproduce.py"


@pytest.mark.long
def test_the_experiment_fits_scores_and_writes_what_it_found(tmp_path: Path) -> None:
    flags = ("--seed", "3", "--iterations", "200", "--repeats", "1", "--threads", "1")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *flags, "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads((tmp_path / "seed-3.json").read_text())
    assert (found["seed"], found["iterations"], found["noise"]) == (3, 200, "uniform")
    assert 0 <= found["discriminative"][0] <= 0.5
    # forecasts learnt from real series are no worse than from a hardly trained generator's
    assert 0 < found["predictive_of_real"] <= found["predictive"][0] < 0.5
    assert [row["updates"] for row in found["curve"]] == [1000]
    assert done.stdout.splitlines()[-1] == f"predictive {found['predictive'][0]:.4f} ± 0.0000"


def test_the_series_are_those_of_the_paper() -> None:
    import importlib.util

    spec = importlib.util.spec_from_file_location("reproduce", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    series = module.sines(np.random.default_rng(0))
    assert series.shape == (10_000, 24, 5)
    assert series.dtype == np.float32
    # a sine and its second difference: x'' = −2 (1 − cos η) x about its centre, one η for each feature
    centred = 2 * series.astype(float) - 1
    second = centred[:, 2:] - 2 * centred[:, 1:-1] + centred[:, :-2]
    ratio = -(second * centred[:, 1:-1]).sum(1) / (centred[:, 1:-1] ** 2).sum(1)
    frequency = np.arccos(1 - np.clip(ratio, 0, None) / 2)
    assert frequency.min() >= -1e-3
    assert 0.099 < frequency.max() < 0.101
    assert frequency.mean() == pytest.approx(0.05, abs=0.002)
    assert np.abs(np.arcsin(centred[:, 0])).max() <= 0.1001
