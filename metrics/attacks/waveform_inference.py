"""`waveform-inference`: guesses the rest of a window of which the beginning is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench.metrics.attacks.guesses import judged, known_samples
from ecgbench.shared import neighbours

if TYPE_CHECKING:
    from typing import Literal

    from numpy.typing import NDArray

    from ecgbench import Comparison, Score
    from ecgbench.metrics.attacks import WaveformInferenceConfig

    Target = Literal["train", "control"]


def waveform_inference(comparison: Comparison, config: WaveformInferenceConfig) -> Score:
    r"""Residual risk that the synthetic windows give away the rest of a member's window.

    The inference attack of Anonymeter (Giomi, Boenisch, Wehmeyer, Tasnádi, PoPETs 2023(2):312, and
    ``evaluators/inference_evaluator.py`` of their code), for signals: the attacker knows a part of a
    record, finds the synthetic record that is most like it in this part, and guesses that the record
    goes on as that one does.  Of a window x the attacker sees K x, the first ``known`` (a quarter) of
    all leads, which ends half a second before the beat, and wants H x, the rest, with the beat::

        s_x = the synthetic window with the least ‖K x − K s‖;   a_x the same among auxiliary
        the guess is right if  ‖H x − H s_x‖ < margin · ‖H x − H a_x‖
        value = (attack − control) / (1 − control)

    attack is the share of right guesses over ``train``, control that over ``control``.  Anonymeter
    calls a guess of a number right that is within 5% of it.  What is close depends on how much a signal
    varies, so here the measure is the guess that the attacker would have made without the synthetic
    windows, from windows of these people that are the attacker's own: a guess is right that halves
    its error (``margin``, .5).

    Members and non-members are windows of the same people, divided at random, so an attack that
    learnt nothing scores 0 whatever the generator, however good its guesses are.

    Lower is better.  Range (−∞, 1).  An ideal generator scores 0, up to noise of either sign.  Exact
    copies of a share p of ``train`` score about p.

    Parts and contributions: see `ecgbench.metrics.attacks.guesses.judged`.

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
    return judged(comparison, {"waveform": (right[0], right[1])})


def _errors(
    comparison: Comparison, target: Target, source: Literal["synthetic", "auxiliary"], samples: int
) -> NDArray[np.float64]:
    """mV, of each target's rest, as guessed from the window of a source that is most like it."""
    alike = neighbours(comparison.cut(0, samples), target, source).indices[:, 0]
    truth = comparison.windows(target).signals[:, :, samples:]
    guess = comparison.windows(source).signals[alike, :, samples:]
    difference = (truth - guess).reshape(len(truth), -1)
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", difference, difference, dtype=float)))
