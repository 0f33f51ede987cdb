from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from ecgbench.contracts.errors import DataError
from ecgbench.environment import environment
from ecgbench.harness import reproduce as module
from ecgbench.harness.cell.divide import splits_of
from ecgbench.harness.isolation.process import Limits
from ecgbench.harness.reproduce import reproduce
from ecgbench.harness.verify import differences
from ecgbench.results.store.npz import npz, read_npz, synthetic_digest
from ecgbench.results.store.store import sha256
from tests.harness.conftest import MANY, name_of, reseal

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecgbench.contracts.windows import EcgWindows, Splits
    from ecgbench.harness.planning.study import Study
    from tests.harness.conftest import Bench


# --- the scores alone ------------------------------------------------------------------------------


@pytest.mark.parametrize("generator", ["jitter", "chosen"])
def test_true_scores_come_out_of_their_own_windows(bench: Bench, generator: str) -> None:
    study = bench.study(generators=(generator,), metrics=("level", "spread", "never"))
    bench.run(study)
    bench.forget_trace()
    assert differences(bench.store, name_of(bench, study), bench.catalog, None) == []
    assert not any(line.startswith("fit") for line in bench.trace)


def test_a_score_that_its_windows_do_not_give_is_named(bench: Bench) -> None:
    study = bench.study()
    bench.run(study)
    cell = name_of(bench, study)
    true = bench.scores(study)["spread"].value
    reseal(bench, cell, "spread", value=123.0)
    (told,) = differences(bench.store, cell, bench.catalog, None)
    assert told.startswith(f"spread is 123.0 in the archive and {true} when its windows are scored")


