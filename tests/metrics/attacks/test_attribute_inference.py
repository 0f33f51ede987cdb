from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from ecgbench import Skip
from ecgbench.metrics.attacks import AttributeInferenceConfig
from ecgbench.metrics.attacks.attribute_inference import attribute_inference
from tests.metrics.attacks.conftest import changed, flat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecgbench import Comparison, EcgWindows, Score
    from tests.metrics.privacy.conftest import Cell

    Attributes = Mapping[int, Mapping[str, str | float]]

KNOWN = 0.06
"""One of 16 samples: the people of the cohort are so unlike that more gives everything away."""

ATTRIBUTES: Attributes = {
    patient: {
        "sex": "FM"[patient % 2],
        "age": 20.0 + 5 * patient,
        **({"finding": "rare"} if patient == 1 else {}),
    }
    for patient in range(1, 13)
}


def score(comparison: Comparison, known: float = KNOWN) -> Score:
    return attribute_inference(comparison, AttributeInferenceConfig(known=known))


def told(comparison: Comparison, attributes: Attributes | None = ATTRIBUTES) -> Comparison:
    """Return the same cell of a dataset with these attributes of its patients."""
    return changed(comparison, lambda windows: replace(windows, attributes=attributes))


def one_class(comparison: Comparison) -> Comparison:
    def of(windows: EcgWindows) -> EcgWindows:
        return replace(windows, labels=np.zeros_like(windows.labels), classes=("beat",))

    return changed(comparison, of)


@pytest.mark.parametrize("copies", [0, 0.2])
def test_it_is_the_attack_of_nearest_neighbour_classifiers(cell: Cell, copies: float) -> None:
    comparison = told(cell(copies=copies))
    splits = comparison.splits
    synthetic, auxiliary = flat(comparison, "synthetic"), flat(comparison, "auxiliary")
    members = np.unique(splits.train.patients)
    median = np.median([ATTRIBUTES[int(p)]["age"] for p in members])
    secret = {
        "sex": lambda p: str(ATTRIBUTES[p]["sex"]),
        "age": lambda p: str(float(ATTRIBUTES[p]["age"]) >= median),
    }
    found = score(comparison).parts
    for name, of in secret.items():
        lent = (
            KNeighborsClassifier(1)
            .fit(auxiliary, [of(p) for p in splits.auxiliary.patients.tolist()])
            .predict(synthetic)
        )
        attack = KNeighborsClassifier(1).fit(synthetic[:, :1], lent)
        for part, side in (("attack", "train"), ("control", "control")):
            truth = [of(p) for p in comparison.windows(side).patients.tolist()]  # type: ignore[arg-type]
            right = attack.score(flat(comparison, side)[:, :1], truth)  # type: ignore[arg-type]
            assert found[f"{part}-{name}"] == pytest.approx(right)
    classes = KNeighborsClassifier(1).fit(synthetic[:, :1], comparison.synthetic.labels)
    right = classes.score(flat(comparison, "train")[:, :1], splits.train.labels)
    assert found["attack-class"] == pytest.approx(right)
    assert "attack-finding" not in found  # it is not told of everybody


@pytest.mark.parametrize("share", [0.3, 0.6, 1])
def test_copies_of_a_share_p_of_train_score_p_of_what_there_is_to_gain(
    cell: Cell, share: float
) -> None:
    # the class comes with the copy; people are so unlike that the whole window tells the person
    found = [score(told(cell(copies=share, seed=seed))) for seed in range(6)]
    assert np.mean([each.value for each in found]) == pytest.approx(share, abs=0.05)
    for name in ("class", "sex", "age"):
        risks = [each.parts[f"residual-risk-{name}"] for each in found]
        assert np.mean(risks) == pytest.approx(share, abs=0.1)


def test_fresh_real_windows_score_0(cell: Cell) -> None:
    values = [score(told(cell(copies=0, seed=seed))).value for seed in range(24)]
    assert np.mean(values) == pytest.approx(0, abs=0.05)


def test_one_class_is_no_secret_but_attributes_are(cell: Cell) -> None:
    comparison = one_class(cell(copies=0.6))
    assert not any(name.endswith("class") for name in score(told(comparison)).parts)
    with pytest.raises(Skip, match="one class"):
        score(comparison)


def test_a_dataset_without_attributes_has_its_classes(cell: Cell) -> None:
    assert set(score(cell(copies=0.3)).parts) == {
        "attack-class",
        "control-class",
        "residual-risk-class",
        "residual-risk-class-low",
        "residual-risk-class-high",
    }


def test_what_is_the_same_of_everybody_is_no_secret(cell: Cell) -> None:
    alike = {patient: {"species": "human"} for patient in range(1, 13)}
    with pytest.raises(Skip, match="all guesses"):
        score(told(one_class(cell(copies=0.3)), alike))
