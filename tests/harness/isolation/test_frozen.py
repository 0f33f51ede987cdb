from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from ecgbench.contracts.errors import PluginError
from ecgbench.harness.isolation.frozen import Frozen

if TYPE_CHECKING:
    from tests.harness.conftest import Bench


def test_windows_become_read_only(make_windows: Any) -> None:
    windows = make_windows([1, 2, 3])
    Frozen(windows)
    with pytest.raises(ValueError, match="read-only"):
        windows.signals[0] = 0


def test_what_nobody_has_changed_passes(make_windows: Any) -> None:
    windows = make_windows([1, 2, 3], [0, 1, 2])
    frozen = Frozen(windows, make_windows([4, 5]), make_windows([]))
    torch.tensor(windows.signals).zero_()
    frozen.check("metric mmd")


@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
@pytest.mark.parametrize("array", ["signals", "labels", "patients"])
@pytest.mark.parametrize("how", ["one value", "all values", "two rows swapped"])
def test_a_change_through_a_tensor_is_noticed(make_windows: Any, array: str, how: str) -> None:
    windows = make_windows([1, 2, 3], [0, 1, 2])
    frozen = Frozen(make_windows([7, 8]), windows)
    tensor = torch.from_numpy(getattr(windows, array))
    if how == "one value":
        tensor.view(-1)[-1] += 1
    elif how == "all values":
        tensor.sub_(1)
    else:
        tensor[[0, 1]] = tensor[[1, 0]].clone()
    with pytest.raises(PluginError, match=r"metric mmd changed windows .*work on a copy"):
        frozen.check("metric mmd")


def test_odd_lengths_are_summed_too(make_windows: Any) -> None:
    windows = make_windows([1, 2])
    object.__setattr__(windows, "signals", np.ones((2, 1, 3), dtype=np.float32))
    frozen = Frozen(windows)
    frozen.check("x")
    windows.signals.flags.writeable = True
    windows.signals[1, 0, 2] = 2
    with pytest.raises(PluginError):
        frozen.check("x")


@pytest.mark.parametrize("generator", ["bad", "bad-by-class"])
def test_a_generator_that_changes_the_real_windows_fails(bench: Bench, generator: str) -> None:
    study = bench.study(generators=(generator,), generator={generator: {"how": "tensor"}})
    bench.work(study)
    if generator == "bad":  # one that is fitted by class has a copy
        assert "changed windows that it was only to look at" in bench.cell(study).reason
    else:
        assert bench.cell(study).status == "ok"


def test_a_metric_that_changes_windows_fails_and_the_next_sees_the_true_ones(bench: Bench) -> None:
    bench.run()
    true = bench.scores()
    bench.store_name = "other"
    study = bench.study(metrics=("bad-a", "level", "spread"), metric={"bad-a": {"how": "tensor"}})
    bench.run(study)
    found = bench.scores(study)
    assert found["bad-a"].status == "failed"
    assert "metric bad-a changed windows" in found["bad-a"].reason
    assert found["level"].value == true["level"].value
    assert found["spread"].value == true["spread"].value