def test_a_score_within_its_interval_passes_only_between_machines(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = bench.study(dataset=MANY)
    bench.run(study)
    cell, level = name_of(bench, study), bench.scores(study)["level"]
    assert level.contributions is not None
    contributions = msgspec.structs.replace(
        level.contributions, offset=level.contributions.offset + 0.02
    )
    reseal(bench, cell, "level", value=level.value + 0.02, contributions=contributions)  # type: ignore[operator]
    assert len(differences(bench.store, cell, bench.catalog, None)) == 1
    true = environment()
    monkeypatch.setattr(module, "environment", lambda: true | {"python": "2.7"})
    assert differences(bench.store, cell, bench.catalog, None) == []


def test_a_skipped_score_that_does_apply_is_named(bench: Bench) -> None:
    study = bench.study()
    bench.run(study)
    cell = name_of(bench, study)
    reseal(bench, cell, "level", value=None, contributions=None, status="skipped", reason="no")
    (told,) = differences(bench.store, cell, bench.catalog, None)
    assert "level is None" in told
    assert "skipped then, ok again" in told


def test_windows_that_were_withheld_cannot_be_checked(bench: Bench) -> None:
    study = bench.study()
    bench.run(study)
    record = bench.cell(study)
    bench.store.write_cell(msgspec.structs.replace(record, stored=False, synthetic_file=""))
    (told,) = differences(bench.store, name_of(bench, study), bench.catalog, None)
    assert "its windows did not come with it" in told


def test_other_code_is_among_what_differs(bench: Bench) -> None:
    study = bench.study()
    bench.run(study)
    record, score = bench.cell(study), bench.scores(study)["level"]
    plugins = record.cell.dataset, record.cell.generator, score.metric
    assert all(len(plugin.code) == 12 for plugin in plugins)
    dataset, generator, metric = (
        msgspec.structs.replace(plugin, code="0" * 12, from_file=False) for plugin in plugins
    )
    cell = msgspec.structs.replace(record.cell, dataset=dataset, generator=generator)
    bench.store.write_cell(msgspec.structs.replace(record, cell=cell))
    bench.store.write_score(msgspec.structs.replace(score, metric=metric, cell=cell.name))
    found = reproduce(bench.store, cell.name, bench.catalog, None, lambda _: None)
    assert found.same_bytes
    assert [row for row in found.versions if row[0].endswith(" code")] == [
        ("dataset cohort code", "0" * 12, record.cell.dataset.code),
        ("generator jitter code", "0" * 12, record.cell.generator.code),
        ("metric level code", "0" * 12, score.metric.code),
    ]


def test_an_interval_that_its_windows_do_not_give_is_named(bench: Bench) -> None:
    study = bench.study(dataset=MANY)
    bench.run(study)
    cell, level = name_of(bench, study), bench.scores(study)["level"]
    assert level.contributions is not None
    # the same value, made to look as if people did not differ
    top = np.array(level.contributions.numerators)
    bottom = np.array(level.contributions.denominators)
    flat = bottom * top.sum() / bottom.sum()
    contributions = msgspec.structs.replace(level.contributions, numerators=flat.tolist())
    reseal(bench, cell, "level", contributions=contributions)
    (told,) = differences(bench.store, cell, bench.catalog, None)
    assert told.startswith("level has the interval")


def test_an_interval_of_ones_own_making_covers_no_lie(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = bench.study(dataset=MANY)
    bench.run(study)
    cell, level = name_of(bench, study), bench.scores(study)["level"]
    assert level.contributions is not None
    assert level.value is not None
    wide = (10 * np.array(level.contributions.numerators)).tolist()
    contributions = msgspec.structs.replace(level.contributions, numerators=wide)
    made = contributions.offset + 10 * (level.value - contributions.offset)
    reseal(bench, cell, "level", value=made, contributions=contributions)
    true = environment()
    monkeypatch.setattr(module, "environment", lambda: true | {"python": "2.7"})
    (told,) = differences(bench.store, cell, bench.catalog, None)
    assert told.startswith("level is ")


# --- what an archive may say -----------------------------------------------------------------------


def put(bench: Bench, study: Study, take: Callable[[Splits, EcgWindows], EcgWindows]) -> list[str]:
    """Put other windows in the place of a cell's, as an archive may; return what differs."""
    bench.run(study)
    record = bench.cell(study)
    task = bench.task(bench.plan(study).cells[0])
    splits = splits_of(task, bench.catalog)
    file = bench.store.folder(record.cell.name) / "synthetic.npz"
    arrays = read_npz(file, "signals", "labels")
    windows = take(splits, splits.train.synthetic(arrays["signals"], arrays["labels"]))
    content = npz({"signals": windows.signals, "labels": windows.labels})
    file.write_bytes(content)
    digest = synthetic_digest(windows)
    bench.store.write_cell(
        msgspec.structs.replace(record, synthetic=digest, synthetic_file=sha256(content))
    )
    for score in bench.store.scores(record.cell.name):
        bench.store.write_score(msgspec.structs.replace(score, synthetic=digest))
    return differences(bench.store, record.cell.name, bench.catalog, None)


@pytest.mark.parametrize(
    ("take", "message"),
    [
        (lambda splits, made: made.take(np.arange(9)), "returned signals of shape (9, 1, 16)"),
        (
            lambda splits, made: made.take(np.flatnonzero(made.labels == 0)),
            "returned signals of shape",
        ),
        (
            lambda splits, made: made.synthetic(made.signals, 1 - made.labels),
            "returned other labels than it was asked for",
        ),
        (
            lambda splits, made: made.synthetic(
                splits.control.signals[: len(made)] + np.float32(1e-6), made.labels
            ),
            "windows are real ones of control",
        ),
        (lambda splits, made: made.synthetic(1000 * made.signals, made.labels), "millivolts"),
        (
            lambda splits, made: made.synthetic(np.zeros_like(made.signals), made.labels),
            "it does not say that all",
        ),
    ],
)
def test_windows_that_no_generator_may_return_are_refused(
    bench: Bench, take: Callable[[Splits, EcgWindows], EcgWindows], message: str
) -> None:
    told = put(bench, bench.study(), take)
    assert len(told) == 1
    assert message in told[0]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"n": 7}, "level is of 7 windows in the archive and of "),
        ({"parts": {"synthetic": 9.0, "nothing": None}}, "level has the part synthetic = 9.0"),
        ({"parts": {"synthetic": None, "nothing": None}}, "level has the part synthetic = None"),
        ({"parts": {}}, "level has other parts"),
        ({"contributions": None}, "level is of other people"),
        ({"value": 123.0, "contributions": None}, "level is 123.0 in the archive"),
    ],
)
@pytest.mark.parametrize("family", ["fidelity", "cost"])
def test_no_number_of_a_score_and_no_family_is_taken_on_trust(
    bench: Bench, fields: dict[str, Any], message: str, family: str
) -> None:
    study = bench.study()
    bench.run(study)
    score = bench.scores(study)["level"]
    metric = msgspec.structs.replace(score.metric, family=family)
    bench.store.write_score(msgspec.structs.replace(score, metric=metric, **fields))
    (told,) = differences(bench.store, name_of(bench, study), bench.catalog, None)
    assert message in told


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"status": "failed", "reason": "it diverged"}, "it did not end well"),
        ({"reference": True}, "generator jitter is no reference row"),
        ({"fold": 1}, "it is of fold 1, seed 0 is of fold 0"),
    ],
)
def test_what_a_cell_says_of_itself_is_checked(
    bench: Bench, fields: dict[str, Any], message: str
) -> None:
    study = bench.study()
    bench.run(study)
    bench.store.write_cell(msgspec.structs.replace(bench.cell(study), **fields))
    (told,) = differences(bench.store, name_of(bench, study), bench.catalog, None)
    assert message in told


def test_the_windows_of_a_reference_row_are_those_that_are_made_here(bench: Bench) -> None:
    study = bench.study(generators=("chosen",))
    bench.run(study)
    bench.store.write_cell(msgspec.structs.replace(bench.cell(study), synthetic="f" * 64))
    for score in bench.scores(study).values():
        bench.store.write_score(msgspec.structs.replace(score, synthetic="f" * 64))
    (told,) = differences(bench.store, name_of(bench, study), bench.catalog, None)
    assert told == "its windows are others when they are made here"


def test_a_dataset_that_an_archive_asks_for_is_made_within_limits(bench: Bench) -> None:
    study = bench.study()
    bench.run(study)
    record = bench.cell(study)
    dataset = msgspec.structs.replace(
        record.cell.dataset, settings={**record.cell.dataset.settings, "windows": 10**9}
    )
    cell = msgspec.structs.replace(record.cell, dataset=dataset)
    bench.store.write_cell(msgspec.structs.replace(record, cell=cell))
    limits = Limits(timeout=60.0, memory=2**29)
    with pytest.raises(DataError, match=r"--memory|MemoryError|Unable to allocate"):
        differences(bench.store, cell.name, bench.catalog, None, limits)
