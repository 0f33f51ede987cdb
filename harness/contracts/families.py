"""The families of metrics, with their rules for boards and the audit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FamilyName = Literal["fidelity", "diversity", "utility", "privacy", "cost"]
"""For type checkers; `FAMILIES` has the same names."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """One family of metrics.

    Attributes:
        title: the heading of ``ecgbench list``.
        overall: whether its ranks count in the overall rank.
        must_see: the duty of its metrics in the audit, names of `ecgbench.contracts.faults.FAULTS`; a
            spec may claim others.
        on_front: whether the Pareto front weighs it against the other such family.
        has_null: whether its metrics may have a null.
        comparable: whether two machines measure the same; else ``reproduce`` and ``merge`` compare no
            values.
    """

    title: str
    overall: bool = True
    must_see: tuple[str, ...] = ()
    on_front: bool = False
    has_null: bool = False
    comparable: bool = True


FAMILIES: dict[str, Family] = {
    "fidelity": Family(title="metrics of fidelity", must_see=("noise", "outliers")),
    "diversity": Family(
        title="metrics of diversity", must_see=("shrinking", "mode-collapse", "outliers")
    ),
    "utility": Family(title="metrics of utility", must_see=("class-collapse",), on_front=True),
    "privacy": Family(
        title="metrics of privacy", must_see=("copies",), on_front=True, has_null=True
    ),
    "cost": Family(title="metrics of cost", overall=False, comparable=False),
}
"""By name, in the order of boards and lists."""

OVERALL = tuple(name for name, family in FAMILIES.items() if family.overall)
"""The families behind the overall rank."""


def place_of(family: str) -> int:
    """Return the place of a family on a board; an unknown one stands behind all."""
    return [*FAMILIES, family].index(family)


def is_comparable(family: str) -> bool:
    """Return whether two machines measure the same by metrics of this family."""
    return family not in FAMILIES or FAMILIES[family].comparable
