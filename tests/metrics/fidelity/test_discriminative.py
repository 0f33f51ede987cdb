from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from ecgbench import Skip
from ecgbench.metrics.fidelity import DiscriminativeConfig
from ecgbench.metrics.fidelity.discriminative import _Discriminator, _Test, discriminative
from ecgbench.nn import RecurrentStack

if TYPE_CHECKING:
    from torch import Tensor

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


def fitted(seed: int, **settings: object) -> Tensor:
    """Return the weights of a small network after some steps on windows drawn by ``seed``."""
    real, made = torch.randn(2, 20, 10, 1, generator=torch.Generator().manual_seed(0)).unbind()
    network = RecurrentStack(1, 2, 1, generator=torch.Generator().manual_seed(1))
    before = torch.nn.utils.parameters_to_vector(network.parameters()).detach()
    config = DiscriminativeConfig(**settings)  # type: ignore[arg-type]
    _Discriminator(network, "last").fit(real, made, config, np.random.default_rng(seed))
    return torch.nn.utils.parameters_to_vector(network.parameters()).detach() - before


def test_a_batch_without_replacement_holds_every_window_once() -> None:
    first, second = (fitted(seed, steps=3, batch=99, replacement=False) for seed in (0, 1))
    assert torch.allclose(first, second, rtol=1e-3, atol=1e-6)
    first, second = (fitted(seed, steps=3, batch=20, replacement=True) for seed in (0, 1))
    assert not torch.allclose(first, second, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("schedule", ["constant", "one-cycle"])
def test_the_learning_rate_stays_or_rises_to_its_peak_and_falls(
    cell: Cell, schedule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[float] = []
    step = torch.optim.Adam.step

    def watched(self: torch.optim.Adam) -> None:
        rates.append(self.param_groups[0]["lr"])
        step(self)

    monkeypatch.setattr(torch.optim.Adam, "step", watched)
    config = DiscriminativeConfig(steps=20, splits=1, schedule=schedule)  # type: ignore[arg-type]
    discriminative(cell("fresh"), config)
    if schedule == "constant":
        assert rates == [0.01] * 20
    else:
        assert 0 < rates.index(max(rates)) < 19
        assert max(rates) == pytest.approx(0.01, rel=0.1)
        assert max(rates[0], rates[-1]) < 0.001


def test_networks_are_trained_on_one_thread_however_many_there_are(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    step = torch.optim.Adam.step

    def watched(self: torch.optim.Adam) -> None:
        threads.append(torch.get_num_threads())
        step(self)

    monkeypatch.setattr(torch.optim.Adam, "step", watched)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        discriminative(cell("fresh"), DiscriminativeConfig(steps=2))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert set(threads) == {1}


@pytest.mark.parametrize("scaling", ["standard", "unit"])
def test_the_network_sees_real_windows_in_a_unit_of_their_own(
    cell: Cell, scaling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Tensor] = []
    fit = _Discriminator.fit

    def watched(self: _Discriminator, real: Tensor, *more: object) -> None:
        seen.append(real)
        fit(self, real, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(_Discriminator, "fit", watched)
    config = DiscriminativeConfig(steps=1, splits=1, scaling=scaling)  # type: ignore[arg-type]
    comparison = cell("noise", leads=2)
    discriminative(comparison, config)
    control = comparison.splits.control
    larger = dataclasses.replace(control, signals=5 * control.signals + 1)
    splits = dataclasses.replace(comparison.splits, control=larger)
    discriminative(dataclasses.replace(comparison, splits=splits, _memo={}), config)
    first, second = seen
    assert torch.allclose(first, second, atol=1e-4)
    for lead in first.unbind(2):
        if scaling == "standard":
            assert [float(lead.mean()), float(lead.std())] == pytest.approx([0, 1], abs=1e-3)
        else:  # the extremes may be among the windows held out
            assert [float(lead.min()), float(lead.max())] == pytest.approx([0, 1], abs=0.2)
            assert lead.min() >= 0
            assert lead.max() <= 1


def test_divisions_are_averaged_before_the_distance_from_chance_or_after(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    # of 10 real and 10 synthetic windows one network finds 14 out, the other 8
    logits = [
        np.where(np.arange(20) < right, 1, -1).astype(np.float32).reshape(2, 10) * [[1], [-1]]
        for right in (14, 8)
    ]
    few = cell("fresh", synthetic=cell("fresh").synthetic.take(slice(50)))
    for average, value in (("accuracy", 0.05), ("score", 0.15)):
        tests = iter([_Test(np.arange(10), np.arange(10), *each) for each in logits])
        monkeypatch.setattr(
            "ecgbench.metrics.fidelity.discriminative._tell", lambda *_, tests=tests: next(tests)
        )
        config = DiscriminativeConfig(average=average)  # type: ignore[arg-type]
        found = discriminative(few, config)
        assert found.value == pytest.approx(value)
        assert found.contributions is not None
        assert found.contributions.evaluate()[0] == pytest.approx(value)


def test_one_lead_has_one_unit_and_five_have_two_at_least(cell: Cell) -> None:
    config = DiscriminativeConfig(steps=1, splits=1, hidden=1)
    for leads, hidden in ((1, 1), (5, 2)):
        built: list[int] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                "ecgbench.metrics.fidelity.discriminative.RecurrentStack",
                lambda *sizes, built=built, **more: (
                    built.append(sizes[1]) or RecurrentStack(*sizes, **more)
                ),
            )
            discriminative(cell("fresh", leads=leads), config)
        assert built == [hidden]


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
