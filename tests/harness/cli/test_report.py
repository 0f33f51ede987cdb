from __future__ import annotations

import json
from typing import TYPE_CHECKING

import ecgbench as api

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.cli.conftest import Command


def site(ecgbench: Command, *options: str) -> int:
    return ecgbench("report", "--out", "site", "--plugin", str(ecgbench.stubs), *options)


def test_a_site_of_a_run_has_a_page_for_each_plugin(ecgbench: Command) -> None:
    assert ecgbench.tiny() == 0
    assert site(ecgbench) == 0
    assert "written: site/index.html" in ecgbench.out
    folder = ecgbench.folder / "site"
    names = {page.name for page in folder.glob("*.html")}
    assert {"generator-jitter.html", "dataset-tiny.html", "metric-peak.html"} <= names
    made = json.loads((folder / "content.json").read_text("utf-8"))
    assert made["schema"] == 1
    assert made["metrics"]["peak"]["card"]["name"] == "peak"
    assert "never [red]applies[/red]" in (folder / "metric-never.html").read_text("utf-8")


def test_an_earlier_site_is_replaced_and_another_folder_refused(ecgbench: Command) -> None:
    assert ecgbench.tiny("--seeds", "0") == 0
    assert site(ecgbench) == 0
    folder = ecgbench.folder / "site"
    (folder / "generator-old.html").write_text("old")
    (folder / "CNAME").write_text("ecg.example.org")
    assert site(ecgbench) == 0
    assert not (folder / "generator-old.html").exists()
    assert (folder / "CNAME").read_text() == "ecg.example.org"
    (ecgbench.folder / "site" / "ecgbench-site.json").unlink()
    assert site(ecgbench) == 2
    assert "holds something other than a site of ecgbench" in ecgbench.err


def test_a_board_that_is_not_there_is_said(ecgbench: Command) -> None:
    assert site(ecgbench) == 2
    assert "holds no results; ecgbench run makes some" in ecgbench.err
    assert ecgbench.tiny("--seeds", "0") == 0
    assert site(ecgbench, "--dataset", "tinny") == 2
    assert "did you mean 'tiny'?" in ecgbench.err


def test_the_function_writes_the_same_site(ecgbench: Command, tmp_path: Path) -> None:
    assert ecgbench.tiny("--seeds", "0") == 0
    assert site(ecgbench) == 0
    index = api.report(
        tmp_path / "other", ecgbench.folder / "ecgbench-results", plugins=[ecgbench.stubs]
    )
    ours = json.loads((index.parent / "content.json").read_text("utf-8"))
    theirs = json.loads((ecgbench.folder / "site" / "content.json").read_text("utf-8"))
    assert ours["boards"] == theirs["boards"]
    assert ours["made"]["store"] == theirs["made"]["store"]
