"""The training loop: stopped fits, curves, running means, scaling."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from ecgbench import Config, Context, EcgWindows
from ecgbench.nn import checkpoint, training
from ecgbench.nn.training import LeadScale, Training, average, batch, noise, warm_cosine

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(0)
TRAIN = EcgWindows(
    signals=(RNG.standard_normal((40, 2, 8)) * [[2.0], [0.5]] + [[1.0], [-3.0]]).astype(np.float32),
    labels=RNG.integers(0, 2, 40),
    patients=np.repeat(np.arange(4), 10),
    classes=("N", "V"),
    leads=("MLII", "V1"),
    sampling_rate=100.0,
)


class Settings(Config, frozen=True):
    """Settings whose tuple is a list in a checkpoint's JSON."""

    widths: tuple[int, ...] = (8, 8)


class Stopped(Exception):  # noqa: N818 - stands for a kill
    """The fit is interrupted."""


def fit(
    folder: Path, *, stop_at: int = 0, curve: list[dict[str, Any]] | None = None
) -> torch.Tensor:
    """Fit a linear map to noise; return its weights."""
    folder.mkdir(exist_ok=True)

    def log(done: int, /, *, total: int | None = None, **values: Any) -> None:
        if curve is not None:
            curve.append({"done": done, "total": total, **values})
        if done == stop_at:
            raise Stopped

    context = Context(seed=1, device="cpu", threads=1, log=log, checkpoint_dir=folder)
    torch_rng = torch.Generator().manual_seed(1)
    network = torch.nn.Linear(8, 8)
    with torch.no_grad():
        network.weight.copy_(torch.randn((8, 8), generator=torch_rng))
        network.bias.zero_()
    mean = copy.deepcopy(network)
    adam = torch.optim.Adam(network.parameters(), 0.1)
    rng = np.random.default_rng(1)
    x = torch.from_numpy(TRAIN.signals[:, 0])

    def iterate(iteration: int) -> dict[str, torch.Tensor]:
        rows = batch(rng, len(x), 16)
        loss = ((network(x[rows]) - noise(rng, 16, 8)) ** 2).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        average(mean, network, 0.9, iteration + 1)
        return {"error": loss}

    Training(
        "trial",
        context,
        Settings(),
        TRAIN,
        modules={"network": network, "mean": mean},
        optimisers={"adam": adam},
        rng=rng,
    ).run(iterate, 30)
    return torch.cat([network.weight.detach(), mean.weight.detach()])


def test_a_stopped_fit_ends_with_the_bytes_of_a_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(training, "CHECKPOINT_EVERY", 0.0)
    monkeypatch.setattr(training, "LOG_EVERY", 1)
    whole = fit(tmp_path / "whole")
    with pytest.raises(Stopped):
        fit(tmp_path / "stopped", stop_at=13)
    curve: list[dict[str, Any]] = []
    assert torch.equal(fit(tmp_path / "stopped", curve=curve), whole)
    assert curve[0]["done"] == 14
    assert "trial: resumed after 13 iterations" in capsys.readouterr().out


def test_a_checkpoint_of_settings_with_a_tuple_is_used(tmp_path: Path) -> None:
    fit = {"settings": {"channels": (4, 2)}}
    checkpoint.save(tmp_path, "trial", fit=fit, progress={"done": 1}, tensors={})
    assert checkpoint.load(tmp_path, "trial", fit=fit) == ({"done": 1}, {})
    assert checkpoint.load(tmp_path, "trial", fit={"settings": {"channels": (4, 3)}}) is None


def test_the_curve_has_every_tenth_iteration_and_the_last(tmp_path: Path) -> None:
    curve: list[dict[str, Any]] = []
    fit(tmp_path, curve=curve)
    assert [point["done"] for point in curve] == [10, 20, 30]
    assert all(point["total"] == 30 and point["error"] > 0 for point in curve)


def test_a_loss_that_is_not_finite_ends_the_fit(tmp_path: Path) -> None:
    context = Context(
        seed=0, device="cpu", threads=1, log=lambda *_, **__: None, checkpoint_dir=tmp_path
    )
    loop = Training(
        "trial",
        context,
        Config(),
        TRAIN,
        modules={},
        optimisers={},
        rng=np.random.default_rng(0),
    )
    with pytest.raises(FloatingPointError, match=r"iteration 3: error is nan; try a smaller"):
        loop.run(lambda iteration: {"error": float("nan") if iteration == 2 else 1.0}, 5)


def test_the_running_mean_has_the_weights_of_its_formula() -> None:
    network, mean = torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1, bias=False)
    values = [3.0, -1.0, 5.0]
    for done, value in enumerate(values, start=1):
        with torch.no_grad():
            network.weight.fill_(value)
        average(mean, network, 0.5, done)
    weights = np.array([0.25, 0.5, 1.0])
    assert mean.weight.item() == pytest.approx(weights @ values / weights.sum())


def test_leads_are_scaled_each_and_back() -> None:
    scale = LeadScale.of(TRAIN)
    scaled = scale.forward(TRAIN.signals)
    np.testing.assert_allclose(scaled.mean(dim=(0, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.std(dim=(0, 2), correction=0), 1, rtol=1e-5)
    np.testing.assert_allclose(scale.inverse(scaled), TRAIN.signals, atol=1e-5)


def test_the_rate_rises_and_falls_to_nothing() -> None:
    rates = [warm_cosine(i, 100, 10) for i in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[10] == 1.0
    assert rates[55] == pytest.approx(0.5)
    assert rates[99] < 0.001
