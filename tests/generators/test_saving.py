"""Fitted models, saved and loaded into a new object, draw the same bytes."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from ecgbench import Context, DataError, EcgbenchError, discover
from ecgbench.contracts.config import build
from ecgbench.testing import cohort

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ecgbench import EcgWindows

FAST: list[tuple[str, dict[str, Any]]] = [
    ("ar", {}),
    ("ar", {"order": 1}),
    ("dp-pca-gaussian", {}),
    ("dp-pca-gaussian", {"epsilon": 8.0, "bandwidth": 20.0}),
    ("gmm", {}),
    ("gmm", {"time": "rr"}),
    ("kde", {}),
    ("pca-gaussian", {"time": "own"}),
    ("pca-gaussian", {"time": "rr"}),
    ("smote", {}),
]

TRAINED: list[tuple[str, dict[str, Any]]] = [
    ("ddpm", {}),
    ("dp-vae", {}),
    ("dp-vae", {"epsilon": 8.0, "bandwidth": 20.0}),
    ("ecgsyn-fit", {"components": 4, "windows_each": 10}),
    ("flow-matching", {"time": "rr", "source": "mixture"}),
    ("flow-matching", {"time": "rr", "source": "gaussian"}),
    ("flow-matching", {"time": "own", "source": "mixture", "bands": 0}),
    ("fourier-diffusion", {}),
    ("pulse2pulse", {}),
    ("rcgan", {}),
    ("spline-flow", {}),
    ("spline-flow", {"dimensions": 1}),
    ("sssd-ecg", {"layers": 2}),
    ("timegan", {"ema": 0.9}),
    ("timegan", {"ema": 0.0, "discriminator": "bidirectional", "recovery": "feedforward"}),
    ("timegan", {"noise": "wiener", "static_noise": 3, "latent": "linear"}),
    ("timevae", {"scaling": "range"}),
    ("timevae", {"scaling": "deviation", "trend": 2}),
    ("timevqvae", {}),
    ("vae", {"gaussians": 1}),
    ("vae", {"gaussians": 4, "windows": 5}),
    ("virtual-people", {}),
    ("wavegan", {}),
]

FEWEST = {"iterations": 12, "embedding_iterations": 2, "supervised_iterations": 2, "rounds": 2}
"""At most so many of each: weights need not be good to be saved."""

EACH = pytest.mark.parametrize(
    ("name", "settings"),
    [*FAST, *(pytest.param(*each, marks=pytest.mark.slow) for each in TRAINED)],
    ids=lambda value: (
        value if isinstance(value, str) else "-".join(map(str, value.values())) or "smoke"
    ),
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    return Context(
        seed=4, device="cpu", threads=1, log=lambda *_, **__: None, checkpoint_dir=folder
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    kept = tmp_path / "kept"
    kept.mkdir()
    return kept


def new(name: str, settings: dict[str, Any]) -> Any:
    spec = discover().generator(name)
    fields = spec.config.__struct_fields__
    smoke = {**spec.smoke, **settings}
    defaults = spec.config()
    fewest = {
        key: min(most, smoke.get(key, getattr(defaults, key)))
        for key, most in FEWEST.items()
        if key in fields
    }
    return spec.load()(build(spec.config, smoke | fewest, where=name))


def two_leads() -> EcgWindows:
    """Two leads of four classes, of which the last has no window."""
    train = cohort.two_leads().train
    return train.take(np.flatnonzero(train.labels != train.labels.max())[::3])


def one_class() -> EcgWindows:
    train = cohort.one_class().train
    return train.take(slice(0, 200))


def test_every_competitor_is_saved_here() -> None:
    catalog = discover()
    own = [entry.spec.name for entry in catalog.of_kind("generator") if entry.origin.built_in]
    specs = [catalog.generator(name) for name in own]
    competitors = {spec.name for spec in specs if not spec.reference and not spec.audit}
    assert {name for name, _ in FAST + TRAINED} == competitors


@EACH
def test_a_loaded_model_draws_the_same_bytes(
    name: str, settings: dict[str, Any], context: Context, folder: Path
) -> None:
    train = two_leads()
    labels = np.arange(40, dtype=np.int64) % len(train.classes)
    model = new(name, settings)
    model.fit(train, context)
    model.save(folder)
    expected = model.sample(labels, context)
    loaded = new(name, settings)
    loaded.load(folder)
    found = loaded.sample(labels, dataclasses.replace(context, log=lambda *_, **__: None))
    assert found.signals.tobytes() == expected.signals.tobytes()
    assert dataclasses.replace(found, signals=expected.signals).problem() is None
    assert (found.leads, found.classes, found.sampling_rate) == (
        train.leads,
        train.classes,
        train.sampling_rate,
    )
    assert {file.suffix for file in folder.iterdir()} == {".json", ".safetensors"}
    other = loaded.sample(labels, dataclasses.replace(context, seed=5))
    assert other.signals.tobytes() != expected.signals.tobytes()


@pytest.mark.parametrize(
    "name",
    [
        "pca-gaussian",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("vae", "dp-vae", "timegan", "rcgan", "wavegan", "spline-flow")
        ),
    ],
)
def test_a_model_of_one_class_is_saved(name: str, context: Context, folder: Path) -> None:
    labels = np.zeros(20, dtype=np.int64)
    model = new(name, {})
    model.fit(one_class(), context)
    model.save(folder)
    loaded = new(name, {})
    loaded.load(folder)
    found, expected = (each.sample(labels, context).signals for each in (loaded, model))
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("dp-pca-gaussian", "dp_accounting"),
        pytest.param("dp-vae", "opacus", marks=pytest.mark.slow),
    ],
)
def test_a_private_model_is_loaded_without_the_library_of_its_fit(
    name: str, missing: str, context: Context, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = new(name, {})
    model.fit(two_leads(), context)
    model.save(folder)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(EcgbenchError, match="pip install"):
        new(name, {}).fit(two_leads(), context)
    loaded = new(name, {})
    loaded.load(folder)
    assert loaded.sample(np.arange(3), context).problem() is None


@pytest.mark.slow
def test_a_flow_is_not_loaded_without_zuko(
    context: Context, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = new("spline-flow", {})
    model.fit(two_leads(), context)
    model.save(folder)
    for name in [name for name in sys.modules if name.split(".")[0] == "zuko"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "zuko", None)
    with pytest.raises(EcgbenchError, match=r"pip install .*flows"):
        new("spline-flow", {}).load(folder)


@pytest.mark.slow
def test_a_network_of_other_settings_is_refused(context: Context, folder: Path) -> None:
    model = new("ddpm", {"width": 8, "heads": 2})
    model.fit(two_leads(), context)
    model.save(folder)
    for settings in ({"width": 16, "heads": 2}, {"width": 8, "heads": 2, "blocks": 1}):
        with pytest.raises(DataError, match="do not fit the network of these settings"):
            new("ddpm", settings).load(folder)
