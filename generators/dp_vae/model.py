"""A variational autoencoder, differentially private.

A window of T samples a lead is modelled by its cosine components (the orthonormal DCT of each lead) of up
to ``bandwidth``, k numbers in all; it has nothing above.  The components are the x of `networks.py`, after
a division by a constant.  Windows are drawn as the decoder's mean with the decoder's noise, from
z ~ N(0, I).

**What is protected.**  One window with its label.  Two sets of windows that differ by one (added or
removed) give models with probabilities that differ by no more than the factor exp(ε), up to δ.  A person
with hundreds of windows is *not* protected to that degree.  The common properties of the windows are
public (classes, leads, rate, length), but not their number.  The harness names the labels to draw.

**How.**  By DP-SGD (Abadi and others, CCS 2016), with Opacus (Yousefpour and others, arXiv:2109.12298).
In an iteration each window is drawn with probability ``sampling_rate``, for itself.  The gradient of each
drawn window is scaled down to the norm ``gradient_norm``, and their sum gets Gaussian noise of σ times this
norm.  σ is the least for ε, δ and all iterations under Opacus' accountant (Gopi, Lee, Wutschitz, NeurIPS
2021).  The fit prints the ε that the accountant finds for σ.

Everything else is independent of the windows:

- the basis is fixed, and so is the scaling: `clip` bounds a window, and constants divide its components;
- the sum of gradients is not divided by a number of windows, which would tell it (Adam does not mind);
- the sampling rate is a setting, and a batch has no fixed size;
- the noise of the decoder is learned with the other weights, one variance a component and class.  There
  is no other estimate of a residual, and no prior but N(0, I), which are not free;
- the curve of the fit shows the weights' own noise.  A loss is a number about windows, so it is not logged.

If the training windows lack a class, the networks know nothing of it: any shape may come.

**Not for a real release.**  Opacus' ``secure_mode`` is off.  The noise comes from a seed, and anybody with
the seed can subtract it.  And it is drawn in floating point: the rounding can betray the true sum
(Mironov, CCS 2012).
"""

from __future__ import annotations

import copy
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from scipy.fft import dct, idct

from ecgbench import EcgbenchError
from ecgbench.contracts.streams import DpVaeStream
from ecgbench.generators.dp_vae.networks import Autoencoder
from ecgbench.nn.training import Training, average, count, noise, warm_cosine
from ecgbench.nn.variational import reparametrised, seeded
from ecgbench.nn.weights import weights, with_weights
from ecgbench.saving import load_model, save_model

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from ecgbench import Context, EcgWindows
    from ecgbench.generators.dp_vae import DpVaeConfig

KNEE = 10.0
"""Hz.  The power of a QRS complex lies about it and falls beyond (Thakor, Webster, Tompkins, IEEE Trans
Biomed Eng 31:702, 1984)."""

ERROR = 0.01
"""Error of the accountant's ε; its upper bound is taken."""


class Spent(NamedTuple):
    """The noise of a fit and its ε.

    Attributes:
        multiplier: σ, the deviation of the noise over the norm of a gradient.
        epsilon: the accountant's upper bound.
    """

    multiplier: float
    epsilon: float


