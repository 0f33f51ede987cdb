"""Diffusion of the Fourier coefficients of windows.

Source: Crabbé, Huynh, Stanczuk, van der Schaar, "Time series diffusion in the frequency domain", ICML
2024, and the authors' code (https://github.com/JonathanCrabbe/FourierDiffusion).  A signal of N samples is
N real numbers: the real parts of its orthonormal Fourier transform at frequencies 0 to N/2, and the
imaginary parts between.  White noise in time is then noise of variance ½ in each, and 1 at frequency 0 and
at N/2, the numbers without a mirror image: the mirrored Brownian motion of section 3.  With Λ² for these
variances the stochastic differential equation of the paper, which preserves variance, is::

    dx = −½ β(t) x dt + √β(t) Λ dw,    β(t) = β_min + t (β_max − β_min),    0 ≤ t ≤ 1

As in the code, each coefficient is first scaled to mean 0 and deviation 1 over the training windows, and
the loss divides the squared error of the score by its mean size.  With ᾱ the share of a window's variance
that is left at a time, and σ² = 1 − ᾱ, the model here says the noise ε = −Λ σ · score and not the score, and
the network F says what the best linear guess leaves of it, as in EDM (Karras et al., NeurIPS 2022)::

    ε = Λ σ / v · x + √(ᾱ / v) · F(x / √v, t),    v = ᾱ + Λ² σ²

The loss is the same.  A network that says 0 draws Gaussian coefficients; without the linear guess, the
division by √ᾱ = .007 at the start would multiply its errors.
Sampling is the ancestral one (Song et al., ICLR 2021, appendix E): exact between two times for
a given ε, where the code takes Euler–Maruyama steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ecgbench.generators.diffusion.model import draw, train_network
from ecgbench.generators.diffusion.networks import ResidualMlp
from ecgbench.nn.training import count, noise
from ecgbench.nn.weights import weights, with_weights
from ecgbench.saving import load_model, save_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from ecgbench import Context, EcgWindows
    from ecgbench.generators.diffusion.model import Loss
    from ecgbench.generators.diffusion.settings import FourierDiffusionConfig

    Predictor = Callable[[Tensor, Tensor], Tensor]

TIMES = 1000.0
"""The network sees times of 0 to this."""

EARLIEST = 1e-5
"""ε of the code: training and sampling go down to this time."""


def coefficients(signals: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the real numbers of an orthonormal Fourier transform.

    Args:
        signals: shape (…, sample).

    Returns:
        float64, shape (…, sample): the real parts by frequency, then the imaginary parts that can be
        unlike 0.
    """
    found = np.fft.rfft(signals.astype(np.float64), axis=-1, norm="ortho")
    return np.concatenate([found.real, found.imag[..., _imaginary(signals.shape[-1])]], axis=-1)


