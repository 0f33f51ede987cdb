"""`predictive`: the predictive score, train on synthetic and test on real, one step ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ecgbench import Contributions, Score, Skip, Term
from ecgbench.metrics.utility.draw import real_like_synthetic, spread
from ecgbench.nn import RecurrentStack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison
    from ecgbench.metrics.utility import PredictiveConfig


def predictive(comparison: Comparison, config: PredictiveConfig) -> Score:
    r"""Mean absolute error, in mV, of a forecaster that has seen synthetic windows only.

    The predictive score of Yoon, Jarrett, van der Schaar (NeurIPS 2019, section 5) and of their
    ``metrics/predictive_metrics.py``: a GRU layer with a linear head, trained on the synthetic
    windows with the mean absolute error, forecasts the real ones::

        value = (1/N) Σ_windows 1/(L·(T−1)) Σ_leads Σ_{t=0}^{T−2} |x[t+1] − f(x[0], …, x[t])|

    What differs from the published code:

    * There the input is every feature but the last, and the target the last: with one lead there is
      no input, and with dim // 2 hidden units no network.  Here the input is all leads up to t, the
      target the next sample of each, and there are max(``hidden``, leads // 2) units.
    * There the real windows are those that the generator learnt from.  Here they are ``test``,
      windows of people that nobody has seen: ``test_windows`` of them, spread over all people.
    * There signals are scaled to 0..1 and the head ends in a sigmoid.  Here the network sees
      signals standardised by the training windows' mean and deviation per lead, and the error is in
      mV.
    * There 5,000 steps of 128 windows at a constant rate of .001.  Here, by default, 600 of 64 under
      a one-cycle schedule that peaks at .02: a seventeenth of the windows, for an error that is
      larger by 2% to 7% (MIT-BIH, trained on fresh windows: both folds, two initial weights each).

    Lower is better.  Range (0, ∞).  An ideal generator scores the part ``real``: the error after
    training on as many windows of ``train``, of the same classes.  Part ``persistence`` is the error
    of the forecast x[t+1] = x[t], which a useful training set beats.

    Returns:
        The value with its parts, and exact per-person contributions.

    Raises:
        Skip: there are no unseen people.
    """
    splits = comparison.splits
    if not len(splits.test):
        raise Skip("the dataset has no unseen people to test on")
    test = spread(splits.test, config.test_windows)
    seed = comparison.seed
    real = comparison.once(
        "predictive-real",
        lambda: {
            "error": _errors(
                real_like_synthetic(splits, seed).signals, test.signals, config, seed
            ).mean(keepdims=True)
        },
        version=1,
        settings=msgspec.to_builtins(config),
    )
    errors = _errors(comparison.synthetic.signals, test.signals, config, seed)
    persistence = np.abs(np.diff(test.signals.astype(np.float64), axis=2)).mean()
    return Score(
        value=float(errors.mean()),
        parts={"real": float(real["error"][0]), "persistence": float(persistence)},
        contributions=Contributions.of([Term(patients=test.patients, numerators=errors)]),
        n=len(test),
    )


def _errors(
    train: NDArray[np.float32], test: NDArray[np.float32], config: PredictiveConfig, seed: int
) -> NDArray[np.float64]:
    """Mean absolute error in each test window, mV, of a network fitted on ``train``."""
    x = _time_major(train)
    mean, deviation = x.mean((0, 1)), x.std((0, 1), correction=0) + 1e-6
    network = _fit((x - mean) / deviation, config, seed)
    found = []
    with torch.inference_mode():
        for part in ((_time_major(test) - mean) / deviation).split(1000):
            error = (network(part[:, :-1]) - part[:, 1:]) * deviation
            found.append(error.abs().mean((1, 2)))
    return torch.cat(found).numpy().astype(np.float64)


def _fit(x: Tensor, config: PredictiveConfig, seed: int) -> RecurrentStack:
    """Train on windows of shape (window, time, lead)."""
    leads = x.shape[2]
    network = RecurrentStack(
        leads,
        max(config.hidden, leads // 2),
        leads,
        generator=torch.Generator().manual_seed(seed),
    )
    rng = np.random.default_rng([seed, 2])
    optimiser = torch.optim.Adam(network.parameters(), config.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config.learning_rate, total_steps=config.steps
    )
    for _ in range(config.steps):
        rows = rng.choice(len(x), size=min(config.batch, len(x)), replace=False)
        batch = x[torch.from_numpy(rows)]
        loss = functional.l1_loss(network(batch[:, :-1]), batch[:, 1:])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
    return network


def _time_major(signals: NDArray[np.float32]) -> Tensor:
    """(window, lead, sample) to (window, time, lead)."""
    return torch.tensor(signals.transpose(0, 2, 1)).contiguous()
