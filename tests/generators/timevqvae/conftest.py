"""A small timevqvae on small windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ecgbench.generators.timevqvae import TimeVqVaeConfig
from ecgbench.generators.timevqvae.model import TimeVqVae

if TYPE_CHECKING:
    from ecgbench import Context, EcgWindows

SMALL = TimeVqVaeConfig(
    low_frames=4,
    high_frames=4,
    codes=8,
    width=4,
    blocks=1,
    batch=16,
    iterations=6,
    prior_width=8,
    layers=1,
    prior_batch=16,
    prior_iterations=6,
    steps=3,
)


def small(**changes: Any) -> TimeVqVaeConfig:
    return msgspec.structs.replace(SMALL, **changes)


def fitted(context: Context, train: EcgWindows, config: TimeVqVaeConfig = SMALL) -> TimeVqVae:
    model = TimeVqVae(config)
    model.fit(train, context)
    return model
