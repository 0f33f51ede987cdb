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
from ecgbench.nn import RecurrentStack, in_step
from ecgbench.nn.recurrent import one_thread
from ecgbench.shared import people_behind

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from ecgbench import Comparison, EcgWindows
    from ecgbench.metrics.fidelity import DiscriminativeConfig

HELD_OUT = 0.2
"""Share of the windows to test a network on."""


def discriminative(comparison: Comparison, config: DiscriminativeConfig) -> Score:
    r"""Return the accuracy beyond chance of a GRU trained to tell synthetic from real windows.

    Yoon et al. (NeurIPS 2019, section 5, and ``discriminative_metrics.py`` of their code) let a
    recurrent network learn from four fifths of the real windows (``control``) and of as many synthetic
    ones, and test it on the rest::

        accuracy = ½ (share of real windows called real + share of synthetic windows called synthetic)

    There are ``splits`` random divisions, each with a network of its own.  Real windows are divided by
    window, as published, so a person may be on both sides.  ``average`` chooses the mean over the
    divisions: of their accuracies, so that chance cancels out, or of their scores, as published.

    With n held-out windows of each kind an ideal generator still scores .28/√n on average.

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

    Of windows longer than 200 samples a step has fewer (`ecgbench.nn.in_step`), also as published.

    The study ``published`` sets the right column.  It is their code's; the paper's text has two layers
    of LSTM.  For one lead the published network has no unit at all; ``hidden = 1`` gives it one.

    On MIT-BIH (both folds, eight draws of the weights in each) the published network cannot tell real
    windows from the same under noise of a tenth of their deviation: |accuracy − ½| is at most .02
    after its 2000 steps, and with the mean over time too.  The network here can (.28 to .50, median
    .49), but not by the last step (at most .09).

    Parts: ``real-accuracy`` and ``synthetic-accuracy``, the two shares; ``auroc``, the area under the
    curve of the logits; ``discriminative-CLASS``, the value over the windows of a class, for divisions
    with both kinds of it in the test.

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
    averaged = tests if config.average == "score" else [pooled]
    right_of_real, right_of_synthetic = pooled.right_of_real, pooled.right_of_synthetic
    areas = [
        roc_auc_score(
            np.repeat([1, 0], held_out), np.concatenate([test.real_logits, test.synthetic_logits])
        )
        for test in tests
    ]
    parts = {
        "real-accuracy": float(right_of_real.mean()),
        "synthetic-accuracy": float(right_of_synthetic.mean()),
        "auroc": float(np.mean(areas)),
    }
    for c, label in enumerate(comparison.classes):
        of_class = [
            (test.right_of_real[real_of_class], test.right_of_synthetic[synthetic_of_class])
            for test in averaged
            if (real_of_class := control.labels[test.real] == c).any()
            and (synthetic_of_class := synthetic.labels[test.synthetic] == c).any()
        ]
        if of_class:
            parts[f"discriminative-{label}"] = float(
                np.mean([abs(_accuracy(*answers) - 0.5) for answers in of_class])
            )
    accuracies = np.array(
        [_accuracy(test.right_of_real, test.right_of_synthetic) for test in averaged]
    )
    value = float(abs(accuracies - 0.5).mean())
    # a right answer adds to a division's value if most are right, and takes from it otherwise
    weights = np.repeat(np.where(accuracies >= 0.5, 0.5, -0.5), len(right_of_real) // len(averaged))
    return Score(
        value=value,
        parts=parts,
        contributions=Contributions.first_order(
            value,
            (control.patients[pooled.real], weights * right_of_real),
            (people_behind(comparison)[pooled.synthetic], weights * right_of_synthetic),
        ),
        n=len(right_of_real) + len(right_of_synthetic),
    )


def _accuracy(right_of_real: NDArray[np.bool_], right_of_synthetic: NDArray[np.bool_]) -> float:
    return float((right_of_real.mean() + right_of_synthetic.mean()) / 2)


class _Test(NamedTuple):
    """Held-out rows of each kind, and the network's logits for them: above 0 is real."""

    real: NDArray[np.int64]
    synthetic: NDArray[np.int64]
    real_logits: NDArray[np.float32]
    synthetic_logits: NDArray[np.float32]

    @property
    def right_of_real(self) -> NDArray[np.bool_]:
        """Return whether the network calls each real window real."""
        return self.real_logits > 0

    @property
    def right_of_synthetic(self) -> NDArray[np.bool_]:
        """Return whether the network calls each synthetic window synthetic."""
        return self.synthetic_logits <= 0


def _tell(
    control: EcgWindows,
    synthetic: EcgWindows,
    trained_on: int,
    held_out: int,
    config: DiscriminativeConfig,
    seeds: tuple[int, ...],
) -> _Test:
    """Divide the windows at random, train a network on one part and test it on the other."""
    rng = np.random.default_rng([*seeds, FidelityStream.DISCRIMINATIVE])
    real_rows = rng.permutation(stratified(control.labels, trained_on + held_out, rng))
    synthetic_rows = rng.permutation(stratified(synthetic.labels, trained_on + held_out, rng))
    signals = control.signals[real_rows]
    zero, unit = _scale(signals, trained_on, config.scaling)
    real_inputs = _inputs((signals - zero) / unit)
    synthetic_inputs = _inputs((synthetic.signals[synthetic_rows] - zero) / unit)
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
    network.fit(real_inputs[:trained_on], synthetic_inputs[:trained_on], config, rng)
    return _Test(
        real_rows[trained_on:],
        synthetic_rows[trained_on:],
        network.logits(real_inputs[trained_on:]),
        network.logits(synthetic_inputs[trained_on:]),
    )


def _scale(
    signals: NDArray[np.float32], trained_on: int, scaling: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the zero and the unit of each lead, shape (1, lead, 1): subtract one, divide by the other."""
    if scaling == "unit":
        least = signals.min(axis=(0, 2), keepdims=True)
        return least, signals.max(axis=(0, 2), keepdims=True) - least + np.float32(1e-7)
    known = signals[:trained_on]
    deviation = known.std(axis=(0, 2), keepdims=True)
    return known.mean(axis=(0, 2), keepdims=True), deviation + np.float32(1e-6)


def _inputs(signals: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(signals.swapaxes(1, 2)))


def _draw(count: int, size: int, config: DiscriminativeConfig, rng: np.random.Generator) -> Tensor:
    """Return the rows of a step, shape (2, size): of real windows and of synthetic ones."""
    if config.replacement:
        return torch.from_numpy(rng.integers(count, size=(2, size)))
    size = min(size, count)
    return torch.from_numpy(np.stack([rng.choice(count, size, replace=False) for _ in range(2)]))


class _Discriminator:
    def __init__(self, network: RecurrentStack, pooling: str) -> None:
        self.network = network
        self.pooling = pooling

    @one_thread()
    def fit(
        self,
        real: Tensor,
        synthetic: Tensor,
        config: DiscriminativeConfig,
        rng: np.random.Generator,
    ) -> None:
        optimiser = torch.optim.Adam(self.network.parameters(), config.learning_rate)
        schedule = (
            OneCycleLR(optimiser, config.learning_rate, total_steps=config.steps)
            if config.schedule == "one-cycle"
            else LambdaLR(optimiser, lambda _: 1)
        )
        size = in_step(config.batch, real.shape[1])
        for _ in range(config.steps):
            drawn = _draw(len(real), size, config, rng)
            on_real, on_synthetic = self._forward(
                torch.cat([real[drawn[0]], synthetic[drawn[1]]])
            ).chunk(2)
            loss = functional.softplus(-on_real).mean() + functional.softplus(on_synthetic).mean()
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
