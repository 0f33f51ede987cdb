"""A fit on disk: tensors as safetensors, and beside them a small JSON that says what they are.

The JSON names the file of the tensors and its SHA-256.  It is written last, in the place of the one
before, so that a kill at any moment leaves a whole checkpoint: the new one or the one before.
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

    from torch import Tensor

HEAD = "timegan.json"


def save(
    folder: Path, *, fit: Mapping[str, Any], progress: Mapping[str, Any], tensors: dict[str, Tensor]
) -> None:
    """Replace the checkpoint in ``folder``.

    Args:
        folder: an existing folder.
        fit: what tells this fit from every other (settings, seed, data), JSON-ready.
        progress: how far it is, JSON-ready.
        tensors: its tensors by name.
    """
    payload = dump_tensors(tensors)
    digest = hashlib.sha256(payload).hexdigest()
    file = f"timegan-{digest[:16]}.safetensors"
    _write(folder / file, payload)
    head = {"fit": fit, "progress": progress, "tensors": file, "sha256": digest}
    _write(folder / HEAD, json.dumps(head, indent=1).encode())
    for old in folder.glob("timegan-*.safetensors"):
        if old.name != file:
            old.unlink()


def load(
    folder: Path, *, fit: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """The ``progress`` and ``tensors`` that `save` left for this ``fit``.

    None where there are none; what is damaged or another fit's is left unused, and a line says so.
    """
    path = folder / HEAD
    if not path.exists():
        return None
    try:
        head = json.loads(path.read_bytes())
        payload = (folder / head["tensors"]).read_bytes()
        if hashlib.sha256(payload).hexdigest() != head["sha256"]:
            print(f"timegan: checkpoint {path} is damaged (SHA-256); starting afresh")  # noqa: T201 - the log of a fit
            return None
        if head["fit"] != fit:
            pass
    except (OSError, ValueError, KeyError, TypeError) as error:
        pass
    return head["progress"], parse_tensors(payload)


def _write(path: Path, content: bytes) -> None:
    """Write the whole file or, if stopped, none of it."""
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
