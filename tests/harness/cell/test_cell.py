from __future__ import annotations

import contextlib
import csv
import io
import json
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from ecgbench.contracts.errors import PluginError, StoreError
from ecgbench.harness.cell.messages import CellEnded, ScoreEnded, SetAside
from ecgbench.harness.cell.trouble import say
from ecgbench.harness.data import cache as data
from ecgbench.harness.data.split import split, subsample
from ecgbench.harness.isolation.plugin_state import plugin_state
from ecgbench.results.store.npz import npz, read_npz, synthetic_digest
from ecgbench.results.store.progress import Stage, Step

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.contracts.windows import Splits
    from ecgbench.harness.planning.study import Study
    from tests.harness.conftest import Bench


def splits_of(bench: Bench, seed: int = 0, windows: int | None = None) -> Splits:
    (source,) = bench.sources(bench.study())
    return split(subsample(data.windows(source), windows), seed)


def folder(bench: Bench, study: Study | None = None) -> Path:
    return bench.store.folder(bench.plan(study).cells[0].id.name)


def stored(bench: Bench, study: Study | None = None) -> dict[str, Any]:
    return read_npz(folder(bench, study) / "synthetic.npz")


def calls(bench: Bench) -> Counter[str]:
    """What the plugins wrote down, by first word."""
    return Counter(line.split()[0] for line in bench.trace)


def curve(bench: Bench, study: Study | None = None) -> list[dict[str, str]]:
    text = (folder(bench, study) / "artefacts" / "training.csv").read_text()
    return list(csv.DictReader(io.StringIO(text)))


def bad(bench: Bench, how: str, name: str = "bad") -> Study:
    return bench.study(generators=(name,), generator={name: {"how": how}}, metrics=("spread",))


def scored(bench: Bench, how: str) -> Study:
    """A study whose first metric breaks the contract and whose second does not."""
    return bench.study(metrics=("bad-a", "spread"), metric={"bad-a": {"how": how}})


# --- a cell that goes well -------------------------------------------------------------------------


def test_a_cell_is_fitted_once_sampled_once_and_scored_by_every_metric(bench: Bench) -> None:
    sent = bench.work()
    assert calls(bench) == {"load": 1, "fit": 1, "step": 3, "sample": 1, "score": 2}
    assert [m for m in sent if isinstance(m, Stage)] == [
        Stage("data"),
        Stage("fit"),
        Stage("sample"),
        Stage("score level"),
        Stage("score spread"),
    ]
    assert Step(3, 3, {"loss": 1 / 3}) in sent
    assert CellEnded("ok", "") in sent
    level = bench.scores()["level"]
    assert ScoreEnded("level", "ok", "", level.value) in sent
    assert bench.plan().cells[0].state == "done"


def test_the_record_tells_how_the_cell_was_made(bench: Bench) -> None:
    study = bench.study(seeds=(1,), windows=200)
    bench.work(study)
    record, splits = bench.cell(study), splits_of(bench, 1, 200)
    assert (record.status, record.reason, record.fold, record.threads) == ("ok", "", 1, 1)
    assert record.sizes == {
        "train": len(splits.train),
        "control": len(splits.control),
        "auxiliary": len(splits.auxiliary),
        "fresh": len(splits.fresh),
        "test": len(splits.test),
        "members": 3,
        "unseen": 3,
    }
    assert record.costs is not None
    assert record.costs.fit_seconds >= 0
    assert record.costs.sample_seconds >= 0
    assert 2**20 < record.costs.peak_memory < 2**37
    assert record.costs.parameters == 7
    assert record.environment["device"] == "cpu"
    assert record.environment["packages"]["numpy"] == np.__version__
    assert record.finished.endswith("+00:00")


def test_the_environment_tells_no_host_user_or_path(bench: Bench) -> None:
    import getpass
    import socket

    bench.work()
    told = json.dumps(bench.cell().environment)
    for secret in (socket.gethostname(), getpass.getuser(), str(bench.folder), "/"):
        assert f'"{secret}' not in told


def test_synthetic_windows_have_the_labels_of_fresh_in_their_order(bench: Bench) -> None:
    bench.work()
    found = stored(bench)
    assert sorted(found) == ["labels", "signals"]
    assert found["signals"].dtype == np.float32
    assert found["signals"].shape == (len(found["labels"]), 1, 16)
    assert np.array_equal(found["labels"], splits_of(bench).fresh.labels)


