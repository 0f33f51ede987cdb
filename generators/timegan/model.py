"""TimeGAN as the harness calls it: scaling, fit and sampling.

Source: Yoon, Jarrett, van der Schaar, "Time-series Generative Adversarial Networks", NeurIPS 2019, and
the authors' code (https://github.com/jsyoon0823/TimeGAN).

Every lead is scaled to [0, 1] by its least and greatest sample over all training windows.  The code
scales twice, in the loader of the data and again inside the model, and undoes only the second scaling, so
its samples stay in [0, 1].  Of data in [0, 1] the second scaling is the identity.  Here they are scaled
once, and samples return to millivolts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import one_hot

from ecgbench.contracts.streams import TimeGanStream
from ecgbench.generators.timegan.networks import Networks
from ecgbench.generators.timegan.training import Training, draw_noise
from ecgbench.nn.training import digest
from ecgbench.nn.weights import weights, with_weights
from ecgbench.saving import load_model, save_model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from ecgbench import Context, EcgWindows
    from ecgbench.generators.timegan import TimeGanConfig

SAMPLING_BATCH = 512

UNREAD = ("embedder", "discriminator")
"""Networks that sampling does not read."""


class TimeGan:
    """Time-series generative adversarial network, conditional on the class.

    Args:
        config: settings.

    Attributes:
        parameters: weights of all five networks; 0 before the fit.
    """

    def __init__(self, config: TimeGanConfig) -> None:
        self.config = config
        self.parameters = 0

    def fit(self, train: EcgWindows, context: Context) -> None:
        """Train on windows of any number of leads; continues from a checkpoint of the same fit.

        Raises:
            FloatingPointError: a loss is NaN or infinite.
        """
        for _ in self.fitting(train, context):
            pass

    def fitting(self, train: EcgWindows, context: Context) -> Iterator[dict[str, int]]:
        """Do `fit` iteration by iteration; yield the number of iterations done of each phase.

        In between, `sample` draws from the present networks, and the fit stays as it is.
        """
        self._like = train.take(slice(0, 0))
        low = train.signals.min(axis=(0, 2))
        self._low, self._range = low, train.signals.max(axis=(0, 2)) - low + np.float32(1e-7)
        x = (train.signals.swapaxes(1, 2) - self._low) / self._range  # (window, time, lead)
        training = Training(
            self.config,
            torch.from_numpy(x).to(context.device),
            self._static(train.labels, context.device),
            context,
            data=digest(train),
        )
        self._networks = training.sampler
        self.parameters = sum(weight.numel() for weight in self._networks.parameters())
        yield from training.run()

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Return one window for each label, with the label as the networks' static feature.

        If the training windows lacked a class, the networks know nothing of it: any shape may come.
        """
        rng = np.random.default_rng([context.seed, TimeGanStream.SAMPLE])
        parts = [np.zeros((0, self._like.length, len(self._low)), dtype=np.float32)]
        networks = self._networks.to(context.device)
        with torch.inference_mode():
            for s in self._static(labels, context.device).split(SAMPLING_BATCH):
                shape = torch.Size((len(s), self._like.length, len(self._low)))
                z = draw_noise(self.config, shape, rng).to(context.device)
                parts.append(networks.synthesise(z, s).cpu().numpy())
        signals = np.concatenate(parts) * self._range + self._low  # (window, time, lead), mV
        return self._like.synthetic(signals.swapaxes(1, 2), labels)

    def save(self, folder: Path) -> None:
        """Write the scaling, and generator, supervisor and recovery."""
        save_model(
            folder,
            like=self._like,
            scale=[self._low, self._range],
            networks=weights(self._networks, *UNREAD),
        )

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        parts = load_model(folder)
        self._like = parts["like"]
        self._low, self._range = parts["scale"]
        static = self._static(self._like.labels, "cpu").shape[1]
        networks = Networks(len(self._low), static, self.config, torch.Generator())
        self._networks = with_weights(networks, parts["networks"], *UNREAD)

    def _static(self, labels: NDArray[np.int64], device: str) -> Tensor:
        """Return s, one-hot classes (window, static); static = 0 for one class only."""
        classes = len(self._like.classes)
        s = one_hot(torch.tensor(labels), classes)[:, : classes if classes > 1 else 0]
        return s.to(device, torch.float32)
