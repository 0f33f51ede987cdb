"""Per-person contributions to a score, the basis of an interval over people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    Influence = tuple[NDArray[np.int64], NDArray[np.floating]]
"""The person of each window, and the influence of the window alone on the score."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Term:
    """One ratio of sums, ``coefficient · Σ numerators / Σ denominators``, by window or by person.

    Attributes:
        patients: int64, shape (n,), the person of each entry; a person may appear often.
        numerators: float, shape (n,).
        denominators: float, shape (n,); None for ones: the ratio is then a mean.
        coefficient: weight of this ratio in the value.
    """

    patients: NDArray[np.int64]
    numerators: NDArray[np.float64]
    denominators: NDArray[np.float64] | None = None
    coefficient: float = 1.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Contributions:
    r"""The contribution of each person to a score.

    The score is a sum of ratios, each of them of sums over people::

        value = offset + Σ_j coefficient_j · (Σ_p numerators[p, j]) / (Σ_p denominators[p, j])

    This covers means and differences of means over windows, macro-F1 (F1 = 2TP / (2TP + FP + FN),
    with coefficient 1/classes) and, to first order, AUC (DeLong's structural components) and
    U-statistics.  A bootstrap over people weighs each person's row and evaluates the formula again;
    nothing is refitted.  A ratio with a denominator of zero counts as zero.

    Attributes:
        people: int64, shape (person,), ascending; the dataset's numbers.
        numerators: float64, shape (person, term).
        denominators: float64, shape (person, term).
        coefficients: float64, shape (term,).
        offset: added to the sum.
    """

    people: NDArray[np.int64]
    numerators: NDArray[np.float64]
    denominators: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    offset: float = 0.0

    @classmethod
    def of(cls, terms: Iterable[Term], offset: float = 0.0) -> Contributions:
        """Sum each term by person."""
        import numpy as np  # noqa: PLC0415 - a metric's light module may import this one

        terms = list(terms)
        people = np.unique(np.concatenate([term.patients for term in terms])).astype(np.int64)
        numerators = np.zeros((len(people), len(terms)))
        denominators = np.zeros((len(people), len(terms)))
        for j, term in enumerate(terms):
            rows = np.searchsorted(people, term.patients)
            np.add.at(numerators[:, j], rows, term.numerators)
            ones = np.ones(len(rows)) if term.denominators is None else term.denominators
            np.add.at(denominators[:, j], rows, ones)
        coefficients = np.array([term.coefficient for term in terms], dtype=np.float64)
        return cls(
            people=people,
            numerators=numerators,
            denominators=denominators,
            coefficients=coefficients,
            offset=offset,
        )

    @classmethod
    def first_order(cls, value: float, *influences: Influence) -> Contributions:
        """Return contributions to a score that depends smoothly on the windows of each side.

        Each influence belongs to one side.  Its mean over the windows is the gain of the score, to first
        order, from a change of the windows' weights; only deviations from that mean matter::

            value(w) ≈ value + Σ over sides of Σ_i (w_i − 1) · (influence_i − mean influence) / windows

        w_i is the number of draws of the window's person.  A plain ratio would do for a mean over
        windows.  But one person may be behind all synthetic windows of a bad generator, and a resample
        without this person would leave no windows for the mean.

        Args:
            value: the score.
            influences: for each side the person of each window, and the influence of the window alone
                on the score.
        """
        import numpy as np  # noqa: PLC0415 - as above

        everyone = np.unique(np.concatenate([patients for patients, _ in influences]))
        terms = []
        for patients, influence in influences:
            # people share the windows equally in the denominator, so no resample changes it
            each = len(patients) / len(everyone)
            deviations = influence - influence.mean()
            terms.append(
                Term(
                    patients=np.concatenate([patients, everyone]),
                    numerators=np.concatenate([deviations, np.zeros(len(everyone))]),
                    denominators=np.concatenate(
                        [np.zeros(len(patients)), np.full(len(everyone), each)]
                    ),
                )
            )
        return cls.of(terms, offset=value)

    def evaluate(self, weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Return the value under each row of ``weights``, shape (resample, person); unweighted without.

        Returns:
            float64, shape (resample,), or (1,) without weights.
        """
        import numpy as np  # noqa: PLC0415 - as above

        if weights is None:
            weights = np.ones((1, len(self.people)))
        top, bottom = weights @ self.numerators, weights @ self.denominators
        if bottom.size and bottom.min() > 0:  # a quick check, mostly true
            ratios = top / bottom
        else:
            ratios = np.divide(top, bottom, out=np.zeros_like(top), where=bottom != 0)
        return np.asarray(self.offset + ratios @ self.coefficients)
