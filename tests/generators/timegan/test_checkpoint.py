"""A stopped fit goes on from its checkpoint, and from no other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ecgbench.generators.timegan import training
from tests.generators.timegan.conftest import (
    LABELS,
    SETTINGS,
    SMALL,
    fitted,
    make_context,
    small,
    windows,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ecgbench import Context


class Stopped(Exception):  # noqa: N818 - stands for a kill
    """The fit is interrupted."""


def stop_at(folder: Path, step: int) -> Context:
    def log(done: int, /, *, total: int, **values: float) -> None:
        if done >= step:
            raise Stopped

    return make_context(folder, log=log)


@pytest.fixture
def always_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "CHECKPOINT_EVERY", 0.0)
    monkeypatch.setattr(training, "LOG_EVERY", 1)


@pytest.mark.usefixtures("always_checkpoint")
@pytest.mark.parametrize(
    ("settings", "step"),
    [("the code's", step) for step in (1, 7, 12, 13, 20, 23, 28, 48, 73)]
    + [("ablation", step) for step in (7, 20, 23, 28, 48, 73)],
)
def test_a_fit_that_was_stopped_and_resumed_gives_the_same_bytes(
    tmp_path: Path, settings: str, step: int, capsys: pytest.CaptureFixture[str]
) -> None:
    config = SETTINGS[settings]
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    whole.mkdir()
    stopped.mkdir()
    expected = fitted(make_context(whole), config).sample(LABELS, make_context(whole))
    with pytest.raises(Stopped):
        fitted(stop_at(stopped, step), config)
    assert sorted(path.suffix for path in stopped.iterdir()) == [".json", ".safetensors"]
    seen: list[int] = []
    resumed = make_context(stopped, log=lambda done, /, **_: seen.append(done))
    found = fitted(resumed, config).sample(LABELS, resumed)
    assert found.signals.tobytes() == expected.signals.tobytes()
    assert all(done > step for done in seen)
    assert "resumed" in capsys.readouterr().out


@pytest.mark.usefixtures("always_checkpoint")
def test_a_fit_can_be_stopped_more_than_once(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    expected = fitted(make_context(tmp_path / "whole")).sample(LABELS, make_context(tmp_path))
    for step in (3, 18, 33, 63):
        with pytest.raises(Stopped):
            fitted(stop_at(tmp_path, step))
    context = make_context(tmp_path)
    assert fitted(context).sample(LABELS, context).signals.tobytes() == expected.signals.tobytes()


def flip_a_byte(folder: Path) -> None:
    (tensors,) = folder.glob("*.safetensors")
    content = bytearray(tensors.read_bytes())
    content[-5] ^= 1
    tensors.write_bytes(content)


def cut_short(folder: Path) -> None:
    (tensors,) = folder.glob("*.safetensors")
    tensors.write_bytes(tensors.read_bytes()[:100])


def lose_the_tensors(folder: Path) -> None:
    (tensors,) = folder.glob("*.safetensors")
    tensors.unlink()


def cut_the_json_short(folder: Path) -> None:
    head = folder / "timegan.json"
    head.write_bytes(head.read_bytes()[:-40])


def write_another_json(folder: Path) -> None:
    (folder / "timegan.json").write_text(json.dumps(["something", "else"]))


@pytest.mark.usefixtures("always_checkpoint")
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (flip_a_byte, "its tensors are damaged"),
        (cut_short, "its tensors are damaged"),
        (lose_the_tensors, "cannot be read"),
        (cut_the_json_short, "timegan.json is damaged"),
        (write_another_json, "timegan.json is damaged"),
    ],
)
def test_a_damaged_checkpoint_is_left_unused_and_said_so(
    tmp_path: Path,
    damage: Callable[[Path], None],
    reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(Stopped):
        fitted(stop_at(tmp_path, 5))
    damage(tmp_path)
    seen: list[int] = []
    fitted(make_context(tmp_path, log=lambda done, /, **_: seen.append(done)))
    assert seen[0] == 1
    out = capsys.readouterr().out
    assert "starts afresh" in out
    assert reason in out
    assert str(tmp_path) not in out


@pytest.mark.usefixtures("always_checkpoint")
@pytest.mark.parametrize("other", ["settings", "seed", "data"])
def test_a_checkpoint_of_another_fit_is_left_unused_and_said_so(
    tmp_path: Path, other: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Stopped):
        fitted(stop_at(tmp_path, 5))
    seen: list[int] = []
    context = make_context(
        tmp_path,
        seed=9 if other == "seed" else 3,
        log=lambda done, /, **_: seen.append(done),
    )
    config = small(gamma=0.5)
    fitted(
        context,
        config if other == "settings" else SMALL,
        windows(count=29) if other == "data" else windows(),
    )
    assert seen[0] == 1
    assert "other settings or data" in capsys.readouterr().out


@pytest.mark.usefixtures("always_checkpoint")
def test_a_kill_between_the_two_files_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    expected = fitted(make_context(tmp_path / "whole")).sample(LABELS, make_context(tmp_path))
    with pytest.raises(Stopped):
        fitted(stop_at(tmp_path, 30))
    (tmp_path / "timegan-0123456789abcdef.safetensors").write_bytes(b"newer tensors, no JSON yet")
    (tmp_path / "timegan.partial").write_bytes(b"{")
    context = make_context(tmp_path)
    assert fitted(context).sample(LABELS, context).signals.tobytes() == expected.signals.tobytes()


def test_checkpoints_wait_for_their_time(context: Context) -> None:
    fitted(context)
    assert not list(context.checkpoint_dir.iterdir())
