"""Privacy is checked on the accountant, the noise and what else the fit learns; utility on known shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dp_accounting
import msgspec
import numpy as np
import pytest
import torch
from dp_accounting.pld import PLDAccountant
from scipy.fft import dct

from ecgbench import Context, EcgbenchError, EcgWindows
from ecgbench.generators.dp_vae import DpVaeConfig, model
from ecgbench.generators.dp_vae.model import DpVae, Spent, calibrated

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SMALL = DpVaeConfig(epsilon=1.0, hidden=8, latent=2, iterations=20, sampling_rate=0.2)
LABELS = np.array([2, 0, 1, 2, 2], dtype=np.int64)


def small(**changes: Any) -> DpVaeConfig:
    return msgspec.structs.replace(SMALL, **changes)


def windows(
    counts: tuple[int, ...] = (20, 20, 20), leads: int = 1, length: int = 32, seed: int = 5
) -> EcgWindows:
    """Sines of a phase for each class, .5 mV high."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.int64)
    phase = np.linspace(0, 2 * np.pi, length) + 2 * labels[:, None, None]
    signals = 0.5 * np.sin(phase) * (1 + 0.2 * rng.standard_normal((len(labels), leads, 1)))
    return EcgWindows(
        signals=signals.astype(np.float32),
        labels=labels,
        patients=np.zeros(len(labels), dtype=np.int64),
        sampling_rate=100.0,
        leads=("MLII", "V1", "V5")[:leads],
        classes=("N", "S", "V", "F")[: len(counts)],
    )


def make_context(
    folder: Path, seed: int = 3, log: Callable[..., None] = lambda *_, **__: None
) -> Context:
    return Context(seed=seed, device="cpu", threads=1, log=log, checkpoint_dir=folder)


def fitted(folder: Path, train: EcgWindows, config: DpVaeConfig = SMALL, **of: Any) -> DpVae:
    folder.mkdir(exist_ok=True)
    fit = DpVae(config)
    fit.fit(train, make_context(folder, **of))
    return fit


