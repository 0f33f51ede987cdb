"""TimeVQVAE as the harness calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from ecgbench.contracts.config import build
from ecgbench.contracts.errors import ConfigError
from ecgbench.generators.timevqvae import TimeVqVaeConfig
from ecgbench.generators.timevqvae.networks import Networks, halvings
from ecgbench.nn import training
from ecgbench.nn.training import count
from tests.generators.timevqvae.conftest import fitted, small
from tests.generators.vae.conftest import make_context, windows

if TYPE_CHECKING:
    from pathlib import Path

LABELS = np.array([2, 0, 1, 2, 2], dtype=np.int64)


@pytest.mark.parametrize(("leads", "length"), [(1, 40), (3, 7), (2, 1), (1, 33)])
def test_windows_of_any_shape_are_drawn_for_their_labels(
    tmp_path: Path, leads: int, length: int
) -> None:
    context = make_context(tmp_path)
    drawn = fitted(context, windows(leads=leads, length=length)).sample(LABELS, context)
    assert drawn.problem() is None
    assert drawn.signals.shape == (5, leads, length)
    np.testing.assert_array_equal(drawn.labels, LABELS)


def test_no_labels_give_no_windows(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    assert fitted(context, windows()).sample(LABELS[:0], context).signals.shape == (0, 1, 40)


def test_a_class_without_training_windows_is_drawn_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    context = make_context(tmp_path)
    model = fitted(context, windows((30, 30, 0)))
    assert model.sample(LABELS, context).problem() is None
    assert "no window of class V" in caplog.text


def test_the_seed_gives_the_bytes_and_another_seed_others(tmp_path: Path) -> None:
    first, second, third = (
        fitted(make_context(tmp_path, seed=seed), windows()).sample(
            LABELS, make_context(tmp_path, seed=seed)
        )
        for seed in (3, 3, 4)
    )
    assert first.signals.tobytes() == second.signals.tobytes()
    assert first.signals.tobytes() != third.signals.tobytes()


@pytest.mark.parametrize("step", [3, 6, 7, 10])
def test_a_fit_that_was_stopped_and_resumed_gives_the_same_bytes(
    tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "CHECKPOINT_EVERY", 0.0)
    monkeypatch.setattr(training, "LOG_EVERY", 1)
    (tmp_path / "whole").mkdir()
    whole = make_context(tmp_path / "whole")
    expected = fitted(whole, windows()).sample(LABELS, whole)

    def stop(done: int, /, **_: Any) -> None:
        if done == step:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fitted(make_context(tmp_path, log=stop), windows())
    seen: list[int] = []
    resumed = make_context(tmp_path, log=lambda done, /, **_: seen.append(done))
    found = fitted(resumed, windows()).sample(LABELS, resumed)
    assert found.signals.tobytes() == expected.signals.tobytes()
    assert seen == list(range(step + 1, 13))


def test_both_stages_are_logged(tmp_path: Path) -> None:
    seen: dict[int, set[str]] = {}
    config = small(iterations=10, prior_iterations=10)
    context = make_context(tmp_path, log=lambda done, /, total, **of: seen.update({done: set(of)}))
    fitted(context, windows(), config)
    assert seen == {
        10: {
            f"{band} {of}" for band in ("low", "high") for of in ("time", "spectrum", "commitment")
        },
        20: {"low prior", "high prior"},
    }


def test_stage_2_leaves_stage_1_alone(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    short, long = (fitted(context, windows(), small(prior_iterations=each)) for each in (1, 9))
    for kind in ("encoders", "decoders", "codebooks"):
        states = [getattr(model.networks, kind).state_dict() for model in (short, long)]
        assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


@pytest.mark.parametrize(
    ("frames", "wanted", "times"),
    [(101, 8, 3), (101, 16, 2), (101, 32, 1), (101, 200, 1), (501, 16, 4)],
)
def test_frames_are_halved_as_in_the_authors_code(frames: int, wanted: int, times: int) -> None:
    assert halvings(frames, wanted) == times


def test_the_published_encoder_has_the_sizes_of_the_authors_code() -> None:
    config = TimeVqVaeConfig(low_frames=8, high_frames=32, width=64, blocks=4)
    with torch.device("meta"):
        networks = Networks(2, (5, 101), 2, config)
    halving, again = 2 * 64 * 12 + 64, 64 * 64 * 12 + 64
    block = (64 * 64 * 9 + 64) + (64 * 64 + 64)
    ends = (64 * 2 * 12 + 2) + (2 * 2 * 12 + 2)
    for band, times in (("low", 3), ("high", 1)):
        own = halving + (times - 1) * again + times * 128 + 4 * (block + 128 + 128)
        assert count(networks.bands[band].encoder) == own
        own = ends + (times - 1) * (again + 128) + 4 * (block + 128)
        assert count(networks.bands[band].decoder) == own


def test_heads_divide_the_width() -> None:
    with pytest.raises(ConfigError, match="no multiple of heads"):
        build(TimeVqVaeConfig, {"prior_width": 9, "heads": 2}, where="here")


@pytest.mark.slow
def test_it_learns_the_place_of_each_class(tmp_path: Path) -> None:
    train = windows((200, 200, 200), length=64)
    config = small(
        width=16,
        codes=16,
        prior_width=32,
        iterations=200,
        prior_iterations=300,
        batch=64,
        prior_batch=64,
        steps=10,
    )
    context = make_context(tmp_path)
    drawn = fitted(context, train, config).sample(train.labels, context)
    for label in range(3):
        real, made = (each.signals[train.labels == label, 0] for each in (train, drawn))
        assert np.corrcoef(real.mean(axis=0), made.mean(axis=0))[0, 1] > 0.95
        assert 0.6 < made.std() / real.std() < 1.4
