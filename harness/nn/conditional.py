"""What a network that reads the class of a window needs: labels as numbers, and a range for its output."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from ecgbench.contracts.windows import EcgWindows


def one_hot(labels: NDArray[np.int64], classes: tuple[str, ...], device: str) -> Tensor:
    """Return labels one-hot, float32, shape (window, class)."""
    found = torch.nn.functional.one_hot(torch.tensor(labels), len(classes))
    return found.to(device, torch.float32)


class PeakScale(NamedTuple):
    """The scaling of each lead to [−1, 1] by its greatest distance from 0 in all training windows.

    Attributes:
        peak: mV, float32, shape (lead, 1); 1 of a lead that is 0 throughout.
    """

    peak: NDArray[np.float32]

    @classmethod
    def of(cls, train: EcgWindows) -> PeakScale:
        """Return the scaling of these windows."""
        peak = np.abs(train.signals).max(axis=(0, 2))[:, None]
        return cls(np.where(peak > 0, peak, np.float32(1)))

    def forward(self, signals: NDArray[np.float32]) -> Tensor:
        """Return scaled signals, float32, shape (window, lead, sample)."""
        return torch.from_numpy(signals / self.peak)

    def inverse(self, scaled: Tensor) -> NDArray[np.float32]:
        """Return signals in mV, float32, shape (window, lead, sample)."""
        return np.asarray(scaled.cpu().numpy() * self.peak, dtype=np.float32)
