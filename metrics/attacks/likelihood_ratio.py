"""`likelihood-ratio-membership-inference`: LiRA with shadow fits of the same generator."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import norm

from ecgbench import Skip
from ecgbench.contracts.streams import AttackStream
from ecgbench.metrics.attacks.roc import attack_score
from ecgbench.shared import neighbours

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison, EcgWindows, Score
    from ecgbench.metrics.attacks import LikelihoodRatioConfig


def likelihood_ratio(comparison: Comparison, config: LikelihoodRatioConfig) -> Score:
    r"""Return the AUC of the likelihood-ratio attack, the strongest attack by someone with the generator.

    Carlini et al. (IEEE S&P 2022, section IV, algorithm 1) attack classifiers, and their statistic is
    the classifier's confidence.  A generator shows its synthetic windows only, so the statistic here is
    how near they come, in the Euclidean norm over all samples of all leads::

        φ(x; S) = −log(min_{s in S} ‖x − s‖ + ε),  ε a thousandth of the median of these distances
        λ(x) = log N(φ(x; S) | μ_in(x), σ_in) − log N(φ(x; S) | μ_out(x), σ_out)

    The generator is fitted anew ``shadows`` times, each time on a random half of ``train`` ∪
    ``control``, stratified by patient and class; every second fit takes the complement of the half
    before.  μ_in(x) is the mean of φ(x) over the fits that saw x, μ_out(x) the mean over the others.  The
    deviations are pooled over all windows, as the paper does with few shadow models (section VI-B).

    The attack compares the generator with the same generator without one window.  So neither a common
    window nor a good generator hides the effect of that window.  The price is ``shadows`` fits, so this
    metric runs only on request by name.

    Returns:
        The value, with the parts and contributions of every membership attack (`roc.attack_score`).

    Raises:
        Skip: the windows were made elsewhere, so their generator cannot be fitted again.
    """
    if comparison.refit is None:
        raise Skip("it fits the generator again, and these windows were made elsewhere")
    splits = comparison.splits
    targets = _joined(splits.train, splits.control)
    inside, distances = _shadow_statistics(comparison, targets, config.shadows)
    own = _nearest(comparison, comparison.synthetic)
    small = 1e-3 * float(np.median(own)) or 1e-12
    statistic, shadow = -np.log(own + small), -np.log(distances + small)
    log_of = {}
    for name, rows in (("in", inside), ("out", ~inside)):
        count = rows.sum(axis=0)
        mean = (shadow * rows).sum(axis=0) / count
        freedom = rows.sum() - len(targets)
        squares = (((shadow - mean) ** 2) * rows).sum()
        deviation = max(float(np.sqrt(squares / freedom)), 1e-9)
        log_of[name] = norm.logpdf(statistic, mean, deviation)
    ratio = log_of["in"] - log_of["out"]
    members = len(splits.train)
    return attack_score(comparison, ratio[:members], ratio[members:])


def _shadow_statistics(
    comparison: Comparison, targets: EcgWindows, shadows: int
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return which targets each shadow fit saw, and its distance to them: shape (shadow, window)."""
    assert comparison.refit is not None
    rng = np.random.default_rng([comparison.seed, AttackStream.SHADOW_HALVES])
    inside = np.empty((shadows, len(targets)), dtype=bool)
    distances = np.empty((shadows, len(targets)))
    for number in range(shadows):
        inside[number] = ~inside[number - 1] if number % 2 else _half(targets, rng)
        synthetic = comparison.refit(targets.take(inside[number]), number)
        distances[number] = _nearest(comparison, synthetic)
    return inside, distances


def _half(windows: EcgWindows, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return a random half of each patient and class, give or take one window."""
    order = np.lexsort((rng.random(len(windows)), windows.labels, windows.patients))
    half = np.empty(len(windows), dtype=bool)
    half[order] = (np.arange(len(windows)) + rng.integers(2)) % 2 == 0
    return half


def _nearest(comparison: Comparison, synthetic: EcgWindows) -> NDArray[np.float64]:
    """Return the distance of each window of ``train``, then ``control``, to the nearest of these."""
    other = dataclasses.replace(comparison, synthetic=synthetic, _memo={})
    return np.concatenate(
        [
            neighbours(other, "train", "synthetic").distances[:, 0],
            neighbours(other, "control", "synthetic").distances[:, 0],
        ]
    )


def _joined(first: EcgWindows, second: EcgWindows) -> EcgWindows:
    both: dict[str, Any] = {
        name: np.concatenate([getattr(first, name), getattr(second, name)])
        for name in ("signals", "labels", "patients", "records", "positions", "indices")
        if getattr(first, name) is not None and getattr(second, name) is not None
    }
    return dataclasses.replace(first, **both)
