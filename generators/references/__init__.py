"""The reference rows: `real`, `copy`, `noisy-copy` and `gaussian-noise` calibrate the board."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from ecgbench import Config, GeneratorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


class NoisyCopyConfig(Config, frozen=True):
    """Settings of `noisy-copy`."""

    sigma: Annotated[
        float,
        msgspec.Meta(
            ge=0, description="deviation of the noise, in deviations of the lead in train"
        ),
    ] = 0.1


@hookimpl
def ecgbench_generators() -> Iterable[GeneratorSpec]:
    """Return the four reference rows."""
    return [
        GeneratorSpec(
            name="real",
            target="ecgbench.generators.references.copies:Real",
            summary="the fresh real windows themselves: the score of an ideal generator",
            citation="ecgbench, docs/protocol.md",
            conditional=True,
            min_windows=1,
            reference=True,
            draws_on_fresh=True,
        ),
        GeneratorSpec(
            name="copy",
            target="ecgbench.generators.references.copies:Copy",
            summary="training windows of the wanted class: perfect looks, no privacy",
            citation="ecgbench, docs/protocol.md",
            conditional=True,
            min_windows=1,
            reference=True,
        ),
        GeneratorSpec(
            name="noisy-copy",
            target="ecgbench.generators.references.copies:NoisyCopy",
            config=NoisyCopyConfig,
            summary="training windows under white noise: hidden copies",
            citation="ecgbench, docs/protocol.md",
            conditional=True,
            min_windows=1,
            reference=True,
        ),
        GeneratorSpec(
            name="gaussian-noise",
            target="ecgbench.generators.references.noise:GaussianNoise",
            summary="white noise with each lead's mean and deviation: the floor, and private",
            citation="ecgbench, docs/protocol.md",
            conditional=True,  # fitted once; no label changes it
            min_windows=1,
            reference=True,
        ),
    ]
