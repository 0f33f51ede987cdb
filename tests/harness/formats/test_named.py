from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ecgbench.harness.formats.named import named_labels

CLASSES = ("N", "V", "F")
LABELS = np.array([0, 1, 2, 0, 1])


def named(labels: Any, said: dict[str, str] | None = None, **other: Any) -> tuple[Any, str]:
    """Return the labels, and the remarks or the problem."""
    problems: list[str] = []
    notes: list[str] = []
    arrays = {"labels": np.asarray(labels)} | {n: np.array(value) for n, value in other.items()}
    found = named_labels(arrays, said, CLASSES, 5, problems, notes)
    assert (found is None) == bool(problems)
    return None if found is None else found.tolist(), "; ".join(problems or notes)


@pytest.mark.parametrize(
    ("labels", "note"),
    [
        (LABELS, ""),
        (LABELS.astype(np.uint8), ""),
        (LABELS.astype(np.float64), "labels are float64, all whole numbers"),
        (np.eye(3)[LABELS], "one-hot labels of 3 columns"),
        (np.eye(3, dtype=bool)[LABELS], "one-hot labels of 3 columns"),
        (np.array(CLASSES)[LABELS], ""),
    ],
)
def test_labels_of_several_kinds_are_the_datasets(labels: Any, note: str) -> None:
    found, told = named(labels)
    assert found == LABELS.tolist()
    assert note in told


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ([0, 1, 0.5, 0, 1], "labels hold 0.5 in row 2; whole numbers are wanted"),
        ([0, 1, np.nan, 0, 1], "labels hold nan in row 2"),
        ([0, 1, 1e300, 0, 1], "labels hold 1e+300 in row 2"),
        (0.5 * np.eye(3)[LABELS], "one-hot rows have one 1 and zeros"),
        (LABELS[:, None], "labels.ravel() has it"),
        (LABELS[:4], "of shape (4,); whole numbers of shape (5,)"),
        (LABELS > 0, "labels are bool"),
        (LABELS + 1, "from 1 to 3; indices into N, V, F are wanted, from 0 to 2 (--classes"),
        (["N", "V", "X", "N", "N"], "labels name X; those of the dataset are wanted: N, V, F"),
    ],
)
def test_other_labels_are_refused(labels: Any, problem: str) -> None:
    assert problem in named(labels)[1]


def test_the_user_gives_labels_names() -> None:
    found, told = named(LABELS + 1, {"1": "N", "2": "F", "3": "V"})
    assert found == [0, 2, 1, 0, 2]
    assert "by --classes (1=N, 2=F, 3=V)" in told
    assert named(["a", "b", "a", "a", "a"], {"a": "V", "b": "F"})[0] == [1, 2, 1, 1, 1]
    assert "labels hold 2, which --classes does not name" in named(LABELS, {"0": "N", "1": "V"})[1]


def test_a_class_without_a_window_may_have_any_name() -> None:
    assert named(LABELS, classes=["N", "V", "F", "Q"])[0] == LABELS.tolist()
    assert "classes are N, V, Q" in named(LABELS, classes=["N", "V", "Q"])[1]
