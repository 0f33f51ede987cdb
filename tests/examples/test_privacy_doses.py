"""The doses of copies that `copied-share` detects, on a few simulated beats."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "privacy-doses" / "doses.py"


@pytest.mark.long
def test_a_dose_is_found_for_each_disguise(tmp_path: Path) -> None:
    out = tmp_path / "doses.json"
    flags = ["--dataset", "ecgsyn", "--out", out, "--windows", 2000]
    flags += ["--copies", 300, "--divisions", 40]
    done = subprocess.run(
        [sys.executable, *map(str, [SCRIPT, *flags])], capture_output=True, text=True, check=True
    )
    found = json.loads(out.read_text())
    assert len(done.stdout.splitlines()) == len(found["alarms"]) + len(found["doses"]) + 1
    assert found["seconds for 10,000"].keys() == found["doses"]["none"]["seen"].keys()
    assert found["alarms"]["fresh"]["p"] <= 0.3
    exact, later = found["doses"]["none"], found["doses"]["48 ms later"]
    # of 142 windows the value has a deviation of .05 in one division, their mean one of .008
    assert exact["value at .05"] == pytest.approx(0.05, abs=0.024)
    assert later["value at .05"] == pytest.approx(0.05, abs=0.024)
    assert found["doses"]["upside down"]["seen"]["spectrum"] > 0.9
    assert (
        exact["p-scan"] <= 0.2
    )  # of 142 windows a tenth is detected in 83% of divisions, not in 90%
    assert found["doses"]["noise .4"]["value at .05"] < exact["value at .05"]
