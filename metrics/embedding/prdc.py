"""`precision`, `recall`, `density` and `coverage`: counts of windows in balls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Contributions, Score
from ecgbench.metrics.embedding.balls import balls
from ecgbench.shared import people_behind, unseen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ecgbench import Comparison
    from ecgbench.metrics.embedding import PrdcConfig
    from ecgbench.metrics.embedding.balls import Balls


def precision(comparison: Comparison, config: PrdcConfig) -> Score:
    """Return the share of synthetic windows that look real: those among the windows of ``control``.

    A synthetic window counts if it lies in the ball of any window of ``control``, in the embedding of
    the ECG encoder (Kynkäänniemi et al., NeurIPS 2019).  There are as many windows of ``control`` as
    synthetic ones, n, and a ball reaches the k-th nearest other window of its side,
    k = ``neighbours``.

    An ideal generator scores as the ``real`` row does, and this depends on n.  An outlier of
    ``control`` has a wide ball with room for anything (Naeem et al., ICML 2020, section 3), so the
    metric is shown and never ranked.  On MIT-BIH white noise scores .01 to .46, depending on the seed
    (six of them), and smooth noise of any amplitude .50 and .23 with seeds 0 and 1.  A strong fault may
    score higher than a slight one: windows 80 ms late beat windows 40 ms late with five of six seeds.
    `density` weighs outliers less.

    Parts: ``precision-CLASS``, the share among the synthetic windows of a class.

    Contributions: a synthetic window counts for the person of its nearest control window.  The balls
    stay the same under resampling: the neighbours of a window are mostly of its own person.

    Raises:
        Skip: there are too few windows, or the control windows are all equal.
    """
    return _of_synthetic(comparison, config, "precision")


def density(comparison: Comparison, config: PrdcConfig) -> Score:
    """Return the mean number of real balls about a synthetic window, over ``neighbours``.

    Balls and embeddings are those of `precision` (Naeem et al., ICML 2020, section 3).  The value is at
    most n/k.

    An ideal generator scores 1 on average, for any distribution; so does ``real``.  Synthetic windows
    only where real ones are dense score more: read it beside `coverage`.

    Parts: ``density-CLASS``, the mean over the synthetic windows of a class.

    Contributions: as of `precision`.

    Raises:
        Skip: there are too few windows, or the control windows are all equal.
    """
    return _of_synthetic(comparison, config, "density")


def recall(comparison: Comparison, config: PrdcConfig) -> Score:
    """Return the share of real windows that the generator could draw: those among synthetic ones.

    This is the symmetric recall of Khayatkhoei, AbdAlmageed (ICML 2023): the smaller of two shares.  The
    first is the share of real windows in a synthetic ball, the recall of Kynkäänniemi et al. (NeurIPS
    2019).  The second is the share of real balls with a synthetic window, `coverage`.  Balls and
    embeddings are those of `precision`.

    The first share alone rewards nonsense: a synthetic window far from all others has a wide ball, with
    real windows in it that are nothing like it (docs/audit.md has the numbers).  The second share does
    not see how synthetic windows lie to each other.  If they crowd, their balls shrink and the first
    share falls below the second.

    An ideal generator scores as the ``real`` row does, and this depends on n.  If every window comes
    k + 1 times, balls have no width.  The metric is not ranked: near its floor the order means nothing.
    On MIT-BIH smooth noise that knows no window reads .032, a Gaussian for each class .029 and a
    mixture .062 (six seeds); `coverage` reads .032, .038 and .062.

    Parts: ``in-synthetic-balls``, the first share, called recall by other packages; ``recall-CLASS``,
    the smaller share among the control windows of a class.

    Contributions: a control window counts for its person, by the smaller share.  The balls stay the same
    under resampling: the neighbours of a window are mostly of its own person.

    Raises:
        Skip: there are too few windows, or the control windows are all equal.
    """
    contents = balls(comparison, config)
    smaller = min(contents.reached, contents.covered, key=np.mean)
    parts = {"in-synthetic-balls": float(contents.reached.mean())}
    return _of_real(comparison, contents, smaller, "recall", parts)


def coverage(comparison: Comparison, config: PrdcConfig) -> Score:
    """Return the share of real windows with a synthetic one in their ball.

    Balls and embeddings are those of `precision` (Naeem et al., ICML 2020, section 3).

    An ideal generator scores 1 − Π_{i=1..k} (n − i)/(2n − i) on average, for any distribution, as they
    prove: nearly 1 − 2⁻ᵏ, .97 for k = 5.  So does ``real``.

    Parts: ``expected``, that expectation for this n; ``coverage-CLASS``, the share among the control
    windows of a class.

    Contributions: as of `recall`.

    Raises:
        Skip: there are too few windows, or the control windows are all equal.
    """
    contents = balls(comparison, config)
    n, steps = len(contents.real), np.arange(1, config.neighbours + 1)
    expected = 1 - float(np.prod((n - steps) / (2 * n - steps)))
    return _of_real(comparison, contents, contents.covered, "coverage", {"expected": expected})


def coverage_unseen(comparison: Comparison, config: PrdcConfig) -> Score:
    """Return `coverage` of the windows of unseen people, in the place of ``control``.

    It is the share of the population's windows with a synthetic one near by.  ``real`` is no ceiling
    (`ecgbench.metrics.embedding.frechet.frechet_distance_unseen`).

    Parts and contributions: those of `coverage`; ``expected`` is of a generator of these very people.

    Raises:
        Skip: there are too few windows of unseen people, or they are all equal.
    """
    return coverage(unseen(comparison), config)


def _of_synthetic(comparison: Comparison, config: PrdcConfig, name: str) -> Score:
    contents = balls(comparison, config)
    values = (
        contents.around / config.neighbours
        if name == "density"
        else (contents.around > 0).astype(np.float64)
    )
    labels = comparison.synthetic.labels[contents.synthetic]
    people = people_behind(comparison)[contents.synthetic]
    return _mean(name, values, people, labels, comparison.classes, {})


def _of_real(
    comparison: Comparison,
    contents: Balls,
    among: NDArray[np.bool_],
    name: str,
    parts: Mapping[str, float],
) -> Score:
    control = comparison.splits.control
    labels, people = control.labels[contents.real], control.patients[contents.real]
    return _mean(name, among.astype(np.float64), people, labels, comparison.classes, parts)


def _mean(
    name: str,
    values: NDArray[np.float64],
    people: NDArray[np.int64],
    labels: NDArray[np.int64],
    classes: tuple[str, ...],
    parts: Mapping[str, float],
) -> Score:
    value = float(values.mean())
    of_class = {
        f"{name}-{label}": float(values[labels == c].mean())
        for c, label in enumerate(classes)
        if (labels == c).any()
    }
    return Score(
        value=value,
        parts={**parts, **of_class},
        contributions=Contributions.first_order(value, (people, values)),
        n=2 * len(values),
    )
