"""Peers' own code: each adapter's spec is light and complete, and its model runs where the peer is installed."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench import Context, EcgWindows
from ecgbench.harness.planning.catalog import discover

if TYPE_CHECKING:
    from ecgbench import GeneratorSpec

FOLDER = Path(__file__).parents[2] / "examples" / "adapters"
HEAVY = {"numpy", "torch", "keras", "pytorch_lightning"}


@dataclass(frozen=True)
class Adapter:
    """One distribution: its module, the peer's module, and the name of its generator."""

    distribution: str
    module: str
    peer: str
    generator: str

    @property
    def source(self) -> Path:
        return FOLDER / self.distribution / "src"

    @property
    def project(self) -> dict[str, Any]:
        return tomllib.loads((FOLDER / self.distribution / "pyproject.toml").read_text("utf-8"))


ADAPTERS = [
    Adapter("ecgbench-ecgen", "ecgbench_ecgen", "ecgen", "peer-pulse2pulse"),
    Adapter(
        "ecgbench-denoising-diffusion",
        "ecgbench_denoising_diffusion",
        "denoising_diffusion_pytorch",
        "peer-diffusion",
    ),
    Adapter("ecgbench-tsgm", "ecgbench_tsgm", "tsgm", "peer-vae"),
]
each = pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.distribution)


@pytest.fixture
def spec(adapter: Adapter, monkeypatch: pytest.MonkeyPatch) -> GeneratorSpec:
    monkeypatch.syspath_prepend(str(adapter.source))
    (entry,) = adapter.project["project"]["entry-points"]["ecgbench"]
    monkeypatch.setenv("ECGBENCH_DISABLE", f"{adapter.distribution}:{entry}")  # if it is installed
    catalog = discover([adapter.source / adapter.module / "plugin.py"])
    assert catalog.problems == []
    return catalog.generator(adapter.generator)


def windows(count: int = 24) -> EcgWindows:
    """Return windows of two leads and two classes, one twice as high as the other."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(2), count // 2)
    beat = np.exp(-((np.linspace(-3, 3, 50)) ** 2))
    height = rng.normal(1 + labels, 0.1)[:, None, None] * np.array([[1.0], [0.5]])
    signals = height * beat + 0.02 * rng.standard_normal((count, 2, 50))
    return EcgWindows(
        signals=signals.astype(np.float32),
        labels=labels,
        patients=np.arange(count),
        sampling_rate=100.0,
        leads=("I", "II"),
        classes=("N", "V"),
    )


def test_every_adapter_is_tested() -> None:
    found = {path.parent.name for path in FOLDER.glob("*/pyproject.toml")}
    assert found == {adapter.distribution for adapter in ADAPTERS}


@each
def test_the_spec_is_complete(adapter: Adapter, spec: GeneratorSpec) -> None:
    assert "peer's code: " in spec.summary
    assert "http" in spec.citation
    assert spec.smoke
    spec.config(**spec.smoke)


@each
def test_the_distribution_names_its_peer_and_its_hook(adapter: Adapter) -> None:
    project = adapter.project["project"]
    assert project["entry-points"]["ecgbench"].popitem()[1] == f"{adapter.module}.plugin"
    assert "synthetic-ecgbench" in project["dependencies"]
    assert project["dependencies"][0].split(">=")[0].replace("-", "_") == adapter.peer


@each
def test_the_plugin_module_is_light(adapter: Adapter) -> None:
    code = (
        f"import sys, {adapter.module}.plugin; print(*{HEAVY | {adapter.peer}} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(adapter.source)!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "\n"


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # a peer's warnings are its own
@each
def test_the_peer_s_model_keeps_the_contract(
    adapter: Adapter, spec: GeneratorSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        import_module(adapter.peer)
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"the peer's package {adapter.peer} cannot be imported: {error}")
    monkeypatch.chdir(tmp_path)
    train, steps = windows(), []
    if not spec.conditional:
        train = train.take(train.labels == 1)

    def drawn(folder: str) -> EcgWindows:
        (tmp_path / folder).mkdir()
        context = Context(
            seed=7,
            device="cpu",
            threads=1,
            log=lambda step, /, **_: steps.append(step),
            checkpoint_dir=tmp_path / folder,
        )
        model = spec.load()(spec.config(**spec.smoke))
        model.fit(train, context)
        assert model.parameters > 100
        found: EcgWindows = model.sample(train.labels[::-1].copy(), context)
        return found

    first, second = drawn("a"), drawn("b")
    assert steps
    assert first.signals.shape == train.signals.shape
    assert first.signals.dtype == np.float32
    assert np.isfinite(first.signals).all()
    assert (first.labels == train.labels[::-1]).all()
    assert np.abs(first.signals).max() < 20  # mV
    assert first.signals.tobytes() == second.signals.tobytes()
    assert (
        train.signals == (windows().signals if spec.conditional else windows().signals[12:])
    ).all()
