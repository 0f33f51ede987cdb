"""`Pulse2PulseGAN` of ecgen as the harness calls it.

Networks, losses and steps of training are the package's, driven by its own library, Lightning.  Its
generator makes multiples of 2,500 samples, so windows are stretched to that length and back, by linear
interpolation, and each lead is divided by its greatest distance from 0, as in `ecgbench`'s `pulse2pulse`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from ecgen.families.gan.pulse2pulse import Pulse2PulseConfig, Pulse2PulseGAN
from ecgen.types import ECGBatch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch.nn.functional import interpolate

from ecgbench import known_labels
from ecgbench.nn.conditional import PeakScale
from ecgbench.nn.training import batch, count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from ecgbench import Context, EcgWindows
    from ecgbench_ecgen.plugin import PeerPulse2PulseConfig

STRETCH = 2500
"""The product of the factors of the package's generator."""

SAMPLING_BATCH = 64
CHECKPOINT = "last.ckpt"


class PeerPulse2Pulse:
    """Pulse2Pulse, conditional on the class.

    Args:
        config: settings.

    Attributes:
        parameters: weights of generator and critic; 0 before the fit.
    """

    def __init__(self, config: PeerPulse2PulseConfig) -> None:
        self.config = config
        self.parameters = 0

    def fit(self, train: EcgWindows, context: Context) -> None:
        """Train on windows of any number of leads; continues from a checkpoint of the same fit.

        Raises:
            FloatingPointError: a loss is NaN or infinite.
        """
        with torch.random.fork_rng(devices=_devices(context)):
            torch.manual_seed(context.seed)
            self._fit(train, context)

    def _fit(self, train: EcgWindows, context: Context) -> None:
        config = self.config
        self.like, self.labels, self.scale = train.take(slice(0)), train.labels, PeakScale.of(train)
        leads, length = train.signals.shape[1:]
        stretched = STRETCH * -(-length // STRETCH)
        size = {"num_classes": len(train.classes), "dim": config.embedding}
        encoder = {"field": "label", "name": "categorical", "params": size}
        self.gan = Pulse2PulseGAN(
            Pulse2PulseConfig(
                model_size=config.model_size,
                num_channels=leads,
                seq_length=stretched,
                lr=config.learning_rate,
                lmbda=config.penalty,
                n_critic=config.critic_steps,
                conditioning={"encoders": [encoder], "vector_dim": config.embedding},
            )
        )
        self.parameters = count(self.gan)
        signals = _resized(self.scale.forward(train.signals), stretched)
        checkpoint = context.checkpoint_dir / CHECKPOINT
        trainer = Trainer(
            accelerator="gpu" if context.device == "cuda" else "cpu",
            devices=1,
            max_epochs=config.epochs,
            callbacks=[_Watch(context, config)],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        batches = _Batches(signals, train, config, context.seed, trainer)
        trainer.fit(self.gan, batches, ckpt_path=checkpoint if checkpoint.exists() else None)
        self.gan.to(context.device).eval()

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Return one window for each label.

        If the training windows lack a class, its windows are drawn as if their labels were any of
        theirs, at their frequency.
        """
        rng = np.random.default_rng(context.seed)
        known = torch.from_numpy(known_labels(labels, self.labels, self.like.classes, rng))
        with torch.random.fork_rng(devices=_devices(context)), torch.inference_mode():
            torch.manual_seed(context.seed)
            parts = [
                self.gan.sample(len(part), cond={"label": part})
                for part in known.split(SAMPLING_BATCH)
            ]
            windows = _resized(torch.cat(parts), self.like.signals.shape[-1])
        return self.like.synthetic(self.scale.inverse(windows), labels)


class _Batches:
    """The batches of an epoch; the epoch and the seed fix them."""

    def __init__(
        self,
        signals: Tensor,
        train: EcgWindows,
        config: PeerPulse2PulseConfig,
        seed: int,
        trainer: Trainer,
    ) -> None:
        self.signals, self.labels = signals, torch.from_numpy(train.labels.copy())
        self.leads, self.rate = list(train.leads), round(train.sampling_rate)
        self.config, self.seed, self.trainer = config, seed, trainer

    def __len__(self) -> int:
        return self.config.steps

    def __iter__(self) -> Iterator[ECGBatch]:
        rng = np.random.default_rng([self.seed, self.trainer.current_epoch])
        for _ in range(self.config.steps):
            rows = torch.from_numpy(batch(rng, len(self.signals), self.config.batch))
            cond = {"label": self.labels[rows]}
            yield ECGBatch(self.signals[rows], self.leads, self.rate, cond=cond)


class _Watch(Callback):
    """Seeds each epoch, so that a resumed fit draws as a whole one; ends it with a line and a checkpoint."""

    def __init__(self, context: Context, config: PeerPulse2PulseConfig) -> None:
        self.context, self.config = context, config

    def on_train_epoch_start(self, trainer: Trainer, _module: LightningModule) -> None:
        rng = np.random.default_rng([self.context.seed, trainer.current_epoch, 1])
        torch.manual_seed(int(rng.integers(2**63)))

    def on_train_epoch_end(self, trainer: Trainer, _module: LightningModule) -> None:
        losses: dict[str, Any] = {
            name: trainer.callback_metrics[f"train/{name}_loss"].item() for name in ("d", "g")
        }
        if not np.isfinite(list(losses.values())).all():
            raise FloatingPointError(
                f"peer-pulse2pulse diverged in epoch {trainer.current_epoch + 1}: {losses}; "
                "try a smaller learning_rate"
            )
        done = (trainer.current_epoch + 1) * self.config.steps
        total = self.config.epochs * self.config.steps
        self.context.log(done, total=total, critic=losses["d"], generator=losses["g"])
        trainer.save_checkpoint(self.context.checkpoint_dir / CHECKPOINT)


def _resized(signals: Tensor, length: int) -> Tensor:
    return interpolate(signals, length, mode="linear", align_corners=True)


def _devices(context: Context) -> list[int]:
    return [torch.cuda.current_device()] if context.device == "cuda" else []
