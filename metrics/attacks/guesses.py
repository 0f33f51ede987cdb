"""Guesses of an attacker about the unknown part of a window, from similar synthetic windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Contributions, Score, Skip, Term
from ecgbench.metrics.attacks.risk import rate, residual_risk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ecgbench import Comparison

    Successes = tuple[NDArray[np.bool_], NDArray[np.bool_]]
    """Right guesses on the windows of ``train`` and on those of ``control``."""


def known_samples(comparison: Comparison, share: float) -> int:
    """Return the number of samples that the attacker sees, from the start of a window.

    Raises:
        Skip: a window has no two samples to divide.
    """
    length = comparison.splits.train.length
    if length < 2:
        raise Skip("a window has one sample, so no part of it can be known")
    return min(max(round(share * length), 1), length - 1)


def inference_score(comparison: Comparison, successes: Mapping[str, Successes]) -> Score:
    """Return the residual risk of all guesses at some secrets, ``(attack − control) / (1 − control)``.

    The rates are means over secrets.  So the value is the share by which wrong guesses are rarer on
    members than on non-members.  A mean of the secrets' own risks would be all noise if one secret is
    nearly always guessed.

    Args:
        comparison: its ``train`` are the members, its ``control`` the non-members.
        successes: the right guesses at each secret, by the secret's name.

    Returns:
        The value, with the success rates ``attack-SECRET`` on members and ``control-SECRET`` on
        non-members.  ``residual-risk-SECRET`` is the risk of each secret alone with its 95% interval
        (``-low``, ``-high``), unless all guesses at it on non-members are right.  Contributions are
        of first order: a ratio of means.

    Raises:
        Skip: the attack is right in all guesses on non-members.
    """
    train, control = comparison.splits.train, comparison.splits.control
    parts: dict[str, float] = {}
    for name, (right, right_of_others) in successes.items():
        attack = rate(int(right.sum()), len(train))
        null = rate(int(right_of_others.sum()), len(control))
        parts |= {f"attack-{name}": attack.value, f"control-{name}": null.value}
        if null.value < 1:
            parts |= residual_risk(attack, null).parts(f"residual-risk-{name}")
    wrong = np.mean([~right for right, _ in successes.values()], axis=0)
    wrong_of_others = np.mean([~right for _, right in successes.values()], axis=0)
    if not wrong_of_others.any():
        raise Skip("all guesses of the attack on non-members are right, too")
    ratio = float(wrong.mean() / wrong_of_others.mean())
    return Score(
        value=1 - ratio,
        parts=parts,
        contributions=Contributions.of(
            [
                Term(patients=train.patients, numerators=-wrong / wrong_of_others.mean()),
                Term(
                    patients=control.patients,
                    numerators=ratio * wrong_of_others / wrong_of_others.mean(),
                ),
            ],
            offset=1 - ratio,
        ),
        n=len(train) + len(control),
    )
