"""`discriminative`: can a network trained for it tell synthetic windows from real ones?"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch.nn import functional
from torch.optim.lr_scheduler import LambdaLR, OneCycleLR

from ecgbench import Contributions, Score, Skip, stratified
from ecgbench.contracts.streams import FidelityStream
from ecgbench.nn import RecurrentStack
from ecgbench.nn.recurrent import one_thread
from ecgbench.shared import people_behind

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
    window, as published, so that a person may be on both sides.  ``average`` says what the divisions
    are averaged by: their accuracies, which lets chance cancel out, or, as published, their scores.

    Lower is better.  Range (0, ½).  An ideal generator scores 0; n held-out windows of each kind leave
    it at .28/√n on average.

    =================  ============================================  ===========================
    setting            here                                          as published
    =================  ============================================  ===========================
    ``steps``          600                                           2000
    ``batch``          64 of each kind                               128
    ``replacement``    true                                          false
    ``learning_rate``  .01                                           .001
    ``schedule``       one-cycle, the rate its peak                  constant
    ``hidden``         16, or half as many as leads if that is more  half as many as leads: ``1``
    ``pooling``        mean over time of the logits                  last: logit of the last step
    ``scaling``        standard, by the real windows trained on      unit, by all real windows
    ``splits``         2                                             10 runs
    ``average``        accuracy                                      score
    =================  ============================================  ===========================

    The study ``published`` sets the right column, which is the code's (the paper's text has two
    layers of LSTM).  For one lead the published network has no unit at all; ``hidden = 1`` gives it
    one.

    On MIT-BIH (both folds, eight draws of the weights in each) the published network does not tell
    real windows under noise of a tenth of their deviation from real ones: |accuracy − ½| is at most
    .02 after its 2000 steps, and with the mean over time too.  The network here tells them (.28 to .50,
    median .49), but not by the last step (at most .09).

    Parts: ``real-accuracy`` and ``synthetic-accuracy``, the two shares; ``auroc``, the area under the
    curve of the logits; ``discriminative-CLASS``, the value over the windows of a class, of divisions
    that test both kinds of it.

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
    pooled = _Test(*map(np.concatenate, zip(*tests, strict=True)))
    judged = tests if config.average == "score" else [pooled]
    right, found = pooled.right, pooled.found
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
        of_class = [
            (test.right[real], test.found[made])
            for test in judged
            if (real := control.labels[test.real] == c).any()
            and (made := synthetic.labels[test.synthetic] == c).any()
        ]
        if of_class:
            parts[f"discriminative-{label}"] = float(
                np.mean([abs(_accuracy(*each) - 0.5) for each in of_class])
            )
    accuracies = np.array([_accuracy(test.right, test.found) for test in judged])
    value = float(abs(accuracies - 0.5).mean())
    # a window seen through adds to a division's value where most are, and takes from it elsewhere
    weights = np.repeat(np.where(accuracies >= 0.5, 0.5, -0.5), len(right) // len(judged))
    return Score(
        value=value,
        parts=parts,
        contributions=Contributions.first_order(
            value,
            (control.patients[pooled.real], weights * right),
            (people_behind(comparison)[pooled.synthetic], weights * found),
        ),
        n=len(right) + len(found),
    )


def _accuracy(right: NDArray[np.bool_], found: NDArray[np.bool_]) -> float:
    return float((right.mean() + found.mean()) / 2)


class _Test(NamedTuple):
    """Held-out rows of each kind, and what the network thinks of them: above 0 is real."""

    real: NDArray[np.int64]
    synthetic: NDArray[np.int64]
    real_logits: NDArray[np.float32]
    synthetic_logits: NDArray[np.float32]

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each real window is found real."""
        return self.real_logits > 0

    @property
    def found(self) -> NDArray[np.bool_]:
        """Whether each synthetic window is found out."""
        return self.synthetic_logits <= 0


def _tell(
    control: EcgWindows,
    synthetic: EcgWindows,
    trained_on: int,
    held_out: int,
    config: DiscriminativeConfig,
    seeds: tuple[int, ...],
) -> _Test:
    """Divide the windows at random, train a network on one part and try it on the other."""
    rng = np.random.default_rng([*seeds, FidelityStream.DISCRIMINATIVE])
    real = rng.permutation(stratified(control.labels, trained_on + held_out, rng))
    made = rng.permutation(stratified(synthetic.labels, trained_on + held_out, rng))
    signals = control.signals[real]
    zero, unit = _scale(signals, trained_on, config.scaling)
    real_inputs = _inputs((signals - zero) / unit)
    made_inputs = _inputs((synthetic.signals[made] - zero) / unit)
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


def _scale(
    signals: NDArray[np.float32], trained_on: int, scaling: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What becomes 0 and what is then divided by, for each lead: (1, lead, 1)."""
    if scaling == "unit":
        least = signals.min(axis=(0, 2), keepdims=True)
        return least, signals.max(axis=(0, 2), keepdims=True) - least + np.float32(1e-7)
    known = signals[:trained_on]
    deviation = known.std(axis=(0, 2), keepdims=True)
    return known.mean(axis=(0, 2), keepdims=True), deviation + np.float32(1e-6)


def _inputs(signals: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(signals.swapaxes(1, 2)))


def _draw(count: int, config: DiscriminativeConfig, rng: np.random.Generator) -> Tensor:
    """Rows of a step: (2, batch), of real windows and of synthetic ones."""
    if config.replacement:
        return torch.from_numpy(rng.integers(count, size=(2, config.batch)))
    batch = min(config.batch, count)
    return torch.from_numpy(np.stack([rng.choice(count, batch, replace=False) for _ in range(2)]))


class _Discriminator:
    def __init__(self, network: RecurrentStack, pooling: str) -> None:
        self.network = network
        self.pooling = pooling

    @one_thread()
    def fit(
        self, real: Tensor, made: Tensor, config: DiscriminativeConfig, rng: np.random.Generator
    ) -> None:
        optimiser = torch.optim.Adam(self.network.parameters(), config.learning_rate)
        schedule = (
            OneCycleLR(optimiser, config.learning_rate, total_steps=config.steps)
            if config.schedule == "one-cycle"
            else LambdaLR(optimiser, lambda _: 1)
        )
        for _ in range(config.steps):
            drawn = _draw(len(real), config, rng)
            on_real, on_made = self._forward(torch.cat([real[drawn[0]], made[drawn[1]]])).chunk(2)
            loss = functional.softplus(-on_real).mean() + functional.softplus(on_made).mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()

    def logits(self, inputs: Tensor) -> NDArray[np.float32]:
        with one_thread(), torch.inference_mode():
            return np.concatenate([self._forward(part).numpy() for part in inputs.split(1024)])

    def _forward(self, inputs: Tensor) -> Tensor:
        steps: Tensor = self.network(inputs)[:, :, 0]
        return steps.mean(dim=1) if self.pooling == "mean" else steps[:, -1]
