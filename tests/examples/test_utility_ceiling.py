"""The ceiling of utility, on a few real beats."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "utility-ceiling" / "ceiling.py"

pytestmark = [pytest.mark.real_data, pytest.mark.long]


def test_each_classifier_has_a_row_for_each_fold(data_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "ceiling.json"
    flags = ["--data-dir", data_dir, "--out", out, "--count", 4000, "--seeds", 2]
    flags += ["--windows", "default", "one-beat", "--models", "linear", "boosting"]
    done = subprocess.run(
        [sys.executable, *map(str, [SCRIPT, *flags])], capture_output=True, text=True, check=True
    )
    found = json.loads(out.read_text())
    assert len(found) == 8
    assert len(done.stdout.splitlines()) == 2 + 8
    for each in found:
        f1 = [each["classes"][label]["f1"] for label in "NSV"]
        assert each["macro-f1"] == pytest.approx(sum(f1) / 3)
        assert each["classes"]["N"]["f1"] > 0.7
