"""`Frozen`: windows for plugins to read and not to change."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from ecgbench.contracts.errors import PluginError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.contracts.windows import EcgWindows


class Frozen:
    """Makes the arrays of windows read-only, and notices who changes them all the same.

    A tensor made by ``torch.from_numpy`` shares an array's memory and knows nothing of its flags.  Arrays
    that are mapped for reading need no check: the system ends a process that writes to them.

    Args:
        windows: nobody may change their signals, labels and patients.
    """

    def __init__(self, *windows: EcgWindows) -> None:
        self._arrays = [
            array
            for each in windows
            for array in (each.signals, each.labels, each.patients)
            if not _is_mapped(array)
        ]
        for array in self._arrays:
            array.flags.writeable = False
        self._sums = [_checksum(array) for array in self._arrays]

    def check(self, plugin: str) -> None:
        """Check that all is as it was.

        Args:
            plugin: the last one called.

        Raises:
            PluginError: something is not.
        """
        if [_checksum(array) for array in self._arrays] != self._sums:
            raise PluginError(
                f"{plugin} changed windows that it was only to look at; it has to work on a copy "
                "(torch.tensor(array), not torch.from_numpy(array))"
            )


def _is_mapped(array: NDArray[Any]) -> bool:
    return isinstance(array, np.memmap) and array.mode == "r"


def _checksum(array: NDArray[Any]) -> int:
    return zlib.crc32(np.ascontiguousarray(array).view(np.uint8).data)
