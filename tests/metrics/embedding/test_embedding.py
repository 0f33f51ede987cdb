"""Every metric of the folder: contributions, order of the controls, the same bytes twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench import EcgWindows
from ecgbench.contracts.comparison import Once
from ecgbench.harness.data.split import number, split
from ecgbench.metrics.embedding import ecgbench_metrics
from ecgbench.nn import Encoder, EncoderConfig

if TYPE_CHECKING:
    from ecgbench import Comparison, Score
    from tests.metrics.embedding.conftest import Cell

SPECS = {spec.name: spec for spec in ecgbench_metrics()}
QUICK: dict[str, dict[str, Any]] = {"classifier-two-sample": {"steps": 30}}


def score(name: str, comparison: Comparison) -> Score:
    spec = SPECS[name]
    config = spec.config(**QUICK.get(name, {}))
    found: Score = spec.load()(comparison, config)
    numbers = [found.value, *found.parts.values()]
    assert np.isfinite(numbers).all()
    assert spec.bounds[0] <= found.value <= spec.bounds[1]
    return found


def good(name: str, comparison: Comparison) -> float:
    value = score(name, comparison).value
    return value if SPECS[name].better == "higher" else -value


@pytest.mark.slow
@pytest.mark.parametrize("leads", [1, 2])
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", [name for name in SPECS if name not in (*QUICK, "recall")])
def test_real_windows_score_better_than_noisy_copies_and_these_than_noise(
    name: str, seed: int, leads: int, cell: Cell
) -> None:
    fresh, noisy, noise = (
        good(name, cell(row, seed=seed, leads=leads, sigma=0.2))
        for row in ("fresh", "noisy", "noise")
    )
    assert fresh > noisy > noise


@pytest.mark.parametrize("name", list(SPECS))
def test_what_people_contributed_adds_up_to_the_value_and_varies(name: str, cell: Cell) -> None:
    found = score(name, cell("shrunk"))
    assert found.contributions is not None
    assert found.contributions.evaluate()[0] == pytest.approx(found.value)
    weights = np.random.default_rng(0).multinomial(
        len(found.contributions.people),
        np.full(len(found.contributions.people), 1 / len(found.contributions.people)),
        size=50,
    )
    assert found.contributions.evaluate(weights.astype(float)).std() > 0


@pytest.mark.parametrize("name", list(SPECS))
def test_the_same_seed_gives_the_same_bytes(name: str, cell: Cell) -> None:
    first, again = (score(name, cell("noisy")) for _ in range(2))
    assert first.value == again.value
    assert first.parts == again.parts


@pytest.fixture(scope="module")
def alone() -> EcgWindows:
    """One person, one class."""
    rng = np.random.default_rng(0)
    beat = np.exp(-0.5 * ((np.arange(40) - 15) / 2) ** 2)
    signals = (1 + 0.1 * rng.standard_normal((300, 1, 1))) * beat
    return number(
        EcgWindows(
            signals=(signals + 0.02 * rng.standard_normal(signals.shape)).astype(np.float32),
            labels=np.zeros(300, dtype=np.int64),
            patients=np.zeros(300, dtype=np.int64),
            sampling_rate=50.0,
            leads=("II",),
            classes=("beat",),
        )
    )


def test_one_person_and_one_class_will_do(alone: EcgWindows, cell: Cell) -> None:
    splits = split(alone, 0)
    assert not len(splits.test)
    noise = np.random.default_rng(1).standard_normal(splits.fresh.signals.shape)
    encoder = Encoder(splits.auxiliary, EncoderConfig(steps=60, width=8), seed=0).fit()
    real, worse = (
        cell(
            "fresh",
            splits=splits,
            synthetic=splits.fresh.synthetic(splits.fresh.signals + more, splits.fresh.labels),
            once_per_seed=Once(),
            _memo={"encoder": encoder},
        )
        for more in (0, 0.3 * noise)
    )
    for name, spec in SPECS.items():
        # recall takes scattered windows for various ones, and nobody is unseen
        if name not in (*QUICK, "recall") and not spec.needs_patients:
            assert good(name, real) > good(name, worse)
