"""`copied-share`: the share of synthetic windows that are near-copies of one training window."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.stats import rankdata

from ecgbench import Contributions, Score, Skip, Term
from ecgbench.contracts.streams import PrivacyStream
from ecgbench.large import joined
from ecgbench.metrics.privacy.disguises import spaces
from ecgbench.metrics.privacy.nearest import clearest, nearest

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

    from ecgbench import Comparison
    from ecgbench.metrics.privacy import CopiedShareConfig

SCAN = (0.1, 0.4, 1.0, 2.0)
"""Thresholds of the part ``p-scan``: from many copies under much noise to few under none."""

REDRAWS = 1000
"""Random divisions of the windows between ``train`` and ``control``."""


def copied_share(comparison: Comparison, config: CopiedShareConfig) -> Score:
    """Return the share of near-copies of single windows of ``train`` among the synthetic windows.

    A window drawn from a distribution lies between real ones and has several about as near; a copy
    has one.  So a synthetic window is a hit of its nearest real window if the second nearest is much
    farther.  Chance makes hits, too: equally many for each window of ``control`` as of ``train``, because
    the windows were divided between them at random within patient and class.  Of people with one window,
    some are in ``train`` and some in ``control``; a copy of a window is then a copy of a person.

    Distances are Euclidean in principal components of ``auxiliary``, in seven spaces (`disguises`); each
    sees through another disguise: ``whole`` windows as they are; windows ``aligned`` over shifts and
    speeds, without offset and amplitude; the magnitudes of their ``spectrum``; ``smooth`` ones; amplitudes
    along the ``path`` of the curve; the ``first`` and the ``last`` part alone.  For each window the space
    with the greatest log(d₂/d₁) counts.  All but the first two count `disguises.CLEARER` less, for each
    further look makes chance hits.  Windows of ``control`` get the same looks as those of ``train``, so
    the null is as exact as with one.

    **0 does not mean that there are no copies in other disguises**, such as mixtures of two windows, smooth
    warps by 20 ms or more, splices of many short pieces, two of these disguises together, or noise of half
    the signal's deviation.  docs/privacy.md has the smallest visible dose of each.

    Exact copies of distinct windows of ``train`` score 1; ``real`` scores 0 up to noise.  The least value is
    −n_train/n_control.

    Parts: ``share-SPACE``, the value by that space alone: it tells the disguise if ``p`` tells that there
    is one; ``hits-train`` and ``hits-control``; ``null-low`` and ``null-high``, 2.5 and 97.5% of the
    value under 1,000 new draws of the labels train and control, as the split draws them, nothing else
    changed; ``p``, the share of these values (the actual one among them) at least as high; ``p-scan``,
    Fisher's combination of such p at thresholds from .1 to 2: it compares their product with the product
    under redrawn labels, and detects smaller doses.

    Returns:
        The value with its parts.  Per-person contributions are exact: a synthetic window belongs to
        the person of its nearest real window, and keeps its hit when people are resampled.

    Raises:
        Skip: there is no ``control``, or components cannot be fitted.
    """
    train, control = comparison.splits.train, comparison.splits.control
    if not min(len(train), len(control)):
        raise Skip(f"{len(train)} training and {len(control)} control windows; it needs both")
    real = joined(train.signals, control.signals)
    patients = np.concatenate([train.patients, control.patients])
    labels = np.concatenate([train.labels, control.labels])
    member = np.arange(len(real)) < len(train)
    by_space = nearest(spaces(comparison, config), comparison.synthetic.signals, real)
    closest = clearest(by_space)
    hits = closest.isolation[:, None] > np.array([config.threshold, *SCAN])
    of_real = np.zeros((len(real), hits.shape[1]))
    np.add.at(of_real, closest.indices, hits)

    weights = np.where(member, 1.0, -len(train) / len(control))
    others = (comparison.splits.auxiliary, comparison.splits.fresh)
    values = redrawn(
        of_real,
        weights,
        Strata.of(
            np.concatenate([patients, *(side.patients for side in others)]),
            np.concatenate([labels, *(side.labels for side in others)]),
            len(real),
        ),
        np.random.default_rng([comparison.seed, PrivacyStream.REDRAWN_PEOPLE]),
    )
    values = np.vstack([weights @ of_real, values]) / len(hits)
    value, under_null = float(values[0, 0]), values[1:, 0]
    p, p_scan = p_values(values)
    low, high = np.quantile(under_null, [0.025, 0.975])
    people = np.unique(patients)
    return Score(
        value=value,
        parts={
            "p": p,
            "p-scan": p_scan,
            "null-low": float(low),
            "null-high": float(high),
            "hits-train": float(of_real[member, 0].sum()),
            "hits-control": float(of_real[~member, 0].sum()),
            **{
                f"share-{name}": float(
                    weights[of_space.indices] @ (of_space.isolation > config.threshold)
                )
                / len(hits)
                for name, of_space in by_space.items()
            },
        },
        contributions=Contributions.of(
            [
                Term(
                    patients=np.concatenate([patients[closest.indices], people]),
                    numerators=np.concatenate(
                        [np.where(hits[:, 0], weights[closest.indices], 0.0), np.zeros(len(people))]
                    ),
                    denominators=np.concatenate([np.ones(len(hits)), np.zeros(len(people))]),
                )
            ]
        ),
        n=len(hits),
    )


class Strata(NamedTuple):
    """The strata (patient, class) of all windows that the split divided.

    Attributes:
        of_window: int64, shape (window,), the stratum of each window of ``train`` and ``control``.
        labels: int64, shape (stratum,), its class.
        sizes: int64, shape (stratum,), its windows, those in other parts of the split included.
    """

    of_window: NDArray[np.int64]
    labels: NDArray[np.int64]
    sizes: NDArray[np.int64]

    @classmethod
    def of(cls, patients: NDArray[np.int64], labels: NDArray[np.int64], count: int) -> Self:
        """Return the strata of these windows; the first ``count`` are ``train`` and ``control``."""
        pairs, of_window, sizes = np.unique(
            np.column_stack([patients, labels]), axis=0, return_inverse=True, return_counts=True
        )
        return cls(of_window.ravel()[:count], pairs[:, 1], sizes)


def redrawn(
    hits: NDArray[np.float64],
    weights: NDArray[np.float64],
    strata: Strata,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return sums of hits by weight under new draws of the weights.

    The split divides strata of one class and size by the same law.  So two things can be exchanged: the
    weights within a stratum, and whole strata of one class and size with as many windows in ``train``
    and ``control`` together.  The second matters for people with one window or two: alone, such a
    stratum has nothing to exchange.

    Args:
        hits: shape (window, column), of each window of ``train`` and ``control``.
        weights: shape (window,), of two values, one for ``train`` and one for ``control``.
        strata: of these windows.
        rng: draws.

    Returns:
        float64, shape (`REDRAWS`, column).
    """
    of_window, count = strata.of_window, len(strata.sizes)
    sums = np.zeros((REDRAWS, hits.shape[1]))
    inside = np.bincount(of_window, minlength=count)
    member = np.bincount(of_window, weights > 0, minlength=count).astype(np.int64)
    is_hit = np.bincount(of_window, hits.any(axis=1), minlength=count) > 0
    rows_of = np.split(np.argsort(of_window, kind="stable"), np.cumsum(inside)[:-1])
    kinds = np.column_stack([strata.labels, strata.sizes, inside])
    alike = np.unique(kinds, axis=0, return_inverse=True)[1].ravel()
    low, high = weights.min(), weights.max()
    for kind in np.unique(alike[is_hit]):
        same = np.flatnonzero(alike == kind)
        members = rng.permuted(np.tile(member[same], (REDRAWS, 1)), axis=1)
        for place in np.flatnonzero(is_hit[same]):
            rows = rows_of[same[place]]
            order = rng.permuted(np.tile(np.arange(len(rows)), (REDRAWS, 1)), axis=1)
            sums += np.where(order < members[:, [place]], high, low) @ hits[rows]
    return sums


def p_values(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return ``p`` and ``p-scan``.

    Args:
        values: shape (1 + redraw, 1 + len(SCAN)), first the actual ones; by threshold, first the
            setting's.
    """
    as_high = rankdata(-np.round(values, 9), method="max", axis=0) / len(values)
    product = np.round(np.log(as_high[:, 1:]).sum(axis=1), 9)
    return float(as_high[0, 0]), float(np.mean(product <= product[0]))
