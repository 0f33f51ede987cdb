"""Keeps a fitted model in a folder: arrays as safetensors, all else as JSON; nothing in it can run code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as parse_arrays
from safetensors.numpy import save as dump_arrays

from ecgbench.contracts.errors import DataError
from ecgbench.contracts.windows import EcgWindows

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

ARRAYS, FACTS = "model.safetensors", "model.json"

ARRAY, WINDOWS, PAIRS = "$array", "$windows", "$pairs"


def save_model(folder: Path, **parts: Any) -> None:
    """Write the parts of a fitted model into a folder.

    Args:
        folder: an existing, empty folder.
        parts: arrays, numbers, text, None, `EcgWindows` (their rate, leads, classes and length alone),
            and lists and dictionaries of these.  Keys are text or whole numbers, such as labels.

    Raises:
        TypeError: a part is none of these.
    """
    arrays: dict[str, NDArray[Any]] = {}
    facts = {name: _plain(part, name, arrays) for name, part in parts.items()}
    (folder / ARRAYS).write_bytes(dump_arrays(arrays))
    (folder / FACTS).write_text(json.dumps(facts, indent=1), "utf-8")


def load_model(folder: Path) -> dict[str, Any]:
    """Return the parts of `save_model` by name; tuples come back as lists, windows without any window.

    Raises:
        DataError: the files are not there, or damaged.
    """
    try:
        arrays = parse_arrays((folder / ARRAYS).read_bytes())
        facts = json.loads((folder / FACTS).read_text("utf-8"))
        return {name: _restored(part, arrays) for name, part in facts.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise DataError(f"the model in {folder} cannot be read: {error}") from error


def _plain(part: Any, name: str, arrays: dict[str, NDArray[Any]]) -> Any:
    """Return a part as JSON takes it; its arrays go to ``arrays`` under names that begin with ``name``."""
    match part:
        case None | bool() | int() | float() | str():
            return part
        case np.generic():
            return part.item()
        case np.ndarray():
            # the order in memory is kept, for a product of matrices can round by it
            turned = part.flags.f_contiguous and not part.flags.c_contiguous
            rows = part.T if turned else part
            if rows.dtype.kind not in "biuf" or rows.dtype.itemsize > 8:
                raise TypeError(
                    f"{name} is an array of {rows.dtype}; numbers of 64 bits can be saved"
                )
            place = f"{len(arrays)} {name}"  # keys with dots can give two arrays one name
            arrays[place] = np.ascontiguousarray(rows, dtype=rows.dtype.newbyteorder("="))
            return {ARRAY: place, "shape": list(rows.shape), "turned": turned}
        case EcgWindows():
            return {
                WINDOWS: {
                    "shape": list(part.signals.shape[1:]),
                    "sampling_rate": part.sampling_rate,
                    "leads": list(part.leads),
                    "classes": list(part.classes),
                }
            }
        case list() | tuple():
            return [_plain(each, f"{name}.{place}", arrays) for place, each in enumerate(part)]
        case dict() if all(isinstance(key, str) for key in part):
            return {key: _plain(each, f"{name}.{key}", arrays) for key, each in part.items()}
        case dict() if all(isinstance(key, int | np.integer) for key in part):
            pairs = [
                [int(key), _plain(each, f"{name}.{key}", arrays)] for key, each in part.items()
            ]
            return {PAIRS: pairs}
    raise TypeError(
        f"{name} is a {type(part).__name__}; arrays, numbers, text, EcgWindows, and lists and "
        "dictionaries of these, with text or whole numbers as keys, can be saved"
    )


def _restored(part: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    if isinstance(part, list):
        return [_restored(each, arrays) for each in part]
    if not isinstance(part, dict):
        return part
    if ARRAY in part:
        array = arrays[part[ARRAY]].reshape(part["shape"])
        return array.T if part["turned"] else array
    if PAIRS in part:
        return {key: _restored(each, arrays) for key, each in part[PAIRS]}
    if WINDOWS in part:
        of = part[WINDOWS]
        leads, length = of["shape"]
        return EcgWindows(
            signals=np.empty((0, leads, length), dtype=np.float32),
            labels=np.empty(0, dtype=np.int64),
            patients=np.empty(0, dtype=np.int64),
            sampling_rate=of["sampling_rate"],
            leads=tuple(of["leads"]),
            classes=tuple(of["classes"]),
        )
    return {key: _restored(each, arrays) for key, each in part.items()}
