"""Returns a wrong spec; the environment variable BAD_SPEC says how it is wrong."""

import os
from pathlib import Path
from typing import Any

import msgspec

from ecgbench import Config, GeneratorSpec, MetricSpec, hookimpl


class SizeConfig(Config, frozen=True):
    size: int = 1


class NoDefaultConfig(Config, frozen=True):
    size: int


class ForeignConfig(Config, frozen=True):
    gain: complex | None = None


class UnionConfig(Config, frozen=True):
    where: Path | str = ""


class KeyConfig(Config, frozen=True):
    weights: dict[Path, float] = msgspec.field(default_factory=dict)


class UntypedConfig(Config, frozen=True):
    band: Any = (1, 2)


@hookimpl
def ecgbench_metrics() -> list[Any]:
    good: dict[str, Any] = {
        "name": "good-spec",
        "target": "x:y",
        "summary": "fine",
        "family": "fidelity",
        "better": "lower",
    }
    wrong: dict[str, dict[str, Any]] = {
        "name": {"name": "Bad Name"},
        "target": {"target": "no_colon"},
        "family": {"family": "beauty"},
        "better": {"better": "bigger"},
        "sees": {"sees": ("noize",)},
        "audited": {"audited_on": "nothing"},
        "config": {"config": dict},
        "default": {"config": NoDefaultConfig},
        "smoke": {"config": SizeConfig, "smoke": {"sise": 2}},
        "field": {"colour": "red"},
        "foreign": {"config": ForeignConfig},
        "union": {"config": UnionConfig},
        "key": {"config": KeyConfig},
        "untyped": {"config": UntypedConfig},
    }
    how = os.environ["BAD_SPEC"]
    first = MetricSpec(**good)
    if how == "kind":
        return [first, GeneratorSpec(name="other-kind", target="x:y", summary="of another kind")]
    if how == "none":
        return None  # type: ignore[return-value]
    if how == "fresh":
        return [first]
    bad = MetricSpec(**(good | {"name": "bad-spec"} | wrong[how]))
    return [first, bad, MetricSpec(**good | {"name": "good-too"})]


@hookimpl
def ecgbench_generators() -> list[GeneratorSpec]:
    if os.environ["BAD_SPEC"] != "fresh":
        return []
    return [
        GeneratorSpec(name="peeks", target="x:y", summary="peeks at fresh", draws_on_fresh=True)
    ]
