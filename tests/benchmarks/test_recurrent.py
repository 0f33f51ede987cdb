"""A TimeGAN's joint iteration on the recurrent stack, against one on plain `torch.nn.GRU`.

Run with ``python -m pytest tests/benchmarks/test_recurrent.py --benchmark-enable``; without it, each runs
once on a few short series, as a test.  The two take turns, so that whatever else the machine does falls
on both; ``extra_info`` has the median of the rounds' ratios.  Memory is kept as in a cell's process, for
both.  ``ECGBENCH_KERNEL=torch`` measures the stack without its kernel, ``CC="gcc -mno-avx512f"`` the kernel
on AVX2, ``OMP_WAIT_POLICY=passive`` what a cell's threads do while they wait.
"""

from __future__ import annotations

import contextlib
import importlib.util
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import pytest
import torch

from ecgbench import Context
from ecgbench.generators.timegan import TimeGanConfig
from ecgbench.generators.timegan.training import GENERATOR_UPDATES, Training
from ecgbench.harness.isolation.worker import keep_freed_memory
from ecgbench.nn import native
from ecgbench.nn.recurrent import one_thread

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 5
TURNS = 7
"""Iterations of the stack to one of the plain model, which takes at least as long."""


def plain(steps: int, leads: int, hidden: int, batch: int) -> Callable[[], None]:
    place = Path(__file__).with_name("plain_timegan.py")
    spec = importlib.util.spec_from_file_location("plain_timegan", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.PlainTimeGan(leads, hidden, layers=3)
    x, z = torch.rand(batch, steps, leads), torch.rand(batch, steps, leads)
    return lambda: model.joint(x, z)


def stack(steps: int, leads: int, hidden: int, batch: int, checkpoints: Path) -> Callable[[], None]:
    config = TimeGanConfig(hidden=hidden, layers=3, batch=batch, discriminator_threshold=0)
    context = Context(
        seed=0,
        device="cpu",
        threads=torch.get_num_threads(),
        log=lambda *_, **__: None,
        checkpoint_dir=checkpoints,
    )
    x = torch.rand(4 * batch, steps, leads)
    training = Training(config, x, torch.zeros(len(x), 0), context, data="")

    def joint() -> None:
        for _ in range(GENERATOR_UPDATES):
            x, s = training._batch()
            h = training.networks.embed(x, s)
            training.update_generator(x, s, h.detach(), training._noise(x))
            training.update_embedder(x, s, h)
        x, s = training._batch()
        training.update_discriminator(x, s, training._noise(x))

    return joint


def seconds(iteration: Callable[[], None]) -> float:
    start = time.perf_counter()
    iteration()
    return time.perf_counter() - start


@pytest.mark.parametrize(
    ("steps", "leads", "hidden"),
    [(24, 5, 24), (128, 1, 24), (187, 1, 24), (256, 2, 48)],
    ids=str,
)
def test_joint_iteration(benchmark, tmp_path, steps, leads, hidden):
    """The aim is 12 times as fast as the plain model at 24 × 5, 15 at 128 and 187 × 1, 8 at 256 × 2."""
    # threads that spin while others work can take a busy machine minutes; a figure wants them, a test none
    with contextlib.nullcontext() if benchmark.enabled else one_thread():
        _measure(benchmark, tmp_path, steps, leads, hidden)


def _measure(benchmark, tmp_path, steps, leads, hidden):
    batch = 128
    rounds, turns = ROUNDS, TURNS
    if benchmark.enabled:
        keep_freed_memory()
    else:
        steps, batch, rounds, turns = 8, 4, 1, 1
    ours = stack(steps, leads, hidden, batch, tmp_path)
    theirs = plain(steps, leads, hidden, batch)
    ours()
    theirs()
    pairs = []
    for _ in range(rounds):
        slow = seconds(theirs)
        pairs.append((slow, median(seconds(ours) for _ in range(turns))))
    benchmark.extra_info |= {
        "kernel": native.kernel().name,
        "threads": torch.get_num_threads(),
        "plain, ms": round(1000 * median(slow for slow, _ in pairs), 1),
        "stack, ms": round(1000 * median(quick for _, quick in pairs), 1),
        "ratio": round(median(slow / quick for slow, quick in pairs), 1),
    }
    benchmark.pedantic(ours, rounds=rounds)