def test_a_conditional_generator_is_fitted_once_on_all_classes(bench: Bench) -> None:
    bench.work()
    n = len(splits_of(bench).train)
    assert [line for line in bench.trace if line.startswith("fit")] == [f"fit {n} 0,1"]


def test_one_that_is_not_is_fitted_once_per_class_and_its_windows_are_put_in_order(
    bench: Bench,
) -> None:
    study = bench.study(
        generators=("jitter-by-class",), generator={"jitter-by-class": {"sigma": 0}}
    )
    bench.work(study)
    splits = splits_of(bench)
    by_class = [int((splits.train.labels == c).sum()) for c in (0, 1)]
    fits = [line for line in bench.trace if line.startswith("fit")]
    assert fits == [f"fit {by_class[0]} 0", f"fit {by_class[1]} 1"]
    found = stored(bench, study)
    assert np.array_equal(found["labels"], splits.fresh.labels)
    for signal, label in zip(found["signals"], found["labels"], strict=True):
        (rows,) = np.nonzero((splits.train.signals == signal).all(axis=(1, 2)))
        assert set(splits.train.labels[rows]) == {label}
    costs = bench.cell(study).costs
    assert costs is not None
    assert costs.parameters == 14


def test_a_score_keeps_value_parts_people_and_artefacts(bench: Bench) -> None:
    bench.work()
    record, splits = bench.scores()["level"], splits_of(bench)
    expected = float(
        np.abs(splits.control.signals).mean() - np.abs(stored(bench)["signals"]).mean()
    )
    assert record.value == pytest.approx(expected, abs=1e-6)
    assert record.parts["nothing"] is None
    assert record.n == len(splits.control)
    assert record.synthetic == bench.cell().synthetic
    assert record.contributions is not None
    assert record.contributions.people == sorted(set(splits.control.patients.tolist()))
    name = f"level-{record.metric.key}-note.txt"
    assert list(record.artefacts) == [name]
    assert (folder(bench) / "artefacts" / name).read_bytes() == b"a note"


def test_a_metric_with_two_settings_keeps_the_artefacts_of_both(bench: Bench) -> None:
    bench.work(bench.study(metrics=("level",)))
    bench.work(bench.study(metrics=("level",), metric={"level": {"scale": 2.0}}))
    (cell,) = bench.store.cell_names()
    assert len(list((folder(bench) / "artefacts").glob("level-*-note.txt"))) == 2
    assert bench.store.damage(cell) is None


def test_a_metric_that_does_not_apply_is_skipped_with_its_reason(bench: Bench) -> None:
    sent = bench.work(bench.study(metrics=("never",)))
    (record,) = bench.scores(bench.study(metrics=("never",))).values()
    assert (record.status, record.reason, record.value) == ("skipped", "it never applies", None)
    assert ScoreEnded("never", "skipped", "it never applies", None) in sent


def test_the_training_curve_becomes_an_artefact(bench: Bench) -> None:
    bench.work()
    rows = curve(bench)
    assert [(row["step"], float(row["loss"])) for row in rows] == [
        ("1", 1.0),
        ("2", 0.5),
        ("3", 1 / 3),
    ]
    assert list(bench.cell().artefacts) == ["training.csv"]
    assert not (folder(bench) / "training.jsonl").exists()


def test_the_curve_of_a_generator_fitted_per_class_has_every_fit(bench: Bench) -> None:
    study = bench.study(generators=("jitter-by-class",))
    bench.work(study)
    rows = [(row["part"], row["step"]) for row in curve(bench, study)]
    assert rows == [(f"class-{c}", str(step)) for c in (0, 1) for step in (1, 2, 3)]


def test_a_generator_that_logs_nothing_has_no_curve(bench: Bench) -> None:
    bench.work(bench.study(generator={"jitter": {"steps": 0}}))
    assert bench.cell(bench.study(generator={"jitter": {"steps": 0}})).artefacts == {}


# --- what is finished is not done again ------------------------------------------------------------


def test_a_finished_cell_is_not_run_again(bench: Bench) -> None:
    bench.work()
    bench.forget_trace()
    assert bench.work() == []
    assert bench.trace == []


