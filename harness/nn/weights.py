"""The weights of a network as arrays, for `ecgbench.saving`, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import torch

from ecgbench.contracts.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import nn

    N = TypeVar("N", bound=nn.Module)


def weights(network: nn.Module, *without: str) -> dict[str, NDArray[Any]]:
    """Return the weights and buffers of a network by name, on the processor, each of its dtype.

    Args:
        network: trained.
        without: names of its children to leave out: sampling does not read them.
    """
    return {
        name: weight.cpu().numpy()
        for name, weight in network.state_dict().items()
        if name.split(".")[0] not in without
    }


def with_weights(network: N, saved: Mapping[str, NDArray[Any]], *without: str) -> N:
    """Put the result of `weights` into a network of the same sizes, and return the network.

    Raises:
        DataError: the weights are those of another network.
    """
    wanted = {name for name in network.state_dict() if name.split(".")[0] not in without}
    try:
        if wanted != set(saved):
            raise RuntimeError(f"other names: {', '.join(sorted(wanted ^ set(saved)))}")  # noqa: TRY301
        tensors = {name: torch.from_numpy(array) for name, array in saved.items()}
        network.load_state_dict(tensors, strict=False)
    except RuntimeError as error:
        raise DataError(
            f"the saved weights do not fit the network of these settings: {error}; "
            "load a model with the settings of its fit"
        ) from error
    return network
