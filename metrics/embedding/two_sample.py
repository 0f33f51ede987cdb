"""`classifier-two-sample`: can a convolutional network tell synthetic windows from real ones?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import roc_auc_score

from ecgbench import Contributions, Score, Skip, stratified
from ecgbench.contracts.streams import EmbeddingStream
from ecgbench.nn import Classifier, ClassifierConfig
from ecgbench.shared import people_behind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison
    from ecgbench.metrics.embedding import TwoSampleConfig


def classifier_two_sample(comparison: Comparison, config: TwoSampleConfig) -> Score:
    r"""Return the accuracy beyond chance of a convolutional network that tells synthetic from real.

    This is the classifier two-sample test of Lopez-Paz, Oquab (ICLR 2017).  n windows of ``control`` and
    as many synthetic ones, every class in its proportion, are divided at random into two halves.  A
    network (`ecgbench.nn.Classifier`) learns from one half and is tested on the other, and then the
    other way round: so every window is tested once, by a network that has not seen it::

        accuracy = ½ (share of real windows called real + share of synthetic windows called synthetic)

    Real windows are divided by window: a person may be on both sides.  `discriminative` does the same
    with a recurrent network.

    With n windows of each kind an ideal generator still scores .28/√n on average.

    Parts: ``real-accuracy`` and ``synthetic-accuracy``, the two shares; ``auroc``, the mean area under
    the curve of the two networks; ``classifier-two-sample-CLASS``, the value over the windows of a
    class.

    Contributions, to first order: a real window counts for its person, a synthetic one for the person
    of its nearest control window.

    Raises:
        Skip: there are too few windows to hold any out.
    """
    control, synthetic = comparison.splits.control, comparison.synthetic
    count = min(len(control), len(synthetic))
    if count < 4:
        raise Skip(f"it needs 4 real and 4 synthetic windows, there are {count} to compare")
    rng = np.random.default_rng([comparison.seed, EmbeddingStream.TWO_SAMPLE])
    real_rows, synthetic_rows = (
        rng.permutation(stratified(side.labels, count, rng)) for side in (control, synthetic)
    )
    signals = np.stack([control.signals[real_rows], synthetic.signals[synthetic_rows]])
    halves = np.arange(count) % 2
    likely = np.empty((2, count))  # probability of being synthetic, of both kinds
    for half in (0, 1):
        seed = int(rng.integers(2**31))
        likely[:, halves == half] = _tell(
            signals[:, halves != half], signals[:, halves == half], config, seed
        )
    right_of_real, right_of_synthetic = likely[0] < 0.5, likely[1] >= 0.5
    truth = np.repeat([0, 1], count)
    areas = [
        roc_auc_score(truth[np.tile(halves == half, 2)], likely[:, halves == half].ravel())
        for half in (0, 1)
    ]
    parts = {
        "real-accuracy": float(right_of_real.mean()),
        "synthetic-accuracy": float(right_of_synthetic.mean()),
        "auroc": float(np.mean(areas)),
    }
    for c, label in enumerate(comparison.classes):
        of_real, of_synthetic = (
            control.labels[real_rows] == c,
            synthetic.labels[synthetic_rows] == c,
        )
        if of_real.any() and of_synthetic.any():
            parts[f"classifier-two-sample-{label}"] = abs(
                _beyond_chance(right_of_real[of_real], right_of_synthetic[of_synthetic])
            )
    beyond = _beyond_chance(right_of_real, right_of_synthetic)
    # a right answer adds to the value if most answers are right, and takes from it otherwise
    weight = 0.5 if beyond >= 0 else -0.5
    return Score(
        value=abs(beyond),
        parts=parts,
        contributions=Contributions.first_order(
            abs(beyond),
            (control.patients[real_rows], weight * right_of_real),
            (people_behind(comparison)[synthetic_rows], weight * right_of_synthetic),
        ),
        n=2 * count,
    )


def _beyond_chance(
    right_of_real: NDArray[np.bool_], right_of_synthetic: NDArray[np.bool_]
) -> float:
    return float((right_of_real.mean() + right_of_synthetic.mean()) / 2) - 0.5


def _tell(
    known: NDArray[np.float32], held_out: NDArray[np.float32], config: TwoSampleConfig, seed: int
) -> NDArray[np.float64]:
    """Return the probability of being synthetic of held-out windows, shape (kind, window), real first."""
    kinds, count, leads, length = known.shape
    network = Classifier(leads, kinds, ClassifierConfig(steps=config.steps), seed=seed)
    network.fit(known.reshape(-1, leads, length), np.repeat(np.arange(kinds), count))
    probabilities = network.probabilities(held_out.reshape(-1, leads, length))
    return probabilities[:, 1].reshape(kinds, -1)
