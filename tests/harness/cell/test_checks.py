from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench import Contributions, GeneratorSpec, MetricSpec, Score, Skip, Term
from ecgbench.contracts.comparison import Comparison
from ecgbench.contracts.errors import PluginError
from ecgbench.harness.cell.checks import (
    as_contributions,
    as_score,
    check_applies,
    check_metric_applies,
    check_sample,
)
from ecgbench.harness.data.split import number, split

if TYPE_CHECKING:
    from ecgbench import EcgWindows

GENERATOR = GeneratorSpec(name="gan", target="x:y", summary="", conditional=True)
METRIC = MetricSpec(
    name="f1", target="x:y", summary="", family="utility", better="higher", bounds=(0.0, 1.0)
)


@pytest.fixture
def train(make_windows: Any) -> EcgWindows:
    windows: EcgWindows = make_windows(np.zeros(12), [0] * 9 + [1] * 3)
    return windows


def compare(make_windows: Any, patients: Any, labels: Any = None) -> Comparison:
    splits = split(number(make_windows(patients, labels)), 0)
    return Comparison(synthetic=splits.fresh, splits=splits, seed=0, headline_classes=())


def test_a_generator_that_applies_is_let_through(train: EcgWindows) -> None:
    check_applies(dataclasses.replace(GENERATOR, max_leads=1, min_windows=12), train, train.labels)
    by_class = dataclasses.replace(GENERATOR, conditional=False, min_windows=3)
    check_applies(by_class, train, train.labels)


def test_a_generator_of_fewer_leads_is_skipped(train: EcgWindows) -> None:
    two = dataclasses.replace(train, signals=np.repeat(train.signals, 2, axis=1), leads=("a", "b"))
    with pytest.raises(Skip, match="it models at most 1 leads, the windows have 2"):
        check_applies(dataclasses.replace(GENERATOR, max_leads=1), two, two.labels)


def test_a_generator_that_needs_more_windows_is_skipped(train: EcgWindows) -> None:
    with pytest.raises(Skip, match="it needs 13 training windows, all classes has 12"):
        check_applies(dataclasses.replace(GENERATOR, min_windows=13), train, train.labels)


def test_one_fitted_per_class_needs_its_windows_in_each_class_that_is_asked_for(
    train: EcgWindows,
) -> None:
    by_class = dataclasses.replace(GENERATOR, conditional=False, min_windows=4)
    with pytest.raises(Skip, match="it needs 4 training windows, class S has 3"):
        check_applies(by_class, train, train.labels)
    check_applies(by_class, train, np.zeros(5, dtype=np.int64))
    with pytest.raises(Skip, match="class V has 0"):
        check_applies(by_class, train, np.array([0, 2]))


def test_a_metric_of_several_classes_is_skipped_where_there_is_one(make_windows: Any) -> None:
    spec = dataclasses.replace(METRIC, needs_labels=True)
    with pytest.raises(Skip, match="it needs several classes, the dataset has one"):
        check_metric_applies(spec, compare(make_windows, np.arange(100) % 4))
    check_metric_applies(spec, compare(make_windows, np.arange(100) % 4, np.arange(100) % 3))


def test_a_metric_of_unseen_patients_is_skipped_where_there_is_one_patient(
    make_windows: Any,
) -> None:
    spec = dataclasses.replace(METRIC, needs_patients=True)
    with pytest.raises(Skip, match="it needs unseen patients, the dataset has one patient"):
        check_metric_applies(spec, compare(make_windows, np.zeros(100)))
    check_metric_applies(spec, compare(make_windows, np.arange(100) % 4))


def test_a_metric_that_needs_more_windows_is_skipped(make_windows: Any) -> None:
    with pytest.raises(Skip, match="it needs 99 synthetic windows, there are 15"):
        check_metric_applies(
            dataclasses.replace(METRIC, min_windows=99), compare(make_windows, np.zeros(100))
        )


def test_a_metric_of_several_leads_or_of_strips_is_skipped_on_others(make_windows: Any) -> None:
    compared = compare(make_windows, np.zeros(100))
    leads, length = compared.synthetic.signals.shape[1:]
    seconds = length / compared.sampling_rate
    with pytest.raises(Skip, match=f"it needs {leads + 1} leads, the windows have {leads}"):
        check_metric_applies(dataclasses.replace(METRIC, min_leads=leads + 1), compared)
    with pytest.raises(Skip, match=f"it needs windows of 99 s, these last {seconds:g} s"):
        check_metric_applies(dataclasses.replace(METRIC, min_seconds=99.0), compared)
    fits = dataclasses.replace(METRIC, min_leads=leads, min_seconds=seconds)
    check_metric_applies(fits, compared)