@pytest.fixture
def noise_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Train with this multiplier, whatever ε it has."""

    def give(multiplier: float) -> None:
        monkeypatch.setattr(model, "calibrated", lambda _: Spent(multiplier, float("nan")))

    return give


@pytest.mark.parametrize("epsilon", [1.0, 4.0, 10.0])
def test_epsilon_is_the_accountants_and_googles_agrees(epsilon: float) -> None:
    config = DpVaeConfig(epsilon=epsilon)
    spent = calibrated(config)
    assert epsilon - 0.011 <= spent.epsilon <= epsilon
    google = PLDAccountant()
    step = dp_accounting.PoissonSampledDpEvent(
        config.sampling_rate, dp_accounting.GaussianDpEvent(spent.multiplier)
    )
    google.compose(dp_accounting.SelfComposedDpEvent(step, config.iterations))
    found = google.get_epsilon(config.delta)
    assert found <= epsilon
    assert found == pytest.approx(spent.epsilon, abs=0.02)


def test_the_log_of_the_fit_states_epsilon_and_all_behind_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spent = fitted(tmp_path, windows()).spent
    out = capsys.readouterr().out
    assert f"ε = {spent.epsilon:.4f} at δ = 1e-05" in out
    assert f"noise multiplier {spent.multiplier:.4f}, sampling rate 0.2, 20 iterations" in out


@pytest.mark.parametrize("epsilon", [0.1, 100.0])
def test_the_ends_of_epsilon_have_a_noise(epsilon: float) -> None:
    spent = calibrated(small(epsilon=epsilon))
    assert epsilon - 0.011 <= spent.epsilon <= epsilon


def test_an_epsilon_that_no_noise_gives_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opacus.accountants.utils.MAX_SIGMA", 1e-3)
    with pytest.raises(EcgbenchError, match=r"no noise gives ε = 1: .*; raise epsilon"):
        calibrated(small(epsilon=1.0, iterations=10**4, sampling_rate=0.9))


def test_windows_that_no_iteration_draws_leave_no_trace(
    tmp_path: Path, noise_of: Callable[[float], None]
) -> None:
    """Scaling, curve and sampling see nothing of the windows but through the sum of gradients."""
    noise_of(1.0)
    config = small(sampling_rate=1e-12)
    curves: list[list[float]] = [[], []]
    drawn = [
        fitted(
            tmp_path / str(number),
            train,
            config,
            log=lambda _, /, number=number, deviation=0.0, **__: curves[number].append(deviation),
        ).sample(LABELS, make_context(tmp_path))
        for number, train in enumerate((windows(), windows((3, 0, 57), seed=6)))
    ]
    assert drawn[0].signals.tobytes() == drawn[1].signals.tobytes()
    assert curves[0] == curves[1] != []


def steps(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """Record the gradient of every iteration, as Adam is given it."""
    found: list[torch.Tensor] = []
    step = torch.optim.Adam.step

    def record(self: torch.optim.Adam, *rest: Any) -> Any:
        weights = [weight for group in self.param_groups for weight in group["params"]]
        found.append(torch.cat([weight.grad.flatten() for weight in weights]))
        return step(self, *rest)

    monkeypatch.setattr(torch.optim.Adam, "step", record)
    return found


def test_the_noise_has_the_deviation_of_the_multiplier_and_is_new_in_every_iteration(
    tmp_path: Path, noise_of: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    noise_of(3.0)
    gradients = steps(monkeypatch)
    fitted(tmp_path, windows(), small(sampling_rate=1e-12, gradient_norm=0.5, iterations=30))
    noise = torch.stack(gradients)
    assert noise.std().item() == pytest.approx(1.5, rel=0.02)
    among = torch.corrcoef(noise) - torch.eye(30)
    assert among.abs().max() < 6 / noise.shape[1] ** 0.5


@pytest.mark.parametrize("norm", [0.1, 1.0])
def test_one_window_changes_the_sum_of_gradients_by_the_norm_at_most(
    tmp_path: Path,
    noise_of: Callable[[float], None],
    monkeypatch: pytest.MonkeyPatch,
    norm: float,
) -> None:
    noise_of(0.0)
    gradients = steps(monkeypatch)
    train = windows()
    loud = train.take(np.array([0, 25]))
    config = small(sampling_rate=1.0, gradient_norm=norm, iterations=1)
    fitted(tmp_path / "two", loud, config)
    fitted(tmp_path / "one", loud.take(slice(0, 1)), config)
    both, one = gradients
    assert one.norm() <= norm * (1 + 1e-5)
    assert both.norm() <= 2 * norm * (1 + 1e-5)
    assert one.norm() > 0.9 * norm  # the bound is felt: a gradient here is larger


def test_a_window_beyond_the_bound_counts_as_one_at_the_bound(tmp_path: Path) -> None:
    fit = DpVae(small(clip=1.0, bandwidth=50.0))
    train = windows()
    fit.like = train.take(slice(0))
    scale = fit._scale(train.length)
    back = fit._components(train) * scale
    expected = dct(train.signals[:, 0].astype(float), norm="ortho")
    norm = np.sqrt(train.length)  # mV, at a clip of 1
    assert np.linalg.norm(expected, axis=1).max() < norm  # no window here is beyond it
    np.testing.assert_allclose(back, expected, atol=1e-5)
    assert np.linalg.norm(scale) == pytest.approx(norm)
    huge = EcgWindows(
        signals=train.signals * 1000,
        labels=train.labels,
        patients=train.patients,
        sampling_rate=train.sampling_rate,
        leads=train.leads,
        classes=train.classes,
    )
    bounded = np.linalg.norm(fit._components(huge) * scale, axis=1)
    np.testing.assert_allclose(bounded, norm, rtol=1e-5)


@pytest.mark.parametrize(("leads", "length"), [(1, 32), (3, 7), (2, 1)])
def test_windows_of_any_shape_are_drawn_for_their_labels(
    tmp_path: Path, leads: int, length: int
) -> None:
    drawn = fitted(tmp_path, windows(leads=leads, length=length)).sample(
        LABELS, make_context(tmp_path)
    )
    assert drawn.problem() is None
    assert drawn.signals.shape == (5, leads, length)
    np.testing.assert_array_equal(drawn.labels, LABELS)


@pytest.mark.slow
def test_it_learns_the_phase_of_each_class_and_less_with_more_noise(
    tmp_path: Path, noise_of: Callable[[float], None]
) -> None:
    train = windows((400, 400, 400))
    errors = []
    for multiplier in (0.0, 100.0):
        noise_of(multiplier)
        config = small(hidden=32, iterations=400, sampling_rate=0.1, learning_rate=5e-3)
        folder = tmp_path / str(multiplier)
        drawn = fitted(folder, train, config).sample(train.labels, make_context(tmp_path))
        means = [
            each.signals[train.labels == label].mean(axis=0)
            for label in range(3)
            for each in (train, drawn)
        ]
        errors.append(
            max(np.abs(a - b).max() for a, b in zip(means[::2], means[1::2], strict=True))
        )
    assert errors[0] < 0.12
    assert errors[1] > 0.3