def signals_of(numbers: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the signals of `coefficients`, float64, shape (…, sample)."""
    length = numbers.shape[-1]
    frequencies = length // 2 + 1
    found = numbers[..., :frequencies].astype(np.complex128)
    found[..., _imaginary(length)] += 1j * numbers[..., frequencies:]
    return np.fft.irfft(found, n=length, axis=-1, norm="ortho")


def mirrored(length: int) -> NDArray[np.float64]:
    """Return Λ: the deviation of each of `coefficients` in white noise of deviation 1."""
    deviations = np.full(length, np.sqrt(0.5))
    deviations[0] = 1.0
    if length % 2 == 0:
        deviations[length // 2] = 1.0
    return deviations


def _imaginary(length: int) -> slice:
    return slice(1, (length + 1) // 2)


class FourierDiffusion:
    """A diffusion model of Fourier coefficients, conditional on the class.

    Args:
        config: settings.

    Attributes:
        parameters: weights of the network, and a mean and a deviation of each coefficient.
    """

    def __init__(self, config: FourierDiffusionConfig) -> None:
        self.config = config
        self.parameters = 0

    def fit(self, train: EcgWindows, context: Context) -> None:
        """Train; continues from a checkpoint of the same fit.

        Raises:
            FloatingPointError: the loss is NaN or infinite.
        """
        config = self.config
        self.like, self.labels = train.take(slice(0)), train.labels
        numbers = coefficients(train.signals)
        self.mean, self.deviation = numbers.mean(axis=0), numbers.std(axis=0)
        self.deviation[self.deviation < 1e-9] = 1.0
        x = ((numbers - self.mean) / self.deviation).reshape(len(train), -1)
        self.spread = _spread(train).to(context.device)
        network = self._build(torch.Generator().manual_seed(context.seed))
        self.parameters = count(network) + 2 * x.shape[1]
        self.network = train_network(
            "fourier-diffusion",
            context,
            config,
            train,
            network=network,
            x=torch.from_numpy(x.astype(np.float32)),
            loss=self._loss,
        )

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Return one window for each label; a class that ``train`` lacks is drawn as any of its."""
        self.network.to(context.device)
        self.spread = self.spread.to(context.device)
        x, _ = draw(self.like.classes, self.labels, labels, context, self._denoised)
        numbers = x.reshape(len(x), *self.mean.shape) * self.deviation + self.mean
        return self.like.synthetic(signals_of(numbers), labels)

    def save(self, folder: Path) -> None:
        """Write mean and deviation of the coefficients, and the network."""
        save_model(
            folder,
            like=self.like,
            labels=self.labels,
            mean=self.mean,
            deviation=self.deviation,
            network=weights(self.network),
        )

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        parts = load_model(folder)
        self.like, self.labels = parts["like"], parts["labels"]
        self.mean, self.deviation = parts["mean"], parts["deviation"]
        self.spread = _spread(self.like)
        self.network = with_weights(self._build(torch.Generator()), parts["network"])

    def _build(self, start: torch.Generator) -> nn.Module:
        """Return the network at its start."""
        return ResidualMlp(
            len(self.spread), len(self.like.classes), self.config.width, self.config.blocks, start
        )

    def _loss(self, rng: np.random.Generator) -> Loss:
        weights = self.spread**-2 / (self.spread**-2).mean()

        def loss(network: nn.Module, x: Tensor, labels: Tensor, rows: NDArray[np.int64]) -> Tensor:
            drawn = torch.from_numpy(rng.random(len(rows), dtype=np.float32)).to(x.device)
            times = EARLIEST + (1 - EARLIEST) * drawn
            kept = self._kept(times)[:, None]
            white = noise(rng, *x.shape).to(x.device)
            noisy = kept.sqrt() * x + (1 - kept).sqrt() * self.spread * white
            found = self._noise(network, noisy, times[:, None], labels)
            error: Tensor = (weights * (found - white) ** 2).mean()
            return error

        return loss

    def _noise(self, network: nn.Module, x: Tensor, times: Tensor, labels: Tensor) -> Tensor:
        """Return ε of windows at times, shape (window, 1)."""
        kept = self._kept(times)
        total = kept + (1 - kept) * self.spread**2
        found = network(x / total.sqrt(), TIMES * times[:, 0], labels)
        noise: Tensor = (1 - kept).sqrt() * self.spread / total * x + (kept / total).sqrt() * found
        return noise

    def _kept(self, times: Tensor) -> Tensor:
        return kept_variance(times, self.config.beta_min, self.config.beta_max)

    def _denoised(self, labels: Tensor, rng: np.random.Generator) -> Tensor:
        def predictor(x: Tensor, time: Tensor) -> Tensor:
            return self._noise(self.network, x, time.expand(len(x), 1), labels)

        times = torch.linspace(1, EARLIEST, self.config.steps + 1, device=labels.device)
        return ancestral(
            predictor, times, self._kept(times), self.spread, len(labels), rng, labels.device
        )


def _spread(like: EcgWindows) -> Tensor:
    """Return Λ of all leads, float32, shape (coefficient,)."""
    spread = np.tile(mirrored(like.length), len(like.leads))
    return torch.from_numpy(spread.astype(np.float32))


def kept_variance(times: Tensor, beta_min: float, beta_max: float) -> Tensor:
    """Return the share of a window's variance that is left at each time: exp(−∫ β)."""
    return torch.exp(-beta_min * times - (beta_max - beta_min) * times**2 / 2)


def ancestral(
    predictor: Predictor,
    times: Tensor,
    kept: Tensor,
    spread: Tensor,
    windows: int,
    rng: np.random.Generator,
    device: torch.device,
) -> Tensor:
    """Draw windows by ancestral sampling (Ho, Jain, Abbeel, NeurIPS 2020, equations 6 and 7).

    Args:
        predictor: ε of windows at a time, a scalar.
        times: falling, from 1.
        kept: ᾱ, the share of a window's variance that is left at each time.
        spread: Λ, shape (coefficient,).
        windows: how many.
        rng: draws the noise.
        device: of the windows.

    Returns:
        float32, shape (window, coefficient).
    """

    def white() -> Tensor:
        return spread * noise(rng, windows, len(spread)).to(device)

    x = white()
    for step in range(len(times) - 1):
        now, after = kept[step], kept[step + 1]
        clean = (x - (1 - now).sqrt() * spread * predictor(x, times[step])) / now.sqrt()
        ratio = now / after
        mean = after.sqrt() * (1 - ratio) * clean + ratio.sqrt() * (1 - after) * x
        x = mean / (1 - now)
        if step < len(times) - 2:
            x = x + ((1 - after) / (1 - now) * (1 - ratio)).sqrt() * white()
    return x
