"""A fit on disk: tensors as safetensors, and a small JSON that describes them.

The JSON names the file of the tensors and its SHA-256.  It is written last and replaces the JSON before,
so a kill at any moment leaves a whole checkpoint: the new one or the one before.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

from safetensors.torch import load as parse_tensors
from safetensors.torch import save as dump_tensors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn
    from torch.optim import Optimizer


def save(
    folder: Path,
    name: str,
    *,
    fit: Mapping[str, Any],
    progress: Mapping[str, Any],
    tensors: dict[str, Tensor],
) -> None:
    """Replace the checkpoint in ``folder``.

    Args:
        folder: an existing folder.
        name: of the generator; its files are called so.
        fit: the identity of this fit (settings, seed, data), JSON-ready.
        progress: its progress, JSON-ready.
        tensors: its tensors by name.
    """
    payload = dump_tensors(tensors)
    digest = hashlib.sha256(payload).hexdigest()
    file = f"{name}-{digest[:16]}.safetensors"
    _write(folder / file, payload)
    head = {"fit": fit, "progress": progress, "tensors": file, "sha256": digest}
    _write(folder / f"{name}.json", json.dumps(head, indent=1).encode())
    for old in folder.glob(f"{name}-*.safetensors"):
        if old.name != file:
            old.unlink()


def load(
    folder: Path, name: str, *, fit: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """Return the ``progress`` and ``tensors`` of `save` for this ``fit``.

    None if there is no checkpoint.  A damaged checkpoint, or one of another fit, is left unused, and a
    line says so.
    """
    file = folder / f"{name}.json"
    if not file.exists():
        return None
    try:
        head = json.loads(file.read_bytes())
        payload = (folder / head["tensors"]).read_bytes()
        whole = hashlib.sha256(payload).hexdigest() == head["sha256"]
        if whole and head["fit"] == json.loads(json.dumps(fit)):  # a tuple is read as a list
            return head["progress"], parse_tensors(payload)
        reason = (
            "it is of a fit with other settings or data" if whole else "its tensors are damaged"
        )
    except OSError as error:
        reason = f"it cannot be read: {error.strerror}"
    except (ValueError, KeyError, TypeError):
        reason = f"{file.name} is damaged"
    print(f"{name}: checkpoint not used, the fit starts afresh: {reason}")  # noqa: T201 - the cell's log
    return None


def gather(
    modules: Mapping[str, nn.Module], optimisers: Mapping[str, Optimizer]
) -> dict[str, Tensor]:
    """Return the tensors of modules and optimisers by name."""
    tensors = {
        f"{module_name}.{name}": weight
        for module_name, module in modules.items()
        for name, weight in module.state_dict().items()
    }
    for optimiser_name, optimiser in optimisers.items():
        for number, moments in optimiser.state_dict()["state"].items():
            for key, value in moments.items():
                tensors[f"optimiser.{optimiser_name}.{number}.{key}"] = value
    return tensors


def scatter(
    tensors: Mapping[str, Tensor],
    modules: Mapping[str, nn.Module],
    optimisers: Mapping[str, Optimizer],
) -> None:
    """Put the result of `gather` back in its place."""
    for module_name, module in modules.items():
        weights = {name: tensors[f"{module_name}.{name}"] for name in module.state_dict()}
        module.load_state_dict(weights)
    for optimiser_name, optimiser in optimisers.items():
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith(f"optimiser.{optimiser_name}."):
                _, _, number, key = name.split(".")
                state.setdefault(int(number), {})[key] = value
        optimiser.load_state_dict(optimiser.state_dict() | {"state": state})


def _write(path: Path, content: bytes) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