def test_another_metric_is_scored_without_fitting_again(bench: Bench) -> None:
    bench.work(bench.study(metrics=("level",)))
    before = (folder(bench) / "synthetic.npz").read_bytes()
    bench.forget_trace()
    sent = bench.work()
    assert bench.trace == ["score spread"]
    assert Stage("fit") not in sent
    assert (folder(bench) / "synthetic.npz").read_bytes() == before
    assert bench.scores()["spread"].synthetic == bench.cell().synthetic


def test_a_score_is_the_same_whether_the_windows_come_from_the_fit_or_from_the_store(
    bench: Bench,
) -> None:
    bench.work(bench.study(metrics=("level",)))
    bench.work()
    from_store = bench.scores()["spread"].value
    bench.store_name = "other"
    bench.work()
    assert bench.scores()["spread"].value == from_store


def test_a_score_that_another_process_has_finished_meanwhile_is_not_computed_again(
    bench: Bench,
) -> None:
    (cell,) = bench.plan().todo
    bench.perform(cell, metrics=cell.missing[:1])
    bench.forget_trace()
    bench.perform(cell)
    assert bench.trace == ["score spread"]


def test_a_fast_fit_tells_of_its_first_and_last_step_and_not_of_each(bench: Bench) -> None:
    study = bench.study(generator={"jitter": {"steps": 500}})
    steps = [m.step for m in bench.work(study) if isinstance(m, Step)]
    assert (steps[0], steps[-1]) == (1, 500)
    assert len(steps) < 250
    assert len(curve(bench, study)) == 500


def test_a_failed_cell_starts_afresh_when_it_is_retried(bench: Bench) -> None:
    bench.work(bad(bench, "raises"))
    assert bench.work(bad(bench, "raises")) == []
    sent = bench.work(bad(bench, "raises"), retry_failed=True)
    assert isinstance(sent[-1], CellEnded)
    assert sent[-1].status == "failed"


def test_a_failed_score_alone_is_computed_again_when_it_is_retried(bench: Bench) -> None:
    study = scored(bench, "raises")
    bench.work(study)
    bench.forget_trace()
    assert bench.work(study) == []
    sent = bench.work(study, retry_failed=True)
    assert [m.metric for m in sent if isinstance(m, ScoreEnded)] == ["bad-a"]
    assert bench.trace == []


# --- reference rows --------------------------------------------------------------------------------


def test_a_reference_row_stores_which_windows_it_took_and_never_their_signals(
    bench: Bench,
) -> None:
    study = bench.study(generators=("chosen",), metrics=("level",))
    bench.work(study)
    found, train = stored(bench, study), splits_of(bench).train
    assert sorted(found) == ["indices", "labels"]
    assert train.indices is not None
    assert set(found["indices"]) <= set(train.indices)
    record = bench.cell(study)
    assert (record.reference, record.stored) == (True, False)


def test_a_reference_row_is_made_again_for_a_score_that_is_missing(bench: Bench) -> None:
    study = bench.study(generators=("chosen",), metrics=("level",))
    bench.work(study)
    more = bench.study(generators=("chosen",))
    bench.work(more)
    assert bench.scores(more)["spread"].status == "ok"
    assert sorted(f.name for f in folder(bench, more).iterdir()) == [
        "artefacts",
        "cell.json",
        "scores",
        "synthetic.npz",
    ]


# --- what is damaged is set aside and made again ---------------------------------------------------


def damaged(bench: Bench) -> list[str]:
    """The files that were set aside, relative to their cell's folder."""
    folders = list(bench.store.path.glob("damaged/cohort/jitter/*"))
    return sorted(
        file.relative_to(each).as_posix()
        for each in folders
        for file in each.rglob("*")
        if file.is_file()
    )


def made_again(bench: Bench, how: str) -> None:
    """Work through the plan once more, and see that the whole cell is made again."""
    sent = bench.work()
    (why,) = [message.reason for message in sent if isinstance(message, SetAside)]
    assert how in why
    assert "is damaged" in why
    assert Stage("fit") in sent
    assert bench.plan().cells[0].state == "done"
    assert bench.store.damage(bench.plan().cells[0].id.name) is None


