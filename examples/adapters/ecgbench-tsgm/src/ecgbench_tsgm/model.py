"""`BetaVAE` of tsgm, with its convolutional networks, as the harness calls it.

tsgm runs on Keras 3, here on torch.  Its decoder ends in a sigmoid, so each lead is scaled to [0, 1] by its
least and its greatest sample.
"""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "torch"  # Keras reads it once, on its import

from typing import TYPE_CHECKING

import keras
import numpy as np
import torch
import tsgm
from torch.utils.data import DataLoader

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Context, EcgWindows
    from ecgbench_tsgm.plugin import PeerVaeConfig


class PeerVae:
    """The autoencoder, of windows of one class.

    Args:
        config: settings.

    Attributes:
        parameters: weights of encoder and decoder; 0 before the fit.
    """

    def __init__(self, config: PeerVaeConfig) -> None:
        self.config = config
        self.parameters = 0

    def fit(self, train: EcgWindows, context: Context) -> None:
        """Train on windows of any number of leads.

        Raises:
            FloatingPointError: the loss is NaN or infinite.
        """
        os.environ["KERAS_BACKEND"] = "torch"  # tsgm reads it in each step
        keras.utils.set_random_seed(context.seed % 2**32)
        self.like = train.take(slice(0))
        self.least = train.signals.min(axis=(0, 2))
        self.range = np.maximum(train.signals.max(axis=(0, 2)) - self.least, 1e-6)
        # (window, sample, lead), the order of tsgm
        scaled = (train.signals.transpose(0, 2, 1) - self.least) / self.range
        windows = torch.from_numpy(np.ascontiguousarray(scaled, dtype=np.float32))
        with keras.device(context.device):
            networks = tsgm.models.architectures.zoo["vae_conv5"](
                seq_len=windows.shape[1], feat_dim=windows.shape[2], latent_dim=self.config.latent
            )
            self.vae = tsgm.models.cvae.BetaVAE(networks.encoder, networks.decoder)
            self.vae.compile(optimizer=keras.optimizers.Adam(self.config.learning_rate))
            batches = DataLoader(windows, self.config.batch, shuffle=True)  # type: ignore[arg-type]
            epochs = self.config.epochs
            self.vae.fit(
                batches,
                epochs=epochs,
                shuffle=False,
                verbose=0,
                callbacks=[_watch(context, epochs)],
            )
        self.parameters = networks.encoder.count_params() + networks.decoder.count_params()

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Return one window for each label."""
        keras.utils.set_random_seed(context.seed % 2**32)
        with keras.device(context.device), torch.inference_mode():
            windows = keras.ops.convert_to_numpy(self.vae.generate(len(labels)))
        signals = (windows * self.range + self.least).transpose(0, 2, 1)
        return self.like.synthetic(signals, labels)


def _watch(context: Context, epochs: int) -> keras.callbacks.Callback:
    def ended(epoch: int, losses: dict[str, float]) -> None:
        loss = float(losses["loss"])
        if not np.isfinite(loss):
            raise FloatingPointError(
                f"peer-vae diverged in epoch {epoch + 1}: the loss is {loss}; "
                "try a smaller learning_rate"
            )
        context.log(epoch + 1, total=epochs, loss=loss)

    return keras.callbacks.LambdaCallback(on_epoch_end=ended)
