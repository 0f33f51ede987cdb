"""The short-time Fourier transform of windows, its two bands, and the way back.

Source: Lee, Malacarne, Aune, "Vector quantized time series generation with a bidirectional prior model",
AISTATS 2023, arXiv:2303.04743, stage 1.  The low band is the first frequency, the high band are all
others.  As in the authors' code (https://github.com/ML4ITS/TimeVQVAE, of April 2023) a frame has no taper,
frames are ``n_fft`` / 4 samples apart, and windows are reflected at their ends.

There the networks of a band see the whole spectrum, with zeros in the place of the other band.  Here they see
their own frequencies alone, as in the authors' code since 2024: the low band then has a fifth of the tokens.

A window shorter than a frame is lengthened by its last sample, and cut afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.nn.functional import pad

if TYPE_CHECKING:
    from torch import Tensor

BANDS = ("low", "high")


class Spectrum(NamedTuple):
    """The transform of windows of one length.

    Attributes:
        length: samples of a window.
        n_fft: samples of a frame, a multiple of 4.
    """

    length: int
    n_fft: int

    @property
    def shape(self) -> tuple[int, int]:
        """Frequencies and frames."""
        return self.n_fft // 2 + 1, 1 + self._padded // self._hop

    def forward(self, x: Tensor) -> Tensor:
        """Return real and imaginary parts, float32, shape (window, 2 · lead, frequency, frame).

        Args:
            x: windows, float32, shape (window, lead, sample).
        """
        padded = pad(x, (0, self._padded - self.length), mode="replicate")
        found = torch.stft(
            padded.flatten(0, 1), self.n_fft, self._hop, window=self._taper(x), return_complex=True
        )
        parts = torch.view_as_real(found).permute(0, 3, 1, 2)
        return parts.reshape(len(x), -1, *self.shape)

    def inverse(self, parts: Tensor) -> Tensor:
        """Return the windows of the result of `forward`, float32, shape (window, lead, sample)."""
        pairs = parts.reshape(-1, 2, *self.shape).permute(0, 2, 3, 1).contiguous()
        x = torch.istft(
            torch.view_as_complex(pairs),
            self.n_fft,
            self._hop,
            window=self._taper(parts),
            length=self._padded,
        )
        return x.view(len(parts), -1, self._padded)[..., : self.length]

    @property
    def _hop(self) -> int:
        return self.n_fft // 4

    @property
    def _padded(self) -> int:
        return max(self.length, self.n_fft)

    def _taper(self, like: Tensor) -> Tensor:
        return torch.ones(self.n_fft, dtype=like.dtype, device=like.device)


def rows(band: str, frequencies: int) -> slice:
    """Return the rows of a band, ``low`` or ``high``, in a spectrum of so many frequencies."""
    return slice(0, 1) if band == "low" else slice(1, frequencies)


def widened(own: Tensor, band: str, frequencies: int) -> Tensor:
    """Return a spectrum with zeros outside a band.

    Args:
        own: the band, shape (window, channel, row, frame).
        band: ``low`` or ``high``.
        frequencies: of the spectrum.
    """
    place = rows(band, frequencies)
    return pad(own, (0, 0, place.start, frequencies - place.stop))
