"""Who is given away: one dot a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgbench.results.pictures.canvas import BLUE, GREY, LARGE, SMALL, figure, letters, tidy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure

MOST = 100
"""People with names beside them; more stand without."""


class Guessed(NamedTuple):
    """How often an attacker is right about each person.

    Attributes:
        name: of the generator.
        share: by person, from 0 to 1: over the roles that the person had, the mean share of the people of
            the other role whom the attacker ranks rightly against this one.
    """

    name: str
    share: Mapping[int, float]


def people(guessed: Sequence[Guessed], *, title: str, note: str) -> Figure:
    """Draw a column for each generator and a line for each person, the most given away on top.

    Args:
        guessed: by generator.
        title: of the picture.
        note: below it.
    """
    everybody = sorted({person for each in guessed for person in each.share})
    mean = {p: np.mean([each.share[p] for each in guessed if p in each.share]) for p in everybody}
    order = sorted(everybody, key=lambda person: (mean[person], -person))
    named = len(order) <= MOST
    high = max(3.2, 1.35 + len(order) * (0.13 if named else 0.02))
    width = 1.1 + 1.45 * len(guessed)
    drawn = figure(width, high)
    axes = drawn.subplots(1, len(guessed), squeeze=False, sharey=True, sharex=True)[0]
    drawn.subplots_adjust(
        left=0.75 / width,
        right=1 - 0.2 / width,
        top=1 - 0.75 / high,
        bottom=0.85 / high,
        wspace=0.1,
    )
    for axis, each in zip(axes, guessed, strict=True):
        places = [place for place, person in enumerate(order) if person in each.share]
        shares = [each.share[order[place]] for place in places]
        axis.axvline(0.5, color=GREY, lw=0.8)
        axis.hlines(places, 0.5, shares, color=BLUE, lw=0.6, alpha=0.5)
        axis.plot(shares, places, "o", color=BLUE, ms=3.5)
        axis.set_title(
            f"{letters(each.name)}\nmean {np.mean(shares):.2f}", fontsize=SMALL, parse_math=False
        )
        axis.set_xlim(-0.03, 1.03)
        axis.set_xticks([0, 0.5, 1], ["0", "½", "1"])
        tidy(axis)
    axes[0].set_ylim(-1, len(order))
    if named:
        axes[0].set_yticks(range(len(order)), [str(person) for person in order], fontsize=6)
    axes[0].set_ylabel("person", fontsize=SMALL)
    drawn.supxlabel(
        "how often the attacker is right about the person", y=0.42 / high, fontsize=SMALL
    )
    drawn.text(
        0.5, 0.12 / high, letters(note), ha="center", fontsize=6, color="#555", parse_math=False
    )
    drawn.suptitle(letters(title), y=1 - 0.1 / high, va="top", fontsize=LARGE, parse_math=False)
    return drawn
