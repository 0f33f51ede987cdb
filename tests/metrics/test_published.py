"""The study `published` against the Sines experiment, an independent program of both scores.

Seconds of one network of each, on 10,000 real and 10,000 synthetic windows of 128 samples of one lead, with
the metrics' network and with plain `torch.nn.GRU`: ``python -m pytest tests/metrics/test_published.py
--benchmark-enable -k one_network``; without the flag it is a test of a few short windows.
"""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
import torch
from torch import nn

from ecgbench import Comparison, EcgWindows, Splits
from ecgbench.harness.planning import study
from ecgbench.metrics import fidelity, utility
from ecgbench.metrics.fidelity.discriminative import _tell, discriminative
from ecgbench.metrics.utility.predictive import _errors, _scaled, predictive
from ecgbench.nn.recurrent import one_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    Series = tuple[NDArray[np.float32], NDArray[np.float32]]

SCRIPT = Path(__file__).parents[2] / "examples" / "timegan-sines" / "reproduce.py"
SERIES, SEED = 400, 3
SPECS = {spec.name: spec for module in (fidelity, utility) for spec in module.ecgbench_metrics()}


class Draws:
    """A random generator with the same draws as the metric's, in any order of requests."""

    def __init__(
        self, rng: np.random.Generator, weights: int, orders: Iterator[NDArray[np.int64]]
    ) -> None:
        self.choice = rng.choice
        self.weights, self.orders = weights, orders

    def integers(self, _: int) -> int:
        return self.weights

    def permutation(self, _: int) -> NDArray[np.int64]:
        return next(self.orders)


@pytest.fixture
def oracle() -> Any:
    spec = importlib.util.spec_from_file_location("reproduce", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def series(oracle: Any) -> Series:
    """Return sines, and others, lower and noisy: (series, step, feature)."""
    rng = np.random.default_rng(0)
    real, made = np.split(oracle.sines(rng)[: 2 * SERIES], 2)
    made = 0.96 * made + 0.05 * rng.standard_normal(made.shape)
    return real, made.astype(np.float32)


@pytest.fixture
def scaled(series: Series) -> list[Tensor]:
    """Both, with the range of each feature of the real ones as the unit."""
    least, largest = series[0].min((0, 1)), series[0].max((0, 1))
    return [torch.from_numpy((each - least) / (largest - least + 1e-7)) for each in series]


def compare(real: NDArray[np.float32], made: NDArray[np.float32]) -> Comparison:
    """Return synthetic series (series, step, feature) beside the real ones as every split."""
    windows = EcgWindows(
        signals=np.ascontiguousarray(real.swapaxes(1, 2)),
        labels=np.zeros(len(real), dtype=np.int64),
        patients=np.arange(len(real)) % 10,
        sampling_rate=1.0,
        leads=tuple("abcde"[: real.shape[2]]),
        classes=("sine",),
    )
    return Comparison(
        synthetic=windows.synthetic(made.swapaxes(1, 2), windows.labels),
        splits=Splits(
            train=windows, control=windows, auxiliary=windows, fresh=windows, test=windows, fold=0
        ),
        seed=SEED,
        headline_classes=("sine",),
    )


def published(name: str, **changed: Any) -> Any:
    settings = study.read("published").settings(SPECS[name])
    return msgspec.structs.replace(settings, **changed)


def use(oracle: Any, draws: Draws) -> None:
    oracle.np = SimpleNamespace(random=SimpleNamespace(default_rng=lambda _: draws))


@pytest.mark.slow
@one_thread()
def test_discriminative_is_the_published_score(
    oracle: Any, series: Series, scaled: list[Tensor]
) -> None:
    rng = np.random.default_rng([SEED, 0, 7])
    orders = [rng.permutation(SERIES), rng.permutation(SERIES)]
    use(oracle, Draws(rng, int(rng.integers(2**31)), iter(orders)))
    wanted = oracle.discriminative(*scaled, 0)
    assert 0.1 < wanted < 0.4
    found = discriminative(compare(*series), published("discriminative", splits=1))
    assert found.value == pytest.approx(wanted, abs=1e-9)


@pytest.mark.slow
@one_thread()
def test_predictive_is_the_published_score(
    oracle: Any, series: Series, scaled: list[Tensor]
) -> None:
    use(oracle, Draws(np.random.default_rng([SEED, 2]), SEED, iter(())))
    wanted = oracle.predictive(*scaled, 0)
    found = predictive(compare(*series), published("predictive", repeats=1))
    # the kernel rounds the sigmoid otherwise than torch, and 5,000 steps make more of it
    assert found.value == pytest.approx(wanted, rel=5e-4)
    assert found.value > found.parts["real"]


def test_each_is_the_mean_of_ten_networks() -> None:
    assert published("discriminative").splits == published("predictive").repeats == 10
    assert published("discriminative").average == "score"


class Plain(nn.Module):
    """`RecurrentStack` of torch's own parts."""

    def __init__(
        self,
        inputs: int,
        hidden: int,
        outputs: int,
        *,
        sigmoid: bool = False,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        del generator
        self.gru, self.head = nn.GRU(inputs, hidden, batch_first=True), nn.Linear(hidden, outputs)
        self.end = nn.Sigmoid() if sigmoid else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.end(self.head(self.gru(x)[0]))
        return found


@pytest.mark.parametrize("network", ["stack", "plain"])
@pytest.mark.parametrize("name", ["discriminative", "predictive"])
def test_one_network(
    benchmark: Any, monkeypatch: pytest.MonkeyPatch, name: str, network: str
) -> None:
    """The aim is 90 seconds for both scores."""
    count, length = (10_000, 128) if benchmark.enabled else (50, 8)
    rng = np.random.default_rng(0)
    phase, speed = rng.uniform(0, 6.28, (2, count, 1, 1)), rng.uniform(0.03, 0.1, (2, count, 1, 1))
    waves = np.sin(phase + speed * np.arange(length)[:, None])
    waves += 0.05 * rng.standard_normal(waves.shape)
    comparison = compare(*waves.astype(np.float32))
    splits, made = comparison.splits, comparison.synthetic
    if network == "plain":
        family = "fidelity" if name == "discriminative" else "utility"
        monkeypatch.setattr(f"ecgbench.metrics.{family}.{name}.RecurrentStack", Plain)

    def train_and_test(settings: Any) -> None:
        if name == "discriminative":
            _tell(splits.control, made, count - count // 5, count // 5, settings, (0,))
        else:
            train, test = (_scaled(each.signals, splits, settings) for each in (made, splits.test))
            _errors(train, test, settings, 0)

    one = {"splits": 1} if name == "discriminative" else {"repeats": 1}
    short = published(name, steps=2, **one)
    train_and_test(short)
    started = time.process_time()
    benchmark.pedantic(train_and_test, (published(name, **one) if benchmark.enabled else short,))
    benchmark.extra_info["seconds of the processor"] = round(time.process_time() - started, 1)
