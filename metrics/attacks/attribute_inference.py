"""`attribute-inference`: guesses the class of a window and the attributes of its patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Skip
from ecgbench.metrics.attacks.guesses import inference_score, known_samples
from ecgbench.shared import neighbours, one_beat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ecgbench import Comparison, Score
    from ecgbench.metrics.attacks import AttributeInferenceConfig
    from ecgbench.metrics.attacks.guesses import Successes


def attribute_inference(comparison: Comparison, config: AttributeInferenceConfig) -> Score:
    """Return the residual risk that synthetic windows give away facts about a member's window.

    This is the inference attack of Anonymeter (Giomi et al., PoPETs 2023(2):312, and
    ``evaluators/inference_evaluator.py`` of their code).  The attacker knows the first ``known`` (a
    quarter) of a window x, finds the synthetic window with the most similar beginning, and guesses
    that both share the secret::

        s_x = the synthetic window with the least ‖K x − K s‖,  K x the first part of all leads
        the guess is right if  secret(x) = secret(s_x)

    attack is the share of right guesses over all windows of ``train`` and all secrets; control is the
    same share over ``control``.  One secret is the class, if there are several classes.  The others
    are the attributes that the dataset gives for every member: text as it is, numbers by whether they
    reach the members' median.

    A synthetic window has a class but no patient.  The attacker knows the patients of ``auxiliary``,
    and takes the attributes from the window there with the nearest beat (`ecgbench.shared.one_beat`).
    So the synthetic window lends the unseen part.  If all of x were seen, the nearest window of
    ``auxiliary`` would tell as much without any synthetic one.  The more is seen, the more often a
    guess on non-members is right, too, and the less is left to give away.

    Members and non-members are windows of the same people, divided at random.  A guess that rests on
    facts of the person, or of all people, is right equally often on both sides.  An attack that learnt
    nothing of single windows scores 0 with any generator.  `patient-membership` asks whether the
    *people* can be told from others.

    Exact copies of a share p of ``train`` score about p · (q − control) / (1 − control); q is the share
    of right guesses if the whole window is seen (1 for the class).  If guesses on non-members are nearly
    always right, there is little to gain and the noise is large: look at the interval.

    `ecgbench.metrics.attacks.guesses.inference_score` describes parts and contributions.

    Raises:
        Skip: there is one class and the patients have no attributes, a window has one sample, or all
            guesses on non-members are right.
    """
    secrets = _secrets(comparison)
    if not secrets:
        raise Skip("there is one class, and the dataset gives no attributes of its patients")
    known = comparison.cut(0, known_samples(comparison, config.known))
    alike = [
        neighbours(known, target, "synthetic").indices[:, 0] for target in ("train", "control")
    ]
    successes: dict[str, Successes] = {}
    for name, (of_train, of_control, of_synthetic) in secrets.items():
        successes[name] = of_train == of_synthetic[alike[0]], of_control == of_synthetic[alike[1]]
    return inference_score(comparison, successes)


def _secrets(comparison: Comparison) -> dict[str, tuple[NDArray[np.str_], ...]]:
    """Return the values of each secret for ``train``, ``control`` and the synthetic windows."""
    splits = comparison.splits
    secrets: dict[str, tuple[NDArray[np.str_], ...]] = {}
    if len(comparison.classes) > 1:
        sides = splits.train, splits.control, comparison.synthetic
        secrets["class"] = tuple(np.array(comparison.classes)[side.labels] for side in sides)
    similar = neighbours(one_beat(comparison), "synthetic", "auxiliary").indices[:, 0]
    lent = splits.auxiliary.patients[similar]
    for name, values in _attributes(comparison).items():
        patients = splits.train.patients, splits.control.patients, lent
        secrets[name] = tuple(np.array([values[p] for p in side.tolist()]) for side in patients)
    return secrets


def _attributes(comparison: Comparison) -> dict[str, dict[int, str]]:
    """Return the values of each attribute that every member has, by attribute and patient."""
    splits = comparison.splits
    attributes = splits.train.attributes or {}
    sides = splits.train, splits.control, splits.auxiliary
    members = np.unique(np.concatenate([side.patients for side in sides])).tolist()
    names = set.intersection(*(set(attributes.get(patient, {})) for patient in members))
    return {
        name: _categories({patient: attributes[patient][name] for patient in members})
        for name in sorted(names)
    }


def _categories(values: Mapping[int, str | float]) -> dict[int, str]:
    """Return text as it is, and numbers by whether they reach their median."""
    numbers = [value for value in values.values() if not isinstance(value, str)]
    if len(numbers) < len(values):
        return {patient: str(value) for patient, value in values.items()}
    median = np.median(numbers)
    return {patient: str(bool(value >= median)) for patient, value in values.items()}
