"""Residual risk: what an attack gains on members beyond what it gains on non-members."""

from __future__ import annotations

from math import hypot
from typing import NamedTuple

from scipy.stats import binomtest

LEVEL = 0.95
"""Of every interval here."""


class Interval(NamedTuple):
    """A value with its 95% interval."""

    value: float
    low: float
    high: float

    def parts(self, name: str) -> dict[str, float]:
        """The three as parts of a score."""
        return {name: self.value, f"{name}-low": self.low, f"{name}-high": self.high}


def rate(successes: int, attempts: int) -> Interval:
    """A share of attempts, with Wilson's score interval."""
    found = binomtest(successes, attempts).proportion_ci(LEVEL, method="wilson")
    return Interval(successes / attempts, float(found.low), float(found.high))


def residual_risk(attack: Interval, control: Interval) -> Interval:
    """``(attack − control) / (1 − control)``: of the non-members' failures, the share that members lack.

    Giomi, Boenisch, Wehmeyer, Tasnádi (PoPETs 2023(2):312) and ``stats/confidence.py`` of
    their code: the interval stands around the centres of Wilson's two intervals, whose half-widths
    are propagated.  The value is that of the plain rates, where they report that of the centres,
    which differs little where attempts are many.

    Raises:
        ZeroDivisionError: the attack never fails on non-members.
    """
    centre_attack, half_attack = (attack.low + attack.high) / 2, (attack.high - attack.low) / 2
    centre, half = (control.low + control.high) / 2, (control.high - control.low) / 2
    middle = (centre_attack - centre) / (1 - centre)
    error = hypot(half_attack / (1 - centre), half * (1 - centre_attack) / (1 - centre) ** 2)
    value = (attack.value - control.value) / (1 - control.value)
    return Interval(value, middle - error, middle + error)
