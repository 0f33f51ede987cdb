"""`waveform-inference`: guesses the rest of a window from its known beginning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench.large import parts
from ecgbench.metrics.attacks.guesses import inference_score, known_samples
from ecgbench.shared import neighbours

if TYPE_CHECKING:
    from typing import Literal

    from numpy.typing import NDArray

    from ecgbench import Comparison, Score
    from ecgbench.metrics.attacks import WaveformInferenceConfig

    Target = Literal["train", "control"]


def waveform_inference(comparison: Comparison, config: WaveformInferenceConfig) -> Score:
    """Return the residual risk that the synthetic windows give away the rest of a member's window.

    This is the inference attack of Anonymeter (Giomi et al., PoPETs 2023(2):312, and
    ``evaluators/inference_evaluator.py`` of their code) for signals.  The attacker knows K x, the first
    ``known`` (a quarter) of all leads of a window x, which ends half a second before the beat.  The
    attacker wants H x, the rest with the beat, and takes it from the synthetic window with the most
    similar beginning::

        s_x = the synthetic window with the least ‖K x − K s‖;   a_x the same among auxiliary
        the guess is right if  ‖H x − H s_x‖ < margin · ‖H x − H a_x‖

    attack is the share of right guesses over ``train``; control is the same share over ``control``.
    Anonymeter calls a guess of a number right within 5% of it.  How close a guess of a signal can come
    depends on how much the signal varies.  So the measure here is the guess without any synthetic
    window, from the attacker's own windows of these people: a right guess halves its error (``margin``,
    .5).

    Members and non-members are windows of the same people, divided at random.  An attack that learnt
    nothing scores 0 with any generator, even if its guesses are good.

    Exact copies of a share p of ``train`` score about p.

    `ecgbench.metrics.attacks.guesses.inference_score` describes parts and contributions.

    Raises:
        Skip: a window has one sample, or all guesses on non-members are right.
    """
    samples = known_samples(comparison, config.known)

    def of_auxiliary() -> dict[str, NDArray[np.float64]]:
        return {
            "train": _errors(comparison, "train", "auxiliary", samples),
            "control": _errors(comparison, "control", "auxiliary", samples),
        }

    without = comparison.once("attack-guesses-without", of_auxiliary, version=1, settings=samples)
    right = [
        _errors(comparison, target, "synthetic", samples) < config.margin * without[target]
        for target in ("train", "control")
    ]
    return inference_score(comparison, {"waveform": (right[0], right[1])})


def _errors(
    comparison: Comparison, target: Target, source: Literal["synthetic", "auxiliary"], samples: int
) -> NDArray[np.float64]:
    """Return the error in mV of each target's rest, as guessed from the most similar source window."""
    alike = neighbours(comparison.cut(0, samples), target, source).indices[:, 0]
    truth = comparison.windows(target).signals[:, :, samples:]
    source_signals = comparison.windows(source).signals
    errors = np.empty(len(truth))
    for part in parts(len(truth), truth[0].size):
        guess = source_signals[alike[part], :, samples:]
        difference = (truth[part] - guess).reshape(len(guess), -1)
        errors[part] = np.sqrt(np.einsum("ij,ij->i", difference, difference, dtype=float))
    return errors
