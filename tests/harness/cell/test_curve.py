from __future__ import annotations

import csv
import io
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from ecgbench.harness.cell.curve import Curve, to_csv
from ecgbench.harness.cell.messages import Note
from ecgbench.results.store.progress import Step

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Fit:
    """A fit in a folder of its own; `again` is the process that goes on after a kill."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "training.jsonl"
        self.sent: list[Any] = []
        self.again(resumes=False)

    def again(self, *, resumes: bool = True) -> None:
        self.curve = Curve(self.file, self.sent.append)
        self.log: Callable[..., None] = partial(self.curve.log, "all", resumes)

    @property
    def rows(self) -> list[dict[str, str]]:
        content = to_csv(self.file)
        assert content is not None
        return list(csv.DictReader(io.StringIO(content.decode())))

    @property
    def notes(self) -> list[str]:
        return [message.text for message in self.sent if isinstance(message, Note)]


@pytest.fixture
def fit(tmp_path: Path) -> Fit:
    return Fit(tmp_path)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (torch.tensor(0.5, requires_grad=True), "0.5"),
        (torch.tensor([0.5]), "0.5"),
        (np.float32(0.5), "0.5"),
        (np.int64(2), "2.0"),
        (True, "1.0"),
        (float("inf"), "inf"),
        (float("nan"), ""),
        (None, ""),
        ("cosine", "cosine"),
    ],
)
def test_whatever_is_a_number_or_a_text_is_kept(fit: Fit, given: Any, kept: str) -> None:
    fit.log(np.int64(1), total=np.int32(3), loss=given, other=1.0)
    (row,) = fit.rows
    assert (row["step"], row.get("loss", ""), row["other"]) == ("1", kept, "1.0")
    assert fit.notes == []


@pytest.mark.parametrize(
    ("arguments", "values", "said"),
    [
        ((2**63,), {}, "step is 9223372036854775808; a whole number is wanted"),
        (("first",), {}, "step is 'first'; a whole number is wanted"),
        ((1.5,), {}, "step is 1.5; a whole number is wanted"),
        ((None,), {}, "step is NoneType; a whole number is wanted"),
        ((float("nan"),), {}, "step is float; a whole number is wanted"),
        ((), {"loss": 1.0}, "got 0 arguments without a name; one is wanted, the step"),
        ((1, 100), {}, "got 2 arguments without a name; one is wanted, the step"),
        ((1,), {"total": "many"}, "total is 'many'; a whole number is wanted"),
        ((1,), {"loss": torch.zeros(3)}, "loss is a Tensor of shape (3,); a number or a text"),
        ((1,), {"loss": [1.0]}, "loss is list; a number or a text is wanted"),
        ((1,), {"step": 2.0}, "a value cannot be called step; its column has another meaning"),
        ((1,), {"part": 2.0}, "a value cannot be called part"),
    ],
)
def test_a_bad_call_is_one_line_that_names_the_argument(
    fit: Fit, arguments: tuple[Any, ...], values: dict[str, Any], said: str
) -> None:
    for _ in range(3):
        fit.log(*arguments, **values)
    fit.log(7, loss=0.25)
    (note,) = fit.notes
    assert note.startswith(f"context.log: {said}")
    assert "\n" not in note
    assert (fit.rows[-1]["step"], fit.rows[-1]["loss"]) == ("7", "0.25")


def test_a_step_may_have_a_name(fit: Fit) -> None:
    fit.log(step=3, loss=1.0)
    assert fit.rows == [{"step": "3", "loss": "1.0"}]


def test_phases_that_both_count_from_1_are_kept_by_order(fit: Fit) -> None:
    for name in ("before", "joint"):
        for step in (1, 2):
            fit.log(step, total=2, **{name: step / 2})
    assert [[row["phase"], row["step"], row["before"], row["joint"]] for row in fit.rows] == [
        ["1", "1", "0.5", ""],
        ["1", "2", "1.0", ""],
        ["2", "1", "", "0.5"],
        ["2", "2", "", "1.0"],
    ]


def test_phases_that_have_names_are_kept_by_name(fit: Fit) -> None:
    for phase in ("supervised", "joint"):
        for step in (1, 2):
            fit.log(step, phase=phase, loss=float(step))
    found = [(row["phase"], row["step"]) for row in fit.rows]
    assert found == [("supervised", "1"), ("supervised", "2"), ("joint", "1"), ("joint", "2")]


def test_one_phase_has_a_column_only_if_it_has_a_name(fit: Fit) -> None:
    fit.log(1, phase="joint", loss=1.0)
    assert fit.rows == [{"phase": "joint", "step": "1", "loss": "1.0"}]


def test_two_reports_of_a_step_are_one_line(fit: Fit) -> None:
    fit.log(10, loss=1.0)
    fit.log(10, validation=2.0)
    fit.log(11, loss=0.5)
    assert fit.rows == [
        {"step": "10", "loss": "1.0", "validation": "2.0"},
        {"step": "11", "loss": "0.5", "validation": ""},
    ]


def test_a_fit_that_goes_on_in_its_second_phase_stays_there(fit: Fit) -> None:
    for step in (1, 2, 3, 1, 2):
        fit.log(step, loss=9.0)
    fit.again()
    for step in (2, 3):
        fit.log(step, loss=1.0)
    found = [(row["phase"], row["step"], row["loss"]) for row in fit.rows]
    assert found == [
        ("1", "1", "9.0"),
        ("1", "2", "9.0"),
        ("1", "3", "9.0"),
        ("2", "1", "9.0"),
        ("2", "2", "1.0"),
        ("2", "3", "1.0"),
    ]


def test_a_fit_that_begins_again_without_a_checkpoint_begins_with_its_first_phase(
    fit: Fit,
) -> None:
    for step in (1, 2, 1, 2):
        fit.log(step, loss=9.0)
    fit.again(resumes=False)
    for step in (1, 2, 1, 2):
        fit.log(step, loss=1.0)
    found = [(row["phase"], row["step"], row["loss"]) for row in fit.rows]
    assert found == [(phase, step, "1.0") for phase in "12" for step in "12"]


def test_who_watches_is_told_numbers_alone(fit: Fit) -> None:
    fit.log(3, total=3, phase="joint", loss=torch.tensor(0.5), schedule="cosine")
    assert fit.sent == [Step(3, 3, {"loss": 0.5})]


def test_nothing_reported_is_no_curve(tmp_path: Path) -> None:
    assert to_csv(tmp_path / "training.jsonl") is None
