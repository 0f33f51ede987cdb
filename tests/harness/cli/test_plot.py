from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ecgbench.contracts.faults import DOSES
from ecgbench.harness.api import plot as api
from ecgbench.harness.cli.plot import KINDS, SUFFIXES
from ecgbench.results.audit.records import AuditRecord, SeriesRecord, write_audit
from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    from tests.harness.cli.conftest import Command


def plot(ecgbench: Command, kind: str, *flags: object, store: str = "good") -> int:
    plugin = "free.py" if store == "free" else "good.py"
    return ecgbench("plot", kind, "--store", store, "--plugin", plugin, *flags)


def test_the_command_knows_all_kinds() -> None:
    assert tuple(api.KINDS) == KINDS


@pytest.mark.parametrize("store", ["good", "free"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_windows_are_drawn_in_each_format_and_real_ones_if_they_may(
    there: Command, store: str, suffix: str
) -> None:
    out = Path(f"fig.{suffix}")
    assert plot(there, "windows", "--generators", "jitter", "--out", out, store=store) == 0
    assert there.out == f"written: {out}\n"
    assert out.stat().st_size > 2000
    if suffix == "svg":
        text = out.read_text("utf-8")
        assert (">(control)<" in text) == (">nearest in<" in text) == (store == "free")
        assert ("cohort may not be redistributed" in text) == (store == "good")


def test_the_same_seed_gives_the_same_bytes_and_another_drawing_others(there: Command) -> None:
    flags = ("--generators", "jitter", "--out")
    for name, drawing in (("a.svg", 0), ("b.svg", 0), ("c.svg", 1)):
        assert plot(there, "windows", *flags, name, "--drawing", drawing, store="free") == 0
    a, b, c = (Path(f"{name}.svg").read_bytes() for name in "abc")
    assert a == b != c


@pytest.mark.parametrize("kind", ["classes", "spectra", "curves"])
def test_other_pictures_of_cells(there: Command, kind: str) -> None:
    assert plot(there, kind, "--out", "fig.svg") == 0
    text = Path("fig.svg").read_text("utf-8")
    assert ("real (control)" in text) is False
    assert plot(there, kind, "--out", "fig.svg", store="free") == 0
    assert ("real (control)" in Path("fig.svg").read_text("utf-8")) == (kind != "curves")


def test_reference_rows_of_a_dataset_that_may_not_be_redistributed_stay_unseen(
    there: Command,
) -> None:
    flags = ("--generators", "chosen", "--out", "fig.pdf")
    assert plot(there, "windows", *flags) == 2
    assert "windows of reference rows are patients' own" in there.err
    assert not Path("fig.pdf").exists()
    assert plot(there, "windows", *flags, store="free") == 0


def test_mistakes_are_told_with_the_way_out(there: Command) -> None:
    assert plot(there, "windows", "--out", "fig.gif") == 2
    assert "a picture is a file .pdf, .svg or .png" in there.err
    assert plot(there, "windows", "--generators", "jiter", "--out", "fig.png") == 2
    assert "did you mean 'jitter'?" in there.err
    assert plot(there, "windows", "--dataset", "cohrt", "--out", "fig.png") == 2
    assert "did you mean 'cohort'?" in there.err
    assert plot(there, "windows", "--seed", 77, "--out", "fig.png") == 2
    assert "no such row has a finished cell of seed 77; seeds there: 0" in there.err
    assert plot(there, "windows", "--out", "fig.png", store="none") == 2
    assert "holds no results" in there.err
    assert plot(there, "compare", "--generators", "jitter", "--out", "fig.png") == 2
    assert "--generators gmm,vae" in there.err
    assert plot(there, "people", "--out", "fig.png") == 2
    assert "ecgbench run --metrics patient-membership" in there.err
    assert plot(there, "roc", "--out", "fig.png") == 2
    assert "no such cell has the ROC" in there.err
    assert plot(there, "audit", "--out", "fig.png") == 2
    assert "ecgbench audit makes some" in there.err
    assert plot(there, "cost", "--out", "fig.png") == 2
    assert "fit-time" in there.err
    assert not list(Path().glob("fig.*"))


def test_a_damaged_curve_is_told(there: Command) -> None:
    for file in Path("good").glob("cells/*/*/*/artefacts/training.csv"):
        file.write_text("step,loss\n1,1\n2,2\n", "utf-8")
    assert plot(there, "curves", "--out", "fig.png") == 2
    assert "is damaged or missing" in there.err


@pytest.mark.long
@pytest.mark.slow
def test_every_kind_writes_every_format_from_a_small_store(ecgbench: Command) -> None:
    run = ("--generators", "pca-gaussian,timevae", "--datasets", "ecgsyn", "--study", "smoke")
    metrics = "membership-inference,patient-membership,cross-classification,fit-time"
    assert ecgbench("run", *run, "--metrics", metrics, "--seeds", "0-1", "--store", "s") == 0
    store = Store(Path("s"))
    (metric, *_), dataset = store.plans()[0].metrics, store.plans()[0].datasets[0]
    series = SeriesRecord(
        name="noise", unit="mV", amounts=[0, 1], means=[0, 1], worse=[0, 1], threshold=0.1,
        rho=1, rho_low=1, rho_high=1, smallest=1, response="seen", claimed=True,
    )  # fmt: skip
    audit = AuditRecord(
        dataset=dataset, metric=metric, seeds=[0], seeds_at_0=[0, 1], windows=9, series=[series],
        verdict="passes", blind=[], reversed=[], seconds=1, doses=DOSES,
    )  # fmt: skip
    write_audit(store, audit)
    for kind in KINDS:
        two = ("--generators", "pca-gaussian,timevae") if kind == "compare" else ()
        for suffix in SUFFIXES:
            assert ecgbench("plot", kind, "--store", "s", *two, "--out", f"{kind}.{suffix}") == 0
            assert Path(f"{kind}.{suffix}").stat().st_size > 2000
