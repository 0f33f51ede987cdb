"""`precision`, `recall`, `density` and `coverage`: which balls hold which windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Contributions, Score
from ecgbench.metrics.embedding.balls import balls
from ecgbench.shared import people_behind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ecgbench import Comparison
    from ecgbench.metrics.embedding import PrdcConfig
    from ecgbench.metrics.embedding.balls import Balls


def precision(comparison: Comparison, config: PrdcConfig) -> Score:
    r"""Share of synthetic windows that look real: that lie among those of ``control``.

    Kynkäänniemi, Karras, Laine, Lehtinen, Aila (NeurIPS 2019), on the embeddings of the ECG
    encoder, n of ``control`` and as many synthetic ones::

        value = share of synthetic y for which some x_i has ‖y − x_i‖ ≤ r_i

    with r_i the distance of x_i to its k-th nearest other window of ``control``, k = ``neighbours``.

    Higher is better.  Range (0, 1).  An ideal generator scores what the ``real`` row scores, which
    depends on n.  An outlier of ``control`` has a wide ball that lets anything pass (Naeem et al.,
    ICML 2020, section 3), so it is shown and never ranked: on MIT-BIH white noise scores .01 to .46,
    depending on the seed (six of them), and smooth noise of any amplitude .50 and .23 with seeds 0 and 1;
    a strong fault may score higher than a slight one: windows that are 80 ms late beat those that are
    40 ms late with five of six seeds.  `density` weighs outliers less.

    Parts: ``precision-CLASS``, the share among the synthetic windows of a class.

    Contributions: a synthetic window counts for the person of its nearest control window.  The balls
    are kept: a window's neighbours are of its own person, mostly.

    Raises:
        Skip: there are too few windows, or the control windows are all equal.
    """
    return _of_synthetic(comparison, config, "precision")


def density(comparison: Comparison, config: PrdcConfig) -> Score:
    r"""How densely real windows lie about the synthetic ones, relative to each other.

    Naeem, Oh, Uh, Choi, Yoo (ICML 2020), section 3, on the embeddings of the ECG encoder, n of
    ``control`` and as many synthetic ones::

        value = mean over synthetic y of |{i: ‖y − x_i‖ ≤ r_i}| / k

    with r_i the distance of x_i to its k-th nearest other window of ``control``, k = ``neighbours``.

    Higher is better.  Range (0, n/k).  An ideal generator scores 1 on average, whatever the
    distribution; so does ``real``.  Synthetic windows that keep to where real ones are dense, and
    leave out the rest, score more: read it beside `coverage`.

    Parts: ``density-CLASS``, the mean over the synthetic windows of a class.

    Contributions: as of `precision`.

    Raises:
        Skip: there are too few windows, or the control windows are all equal.
    """
    return _of_synthetic(comparison, config, "density")


def recall(comparison: Comparison, config: PrdcConfig) -> Score:
    r"""Share of real windows that the generator could have made: that lie among synthetic ones.

    The symmetric recall of Khayatkhoei, AbdAlmageed (ICML 2023), on the embeddings of the ECG
    encoder, n of ``control`` and as many synthetic ones::

        value = min(share of x_i in control for which some synthetic y_j has ‖x_i − y_j‖ ≤ r_j,
                    share of x_i in control for which some synthetic y_j has ‖x_i − y_j‖ ≤ r_i)

    with r_j the distance of y_j to its k-th nearest other synthetic window, r_i that of x_i to its k-th
    nearest other window of ``control``, k = ``neighbours``.  The first share is the recall of
    Kynkäänniemi, Karras, Laine, Lehtinen, Aila (NeurIPS 2019), the second is `coverage`.

    The first alone rewards nonsense: a synthetic window far from all others has a ball as wide as that,
    which takes in real windows that are nothing like it (docs/audit.md has the numbers).  The second is
    blind to how synthetic windows lie to each other; where they crowd, their balls shrink and the first
    falls below it.

    Higher is better.  Range (0, 1).  An ideal generator scores what the ``real`` row scores, which
    depends on n.  Where every window comes k + 1 times, balls have no width.  It is not ranked: near its
    floor the order means nothing.  On MIT-BIH smooth noise that knows no window reads .032, a Gaussian
    for each class .029 and a mixture .062 (six seeds); `coverage` reads .032, .038 and .062.

    Parts: ``in-synthetic-balls``, the first share, which is what other packages call recall;
    ``recall-CLASS``, of the smaller share, that among the control windows of a class.

    Contributions: a control window counts for its person, by the smaller share.  The balls are kept: a
    window's neighbours are of its own person, mostly.

    Raises:
        Skip: there are too few windows, or the control windows are all equal.
    """
    found = balls(comparison, config)
    smaller = min(found.reached, found.covered, key=np.mean)
    parts = {"in-synthetic-balls": float(found.reached.mean())}
    return _of_real(comparison, found, smaller, "recall", parts)


def coverage(comparison: Comparison, config: PrdcConfig) -> Score:
    r"""Share of real windows that have a synthetic one in their neighbourhood.

    Naeem, Oh, Uh, Choi, Yoo (ICML 2020), section 3, on the embeddings of the ECG encoder, n of
    ``control`` and as many synthetic ones::

        value = share of x_i in control for which some synthetic y has ‖y − x_i‖ ≤ r_i

    with r_i the distance of x_i to its k-th nearest other window of ``control``, k = ``neighbours``.

    Higher is better.  Range (0, 1).  An ideal generator scores 1 − Π_{i=1..k} (n − i)/(2n − i) on
    average, whatever the distribution, as they prove, which is near 1 − 2⁻ᵏ: .97 for k = 5; so does
    ``real``.

    Parts: ``expected``, that expectation for this n; ``coverage-CLASS``, the share among the control
    windows of a class.

    Contributions: as of `recall`.

    Raises:
        Skip: there are too few windows, or the control windows are all equal.
    """
    found = balls(comparison, config)
    n, steps = len(found.real), np.arange(1, config.neighbours + 1)
    expected = 1 - float(np.prod((n - steps) / (2 * n - steps)))
    return _of_real(comparison, found, found.covered, "coverage", {"expected": expected})


def _of_synthetic(comparison: Comparison, config: PrdcConfig, name: str) -> Score:
    found = balls(comparison, config)
    values = (
        found.around / config.neighbours
        if name == "density"
        else (found.around > 0).astype(np.float64)
    )
    labels = comparison.synthetic.labels[found.synthetic]
    people = people_behind(comparison)[found.synthetic]
    return _mean(name, values, people, labels, comparison.classes, {})


def _of_real(
    comparison: Comparison,
    found: Balls,
    among: NDArray[np.bool_],
    name: str,
    parts: Mapping[str, float],
) -> Score:
    control = comparison.splits.control
    labels, people = control.labels[found.real], control.patients[found.real]
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
