from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from ecgbench.contracts.errors import DataError, StoreError, UsageError
from ecgbench.environment import environment
from ecgbench.harness import reproduce as module
from ecgbench.harness.reproduce import compare, reproduce
from ecgbench.results.store.records import ContributionsRecord
from tests.harness.conftest import MANY, name_of

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.harness.planning.study import Study
    from ecgbench.harness.reproduce import Reproduction
    from tests.harness.conftest import Bench


def again(bench: Bench, study: Study) -> Reproduction:
    return reproduce(bench.store, name_of(bench, study), bench.catalog, None, lambda _: None)


def verdicts(found: Reproduction) -> dict[str, str]:
    return {score.metric: score.verdict for score in found.scores}


def unsteady(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that says by how much the generator is off."""
    bench.files = (*bench.files, bench.files[0].with_name("unsteady.py"))
    level = bench.folder / "level"
    level.write_text("1")
    monkeypatch.setenv("LEVEL", str(level))
    return level


def snapshot(folder: Path) -> dict[str, str]:
    return {
        str(file): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


# --- reproduce -------------------------------------------------------------------------------------


@pytest.mark.parametrize("generator", ["jitter", "jitter-by-class", "chosen"])
def test_the_same_seed_on_the_same_machine_gives_the_same_bytes_and_scores(
    bench: Bench, generator: str
) -> None:
    study = bench.study(generators=(generator,), metrics=("level", "spread", "shared", "never"))
    bench.run(study)
    before = snapshot(bench.folder)
    found = again(bench, study)
    assert found.same_bytes
    assert verdicts(found) == dict.fromkeys(("level", "never", "shared", "spread"), "equal")
    assert found.versions == ()
    assert found.agrees
    bench.forget_trace()
    assert {k: v for k, v in snapshot(bench.folder).items() if "trace" not in k} == {
        k: v for k, v in before.items() if "trace" not in k
    }


def test_settings_subsample_and_threads_are_those_of_the_record(bench: Bench) -> None:
    study = bench.study(
        windows=200, generator={"jitter": {"sigma": 0.3}}, dataset={"cohort": {"gain": 2.0}}
    )
    bench.run(study, threads=2)
    assert again(bench, study).same_bytes


def test_other_bytes_agree_where_every_score_is_within_its_interval(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    unsteady(bench, monkeypatch)
    study = bench.study(generators=("unsteady",), metrics=("level",), dataset=MANY)
    bench.run(study)
    found = again(bench, study)
    assert not found.same_bytes
    assert verdicts(found)["level"] in ("close", "within its interval")
    assert found.agrees


def test_a_score_beyond_its_interval_is_not_reproduced(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    level = unsteady(bench, monkeypatch)
    study = bench.study(generators=("unsteady",))
    bench.run(study)
    level.write_text("3")
    found = again(bench, study)
    assert verdicts(found) == {"level": "differs", "spread": "differs"}
    assert not found.agrees


def test_a_generator_that_does_not_work_any_more_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    level = unsteady(bench, monkeypatch)
    study = bench.study(generators=("unsteady",))
    bench.run(study)
    level.write_text("broken")
    found = again(bench, study)
    assert "it does not work any more" in found.reason
    assert not found.agrees


def test_versions_that_differ_are_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    study = bench.study()
    bench.run(study)
    true = environment()
    packages = true["packages"] | {"numpy": "9.9", "torch": None}
    monkeypatch.setattr(
        module, "environment", lambda: true | {"processor": "another", "packages": packages}
    )
    found = again(bench, study)
    assert found.agrees
    assert {what: (then, here) for what, then, here in found.versions} == {
        "processor": (true["processor"], "another"),
        "numpy": (np.__version__, "9.9"),
        "torch": (true["packages"]["torch"], "None"),
    }


def test_a_plugin_of_another_version_is_told_and_run(bench: Bench) -> None:
    file = bench.folder / "mine.py"
    text = (
        bench.files[0]
        .with_name("unsteady.py")
        .read_text()
        .replace("default_rng()", "default_rng(1)")
    )
    file.write_text(
        text.replace('float(Path(os.environ["LEVEL"]).read_text())', "1.0").replace(
            'Path(os.environ["LEVEL"]).read_text()', '"1"'
        )
    )
    bench.files = (*bench.files, file)
    study = bench.study(generators=("unsteady",), metrics=("spread",))
    bench.run(study)
    name = name_of(bench, study)
    file.write_text(
        file.read_text().replace('summary="for tests"', 'version=2, summary="for tests"')
    )
    found = reproduce(bench.store, name, bench.catalog, None, lambda _: None)
    assert found.same_bytes
    told = {what: (then, here) for what, then, here in found.versions}
    assert told["generator unsteady version"] == ("1", "2")
    assert set(told) == {f"generator unsteady {what}" for what in ("version", "origin", "code")}


def test_data_that_differ_are_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    study = bench.study()
    bench.run(study)
    name = name_of(bench, study)
    text = bench.files[0].read_text().replace("default_rng(5)", "default_rng(6)")
    (bench.folder / "good.py").write_text(text)
    bench.files = (bench.folder / "good.py", *bench.files[1:])
    found = reproduce(bench.store, name, bench.catalog, None, lambda _: None)
    assert "dataset cohort data" in [what for what, _, _ in found.versions]
    assert not found.same_bytes


def test_only_a_cell_that_ended_well_can_be_reproduced(bench: Bench) -> None:
    study = bench.study(generators=("bad",), generator={"bad": {"how": "raises"}})
    bench.run(study)
    with pytest.raises(StoreError, match=r"ended as failed .*--retry-failed"):
        again(bench, study)
    with pytest.raises(StoreError, match="has no cell"):
        again(bench, bench.study())


def test_a_plugin_that_is_not_installed_is_a_usage_error(bench: Bench) -> None:
    study = bench.study(generators=("bad",))
    bench.run(study)
    name = name_of(bench, study)
    bench.files = bench.files[:1]
    with pytest.raises(UsageError, match="no generator is called 'bad'"):
        reproduce(bench.store, name, bench.catalog, None, lambda _: None)


def test_a_dataset_that_is_not_here_is_a_data_error(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = bench.study()
    bench.run(study)
    spec = bench.catalog.dataset("cohort")
    object.__setattr__(spec, "source", object())
    catalog = bench.catalog
    object.__setattr__(catalog.dataset("cohort"), "source", object())
    monkeypatch.setattr("ecgbench.harness.data.physionet.find", lambda source, folder: None)
    with pytest.raises(DataError, match="ecgbench fetch cohort, or --data-dir"):
        reproduce(bench.store, name_of(bench, study), catalog, None, lambda _: None)


# --- comparing two scores --------------------------------------------------------------------------


def contributions(value: float) -> ContributionsRecord:
    people = list(range(8))
    return ContributionsRecord(
        people=people,
        numerators=[[value + 0.5 * (person - 3.5)] for person in people],
        denominators=[[1.0]] * 8,
        coefficients=[1.0],
        offset=0.0,
    )


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (1.0, "equal"),
        (1.0 + 1e-12, "equal"),
        (1.005, "close"),
        (1.5, "within its interval"),
        (0.5, "within its interval"),
        (5.0, "differs"),
        (-1.0, "differs"),
    ],
)
def test_a_score_is_compared_by_its_own_interval(bench: Bench, value: float, verdict: str) -> None:
    bench.run()
    stored = msgspec.structs.replace(
        bench.scores()["level"], value=1.0, contributions=contributions(1.0)
    )
    assert compare(stored, msgspec.structs.replace(stored, value=value)).verdict == verdict
    plain = msgspec.structs.replace(stored, contributions=None)
    without = compare(plain, msgspec.structs.replace(plain, value=value)).verdict
    assert without == ("differs" if verdict == "within its interval" else verdict)


def test_what_a_cell_cost_is_not_compared(bench: Bench) -> None:
    bench.run()
    cost = bench.scores()["level"]
    again = msgspec.structs.replace(cost, value=99.0)
    assert compare(cost, again, is_cost=True).verdict == "not compared"
    assert compare(cost, again).verdict == "differs"