def test_windows_that_are_not_those_of_the_record_are_made_again(bench: Bench) -> None:
    bench.work(bench.study(metrics=("level",)))
    found, digest = stored(bench), bench.cell().synthetic
    found["signals"][0, 0, 0] += 1
    (folder(bench) / "synthetic.npz").write_bytes(npz(found))
    made_again(bench, "these are not the windows that cell.json speaks of")
    assert bench.cell().synthetic == digest
    assert "synthetic.npz" in damaged(bench)


@pytest.mark.parametrize(
    "content",
    [None, b"", b"PK\x03\x04 and no more", b"text", b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', "],
)
def test_damaged_windows_are_made_again(bench: Bench, content: bytes | None) -> None:
    bench.work(bench.study(metrics=("level",)))
    digest, file = bench.cell().synthetic, folder(bench) / "synthetic.npz"
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    made_again(bench, "synthetic.npz")
    assert bench.cell().synthetic == digest
    aside = damaged(bench)
    assert "cell.json" in aside
    assert any(name.startswith("artefacts/level-") for name in aside)


def test_windows_without_signals_are_damaged(bench: Bench) -> None:
    bench.work(bench.study(metrics=("level",)))
    (folder(bench) / "synthetic.npz").write_bytes(npz({"labels": np.zeros(3)}))
    made_again(bench, "it holds no array 'signals'")


def test_a_record_that_somebody_has_edited_is_set_aside_and_the_cell_made_again(
    bench: Bench,
) -> None:
    bench.work(bench.study(metrics=("level",)))
    (cell,) = bench.plan().todo
    file = folder(bench) / "cell.json"
    file.write_bytes(file.read_bytes().replace(b'"fold": 0', b'"fold": 1'))
    sent = bench.perform(cell)
    assert [type(m) for m in sent if isinstance(m, SetAside | CellEnded)] == [
        SetAside,
        CellEnded,
    ]
    assert bench.cell().fold == 0
    assert "cell.json" in damaged(bench)


def test_a_damaged_score_alone_is_set_aside_and_computed_again(bench: Bench) -> None:
    bench.work()
    cell = bench.plan().cells[0]
    value = bench.scores()["level"].value
    file = bench.store.score_file(cell.id.name, bench.scores()["level"].metric)
    file.write_bytes(file.read_bytes()[:-20])
    bench.forget_trace()
    bench.perform(cell, metrics=tuple(bench.plan().record.metrics))
    assert bench.trace == ["score level"]
    assert bench.scores()["level"].value == value
    assert damaged(bench) == [f"scores/{file.name}"]


# --- generators that misbehave ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("raises", r"ZeroDivisionError: the loss vanished \(misbehaving\.py:\d+\)"),
        ("NaN", r"generator bad: 1 of \d+ windows hold NaN or infinite samples, first window 3"),
        ("too short", r"generator bad returned signals of shape \(\d+, 1, 15\); .* is wanted"),
        ("too few", r"generator bad returned signals of shape .* is wanted"),
        ("flat", r"generator bad: signals have shape \(\d+, 16\); \(window, lead, sample\)"),
        ("other labels", r"generator bad returned other labels than it was asked for"),
        ("mutates its labels", r"generator bad returned other labels than it was asked for"),
        ("labels in a list", r"generator bad: labels are a list; a numpy array is wanted"),
        ("double", r"generator bad: signals are float64; float32 millivolts are wanted"),
        ("an array", r"generator bad returned ndarray; EcgWindows are wanted"),
        ("other rate", r"generator bad returned windows with sampling_rate 360\.0; 16\.0"),
        ("other leads", r"generator bad returned windows with leads \('V1',\); \('II',\)"),
        ("class beyond", r"generator bad: labels run from 9 to 10, but there are 2 classes"),
        ("writes to train", r"ValueError: assignment destination is read-only"),
    ],
)
def test_a_generator_that_breaks_the_contract_fails_its_cell_with_the_reason(
    bench: Bench, how: str, reason: str
) -> None:
    import re

    study = bad(bench, how)
    sent = bench.work(study)
    record = bench.cell(study)
    assert record.status == "failed"
    assert re.match(reason, record.reason)
    assert "\n" not in record.reason
    assert sent[-1] == CellEnded("failed", record.reason)
    assert record.costs is None
    assert bench.scores(study) == {}
    assert not (folder(bench, study) / "synthetic.npz").exists()
    assert list(record.artefacts) == ["training.csv"]


