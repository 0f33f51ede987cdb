"""The light module of the plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecgbench.contracts.config import build
from ecgbench.generators.timegan import TimeGanConfig, ecgbench_generators
from ecgbench.generators.timegan.model import TimeGan

if TYPE_CHECKING:
    from ecgbench import GeneratorSpec


def spec() -> GeneratorSpec:
    (only,) = ecgbench_generators()
    return only


def test_the_spec_loads_its_model_and_its_smoke_settings_reach_every_phase() -> None:
    assert spec().load() is TimeGan
    assert spec().conditional
    smoke = build(TimeGanConfig, spec().smoke, where="generator timegan")
    assert min(smoke.embedding_iterations, smoke.supervised_iterations, smoke.iterations) > 0
