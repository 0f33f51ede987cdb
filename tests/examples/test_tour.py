"""The notebook: executed as a whole, its outputs stripped."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples" / "tour.ipynb"


def cells() -> list[dict[str, Any]]:
    notebook: dict[str, Any] = json.loads(NOTEBOOK.read_text("utf-8"))
    return list(notebook["cells"])


def test_the_notebook_holds_no_outputs() -> None:
    for cell in cells():
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)


def test_the_notebook_imports_the_public_api_alone() -> None:
    source = "".join("".join(cell["source"]) for cell in cells())
    assert "import ecgbench\n" in source
    assert "ecgbench.harness" not in source
    assert "ecgbench.results" not in source


@pytest.mark.long
@pytest.mark.slow
def test_the_notebook_runs_and_shows_its_promises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nbclient = pytest.importorskip("nbclient", reason="the extra dev brings nbclient")
    nbformat = pytest.importorskip("nbformat", reason="the extra dev brings nbclient")
    pytest.importorskip("ipykernel", reason="the extra dev brings ipykernel")
    monkeypatch.setenv("ECGBENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    notebook = nbformat.read(shutil.copy(NOTEBOOK, tmp_path), as_version=4)
    nbclient.NotebookClient(
        notebook, timeout=1200, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    shown = "\n".join(
        json.dumps(output, default=str)
        for cell in notebook.cells
        for output in cell.get("outputs", [])
    )
    for promise in (
        "image/png",
        "(119, 1, 200)",
        "{'done': 24}",
        "no people, no null",
        "swing",
    ):
        assert promise in shown, promise
    assert '"output_type": "error"' not in shown
    assert '"name": "stderr"' not in shown
