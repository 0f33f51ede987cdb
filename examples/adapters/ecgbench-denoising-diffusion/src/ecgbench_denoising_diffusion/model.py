"""`GaussianDiffusion1D` of denoising-diffusion-pytorch as the harness calls it.

Network, losses and sampling are the package's.  Its `Trainer1D` chooses a device by itself and starts
processes that read, so the loop here is ecgbench's, with the trainer's steps: Adam, clipped gradients and
a running mean of the weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from denoising_diffusion_pytorch import GaussianDiffusion1D, Unet1D
from ema_pytorch import EMA

from ecgbench.nn.conditional import PeakScale
from ecgbench.nn.training import Training, batch, count

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from ecgbench import Context, EcgWindows
    from ecgbench_denoising_diffusion.plugin import PeerDiffusionConfig

SAMPLING_BATCH = 256


class PeerDiffusion:
    """The diffusion, of windows of one class.

    Args:
        config: settings.

    Attributes:
        parameters: weights of the U-Net; 0 before the fit.
    """

    def __init__(self, config: PeerDiffusionConfig) -> None:
        self.config = config
        self.parameters = 0

    def fit(self, train: EcgWindows, context: Context) -> None:
        """Train on windows of any number of leads; continues from a checkpoint of the same fit.

        Raises:
            FloatingPointError: the loss is NaN or infinite.
        """
        with torch.random.fork_rng(devices=_devices(context)):
            torch.manual_seed(context.seed)
            self._fit(train, context)

    def _fit(self, train: EcgWindows, context: Context) -> None:
        config = self.config
        self.like, self.scale = train.take(slice(0)), PeakScale.of(train)
        leads, self.length = train.signals.shape[1:]
        halvings = 2 ** (len(config.factors) - 1)
        self.padding = -self.length % halvings
        unet = Unet1D(dim=config.channels, dim_mults=config.factors, channels=leads)
        diffusion = GaussianDiffusion1D(
            unet,
            seq_length=self.length + self.padding,
            timesteps=config.steps,
            sampling_timesteps=config.sampling_steps,
            objective="pred_v",
            auto_normalize=False,
        ).to(context.device)
        self.parameters = count(unet)
        self.mean = EMA(diffusion, beta=0.995, update_every=10, include_online_model=False)
        adam = torch.optim.Adam(diffusion.parameters(), config.learning_rate, betas=(0.9, 0.99))
        windows = torch.nn.functional.pad(
            self.scale.forward(train.signals), (0, self.padding), mode="replicate"
        ).to(context.device)
        rng = np.random.default_rng(context.seed)

        def iterate(_: int) -> dict[str, Tensor]:
            torch.manual_seed(int(rng.integers(2**63)))  # so a resumed fit draws as a whole one
            rows = torch.from_numpy(batch(rng, len(windows), config.batch))
            loss: Tensor = diffusion(windows[rows])
            adam.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(diffusion.parameters(), 1.0)
            adam.step()
            self.mean.update()
            return {"loss": loss.detach()}

        modules = {"diffusion": diffusion, "mean": self.mean}
        Training(
            "peer-diffusion",
            context,
            config,
            train,
            modules=modules,
            optimisers={"adam": adam},
            rng=rng,
        ).run(iterate, config.iterations)

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Return one window for each label."""
        with torch.random.fork_rng(devices=_devices(context)), torch.inference_mode():
            torch.manual_seed(context.seed)
            self.mean.ema_model.eval()
            parts = [
                self.mean.ema_model.sample(batch_size=min(SAMPLING_BATCH, len(labels) - start))
                for start in range(0, len(labels), SAMPLING_BATCH)
            ]
        return self.like.synthetic(self.scale.inverse(torch.cat(parts)[..., : self.length]), labels)


def _devices(context: Context) -> list[int]:
    return [torch.cuda.current_device()] if context.device == "cuda" else []
