from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from ecgbench import Skip
from ecgbench.metrics.fidelity import DiscriminativeConfig
from ecgbench.metrics.fidelity.discriminative import discriminative

if TYPE_CHECKING:
    from tests.metrics.fidelity.conftest import Cell

QUICK = DiscriminativeConfig(steps=15, splits=2)


@pytest.mark.slow
@pytest.mark.parametrize("leads", [1, 2])
@pytest.mark.parametrize("seed", [0, 1])
def test_it_orders_generators_of_known_quality(cell: Cell, seed: int, leads: int) -> None:
    config = DiscriminativeConfig(steps=200)
    values = {
        row: discriminative(cell(row, seed=seed, leads=leads, sigma=0.6), config).value
        for row in ("fresh", "copy", "noisy", "noise")
    }
    # 72 held-out windows of each kind leave chance a deviation of .04
    assert max(values["fresh"], values["copy"]) < 0.2
    assert values["noisy"] > 0.25
    assert values["noise"] > 0.45


@pytest.mark.parametrize("pooling", ["mean", "last"])
def test_it_is_what_it_says_of_its_parts(cell: Cell, pooling: str) -> None:
    config = DiscriminativeConfig(steps=5, pooling=pooling)  # type: ignore[arg-type]
    found = discriminative(cell("noise"), config)
    accuracy = (found.parts["real-accuracy"] + found.parts["synthetic-accuracy"]) / 2
    assert found.value == pytest.approx(abs(accuracy - 0.5))
    assert found.n == 2 * 2 * int(0.2 * len(cell("noise").synthetic))
    assert 0 <= found.parts["auroc"] <= 1


def test_as_many_real_as_synthetic_windows_are_compared(cell: Cell) -> None:
    comparison = cell("fresh")
    few = cell("fresh", synthetic=comparison.synthetic.take(slice(40)))
    assert discriminative(few, QUICK).n == 2 * 2 * 8


def test_windows_that_are_all_found_out_are_half_away_from_chance(cell: Cell) -> None:
    fresh = cell("fresh").splits.fresh
    offset = cell("fresh", synthetic=fresh.synthetic(fresh.signals + 5, fresh.labels))
    found = discriminative(offset, DiscriminativeConfig(steps=60))
    assert found.value == 0.5
    assert found.parts["auroc"] == 1
    assert {found.parts[f"discriminative-{name}"] for name in "NSVF"} == {0.5}


def test_the_same_seed_gives_the_same_score_and_no_global_randomness_is_drawn(cell: Cell) -> None:
    torch_state, numpy_state = (
        torch.get_rng_state(),
        np.random.get_state(legacy=False)["state"]["key"].tolist(),  # noqa: NPY002 - to see it untouched
    )
    first, second = (discriminative(cell("noisy"), QUICK) for _ in range(2))
    assert (first.value, first.parts) == (second.value, second.parts)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.random.get_state(legacy=False)["state"]["key"].tolist() == numpy_state  # noqa: NPY002 - as above


def test_its_contributions_give_back_the_value(cell: Cell) -> None:
    for row in ("fresh", "noise"):
        found = discriminative(cell(row), QUICK)
        assert found.contributions is not None
        assert found.contributions.evaluate()[0] == pytest.approx(found.value)


def test_with_too_few_windows_it_is_skipped(cell: Cell) -> None:
    comparison = cell("fresh")
    few = cell("fresh", synthetic=comparison.synthetic.take(slice(4)))
    with pytest.raises(Skip, match="there are 4 of each"):
        discriminative(few, QUICK)
