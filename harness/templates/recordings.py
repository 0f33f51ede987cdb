"""Example recordings for a new dataset: simulated, small, and without numpy."""

from __future__ import annotations

from itertools import accumulate
from math import exp
from random import Random

RATE = 100
"""Hz."""

SECONDS = 20
PEOPLE = 12
WAVES = {
    "N": ((-0.2, 0.15, 0.025), (-0.03, -0.1, 0.01), (0.0, 1.0, 0.012), (0.03, -0.2, 0.01)),
    "V": ((0.0, 1.2, 0.035), (0.07, -0.5, 0.03)),
}
"""P, Q, R and S of a class of beats: time to the R peak in s, height in mV, deviation in s."""

T_WAVE = {"N": (0.28, 0.3, 0.05), "V": (0.3, -0.4, 0.06)}
REACH = 0.6
"""Seconds; no wave is further from its R peak."""


def recordings(seed: int = 0) -> dict[str, str]:
    """Return the files of a folder by name: people, and recordings with their beats.

    Heights of waves and heart rates differ from person to person, and one beat in six is ventricular.

    Args:
        seed: draws the people.
    """
    rng = Random(seed)  # noqa: S311 - it is no secret
    files = {}
    people = ["recording,person,sex,age"]
    for person in range(1, PEOPLE + 1):
        name = f"r{person:02d}"
        people.append(f"{name},{person},{rng.choice('FM')},{rng.randint(20, 80)}")
        gain, pause = rng.uniform(0.7, 1.4), rng.uniform(0.7, 1.0)
        steps = [pause * rng.uniform(0.95, 1.05) for _ in range(int(SECONDS / pause))]
        peaks = [round(time * RATE) for time in accumulate(steps) if time < SECONDS]
        beats = [(peak, rng.choice("NNNNNV")) for peak in peaks]
        signal = [rng.gauss(0.0, 0.01) for _ in range(SECONDS * RATE)]
        for peak, label in beats:
            _add(signal, peak, label, gain)
        files[f"{name}.csv"] = "\n".join(["II", *(f"{value:.3f}" for value in signal), ""])
        files[f"{name}.beats.csv"] = "\n".join(
            ["sample,class", *(f"{peak},{label}" for peak, label in beats), ""]
        )
    return {"people.csv": "\n".join([*people, ""])} | files


def _add(signal: list[float], peak: int, label: str, gain: float) -> None:
    """Add the waves of a beat to a signal."""
    reach = round(REACH * RATE)
    for sample in range(max(0, peak - reach), min(len(signal), peak + reach)):
        time = (sample - peak) / RATE
        signal[sample] += gain * sum(
            height * exp(-0.5 * ((time - place) / width) ** 2)
            for place, height, width in (*WAVES[label], T_WAVE[label])
        )
