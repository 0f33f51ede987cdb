"""The disguises in the sight of `copied-share`, each in its space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d

from ecgbench.metrics.privacy import CopiedShareConfig
from ecgbench.metrics.privacy.disguises import SPEEDS, STEP, spaces
from tests.metrics.privacy.conftest import beats, compare, moved, score, spliced

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Signals = NDArray[np.floating]


WHOLE = CopiedShareConfig(spaces=("whole",))


NO_DISGUISE = CopiedShareConfig(spaces=("whole", "aligned"))


@pytest.mark.parametrize(
    ("samples", "speed", "gain", "offset"),
    [(6, 1, 1, 0), (-2.5, 1, 1, 0), (0, 1.05, 1, 0), (3.3, 0.96, 1.2, 0.5), (0, 1, 0.8, -1)],
)
def test_it_sees_through_disguises(
    samples: float, speed: float, gain: float, offset: float
) -> None:
    splits = beats()
    signals = gain * moved(splits.train.signals[::6], samples, speed) + offset
    seen = score(compare(splits, signals))
    assert seen.value > 0.85
    if samples or speed != 1:
        assert score(compare(splits, signals), WHOLE).value < 0.5


def circled(signals: Signals) -> Signals:
    by = np.random.default_rng(0).integers(signals.shape[2], size=len(signals))
    return np.stack(
        [np.roll(window, each, axis=1) for window, each in zip(signals, by, strict=True)]
    )


def warped(signals: Signals) -> Signals:
    """Return windows later and earlier by turns, by a wave of 16 ms as long as a window."""
    time, rng = np.arange(signals.shape[2]), np.random.default_rng(0)
    places = time + 2 * np.sin(2 * np.pi * time / len(time) + rng.uniform(0, 7, (len(signals), 1)))
    return np.stack(
        [
            CubicSpline(time, window, axis=1)(np.clip(at, 0, time[-1]))
            for window, at in zip(signals, places, strict=True)
        ]
    )


DISGUISED: dict[str, tuple[str, Callable[[Signals], Signals]]] = {
    "in a circle": ("spectrum", circled),
    "upside down": ("spectrum", lambda x: -x),
    "back to front": ("spectrum", lambda x: x[:, :, ::-1]),
    "all of that, and larger": ("spectrum", lambda x: -1.3 * circled(x[:, :, ::-1]) + 0.2),
    "low-passed": ("smooth", lambda x: gaussian_filter1d(x, 1.2, axis=2)),
    "warped": ("path", warped),
    "spliced behind the QRS": ("first", lambda x: spliced(x, cut=60)),
    "spliced before it": ("last", lambda x: spliced(x, cut=36)),
}


@pytest.mark.parametrize("name", DISGUISED)
def test_each_disguise_is_seen_in_the_space_that_is_for_it(name: str) -> None:
    space, disguise = DISGUISED[name]
    splits = beats()
    signals = disguise(splits.train.signals[::3].astype(float))
    seen = score(compare(splits, signals))
    assert seen.value > max(0.3, seen.parts["null-high"])
    assert seen.parts["p"] < 0.02
    assert seen.parts["p-scan"] < 0.02
    shares = {part: value for part, value in seen.parts.items() if part.startswith("share-")}
    assert max(shares, key=lambda part: shares[part]) == f"share-{space}"
    assert score(compare(splits, signals), NO_DISGUISE).value < 0.5 * seen.value


def test_views_hold_no_numbers_that_slow_a_processor() -> None:
    [space] = spaces(
        compare(beats(), beats().fresh.signals), CopiedShareConfig(spaces=("aligned",))
    )
    assert space.views is not None
    assert space.views.shape[:2] == (SPEEDS, 2 * round(0.05 / STEP) + 1)
    assert np.abs(space.views[space.views != 0]).min() > np.finfo(np.float32).tiny
