"""`attribute-inference`: guesses the class of a window and the attributes of its patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Skip
from ecgbench.metrics.attacks.guesses import judged, known_samples
from ecgbench.shared import neighbours, one_beat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ecgbench import Comparison, Score
    from ecgbench.metrics.attacks import AttributeInferenceConfig
    from ecgbench.metrics.attacks.guesses import Successes


def attribute_inference(comparison: Comparison, config: AttributeInferenceConfig) -> Score:
    r"""Residual risk that the synthetic windows give away what a member's window is a sign of.

    The inference attack of Anonymeter (Giomi, Boenisch, Wehmeyer, Tasnádi, PoPETs 2023(2):312, and
    ``evaluators/inference_evaluator.py`` of their code): the attacker knows a part of a record, finds the
    synthetic record that is most like it in this part, and guesses that they share the secret.  Of a
    window x the attacker sees K x, the first ``known`` (a quarter) of all leads::

        s_x = the synthetic window with the least ‖K x − K s‖
        the guess is right if  secret(x) = secret(s_x)
        value = (attack − control) / (1 − control)

    attack is the share of right guesses over all windows of ``train`` and all secrets, control that
    over ``control``.  Secrets are the class, where there are several, and every attribute that the
    dataset tells of all members: text as it is, numbers by whether they reach the members' median.  A
    synthetic window has a class but no patient; the attacker takes its attributes from the window of
    ``auxiliary``, whose patients the attacker knows, that has the nearest beat
    (`ecgbench.shared.one_beat`).  So the synthetic window lends the part that the attacker does not see.
    Were all of x seen, the nearest window of ``auxiliary`` would tell as much without any synthetic
    one, and there would be nothing to give away.  The more is seen, the more often a guess is right on
    non-members, too, and the less is left to tell.

    Members and non-members are windows of the same people, divided at random: a guess that rests on what
    is true of the person, or of people, is right as often on either side, and an attack that learnt
    nothing of single windows scores 0 whatever the generator.  Whether the *people* are told from
    others is a question to `patient-membership`.

    Lower is better.  Range (−∞, 1).  An ideal generator scores 0, up to noise of either sign.  Exact
    copies of a share p of ``train`` score about p · (q − control) / (1 − control), q the share of right
    guesses where all of the window is seen (1 for the class).  Where guesses on non-members are nearly
    always right, there is little to gain and the noise is large: look at the interval.

    Parts and contributions: see `ecgbench.metrics.attacks.guesses.judged`.

    Raises:
        Skip: there is one class and nothing is told of the patients, a window has one sample, or all
            guesses on non-members are right.
    """
    secrets = _secrets(comparison)
    if not secrets:
        raise Skip("there is one class, and the dataset tells no attributes of its patients")
    known = comparison.cut(0, known_samples(comparison, config.known))
    alike = [
        neighbours(known, target, "synthetic").indices[:, 0] for target in ("train", "control")
    ]
    successes: dict[str, Successes] = {}
    for name, (of_train, of_control, of_synthetic) in secrets.items():
        successes[name] = of_train == of_synthetic[alike[0]], of_control == of_synthetic[alike[1]]
    return judged(comparison, successes)


def _secrets(comparison: Comparison) -> dict[str, tuple[NDArray[np.str_], ...]]:
    """Of each secret by name, its values for ``train``, ``control`` and the synthetic windows."""
    splits = comparison.splits
    found: dict[str, tuple[NDArray[np.str_], ...]] = {}
    if len(comparison.classes) > 1:
        sides = splits.train, splits.control, comparison.synthetic
        found["class"] = tuple(np.array(comparison.classes)[side.labels] for side in sides)
    like = neighbours(one_beat(comparison), "synthetic", "auxiliary").indices[:, 0]
    lent = splits.auxiliary.patients[like]
    for name, told in _attributes(comparison).items():
        whose = splits.train.patients, splits.control.patients, lent
        found[name] = tuple(np.array([told[p] for p in side.tolist()]) for side in whose)
    return found


def _attributes(comparison: Comparison) -> dict[str, dict[int, str]]:
    """Of each attribute that is told of all members, its value for each of them."""
    splits = comparison.splits
    told = splits.train.attributes or {}
    sides = splits.train, splits.control, splits.auxiliary
    members = np.unique(np.concatenate([side.patients for side in sides])).tolist()
    names = set.intersection(*(set(told.get(patient, {})) for patient in members))
    return {
        name: _categories({patient: told[patient][name] for patient in members})
        for name in sorted(names)
    }


def _categories(values: Mapping[int, str | float]) -> dict[int, str]:
    """Text as it is; numbers by whether they reach their median."""
    numbers = [value for value in values.values() if not isinstance(value, str)]
    if len(numbers) < len(values):
        return {patient: str(value) for patient, value in values.items()}
    median = np.median(numbers)
    return {patient: str(bool(value >= median)) for patient, value in values.items()}
