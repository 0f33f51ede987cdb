"""The delineator beside the cardiologists of LUDB: a part of the table of docs/morphology.md."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ecgbench.harness.data import physionet
from tests.shipped import shipped

if TYPE_CHECKING:
    from types import ModuleType

pytestmark = [pytest.mark.real_data, pytest.mark.slow]
SCRIPT = Path(__file__).parents[3] / "examples" / "delineation" / "validate.py"
LUDB = shipped("ludb")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("validate", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(data_dir: Path) -> Path:
    assert LUDB.source is not None
    found = physionet.find(LUDB.source, data_dir)
    if found is None:
        pytest.skip("ECGBENCH_DATA_DIR holds no ludb")
    return found


@pytest.mark.parametrize("rate", [100, 500])
def test_it_agrees_with_the_marks_of_people_it_was_not_fitted_to(
    script: Any, folder: Path, rate: int
) -> None:
    config = script.CONFIGS[rate]
    truth = script.marked(folder, script.PEOPLE["held-out"], "II", config)
    table = script.table(truth, script.found(truth.windows, config), config)
    measured = {}
    for line in table.splitlines()[2:11]:
        _, point, _, se, predicted, error, *_ = (cell.strip() for cell in line.split("|"))
        measured[point] = (float(se), float(predicted), *map(float, error.split(" ± ")))
    for point, sensitivity, predictivity, mean, deviation in (
        ("P onset", 97, 91, 5, 15),
        ("P peak", 97, 91, 5, 12),
        ("P offset", 97, 91, 8, 15),
        ("QRS onset", 99, 99, 5, 12),
        ("R", 99, 99, 5, 6),
        ("QRS offset", 99, 99, 5, 16),
        ("T peak", 96, 96, 8, 21),
        ("T offset", 96, 96, 8, 24),
    ):
        se, predicted, error, spread = measured[point]
        assert se >= sensitivity, point
        assert predicted >= predictivity, point
        assert abs(error) <= mean, point
        assert spread <= deviation, point


def test_the_table_has_a_line_for_each_point(script: Any, folder: Path) -> None:
    config = script.CONFIGS[100]
    truth = script.marked(folder, range(101, 106), "V1", config)
    table = script.table(truth, script.found(truth.windows, config), config)
    lines = table.splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:11]] == [p for p, *_ in script.POINTS]
    assert "A QRS complex is found in 100.00%" in lines[-1]