def test_a_generator_that_does_not_apply_skips_its_cell(bench: Bench) -> None:
    bench.work(bad(bench, "skips"))
    record = bench.cell(bad(bench, "skips"))
    assert (record.status, record.reason) == ("skipped", "it wants longer windows")
    assert bench.plan(bad(bench, "skips")).cells[0].state == "skipped"
    assert not (folder(bench, bad(bench, "skips")) / "fit").exists()


def test_a_generator_fitted_per_class_is_checked_per_class(bench: Bench) -> None:
    study = bad(bench, "too few", "bad-by-class")
    bench.work(study)
    assert "returned signals of shape" in bench.cell(study).reason


@pytest.mark.parametrize(("generator", "share"), [("bad", 0.0), ("chosen", 1.0)])
def test_only_a_reference_row_may_say_whose_its_windows_are(
    bench: Bench, generator: str, share: float
) -> None:
    """Of any other, what is scored is what is stored: signals and labels."""
    study = bench.study(
        generators=(generator,),
        generator={"bad": {"how": "real people"}},
        metrics=("bad-a",),
        metric={"bad-a": {"how": "counts people"}},
    )
    bench.work(study)
    assert bench.scores(study)["bad-a"].value == share


def test_what_a_generator_does_to_the_global_random_state_is_undone(bench: Bench) -> None:
    def states() -> list[Any]:
        legacy: Any = np.random.get_state()  # noqa: NPY002 - what is compared
        return [random.getstate(), legacy[1].tolist(), torch.get_rng_state().tolist()]

    before = states()
    bench.work(bad(bench, "random"))
    assert states() == before


def test_global_random_numbers_follow_the_cells_seed_alone(bench: Bench) -> None:
    def draw(seed: int, store: str) -> Any:
        bench.store_name = store
        study = bench.study(
            generators=("bad",), generator={"bad": {"how": "random numbers"}}, seeds=(seed,)
        )
        bench.work(study)
        return stored(bench, study)["signals"]

    first = draw(0, "one")
    random.random()
    np.random.random()  # noqa: NPY002 - the same
    assert np.array_equal(draw(0, "other"), first)
    assert not np.array_equal(draw(2, "one")[:5], first[:5])


def test_the_state_in_a_fork_is_the_seeds_and_is_put_back_even_after_an_error() -> None:
    def seed() -> None:
        random.seed(7)
        np.random.seed(7)  # noqa: NPY002 - what is tried
        torch.manual_seed(7)

    def draw() -> list[float]:
        return [
            random.random(),
            np.random.random(),  # noqa: NPY002 - the same
            torch.rand(1).item(),
        ]

    seed()
    outside = draw()
    inside = []
    for fork in (3, 3, 4):
        seed()
        with contextlib.suppress(ZeroDivisionError), plugin_state(fork):
            inside.append(draw())
            raise ZeroDivisionError
        assert draw() == outside
    assert inside[0] == inside[1]
    assert all(a != b for a, b in zip(inside[0], inside[2], strict=True))


# --- metrics that misbehave ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("raises", "ZeroDivisionError: no windows at all (misbehaving.py:"),
        ("NaN", "metric bad-a returned nan; a finite number is wanted"),
        ("infinite", "metric bad-a returned inf; a finite number is wanted"),
        ("beyond", "metric bad-a returned 1.5, outside its bounds (0.0, 1.0)"),
        ("text", "metric bad-a returned str; a float or a Score"),
        ("nothing", "metric bad-a returned NoneType; a float or a Score"),
        ("text in a score", "metric bad-a: value is 'half'; a number is wanted"),
        ("NaN contributions", "metric bad-a: its contributions hold NaN or infinite numbers"),
        ("infinite contributions", "metric bad-a: its contributions hold NaN or infinite numbers"),
        ("no contributions", "metric bad-a: contributions are ["),
        ("artefact of text", "metric bad-a: artefact a.txt is '"),
        ("writes to control", "ValueError: assignment destination is read-only"),
    ],
)
def test_a_metric_that_breaks_the_contract_fails_its_score_only(
    bench: Bench, how: str, reason: str
) -> None:
    study = scored(bench, how)
    sent = bench.work(study)
    found = bench.scores(study)
    assert found["bad-a"].status == "failed"
    assert found["bad-a"].reason.startswith(reason)
    assert found["bad-a"].value is None
    assert found["spread"].status == "ok"
    assert bench.cell(study).status == "ok"
    assert ScoreEnded("bad-a", "failed", found["bad-a"].reason, None) in sent
    assert bench.plan(study).cells[0].state == "failed"


