"""`detection-size`: how many windows must a judge see before it tells synthetic from real ones?"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from scipy.stats import binom
from sklearn.isotonic import IsotonicRegression

from ecgbench import Contributions, Score, Skip, stratified
from ecgbench.contracts.streams import FidelityStream
from ecgbench.large import by_parts
from ecgbench.metrics.fidelity.judge import looks, trees
from ecgbench.shared import people_behind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ecgbench import Comparison
    from ecgbench.metrics.fidelity import DetectionSizeConfig

ACCURACY = 0.75
"""A judge tells the two kinds apart if its accuracy is significantly above this."""

LEVEL = 0.05
"""The significance, one-sided."""

REPEATS = 8
"""Training sets of a size, at most: as many as there are windows for without using one twice."""

ENOUGH = 2
"""Sizes in a row with an accuracy above the threshold end the search."""

SHARE_HELD_OUT = 0.25
"""Of the windows, to test the judges on, if there are few."""


class Judge(Protocol):
    """Learns from known windows, and says which unknown ones look synthetic."""

    def __call__(
        self,
        known: NDArray[np.float32],
        is_synthetic: NDArray[np.bool_],
        unknown: NDArray[np.float32],
        seed: int,
        /,
    ) -> NDArray[np.bool_]:
        """Return the answers, shape (window,)."""
        ...


class Curve(NamedTuple):
    """The answers of judges on held-out windows.

    Attributes:
        sizes: windows of each kind that a judge has learnt from, ascending, shape (size,).
        right_of_real: share of the judges of a size that call a held-out real window real, shape
            (size, window).
        right_of_synthetic: the same of synthetic windows.
    """

    sizes: NDArray[np.int64]
    right_of_real: NDArray[np.float64]
    right_of_synthetic: NDArray[np.float64]

    @property
    def accuracies(self) -> NDArray[np.float64]:
        """Return the mean of both shares, shape (size,)."""
        return np.asarray(
            (self.right_of_real.mean(axis=1) + self.right_of_synthetic.mean(axis=1)) / 2
        )


class Detection(NamedTuple):
    """Where a learning curve crosses the threshold.

    Attributes:
        value: log₂ of the size.
        gradient: of the value by the accuracy at each size, shape (size,).
    """

    value: float
    gradient: NDArray[np.float64]


def detection_size(comparison: Comparison, config: DetectionSizeConfig) -> Score:
    r"""Return log₂ of the number of windows of each kind that a judge needs to tell them apart.

    Judges of one kind learn from 1, 2, 4, … n windows of ``control`` and as many synthetic ones, and all
    are tested on the same held-out windows, ``held_out`` of each kind and at most a quarter.  A judge
    tells them apart if its accuracy is above ¾ at a significance of 5%: at least a, the least accuracy
    for which the exact binomial test of so many held-out windows rejects ¾.  For 400 of each kind a is
    .776.  Each size has up to 8 judges with disjoint training sets; their accuracies are averaged.
    Both kinds give equally many windows, every class in its proportion, and the judge is not told the
    class.  Real windows are divided by window, so a person may be on both sides.

    A learning curve may fall by chance.  It is replaced by the nearest curve that does not fall (isotonic
    regression), and crosses a once: the value is interpolated in log₂ of the size.  Two sizes in a row at
    a or above end the search.  If the curve does not reach a, the value goes on beyond n::

        log₂ n + (a − accuracy at n) / (a − ½),  at most log₂ n + 1

    So ``real`` reads the cap, log₂ n + 1, up to chance, and a row near the cap was nearly told.  The cap
    depends on the number of windows: boards of different sizes do not compare at this end, and the
    ``real`` row shows it.  At most ``windows`` of each kind count.

    The judge is `ExtraTreesClassifier`.  It sees each sample, and the power in bands of 2 Hz
    (`ecgbench.metrics.fidelity.judge.looks`).  Before its spectrum is taken, a window gets white noise
    of ``noise`` deviations of the lead.  Otherwise a faint noise floor decides all: a linear judge of
    the plain spectrum tells windows under noise of a tenth of the deviation after 4 windows, and sees
    nothing else of them.  docs/detection.md compares judges.

    Parts: ``largest``, n; ``threshold``, a; ``accuracy-K``, the accuracy after K windows of each kind.

    Contributions, to first order: a held-out real window counts for its person, a synthetic one for the
    person of its nearest control window.  The training sets stay the same under resampling.

    Raises:
        Skip: there are fewer than 40 windows of each kind.
    """
    control, synthetic = comparison.splits.control, comparison.synthetic
    count = min(len(control), len(synthetic))
    held_out = min(config.held_out, int(SHARE_HELD_OUT * count))
    if held_out < 10:
        raise Skip(
            f"it needs 40 real and 40 synthetic windows, there are {count} of each to compare"
        )
    rng = np.random.default_rng([comparison.seed, FidelityStream.DETECTION])
    real_rows, synthetic_rows = (
        rng.permutation(stratified(side.labels, count, rng)) for side in (control, synthetic)
    )
    deviation = control.signals.std(axis=(0, 2), keepdims=True)

    def seen(signals: NDArray[np.float32]) -> NDArray[np.float32]:
        noise = rng.standard_normal(signals.shape, dtype=np.float32)
        return looks(signals, comparison.sampling_rate, config.noise * deviation * noise)

    real, made = (
        by_parts(seen, signals)
        for signals in (control.signals[real_rows], synthetic.signals[synthetic_rows])
    )
    curve = learn(
        real,
        made,
        held_out,
        config.windows,
        lambda known, is_synthetic, unknown, seed: trees(
            known, is_synthetic, unknown, config.trees, seed
        ),
        int(rng.integers(2**31)),
    )
    found = crossing(curve.sizes, curve.accuracies, threshold(2 * held_out))
    return Score(
        value=found.value,
        parts={
            "largest": float(sizes_up_to(min(count - held_out, config.windows))[-1]),
            "threshold": threshold(2 * held_out),
            **{
                f"accuracy-{size}": float(accuracy)
                for size, accuracy in zip(curve.sizes, curve.accuracies, strict=True)
            },
        },
        contributions=Contributions.first_order(
            found.value,
            (
                control.patients[real_rows[:held_out]],
                found.gradient @ curve.right_of_real / 2,
            ),
            (
                people_behind(comparison)[synthetic_rows[:held_out]],
                found.gradient @ curve.right_of_synthetic / 2,
            ),
        ),
        n=2 * held_out,
    )


def threshold(windows: int) -> float:
    """Return the least accuracy on so many held-out windows with P(as many right | ¾) ≤ 5%."""
    return float((binom.isf(LEVEL, windows, ACCURACY) + 1) / windows)


def sizes_up_to(largest: int) -> Sequence[int]:
    """Return 1, 2, 4, … and the largest."""
    return [*(2**k for k in range(int(np.log2(largest)) + 1) if 2**k < largest), largest]


def learn(
    real: NDArray[np.float32],
    synthetic: NDArray[np.float32],
    held_out: int,
    largest: int,
    judge: Judge,
    seed: int,
) -> Curve:
    """Train judges on more and more windows, until `ENOUGH` sizes in a row tell the kinds apart.

    Args:
        real: shape (window, feature), in random order.
        synthetic: as many.
        held_out: the first of each kind, to test on.
        largest: most windows of each kind to train on.
        judge: trained for each training set anew.
        seed: seeds the judges.
    """
    unknown = np.concatenate([real[:held_out], synthetic[:held_out]])
    there = len(real) - held_out
    least = threshold(2 * held_out)
    sizes, of_real, of_synthetic = [], [], []
    told = 0
    for size in sizes_up_to(min(there, largest)):
        is_synthetic = np.repeat([False, True], size)
        answers = []
        for repeat in range(min(REPEATS, there // size)):
            rows = slice(held_out + repeat * size, held_out + (repeat + 1) * size)
            known = np.concatenate([real[rows], synthetic[rows]])
            answers.append(judge(known, is_synthetic, unknown, seed))
        share = np.mean(answers, axis=0)
        sizes.append(size)
        of_real.append(1 - share[:held_out])
        of_synthetic.append(share[held_out:])
        told = told + 1 if (of_real[-1].mean() + of_synthetic[-1].mean()) / 2 >= least else 0
        if told == ENOUGH:
            break
    return Curve(np.array(sizes), np.array(of_real), np.array(of_synthetic))


def crossing(sizes: NDArray[np.int64], accuracies: NDArray[np.float64], least: float) -> Detection:
    """Return where the isotonic regression of a learning curve reaches the threshold.

    Args:
        sizes: ascending, shape (size,).
        accuracies: at each size.
        least: the threshold, above ½.
    """
    places = np.log2(sizes)
    rising = IsotonicRegression().fit_transform(places, accuracies)
    # each level is the mean over the sizes of its block
    blocks = (rising[:, None] == rising).astype(np.float64)
    blocks /= blocks.sum(axis=1, keepdims=True)
    above = np.flatnonzero(rising >= least)
    if not len(above):
        # at the cap the slope stays: chance may as well take the accuracy to the other side of ½
        beyond = (least - max(rising[-1], 0.5)) / (least - 0.5)
        return Detection(float(places[-1] + beyond), -blocks[-1] / (least - 0.5))
    high = above[0]
    if high == 0:
        return Detection(float(places[0]), np.zeros(len(sizes)))
    low = high - 1
    rise, step = rising[high] - rising[low], places[high] - places[low]
    share = (least - rising[low]) / rise
    gradient = -step / rise * ((1 - share) * blocks[low] + share * blocks[high])
    return Detection(float(places[low] + share * step), gradient)