class DpVae:
    """A variational autoencoder trained by DP-SGD, conditional on the class.

    Args:
        config: settings.

    Attributes:
        parameters: weights of encoder, decoder and noise; 0 before the fit.
        spent: the noise and the ε of the fit.
    """

    def __init__(self, config: DpVaeConfig) -> None:
        self.config = config
        self.parameters = 0

    def fit(self, train: EcgWindows, context: Context) -> None:
        """Train; continues from a checkpoint of the same fit.

        Raises:
            EcgbenchError: Opacus is not installed, or no noise is enough for ``epsilon``.
            FloatingPointError: the weights are NaN or infinite.
        """
        config, device = self.config, context.device
        opacus = _opacus()
        self.spent = spent = calibrated(config)
        print(  # noqa: T201 - the cell's log
            f"dp-vae: ε = {spent.epsilon:.4f} at δ = {config.delta:g} for one window "
            f"(noise multiplier {spent.multiplier:.4f}, sampling rate {config.sampling_rate:g}, "
            f"{config.iterations} iterations)"
        )
        self.like = train.take(slice(0))
        x = torch.from_numpy(self._components(train)).to(device)
        c = self._classes(train.labels).to(device)
        network = self._build(torch.Generator().manual_seed(context.seed)).to(device)
        self.network = copy.deepcopy(network)
        self.parameters = count(network)
        rng = np.random.default_rng([context.seed, DpVaeStream.TRAINING])
        gaussian = torch.Generator(device)
        adam = torch.optim.Adam(network.parameters(), config.learning_rate)
        sampled = opacus.GradSampleModule(network, loss_reduction="sum")
        private = opacus.optimizers.DPOptimizer(
            adam,
            noise_multiplier=spent.multiplier,
            max_grad_norm=config.gradient_norm,
            expected_batch_size=None,
            loss_reduction="sum",
            generator=gaussian,
        )

        def iterate(iteration: int) -> dict[str, Tensor]:
            rows = np.flatnonzero(rng.random(len(x)) < config.sampling_rate)
            draws = noise(rng, len(rows), config.latent).to(device)
            # the state of a torch generator is in no checkpoint, that of rng is
            gaussian.manual_seed(int(rng.integers(2**62)))
            adam.param_groups[0]["lr"] = config.learning_rate * warm_cosine(
                iteration, config.iterations, max(config.iterations // 20, 1)
            )
            private.zero_grad()
            with warnings.catch_warnings():
                # torch: Opacus' hooks see a network whose input needs no gradient
                warnings.filterwarnings("ignore", "Full backward hook is firing")
                sampled(x[rows], c[rows], draws).sum().backward()
            private.step()
            average(self.network, network, config.ema, iteration + 1)
            return {"deviation": network.deviation()}

        Training(
            "dp-vae",
            context,
            config,
            train,
            modules={"network": network, "mean": self.network},
            optimisers={"adam": adam},
            rng=rng,
        ).run(iterate, config.iterations)

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Draw windows."""
        rng = np.random.default_rng([context.seed, DpVaeStream.SAMPLE])
        network = self.network.to(context.device)
        with torch.inference_mode():
            z = noise(rng, len(labels), self.config.latent).to(context.device)
            mean, log_variance = network.decode(z, self._classes(labels).to(context.device))
            residual = noise(rng, *mean.shape).to(context.device)
            components = reparametrised(mean, log_variance, residual).cpu().numpy()
        length = self.like.length
        leads = components.reshape(len(labels), len(self.like.leads), -1)
        return self.like.synthetic(
            idct(leads * self._scale(leads.shape[2]), n=length, norm="ortho", axis=-1), labels
        )

    def save(self, folder: Path) -> None:
        """Write the decoder and its noise."""
        save_model(folder, like=self.like, network=weights(self.network, "encoder"))

    def load(self, folder: Path) -> None:
        """Read what `save` wrote; Opacus is not needed."""
        parts = load_model(folder)
        self.like = parts["like"]
        self.network = with_weights(self._build(torch.Generator()), parts["network"], "encoder")

    def _build(self, generator: torch.Generator) -> Autoencoder:
        """Return the network at its start."""
        components = len(self.like.leads) * self._kept(self.like)
        return seeded(
            lambda: Autoencoder(components, len(self.like.classes), self.config), generator
        )

    def _kept(self, windows: EcgWindows) -> int:
        """Return how many components of a lead lie below `bandwidth`."""
        highest = 2 * windows.length * self.config.bandwidth / windows.sampling_rate
        return min(windows.length, int(highest) + 1)

    def _components(self, windows: EcgWindows) -> NDArray[np.float32]:
        """Return scaled components; component j of a lead has the frequency j · rate / 2T.

        The norm of a window, in mV, is at most √(samples of all leads) · `clip`.
        """
        kept = self._kept(windows)
        leads = dct(windows.signals.astype(np.float64), norm="ortho", axis=-1)[:, :, :kept]
        norm = self.config.clip * np.sqrt(windows.length * len(windows.leads))
        lengths = np.linalg.norm(leads, axis=(1, 2), keepdims=True)
        bounded = leads * (norm / np.maximum(lengths, norm)) / self._scale(kept)
        return np.asarray(bounded.reshape(len(windows), -1), dtype=np.float32)

    def _scale(self, components: int) -> NDArray[np.float64]:
        """Return the mV of a component of 1, shape (component of a lead,).

        Its square falls with frequency as 1 / (1 + (f / `KNEE`)²)², and its sum over all components is that
        of a window at ``clip``.
        """
        frequencies = np.arange(components) * self.like.sampling_rate / (2 * self.like.length)
        envelope = 1 / (1 + (frequencies / KNEE) ** 2)
        root = np.sqrt(self.like.length / (envelope**2).sum())
        return np.asarray(self.config.clip * root * envelope)

    def _classes(self, labels: NDArray[np.int64]) -> Tensor:
        """Return one-hot classes, with a column for an only class: the noise of the decoder reads it."""
        return torch.eye(len(self.like.classes))[torch.tensor(labels)]


def calibrated(config: DpVaeConfig) -> Spent:
    """Return the least noise for ε, δ, sampling rate and iterations, with the ε that it gives.

    Raises:
        EcgbenchError: Opacus is not installed, or no noise is enough.
    """
    opacus = _opacus()
    accountant = opacus.accountants.PRVAccountant()
    with warnings.catch_warnings():
        # only the size of the accountant's grid comes from this bound, which is then a little large
        warnings.filterwarnings("ignore", "Optimal order is the")
        try:
            multiplier = opacus.accountants.utils.get_noise_multiplier(
                target_epsilon=config.epsilon,
                target_delta=config.delta,
                sample_rate=config.sampling_rate,
                steps=config.iterations,
                accountant="prv",
                epsilon_tolerance=ERROR,
                eps_error=ERROR,
            )
        except ValueError as error:
            raise EcgbenchError(
                f"dp-vae: no noise gives ε = {config.epsilon:g}: {error}; raise epsilon"
            ) from error
        accountant.history = [(multiplier, config.sampling_rate, config.iterations)]
        epsilon = accountant.get_epsilon(config.delta, eps_error=ERROR)
    return Spent(float(multiplier), float(epsilon))


def _opacus() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Opacus warns of deprecated parts of torch
            import opacus  # noqa: PLC0415 - an extra, and slow
    except ImportError as error:
        raise EcgbenchError("dp-vae needs Opacus: pip install 'synthetic-ecgbench[dp]'") from error
    return opacus
