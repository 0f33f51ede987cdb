"""Parts of a fitted model, written and read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench.saving import load_model, save_model

if TYPE_CHECKING:
    from pathlib import Path

GRID = np.arange(12.0).reshape(3, 4)


@pytest.mark.parametrize(
    "array",
    [
        GRID,
        GRID.T,
        GRID[:, :2],
        GRID[:0],
        GRID[:, :0].T,
        np.array(2.0),
        np.asfortranarray(np.arange(24, dtype=np.float32).reshape(2, 3, 4)),
        np.array([True, False]),
    ],
    ids=["rows", "columns", "part", "no-row", "no-column", "number", "three-axes", "bool"],
)
def test_an_array_keeps_values_dtype_and_order_in_memory(array: np.ndarray, tmp_path: Path) -> None:
    save_model(tmp_path, one=array, deep={"more": [array]})
    found = load_model(tmp_path)
    for one in (found["one"], found["deep"]["more"][0]):
        np.testing.assert_array_equal(one, array)
        assert (one.dtype, one.shape) == (array.dtype, array.shape)
        columns = array.flags.f_contiguous and not array.flags.c_contiguous
        assert one.flags.f_contiguous if columns else one.flags.c_contiguous


def test_a_dictionary_by_label_comes_back(tmp_path: Path) -> None:
    save_model(tmp_path, means={np.int64(2): GRID, 0: "none", True: {}})
    found = load_model(tmp_path)["means"]
    assert list(found) == [2, 0, 1]
    np.testing.assert_array_equal(found[2], GRID)
    assert found[0] == "none"


def test_keys_with_dots_hide_no_array(tmp_path: Path) -> None:
    save_model(tmp_path, net={"a.b": GRID, "a": {"b": GRID + 1}})
    found = load_model(tmp_path)["net"]
    np.testing.assert_array_equal(found["a.b"], GRID)
    np.testing.assert_array_equal(found["a"]["b"], GRID + 1)


@pytest.mark.parametrize("array", [np.array(["N"]), np.array([None]), np.array([1j])])
def test_an_array_of_something_else_than_numbers_is_named(
    array: np.ndarray, tmp_path: Path
) -> None:
    with pytest.raises(TypeError, match="names is an array of"):
        save_model(tmp_path, names=array)
