"""TimeGAN as the harness calls it: scale, seed and samples."""

from __future__ import annotations

import numpy as np
import psutil
import pytest
import torch

from ecgbench import Context, EcgWindows
from ecgbench.generators.timegan import TimeGanConfig
from ecgbench.generators.timegan.model import TimeGan
from tests.generators.timegan.conftest import (
    LABELS,
    SMALL,
    fitted,
    small,
    spy,
    windows,
)


def test_samples_are_drawn_with_the_running_mean(context: Context) -> None:
    model = fitted(context, small(ema=0.9))
    last = fitted(context)
    drawn = model.sample(LABELS, context).signals
    assert drawn.tobytes() != last.sample(LABELS, context).signals.tobytes()
    last._networks.load_state_dict(model._networks.state_dict())
    assert drawn.tobytes() == last.sample(LABELS, context).signals.tobytes()


def test_samples_are_windows_of_the_labels_within_each_leads_range(context: Context) -> None:
    train = windows()
    synthetic = fitted(context).sample(LABELS, context)
    assert synthetic.problem() is None
    assert synthetic.signals.shape == (5, 2, 12)
    assert synthetic.signals.flags.c_contiguous
    np.testing.assert_array_equal(synthetic.labels, LABELS)
    assert (synthetic.patients == -1).all()
    assert synthetic.leads == train.leads
    assert synthetic.sampling_rate == train.sampling_rate
    for lead in range(2):
        real, made = train.signals[:, lead], synthetic.signals[:, lead]
        assert real.min() <= made.min() <= made.max() <= real.max()


def test_scaling_maps_each_lead_to_the_unit_interval(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = spy(monkeypatch)
    fitted(context, small(batch=30))
    x = calls[0][1]
    assert x.shape == (30, 12, 2)
    torch.testing.assert_close(x.amin((0, 1)), torch.zeros(2))
    torch.testing.assert_close(x.amax((0, 1)), torch.ones(2))


def test_no_labels_give_no_windows(context: Context) -> None:
    synthetic = fitted(context).sample(LABELS[:0], context)
    assert synthetic.signals.shape == (0, 2, 12)


def test_samples_on_the_way_leave_the_fit_as_it_is_and_are_of_the_networks_by_then(
    context: Context,
) -> None:
    expected = fitted(context).sample(LABELS, context).signals
    model = TimeGan(SMALL)
    seen: list[dict[str, int]] = []
    drawn: set[bytes] = set()
    for done in model.fitting(windows(), context):
        seen.append(dict(done))
        drawn.add(model.sample(LABELS, context).signals.tobytes())
    assert model.sample(LABELS, context).signals.tobytes() == expected.tobytes()
    assert seen[12] == {"embedding": 12, "supervised": 1, "joint": 0}
    assert len(drawn) == len(seen) == 12 + 11 + 10


@pytest.mark.long
@pytest.mark.slow
def test_a_long_fit_takes_no_more_memory_than_a_short_one(context: Context) -> None:
    process = psutil.Process()
    config = small(embedding_iterations=50, supervised_iterations=50, iterations=2000, ema=0.9)
    resident = [
        process.memory_info().rss
        for done in TimeGan(config).fitting(windows(), context)
        if done["joint"] in (500, 2000)
    ]
    assert resident[1] - resident[0] < 4e6


@pytest.mark.slow
def test_samples_of_a_class_look_like_that_class(context: Context) -> None:
    rng = np.random.default_rng(0)
    steps = np.arange(24)
    shapes = np.stack([np.exp(-((steps - 6) ** 2) / 8), -np.exp(-((steps - 17) ** 2) / 8)])
    labels = np.arange(400, dtype=np.int64) % 2
    noise = 0.05 * rng.standard_normal((400, 1, 24))
    size = rng.uniform(0.8, 1.2, (400, 1, 1))
    train = EcgWindows(
        signals=(shapes[labels][:, None] * size + noise).astype(np.float32),
        labels=labels,
        patients=np.zeros(400, dtype=np.int64),
        sampling_rate=100.0,
        leads=("MLII",),
        classes=("up", "down"),
    )
    config = TimeGanConfig(
        hidden=12,
        layers=2,
        batch=64,
        embedding_iterations=300,
        supervised_iterations=150,
        iterations=300,
        learning_rate=3e-3,
    )
    wanted = np.arange(200, dtype=np.int64) % 2
    made = fitted(context, config, train).sample(wanted, context).signals[:, 0]
    distances = np.linalg.norm(made[:, None] - shapes, axis=2)
    assert (distances.argmin(1) == wanted).mean() > 0.95
