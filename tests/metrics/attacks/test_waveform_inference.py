from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsRegressor

from ecgbench.metrics.attacks import WaveformInferenceConfig
from ecgbench.metrics.attacks.waveform_inference import waveform_inference
from tests.metrics.attacks.conftest import flat

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison, Score
    from ecgbench.contracts.comparison import Side
    from tests.metrics.privacy.conftest import Cell


def score(comparison: Comparison, known: float = 0.25, margin: float = 0.5) -> Score:
    return waveform_inference(comparison, WaveformInferenceConfig(known=known, margin=margin))


def errors(comparison: Comparison, target: Side, source: Side, known: int) -> NDArray[np.float64]:
    windows = flat(comparison, source)
    fitted = KNeighborsRegressor(1).fit(windows[:, :known], windows[:, known:])
    truth = flat(comparison, target)
    return np.asarray(np.linalg.norm(fitted.predict(truth[:, :known]) - truth[:, known:], axis=1))


@pytest.mark.parametrize(("known", "samples"), [(0.25, 4), (0.5, 8)])
@pytest.mark.parametrize("copies", [0, 0.2])
def test_it_is_the_attack_of_a_nearest_neighbour_regression(
    cell: Cell, copies: float, known: float, samples: int
) -> None:
    comparison = cell(copies=copies)
    attack, control = (
        np.mean(
            errors(comparison, target, "synthetic", samples)
            < 0.5 * errors(comparison, target, "auxiliary", samples)
        )
        for target in ("train", "control")
    )
    found = score(comparison, known)
    assert found.parts["attack-waveform"] == pytest.approx(attack)
    assert found.parts["control-waveform"] == pytest.approx(control)
    assert found.value == pytest.approx((attack - control) / (1 - control))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 1])
def test_copies_of_a_share_p_of_train_score_p(cell: Cell, share: float) -> None:
    assert score(cell(copies=share)).value == pytest.approx(share, abs=0.05)
    assert score(cell(copies=share, leads=2)).value == pytest.approx(share, abs=0.05)


def test_fresh_real_windows_score_0(cell: Cell) -> None:
    values = [score(cell(copies=0, seed=seed)).value for seed in range(24)]
    assert np.mean(values) == pytest.approx(0, abs=0.02)


def test_noise_hides_copies(cell: Cell) -> None:
    values = [score(cell(copies=0.6, noise=noise)).value for noise in (0, 0.05, 0.2, 3)]
    assert np.all(np.diff(values) < 0)
    assert values[-1] == pytest.approx(0, abs=0.02)


def test_the_smaller_the_margin_the_fewer_guesses_are_right(cell: Cell) -> None:
    comparison = cell(copies=0.3)
    rates = [score(comparison, margin=m).parts["control-waveform"] for m in (0.25, 0.5, 0.75, 1)]
    assert np.all(np.diff(rates) > 0)
