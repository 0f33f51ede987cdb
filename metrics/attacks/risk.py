"""Residual risk: the gain of an attack on members beyond its gain on non-members."""

from __future__ import annotations

from math import hypot
from typing import NamedTuple

from scipy.stats import binomtest

LEVEL = 0.95
"""Confidence of every interval here."""


class Interval(NamedTuple):
    """A value with its 95% interval."""

    value: float
    low: float
    high: float

    def parts(self, name: str) -> dict[str, float]:
        """Return the three numbers as parts of a score."""
        return {name: self.value, f"{name}-low": self.low, f"{name}-high": self.high}


def rate(successes: int, attempts: int) -> Interval:
    """Return a share of attempts, with Wilson's score interval."""
    interval = binomtest(successes, attempts).proportion_ci(LEVEL, method="wilson")
    return Interval(successes / attempts, float(interval.low), float(interval.high))


def residual_risk(attack: Interval, control: Interval) -> Interval:
    """Return ``(attack − control) / (1 − control)``, the share by which failures on members are rarer.

    The interval stands around the centres of Wilson's two intervals; their half-widths are propagated
    (Giomi, Boenisch, Wehmeyer, Tasnádi, PoPETs 2023(2):312, and ``stats/confidence.py`` of their
    code).  The value here is of the plain rates, theirs of the centres; the two differ little if there
    are many attempts.

    Raises:
        ZeroDivisionError: the attack never fails on non-members.
    """
    centre_attack, half_attack = (attack.low + attack.high) / 2, (attack.high - attack.low) / 2
    centre, half = (control.low + control.high) / 2, (control.high - control.low) / 2
    middle = (centre_attack - centre) / (1 - centre)
    error = hypot(half_attack / (1 - centre), half * (1 - centre_attack) / (1 - centre) ** 2)
    value = (attack.value - control.value) / (1 - control.value)
    return Interval(value, middle - error, middle + error)