def test_somebody_whose_only_window_is_in_control_contributes(make_windows: Any) -> None:
    patients = np.where(np.arange(400) < 300, np.arange(400) % 10, np.arange(400))
    compared = compare(make_windows, patients)
    splits = compared.splits
    alone = np.setdiff1d(splits.control.patients, [*splits.train.patients, *splits.test.patients])
    assert len(alone)
    contributions = Contributions.of([Term(patients=alone, numerators=np.ones(len(alone)))])
    score = Score(value=1.0, contributions=contributions)
    record, notes = as_contributions(METRIC, score, splits)
    assert record is not None
    assert not notes


def test_what_was_asked_for_is_let_through(train: EcgWindows) -> None:
    labels = np.array([1, 0, 1])
    check_sample("gan", train.synthetic(np.ones((3, 1, 4)), labels), train, labels)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"signals": np.ones((2, 1, 4), np.float32)}, "labels have shape (3,); (2,) is wanted"),
        ({"signals": np.ones((3, 1, 5), np.float32)}, "returned signals of shape (3, 1, 5); (3, 1"),
        ({"signals": np.ones((3, 4), np.float32)}, "signals have shape (3, 4)"),
        ({"signals": np.full((3, 1, 4), np.nan, np.float32)}, "3 of 3 windows hold NaN"),
        (
            {"labels": np.array([0, 1, 1])},
            "returned other labels than it was asked for, or another",
        ),
        ({"labels": np.array([0, 0, 0])}, "returned other labels"),
        ({"sampling_rate": 250.0}, "returned windows with sampling_rate 250.0; 4.0 is wanted"),
        ({"leads": ("V1",)}, "returned windows with leads ('V1',); ('II',) is wanted"),
        ({"classes": ("N", "S")}, "returned windows with classes ('N', 'S'); ('N', 'S', 'V') is"),
    ],
)
def test_anything_else_is_told(train: EcgWindows, changes: dict[str, Any], said: str) -> None:
    labels = np.array([1, 0, 1])
    made = dataclasses.replace(train.synthetic(np.ones((3, 1, 4)), labels), **changes)
    with pytest.raises(PluginError) as error:
        check_sample("gan", made, train, labels)
    assert str(error.value).startswith("generator gan")
    assert said in str(error.value)


def test_too_many_windows_are_told(train: EcgWindows) -> None:
    made = train.synthetic(np.ones((4, 1, 4)), np.array([1, 0, 1, 1]))
    with pytest.raises(PluginError, match=r"of shape \(4, 1, 4\); \(3, 1, 4\) is wanted"):
        check_sample("gan", made, train, np.array([1, 0, 1]))


def test_what_is_no_windows_is_told(train: EcgWindows) -> None:
    with pytest.raises(PluginError, match="generator gan returned ndarray; EcgWindows are wanted"):
        check_sample("gan", np.ones((3, 1, 4)), train, np.array([1, 0, 1]))


@pytest.mark.parametrize("value", [0.5, 1, np.float32(0.5), np.int64(0), 1 + 1e-9])
def test_a_number_in_bounds_becomes_a_score(value: Any) -> None:
    score = as_score(METRIC, value)
    assert score == Score(value=float(value))
    assert type(score.value) is float


def test_a_score_keeps_what_it_tells_and_its_value_becomes_a_float() -> None:
    score = as_score(METRIC, Score(value=np.float32(0.5), parts={"N": 1.0}, n=3))  # type: ignore[arg-type]  # as a plugin would
    assert type(score.value) is float
    assert score.parts == {"N": 1.0}
    assert score.n == 3


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "metric f1 returned NoneType; a float or a Score"),
        ("0.5", "metric f1 returned str; a float or a Score"),
        (np.ones(2), "metric f1 returned ndarray; a float or a Score"),
        (float("nan"), "metric f1 returned nan; a finite number is wanted"),
        (Score(value=float("inf")), "metric f1 returned inf; a finite number is wanted"),
        (1.01, r"metric f1 returned 1.01, outside its bounds \(0.0, 1.0\)"),
        (Score(value=-0.1), r"metric f1 returned -0.1, outside its bounds \(0.0, 1.0\)"),
    ],
)
def test_what_is_no_number_in_bounds_is_told(value: Any, said: str) -> None:
    with pytest.raises(PluginError, match=said):
        as_score(METRIC, value)


def test_without_bounds_any_finite_number_is_a_score() -> None:
    spec = MetricSpec(name="d", target="x:y", summary="", family="fidelity", better="lower")
    assert as_score(spec, -1e300).value == -1e300


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a\n", "x" * 65])
def test_an_artefact_is_named_so_that_it_stays_in_its_folder(name: str) -> None:
    with pytest.raises(PluginError, match="named an artefact"):
        as_score(METRIC, Score(value=0.5, artefacts={name: b""}))
