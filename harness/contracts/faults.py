"""The faults of ``ecgbench audit``, each in growing doses (docs/audit.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecgbench.contracts.families import FamilyName

DOSES = 2
"""The version of the doses, and of the generator `dose`: raise it when a dose or a family's duty changes.
Audits of earlier doses count no more."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault in growing doses.

    Attributes:
        kind: the setting ``fault`` of the generator `dose`.
        amounts: ascending, without 0: every fault has that dose too.
        unit: of the amounts, in words.
        shown_to: families; the audit shows the fault to their metrics, and to any that claims to see it.
        sigma: noise on copies, in deviations of the lead.
        own_0: whether a dose of 0 has windows of its own, and not the fresh ones.
    """

    kind: str
    amounts: tuple[float, ...]
    unit: str
    shown_to: tuple[FamilyName, ...] = ()
    sigma: float = 0.0
    own_0: bool = False

    @property
    def name(self) -> str:
        """The name in a metric's ``sees``."""
        return f"{self.kind}-noise-{self.sigma:g}" if self.sigma else self.kind


def _look(kind: str, unit: str, *amounts: float) -> Fault:
    """Return a fault in the look of windows; it changes nobody's privacy."""
    return Fault(
        kind=kind, amounts=amounts, unit=unit, shown_to=("fidelity", "utility", "diversity")
    )


_TABLE = (
    _look("noise", "deviations of the lead", 0.05, 0.1, 0.2, 0.5, 1.0),
    _look("gain", "amplitude gained", 0.05, 0.1, 0.2, 0.5),
    _look("shift", "s", 0.008, 0.024, 0.064, 0.16),
    _look("warp", "duration gained", 0.02, 0.05, 0.1, 0.2),
    _look("smoothing", "s", 0.005, 0.01, 0.02, 0.04),
    _look("slope", "exponent of the frequency", 0.1, 0.25, 0.5, 1.0),
    _look("class-collapse", "share of the rarer classes", 0.1, 0.25, 0.5, 1.0),
    _look("mode-drop", "share of each class", 0.1, 0.25, 0.5, 0.75),
    _look("patient-drop", "share of the people", 0.25, 0.5, 0.75, 0.9),
    _look("duplication", "further copies of each window", 1.0, 4.0, 19.0, 99.0),
    _look("shrinking", "share of the way to the class mean", 0.1, 0.25, 0.5, 0.9),
    _look("gain-scatter", "deviation of the log amplitude", 0.1, 0.25, 0.5, 1.0),
    _look("outliers", "share of the windows", 0.01, 0.1, 0.5, 1.0),
    _look("mode-collapse", "share of the windows", 0.1, 0.25, 0.5, 1.0),
    _look("collapse-outliers", "share of the windows", 0.1, 0.25, 0.5, 1.0),
    *(
        Fault(
            kind="copies",
            amounts=(0.01, 0.1, 0.5, 1.0),
            unit="share of the windows",
            shown_to=("privacy",),
            sigma=sigma,
        )
        for sigma in (0.0, 0.02, 0.05, 0.1, 0.2)
    ),
    Fault(
        kind="copied-people",
        amounts=(0.1, 0.25, 0.5, 1.0),
        unit="share of the people",
        shown_to=("privacy",),
    ),
    # faults of strips and of several leads, shown to metrics that claim to see them
    Fault(
        kind="jittered-rhythm", amounts=(0.02, 0.05, 0.1, 0.2), unit="s, deviation of each R peak"
    ),
    Fault(kind="shuffled-leads", amounts=(0.1, 0.25, 0.5, 1.0), unit="share of the windows"),
    # fresh windows of a member are a fault to metrics of people alone, so nobody is shown it unasked
    Fault(kind="members", amounts=(0.01, 0.1, 0.5, 1.0), unit="share of the windows", own_0=True),
)

FAULTS: dict[str, Fault] = {fault.name: fault for fault in _TABLE}
"""By name, in the order of tables."""

KINDS: tuple[str, ...] = tuple(dict.fromkeys(fault.kind for fault in _TABLE))
"""The faults that the generator `dose` can make, without the noise on copies."""
