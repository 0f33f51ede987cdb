"""`discriminative`: can a network trained for it tell synthetic windows from real ones?"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch.nn import functional

from ecgbench import Score, Skip
from ecgbench.metrics.fidelity.draw import stratified
from ecgbench.metrics.fidelity.people import first_order, people_behind
from ecgbench.nn import RecurrentStack

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from ecgbench import Comparison, EcgWindows
    from ecgbench.metrics.fidelity import DiscriminativeConfig

HELD_OUT = 0.2
"""Share of the windows that a network is tested on."""


def discriminative(comparison: Comparison, config: DiscriminativeConfig) -> Score:
    r"""Accuracy beyond chance of a network that was trained to tell synthetic from real windows.

    Yoon, Jarrett, van der Schaar (NeurIPS 2019), section 5, and ``discriminative_metrics.py`` of
    their code: a recurrent network learns to tell real windows (``control``) from as many synthetic
    ones, four fifths of each, and is tested on the rest::

        value = |accuracy − ½|,  accuracy = ½ (share of real found real + share of synthetic found out)

    over ``splits`` random divisions, each with a network of its own.  Real windows are divided by
    window, as published, so that a person may be on both sides.

    Lower is better.  Range (0, ½).  An ideal generator scores 0; n held-out windows of each kind leave
    it at .28/√n on average.

    ==================  ============================================  =========================
    setting             here                                          as published
    ==================  ============================================  =========================
    ``hidden``          16, or half as many as leads if that is more  half as many as leads: no
                                                                      unit at all for one lead
    ``steps``           600                                           2000
    ``batch``           64 of each kind, with replacement             128, without
    ``learning_rate``   one cycle with its peak at .01                constant .001
    ``pooling``         mean over time of the logits                  logit of the last step
    ``splits``          2                                             10 runs
    (inputs)            standardised per lead by real windows         scaled to (0, 1)
    ==================  ============================================  =========================

    On MIT-BIH the published network does not tell real beats under noise of a tenth of their
    deviation from real ones (|accuracy − ½| < .05 after 1000 steps), for what it has seen has faded
    by the last step; with the mean over time 600 steps see it (.35 to .50, by the draw of the weights).

    Parts: ``real-accuracy`` and ``synthetic-accuracy``, the two shares; ``auroc``, the area under the
    curve of the logits; ``discriminative-CLASS``, the value over the windows of a class.

    Contributions, to first order: a held-out real window counts for its person, a synthetic one for
    the person of its nearest control window.

    Raises:
        Skip: there are too few windows to hold any out.
    """
    control, synthetic = comparison.splits.control, comparison.synthetic
    count = min(len(control), len(synthetic))
    held_out = int(HELD_OUT * count)
    if not held_out:
        raise Skip(f"it needs 5 real and 5 synthetic windows, there are {count} of each to compare")
    tests = [
        _tell(control, synthetic, count - held_out, held_out, config, (comparison.seed, number))
        for number in range(config.splits)
    ]
    rows = np.concatenate([test.real for test in tests])
    made = np.concatenate([test.synthetic for test in tests])
    right = np.concatenate([test.real_logits for test in tests]) > 0
    found = np.concatenate([test.synthetic_logits for test in tests]) <= 0
    accuracy = (right.mean() + found.mean()) / 2
    areas = [
        roc_auc_score(
            np.repeat([1, 0], held_out), np.concatenate([test.real_logits, test.synthetic_logits])
        )
        for test in tests
    ]
    parts = {
        "real-accuracy": float(right.mean()),
        "synthetic-accuracy": float(found.mean()),
        "auroc": float(np.mean(areas)),
    }
    for c, label in enumerate(comparison.classes):
        of_real, of_synthetic = control.labels[rows] == c, synthetic.labels[made] == c
        if of_real.any() and of_synthetic.any():
            both = right[of_real].mean() + found[of_synthetic].mean()
            parts[f"discriminative-{label}"] = float(abs(both / 2 - 0.5))
    weight = 0.5 if accuracy >= 0.5 else -0.5
    return Score(
        value=float(abs(accuracy - 0.5)),
        parts=parts,
        contributions=first_order(
            float(abs(accuracy - 0.5)),
            (control.patients[rows], weight * right),
            (people_behind(comparison)[made], weight * found),
        ),
        n=len(rows) + len(made),
    )


class _Test(NamedTuple):
    """Held-out rows of each kind, and what the network thinks of them: above 0 is real."""

    real: NDArray[np.int64]
    synthetic: NDArray[np.int64]
    real_logits: NDArray[np.float32]
    synthetic_logits: NDArray[np.float32]


def _tell(
    control: EcgWindows,
    synthetic: EcgWindows,
    trained_on: int,
    held_out: int,
    config: DiscriminativeConfig,
    seeds: tuple[int, ...],
) -> _Test:
    """Divide the windows at random, train a network on one part and try it on the other."""
    rng = np.random.default_rng([*seeds, 7])
    real = rng.permutation(stratified(control.labels, trained_on + held_out, rng))
    made = rng.permutation(stratified(synthetic.labels, trained_on + held_out, rng))
    known = control.signals[real[:trained_on]]
    mean = known.mean(axis=(0, 2), keepdims=True)
    deviation = known.std(axis=(0, 2), keepdims=True) + np.float32(1e-6)
    real_inputs = _inputs((control.signals[real] - mean) / deviation)
    made_inputs = _inputs((synthetic.signals[made] - mean) / deviation)
    leads = control.signals.shape[1]
    network = _Discriminator(
        RecurrentStack(
            leads,
            max(leads // 2, config.hidden),
            1,
            generator=torch.Generator().manual_seed(int(rng.integers(2**31))),
        ),
        config.pooling,
    )
    network.fit(real_inputs[:trained_on], made_inputs[:trained_on], config, rng)
    return _Test(
        real[trained_on:],
        made[trained_on:],
        network.logits(real_inputs[trained_on:]),
        network.logits(made_inputs[trained_on:]),
    )


def _inputs(signals: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(signals.swapaxes(1, 2)))


class _Discriminator:
    def __init__(self, network: RecurrentStack, pooling: str) -> None:
        self.network = network
        self.pooling = pooling

    def fit(
        self, real: Tensor, made: Tensor, config: DiscriminativeConfig, rng: np.random.Generator
    ) -> None:
        optimiser = torch.optim.Adam(self.network.parameters(), config.learning_rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, config.learning_rate, total_steps=config.steps
        )
        for _ in range(config.steps):
            drawn = torch.from_numpy(rng.integers(len(real), size=(2, config.batch)))
            logits = self._forward(torch.cat([real[drawn[0]], made[drawn[1]]]))
            on_real, on_made = logits.split(config.batch)
            loss = functional.softplus(-on_real).mean() + functional.softplus(on_made).mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()

    def logits(self, inputs: Tensor) -> NDArray[np.float32]:
        with torch.inference_mode():
            return np.concatenate([self._forward(part).numpy() for part in inputs.split(1024)])

    def _forward(self, inputs: Tensor) -> Tensor:
        steps: Tensor = self.network(inputs)[:, :, 0]
        return steps.mean(dim=1) if self.pooling == "mean" else steps[:, -1]
