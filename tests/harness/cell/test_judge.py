"""Generators and metrics against the contract."""

from __future__ import annotations

import contextlib
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from ecgbench.harness.cell.messages import CellEnded, ScoreEnded
from ecgbench.harness.isolation.plugin_state import plugin_state
from tests.harness.conftest import bad, folder, stored

if TYPE_CHECKING:
    from ecgbench.harness.planning.study import Study
    from tests.harness.conftest import Bench


def scored(bench: Bench, how: str) -> Study:
    """A study with a first metric against the contract and a sound second one."""
    return bench.study(metrics=("bad-a", "spread"), metric={"bad-a": {"how": how}})


# --- misbehaving generators ------------------------------------------------------------------------


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
    """Any other type is scored as stored: signals and labels."""
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
        legacy: Any = np.random.get_state()  # noqa: NPY002 - the test compares it
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
        np.random.seed(7)  # noqa: NPY002 - the test tries it
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


# --- misbehaving metrics ---------------------------------------------------------------------------


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
