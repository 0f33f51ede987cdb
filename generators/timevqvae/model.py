"""TimeVQVAE as the harness calls it: the two stages of its training, and sampling.

Source: Lee, Malacarne, Aune, arXiv:2303.04743, and the authors' code of April 2023
(https://github.com/ML4ITS/TimeVQVAE).  As there

- stage 1 trains encoders, decoders and codebooks of both bands together.  The loss of a band is its error
  in time, its error in the spectrum and its commitment loss.  Errors are squared, but that of the high
  band in time is absolute;
- stage 2 trains the priors of the tokens, with all of stage 1 fixed.  Tokens are drawn by softmax of
  negative squared distances (Lee, Kim, Kim, Cho, Han, CVPR 2022).  Here each window is drawn once, in the
  code anew in each epoch;
- both stages take AdamW, whose learning rate falls along half a cosine to 0;
- a fifth of the windows of a batch hide their class from the priors.  Sampling is without guidance.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import l1_loss, mse_loss

from ecgbench import known_labels
from ecgbench.contracts.streams import TimeVqVaeStream
from ecgbench.generators.timevqvae.codebook import flat
from ecgbench.generators.timevqvae.networks import Networks, begin
from ecgbench.generators.timevqvae.prior import decode, gumbel, masks, prior_loss
from ecgbench.generators.timevqvae.spectrum import BANDS, Spectrum, rows, widened
from ecgbench.nn.training import LeadScale, Training, batch, count, warm_cosine
from ecgbench.nn.weights import weights, with_weights
from ecgbench.saving import load_model, save_model

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from ecgbench import Context, EcgWindows
    from ecgbench.generators.timevqvae import TimeVqVaeConfig

SAMPLING_BATCH = 256


class TimeVqVae:
    """Discrete tokens of two bands of a window, and a prior of each, conditional on the class.

    Args:
        config: settings.

    Attributes:
        parameters: weights of all networks, and codes; 0 before the fit.
    """

    def __init__(self, config: TimeVqVaeConfig) -> None:
        self.config = config
        self.parameters = 0

    def fit(self, train: EcgWindows, context: Context) -> None:
        """Train on windows of any number of leads; continues from a checkpoint of the same fit.

        Raises:
            FloatingPointError: a loss is NaN or infinite.
        """
        config, device = self.config, context.device
        self.like, self.labels = train.take(slice(0)), train.labels
        self.scale = LeadScale.of(train)
        start = torch.Generator().manual_seed(context.seed)
        self.networks = networks = begin(self._build(), start).to(device)
        codes = sum(band.codebook.codes.numel() for band in networks.bands.values())
        self.parameters = count(networks) + codes
        x = self.scale.forward(train.signals).to(device)
        labels = torch.tensor(train.labels).to(device)
        rng = np.random.default_rng([context.seed, TimeVqVaeStream.TRAINING])
        first = torch.nn.ModuleList([networks.encoders, networks.decoders])
        optimisers = {
            "first": self._optimiser(first),
            "second": self._optimiser(networks.priors),
        }
        tokens: dict[str, Tensor] = {}

        def stage_1(iteration: int) -> dict[str, Tensor]:
            self._set_rate(optimisers["first"], iteration, config.iterations)
            losses = self._errors(x[batch(rng, len(x), config.batch)])
            _step(optimisers["first"], torch.stack(list(losses.values())).sum())
            return losses

        def stage_2(iteration: int) -> dict[str, Tensor]:
            if not tokens:
                networks.eval()
                tokens.update(self._tokens(x, context))
            if iteration == 0:
                for band in networks.bands.values():
                    band.prior.adopt(band.codebook.codes, networks.bands["low"].codebook.codes)
            self._set_rate(optimisers["second"], iteration, config.prior_iterations)
            chosen = batch(rng, len(x), config.prior_batch)
            hides = torch.from_numpy(rng.random(len(chosen)) < config.unconditional).to(device)
            known = labels[chosen].masked_fill(hides, len(train.classes))
            losses = {}
            for name, band in networks.bands.items():
                own, below = tokens[name][chosen], tokens["low"][chosen]
                hidden = masks(len(chosen), band.prior.tokens, rng).to(device)
                losses[f"{name} prior"] = prior_loss(band.prior, own, known, below, hidden)
            _step(optimisers["second"], torch.stack(list(losses.values())).sum())
            return losses

        def iterate(iteration: int) -> dict[str, Tensor]:
            if iteration < config.iterations:
                return stage_1(iteration)
            return stage_2(iteration - config.iterations)

        Training(
            "timevqvae",
            context,
            config,
            train,
            modules={"networks": networks},
            optimisers=optimisers,
            rng=rng,
        ).run(iterate, config.iterations + config.prior_iterations)
        networks.eval()

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Return one window for each label; a class that ``train`` lacks is drawn as any of its."""
        rng = np.random.default_rng([context.seed, TimeVqVaeStream.SAMPLE])
        self.networks.to(context.device)
        known = torch.from_numpy(known_labels(labels, self.labels, self.like.classes, rng))
        parts = [torch.zeros(0, len(self.like.leads), self.like.length)]
        batches = known.to(context.device).split(SAMPLING_BATCH) if len(labels) else ()
        with torch.inference_mode():
            parts += [self._decoded(self._drawn(own, rng)).cpu() for own in batches]
        return self.like.synthetic(self.scale.inverse(torch.cat(parts)), labels)

    def save(self, folder: Path) -> None:
        """Write the scaling, the codebooks, the decoders and the priors."""
        save_model(
            folder,
            like=self.like,
            labels=self.labels,
            scale=self.scale,
            networks=weights(self.networks, "encoders"),
        )

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        parts = load_model(folder)
        self.like, self.labels = parts["like"], parts["labels"]
        self.scale = LeadScale(*parts["scale"])
        networks = begin(self._build(), torch.Generator())
        self.networks = with_weights(networks, parts["networks"], "encoders").eval()

    def _build(self) -> Networks:
        """Return the networks without weights."""
        like = self.like
        with torch.device("meta"):
            return Networks(
                2 * len(like.leads), self._spectrum.shape, len(like.classes), self.config
            )

    @property
    def _spectrum(self) -> Spectrum:
        return Spectrum(self.like.length, self.config.n_fft)

    def _optimiser(self, network: torch.nn.Module) -> torch.optim.Optimizer:
        config = self.config
        return torch.optim.AdamW(
            network.parameters(),
            config.learning_rate,
            weight_decay=config.weight_decay,
            fused=True,
        )

    def _set_rate(self, optimiser: torch.optim.Optimizer, iteration: int, iterations: int) -> None:
        factor = warm_cosine(iteration, iterations, 0)
        optimiser.param_groups[0]["lr"] = factor * self.config.learning_rate

    def _errors(self, x: Tensor) -> dict[str, Tensor]:
        """Return the losses of stage 1 by name."""
        spectrum = self._spectrum
        parts = spectrum.forward(x)
        frequencies = parts.shape[2]
        losses = {}
        for name, band in self.networks.bands.items():
            seen = parts[:, :, rows(name, frequencies)]
            z, _, commitment = band.codebook(band.encoder(seen))
            own = widened(seen, name, frequencies)
            found = widened(band.decoder(z), name, frequencies)
            in_time = mse_loss if name == "low" else l1_loss
            losses[f"{name} time"] = in_time(spectrum.inverse(found), spectrum.inverse(own))
            losses[f"{name} spectrum"] = mse_loss(found, own)
            losses[f"{name} commitment"] = self.config.commitment * commitment
        return losses

    def _tokens(self, x: Tensor, context: Context) -> dict[str, Tensor]:
        """Return the tokens of all training windows, int64, shape (window, token), for each band."""
        rng = np.random.default_rng([context.seed, TimeVqVaeStream.TOKENS])
        found: dict[str, list[Tensor]] = {name: [] for name in BANDS}
        with torch.no_grad():
            for own in x.split(SAMPLING_BATCH):
                parts = self._spectrum.forward(own)
                for name, band in self.networks.bands.items():
                    z = flat(band.encoder(parts[:, :, rows(name, parts.shape[2])]))
                    near = -band.codebook.distances(z)
                    noise = self.config.code_temperature * gumbel(rng, near)
                    found[name].append((near + noise).argmax(dim=2))
        return {name: torch.cat(tokens) for name, tokens in found.items()}

    def _drawn(self, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """Return tokens of windows of these labels, for each band."""
        tokens: dict[str, Tensor] = {}
        for name, band in self.networks.bands.items():
            prior = band.prior
            hidden = torch.full((len(labels), prior.tokens), prior.mask, device=labels.device)
            tokens[name] = decode(
                partial(prior, labels=labels, below=tokens.get("low", hidden)),
                hidden,
                prior.mask,
                steps=self.config.steps,
                temperature=self.config.temperature,
                rng=rng,
            )
        return tokens

    def _decoded(self, tokens: dict[str, Tensor]) -> Tensor:
        """Return scaled windows of tokens, shape (window, lead, sample)."""
        spectrum = self._spectrum
        parts = [
            band.decoder(band.codebook.spread(tokens[name], band.decoder.shape[0]))
            for name, band in self.networks.bands.items()
        ]
        return spectrum.inverse(torch.cat(parts, dim=2))


def _step(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
