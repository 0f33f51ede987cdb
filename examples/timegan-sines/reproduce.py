"""The Sines experiment of the TimeGAN paper (Yoon, Jarrett, van der Schaar, NeurIPS 2019, table 2).

10,000 series of 24 steps and 5 features, each a sine of random frequency and phase; TimeGAN with its
published settings (hidden 24, 3 layers, batch 128, 50,000 iterations a phase) trained on all of them; and
the two post-hoc scores exactly as the authors' code computes them, 10 times each.  Published:
discriminative .011 ± .008, predictive .093 ± .019.

    python examples/timegan-sines/reproduce.py --seed 0 --out sines/

A killed fit goes on from its last checkpoint in ``--out`` when it is started again.  The result is
``--out``/seed-N.json: both scores of each of the 10 repeats, and the losses every 1,000 iterations.
"""

# ruff: noqa: T201 - it is a program

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import l1_loss, softplus

from ecgbench import Context, EcgWindows
from ecgbench.generators.timegan import TimeGanConfig
from ecgbench.generators.timegan.model import TimeGan
from ecgbench.nn import RecurrentStack

SERIES, STEPS, FEATURES = 10_000, 24, 5
KEEP_EVERY = 1_000
"""Iterations between two kept losses."""


def sines(rng: np.random.Generator) -> np.ndarray[Any, np.dtype[np.float32]]:
    """x(t) = (sin(2π η t + θ) + 1) / 2 of the code: η, θ uniform on (0, 0.1), without the 2π.

    Returns:
        float32, shape (series, steps, features), in (0, 1).
    """
    frequency, phase = rng.uniform(0, 0.1, size=(2, SERIES, 1, FEATURES))
    steps = np.arange(STEPS)[None, :, None]
    return ((np.sin(frequency * steps + phase) + 1) / 2).astype(np.float32)


def discriminative(real: Tensor, made: Tensor, seed: int) -> float:
    """``discriminative_metrics.py``: |accuracy − ½| of a GRU of dim // 2 units after 2,000 steps."""
    rng = np.random.default_rng([seed, 3])
    network = stack(FEATURES, rng)
    adam = torch.optim.Adam(network.parameters(), 1e-3)
    (real, real_test), (made, made_test) = halves(real, rng), halves(made, rng)
    for _ in range(2_000):
        logits = network(torch.cat([batch(real, rng), batch(made, rng)]))[:, -1]
        on_real, on_made = logits.chunk(2)
        step(adam, softplus(-on_real).mean() + softplus(on_made).mean())
    with torch.inference_mode():
        right = (network(real_test)[:, -1] > 0).sum() + (network(made_test)[:, -1] <= 0).sum()
    return abs(0.5 - int(right) / (len(real_test) + len(made_test)))


def predictive(real: Tensor, made: Tensor, seed: int) -> float:
    """``predictive_metrics.py``: error of the last feature's next value, trained on synthetic series."""
    rng = np.random.default_rng([seed, 4])
    network = stack(FEATURES - 1, rng)
    adam = torch.optim.Adam(network.parameters(), 1e-3)

    def error(series: Tensor) -> Tensor:
        forecast = torch.sigmoid(network(series[:, :-1, :-1]))
        return l1_loss(forecast, series[:, 1:, -1:])

    for _ in range(5_000):
        step(adam, error(batch(made, rng)))
    with torch.inference_mode():
        return float(error(real))


def stack(inputs: int, rng: np.random.Generator) -> RecurrentStack:
    """One GRU layer of dim // 2 units and a linear head."""
    weights = torch.Generator().manual_seed(int(rng.integers(2**31)))
    return RecurrentStack(inputs, FEATURES // 2, 1, generator=weights)


def halves(series: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Four fifths and one fifth, at random."""
    order = torch.from_numpy(rng.permutation(len(series)))
    cut = int(0.8 * len(series))
    return series[order[:cut]], series[order[cut:]]


def batch(series: Tensor, rng: np.random.Generator) -> Tensor:
    """128 series, none twice."""
    return series[torch.from_numpy(rng.choice(len(series), 128, replace=False))]


def step(adam: torch.optim.Adam, loss: Tensor) -> None:
    """One update."""
    adam.zero_grad()
    loss.backward()
    adam.step()


def main() -> None:
    """Fit, sample, score, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("sines"))
    parser.add_argument("--iterations", type=int, default=50_000, help="of each phase")
    parser.add_argument(
        "--noise", default="uniform", help="uniform (the code) or wiener (the paper)"
    )
    parser.add_argument("--repeats", type=int, default=10, help="of each score")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    asked = parser.parse_args()
    torch.set_flush_denormal(True)
    torch.set_num_threads(asked.threads)
    name = f"seed-{asked.seed}" + ("" if asked.noise == "uniform" else f"-{asked.noise}")
    checkpoints = asked.out / f"checkpoint-{name}"
    checkpoints.mkdir(parents=True, exist_ok=True)
    real = sines(np.random.default_rng([asked.seed, 5]))
    train = EcgWindows(
        signals=np.ascontiguousarray(real.swapaxes(1, 2)),
        labels=np.zeros(SERIES, dtype=np.int64),
        patients=np.zeros(SERIES, dtype=np.int64),
        sampling_rate=1.0,
        leads=tuple(f"sine {number}" for number in range(FEATURES)),
        classes=("sine",),
    )
    curve: list[dict[str, float]] = []

    def log(done: int, /, *, total: int | None = None, **losses: float) -> None:
        if done % KEEP_EVERY == 0:
            curve.append({"updates": done, **losses})
            print(f"{done}/{total}", *(f"{k} {v:.4f}" for k, v in losses.items()), flush=True)

    context = Context(
        seed=asked.seed, device="cpu", threads=asked.threads, log=log, checkpoint_dir=checkpoints
    )
    model = TimeGan(
        TimeGanConfig(
            embedding_iterations=asked.iterations,
            supervised_iterations=asked.iterations,
            iterations=asked.iterations,
            noise=asked.noise,
        )
    )
    began = time.perf_counter()
    model.fit(train, context)
    seconds = time.perf_counter() - began
    synthetic = model.sample(train.labels, context).signals.swapaxes(1, 2)
    x, x_hat = torch.from_numpy(real), torch.from_numpy(np.ascontiguousarray(synthetic))
    found = {
        "seed": asked.seed,
        "iterations": asked.iterations,
        "noise": asked.noise,
        "fit_seconds": seconds,
        "discriminative": [discriminative(x, x_hat, repeat) for repeat in range(asked.repeats)],
        "predictive": [predictive(x, x_hat, repeat) for repeat in range(asked.repeats)],
        "predictive_of_real": predictive(x, x, 0),
        "curve": curve,
    }
    (asked.out / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")
    for score in ("discriminative", "predictive"):
        values = np.array(found[score])
        print(f"{score} {values.mean():.4f} ± {values.std():.4f}")


if __name__ == "__main__":
    main()
