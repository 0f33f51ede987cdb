"""What every diffusion model promises."""

from __future__ import annotations

import dataclasses
import logging
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
import torch

from ecgbench.contracts.config import build
from ecgbench.nn import training
from tests.generators.diffusion.conftest import (
    LABELS,
    SPECS,
    TINY,
    fitted,
    make_context,
    tiny,
    windows,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench import Context

EACH = pytest.mark.parametrize("name", sorted(TINY))


class Stopped(Exception):  # noqa: N818 - stands for a kill
    """The fit is interrupted."""


def test_all_models_are_tested() -> None:
    assert set(TINY) == set(SPECS)


def test_asking_what_there_is_imports_no_torch_and_no_numpy() -> None:
    code = (
        "import sys; from ecgbench.generators import diffusion; diffusion.ecgbench_generators();"
        "print(sorted({'torch', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@EACH
def test_a_spec_loads_its_model_and_describes_every_setting(name: str) -> None:
    spec = SPECS[name]
    assert spec.conditional
    assert "http" in spec.citation or "doi:" in spec.citation
    build(spec.config, spec.smoke, where=f"generator {name}")
    assert tiny(name).parameters == 0
    for setting in msgspec.json.schema(spec.config)["$defs"][spec.config.__name__][
        "properties"
    ].values():
        assert setting["description"]


@EACH
def test_samples_are_windows_of_the_labels(name: str, context: Context) -> None:
    train = windows()
    synthetic = fitted(name, context).sample(LABELS, context)
    assert synthetic.problem() is None
    assert synthetic.signals.shape == (5, 2, 13)
    np.testing.assert_array_equal(synthetic.labels, LABELS)
    assert (synthetic.patients == -1).all()
    assert synthetic.leads == train.leads
    assert synthetic.signals[:, 1].mean() > 5  # lead 1 lies about 10 mV


@EACH
def test_no_labels_give_no_windows(name: str, context: Context) -> None:
    synthetic = fitted(name, context).sample(LABELS[:0], context)
    assert synthetic.signals.shape == (0, 2, 13)


@EACH
@pytest.mark.parametrize(("leads", "length"), [(1, 16), (1, 5), (3, 31)])
def test_windows_of_any_leads_and_length_are_modelled(
    name: str, leads: int, length: int, context: Context
) -> None:
    model = fitted(name, context, windows(leads=leads, length=length))
    assert model.sample(LABELS, context).signals.shape == (5, leads, length)


@EACH
def test_the_same_seed_gives_the_same_bytes_and_leaves_global_random_state_alone(
    name: str, tmp_path: Path
) -> None:
    numpys = np.random.get_state(legacy=False)  # noqa: NPY002 - the global state, to stay as it is
    torchs = torch.get_rng_state()
    first, again, other = (
        fitted(name, context).sample(LABELS, context).signals
        for context in (make_context(tmp_path, seed) for seed in (3, 3, 4))
    )
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()
    assert torch.equal(torch.get_rng_state(), torchs)
    after = np.random.get_state(legacy=False)  # noqa: NPY002 - as above
    np.testing.assert_equal(after, numpys)


@EACH
def test_a_fit_that_was_stopped_and_resumed_gives_the_same_bytes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(training, "CHECKPOINT_EVERY", 0.0)
    monkeypatch.setattr(training, "LOG_EVERY", 1)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    whole.mkdir()
    stopped.mkdir()
    expected = fitted(name, make_context(whole)).sample(LABELS, make_context(whole))

    def stop(done: int, /, *, total: int, **values: float) -> None:
        if done == total // 2:
            raise Stopped

    with pytest.raises(Stopped):
        fitted(name, make_context(stopped, log=stop))
    seen: list[int] = []
    resumed = make_context(stopped, log=lambda done, /, **_: seen.append(done))
    found = fitted(name, resumed).sample(LABELS, resumed)
    assert found.signals.tobytes() == expected.signals.tobytes()
    assert seen[0] == TINY[name]["iterations"] // 2 + 1
    assert "resumed" in capsys.readouterr().out


@EACH
def test_a_class_of_one_window_and_a_class_that_train_lacks_are_drawn(
    name: str, context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    train = windows()
    one = np.flatnonzero(train.labels == 1)[:1]
    rows = np.concatenate([np.flatnonzero(train.labels == 0), one])
    with caplog.at_level(logging.WARNING):
        synthetic = fitted(name, context, train.take(rows)).sample(LABELS, context)
    assert synthetic.problem() is None
    np.testing.assert_array_equal(synthetic.labels, LABELS)
    assert caplog.messages == ["train has no window of class V: the 3 asked for are of any class"]


@EACH
def test_two_equal_windows_and_a_flat_lead_are_modelled(name: str, context: Context) -> None:
    two = windows().take(np.array([0, 0]))
    flat = dataclasses.replace(two, signals=np.ones_like(two.signals))
    for train in (two, flat):
        assert fitted(name, context, train).sample(LABELS, context).problem() is None


@EACH
def test_a_fit_reports_its_loss_and_its_parameters(name: str, tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []
    context = make_context(tmp_path, log=lambda done, /, **values: seen.append(values))
    assert fitted(name, context).parameters > 100
    assert all(np.isfinite(values["loss"]) for values in seen)
    assert seen[-1]["total"] == TINY[name]["iterations"]