def test_contributions_that_do_not_add_up_to_the_value_are_left_out_and_a_note_says_so(
    bench: Bench,
) -> None:
    study = scored(bench, "other contributions")
    bench.work(study)
    found = bench.scores(study)["bad-a"]
    assert (found.status, found.value, found.contributions) == ("ok", 0.5, None)
    assert found.notes == ["its contributions make 1 and its value is 0.5, so it has no interval"]


def test_a_metrics_global_random_numbers_follow_the_cells_seed(bench: Bench) -> None:
    study = bench.study(
        metrics=("bad-a", "bad-b"),
        metric={name: {"how": "random numbers"} for name in ("bad-a", "bad-b")},
    )
    bench.work(study)
    found = {name: score.value for name, score in bench.scores(study).items()}
    reasons = {score.reason for score in bench.scores(study).values()}
    assert found["bad-a"] == found["bad-b"]
    assert len(reasons) == 1


# --- shared computations ---------------------------------------------------------------------------


def test_what_depends_on_dataset_and_seed_alone_is_computed_once_per_store(bench: Bench) -> None:
    study = bench.study(generators=("jitter", "jitter-by-class"), metrics=("shared",))
    bench.work(study)
    assert calls(bench)["once"] == 1
    assert bench.scores(study, 0)["shared"].value == bench.scores(study, 1)["shared"].value
    bench.work(bench.study(generators=("jitter",), metrics=("shared",), seeds=(0, 1)))
    assert calls(bench)["once"] == 2
    bench.work(bench.study(metrics=("shared",), windows=200))
    assert calls(bench)["once"] == 3
    bench.store_name = "other"
    bench.work(study)
    assert calls(bench)["once"] == 4
    assert len(list(bench.store.path.glob("shared/cohort/seed-0/mean-window-*.npz"))) == 1


def test_a_shared_computation_that_was_damaged_is_made_again(bench: Bench) -> None:
    bench.work(bench.study(metrics=("shared",)))
    (file,) = bench.store.path.glob("shared/*/*/*.npz")
    before = file.read_bytes()
    file.write_bytes(before[: len(before) // 2])
    study = bench.study(generators=("jitter-by-class",), metrics=("shared",))
    bench.work(study)
    assert bench.scores(study)["shared"].status == "ok"
    assert file.read_bytes() == before


# --- checkpoints -----------------------------------------------------------------------------------


def test_a_checkpoint_is_removed_when_the_cell_is_finished(bench: Bench) -> None:
    bench.work()
    assert sorted(f.name for f in folder(bench).iterdir()) == [
        "artefacts",
        "cell.json",
        "scores",
        "synthetic.npz",
    ]


def interrupt(bench: Bench, study: Study, part: str, step: int, code: str | None = None) -> None:
    """Leave what a fit leaves that was killed after so many steps, by default of the same code."""
    generator = bench.plan(study).cells[0].id.generator
    place = folder(bench, study) / "fit"
    (place / "checkpoint" / part).mkdir(parents=True)
    (place / "checkpoint" / part / "step").write_text(str(step))
    (place / "code.txt").write_text(generator.code if code is None else code)


def test_a_fit_does_not_go_on_from_what_other_code_has_left(bench: Bench) -> None:
    interrupt(bench, bench.study(), "all", 2, code="0" * 12)
    bench.forget_trace()
    bench.work()
    assert [line for line in bench.trace if line.startswith("step")] == [
        "step 1",
        "step 2",
        "step 3",
    ]


def test_a_fit_goes_on_from_what_an_interrupted_one_left_and_keeps_its_curve(
    bench: Bench,
) -> None:
    place = folder(bench)
    interrupt(bench, bench.study(), "all", 2)
    lines = [json.dumps(["all", 1, step, {"loss": 9.0}]) for step in (1, 2, 3)]
    (place / "fit" / "training.jsonl").write_text("\n".join(lines) + '\n["all", 1, 4, {"lo')
    bench.forget_trace()
    bench.work()
    assert [line for line in bench.trace if line.startswith("step")] == ["step 3"]
    rows = curve(bench)
    assert [(row["step"], float(row["loss"])) for row in rows] == [
        ("1", 9.0),
        ("2", 9.0),
        ("3", 1 / 3),
    ]
    assert not (place / "fit").exists()


def test_each_class_of_a_generator_fitted_per_class_has_its_own_checkpoint(bench: Bench) -> None:
    study = bench.study(generators=("jitter-by-class",))
    interrupt(bench, study, "class-1", 3)
    bench.forget_trace()
    bench.work(study)
    assert [line for line in bench.trace if line.startswith("step")] == [
        "step 1",
        "step 2",
        "step 3",
    ]


def test_the_checkpoint_of_a_failed_cell_stays(bench: Bench) -> None:
    bench.work(bad(bench, "raises"))
    mark = folder(bench, bad(bench, "raises")) / "fit" / "checkpoint" / "all" / "mark"
    assert mark.read_text() == "half a fit"


# --- the same cell twice ---------------------------------------------------------------------------


@pytest.mark.parametrize("generator", ["jitter", "jitter-by-class", "chosen"])
def test_the_same_cell_in_two_stores_has_the_same_bytes_but_for_times(
    bench: Bench, generator: str
) -> None:
    study = bench.study(generators=(generator,), metrics=("level", "spread", "shared", "never"))
    texts: list[dict[str, Any]] = []
    windows: list[bytes] = []
    for name in ("one", "other"):
        bench.store_name = name
        bench.work(study)
        windows.append((folder(bench, study) / "synthetic.npz").read_bytes())
        texts.append({})
        for file in sorted(folder(bench, study).rglob("*.json")):
            record = json.loads(file.read_text())
            for time in ("seconds", "cpu_seconds", "finished", "costs", "sha256"):
                record.pop(time, None)
            texts[-1][file.relative_to(bench.store.path).as_posix()] = record
    assert windows[0] == windows[1]
    assert texts[0] == texts[1]
    assert len(texts[0]) == 5


# --- small things ----------------------------------------------------------------------------------


def test_arrays_survive_npz_without_pickles_and_equal_arrays_give_equal_bytes(
    tmp_path: Path,
) -> None:
    arrays = {"a": np.arange(5, dtype=np.int64), "b": np.array(["x", "é"])}
    (tmp_path / "a.npz").write_bytes(npz(arrays))
    found = read_npz(tmp_path / "a.npz", "a")
    assert all(np.array_equal(found[name], arrays[name]) for name in arrays)
    assert npz({"a": np.arange(5, dtype=np.int64), "b": np.array(["x", "é"])}) == npz(arrays)


def test_python_objects_are_not_stored() -> None:
    with pytest.raises(TypeError, match="array 'a' holds Python objects"):
        npz({"a": np.array([{}])})


def test_a_pickle_in_a_strangers_store_is_not_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", signals=np.array([{}], dtype=object))
    with pytest.raises(StoreError, match="pickle"):
        read_npz(tmp_path / "a.npz")


def test_the_digest_of_synthetic_windows_is_over_signals_and_labels(make_windows: Any) -> None:
    windows = make_windows([1, 2, 3], [0, 1, 2])
    assert synthetic_digest(windows) == synthetic_digest(make_windows([7, 8, 9], [0, 1, 2]))
    assert synthetic_digest(windows) != synthetic_digest(make_windows([1, 2, 3], [0, 1, 1]))
    other = windows.synthetic(windows.signals + 1, windows.labels)
    assert synthetic_digest(windows) != synthetic_digest(other)


def test_an_error_is_said_in_one_line_with_the_place_where_it_was_raised() -> None:
    with pytest.raises(ValueError, match="invalid literal") as raised:
        int("a" * 600 + "\nb")
    said = say(raised.value)
    assert said.startswith("ValueError: invalid literal")
    assert "(test_cell.py:" in said
    assert "\n" not in said
    assert len(said) < 600
    assert say(PluginError("metric x returned nan")) == "metric x returned nan"
