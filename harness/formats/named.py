"""Labels from elsewhere, as a dataset counts its classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ecgbench.harness.formats.found import texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


class _Unlike(Exception):  # noqa: N818 - it is told with other findings
    """These are no labels of the dataset."""


def named_labels(
    arrays: Mapping[str, NDArray[Any]],
    said: Mapping[str, str] | None,
    classes: tuple[str, ...],
    count: int,
    problems: list[str],
    notes: list[str],
) -> NDArray[np.int64] | None:
    """Return labels as a dataset counts its classes; None after a problem.

    Args:
        arrays: ``labels``: whole numbers (as floats, too), names of classes, or one-hot rows; and
            ``classes``, their names, if the file has them.
        said: names of classes by label, of the user.
        classes: of the dataset.
        count: windows.
        problems: receives the fault.
        notes: receives remarks on conversions.
    """
    try:
        labels = _plain(arrays["labels"], count, classes, notes)
        if said:
            return _by_map(labels, said, classes, notes)
        if labels.dtype.kind in "US":
            return _by_name(texts(labels), classes)
        names = texts(arrays["classes"]) if "classes" in arrays else classes
        return _by_index(labels, names, classes, notes)
    except _Unlike as unlike:
        problems.append(str(unlike))
        return None


def _plain(
    labels: NDArray[Any], count: int, classes: tuple[str, ...], notes: list[str]
) -> NDArray[Any]:
    """Return whole numbers or text, shape (window,)."""
    wanted = (
        f"labels are {labels.dtype} of shape {labels.shape}; whole numbers of shape ({count},) are wanted, "
        f"indices into {', '.join(classes)}, or these names"
    )
    if (
        labels.ndim == 2
        and len(labels) == count
        and labels.shape[1] > 1
        and labels.dtype.kind in "iufb"
    ):
        if not (np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all()):
            raise _Unlike(f"{wanted}; one-hot rows have one 1 and zeros")
        notes.append(
            f"one-hot labels of {labels.shape[1]} columns were taken by the column of the 1"
        )
        return np.asarray(labels.argmax(axis=1))
    if labels.shape != (count,) or labels.dtype.kind not in "iufUS":
        hint = ": labels.ravel() has it" if labels.shape == (count, 1) else ""
        raise _Unlike(wanted + hint)
    if labels.dtype.kind == "f":
        bad = ~(np.isfinite(labels) & (np.abs(labels) < 2**31) & (labels == np.floor(labels)))
        if bad.any():
            raise _Unlike(
                f"labels hold {labels[bad][0]:g} in row {int(bad.argmax())}; whole numbers are wanted"
            )
        notes.append(f"labels are {labels.dtype}, all whole numbers")
        return labels.astype(np.int64)
    return labels


def _by_map(
    labels: NDArray[Any], said: Mapping[str, str], classes: tuple[str, ...], notes: list[str]
) -> NDArray[np.int64]:
    keys = texts(labels)
    if missing := sorted(set(keys) - set(said)):
        raise _Unlike(
            f"labels hold {', '.join(missing[:5])}, which --classes does not name; it names {', '.join(said)}"
        )
    named = _by_name(tuple(said[key] for key in keys), classes)
    notes.append(
        f"labels were taken by --classes ({', '.join(f'{k}={v}' for k, v in said.items())})"
    )
    return named


def _by_name(names: tuple[str, ...], classes: tuple[str, ...]) -> NDArray[np.int64]:
    places = {name: place for place, name in enumerate(classes)}
    if unknown := sorted(set(names) - set(classes)):
        raise _Unlike(
            f"labels name {', '.join(unknown[:5])}; those of the dataset are wanted: {', '.join(classes)} "
            "(--classes LABEL=NAME,… gives the names)"
        )
    return np.array([places[name] for name in names], dtype=np.int64)


def _by_index(
    labels: NDArray[Any], names: tuple[str, ...], classes: tuple[str, ...], notes: list[str]
) -> NDArray[np.int64]:
    if len(labels) and not (labels.min() >= 0 and labels.max() < len(names)):
        raise _Unlike(
            f"labels run from {labels.min()} to {labels.max()}; indices into {', '.join(names)} are "
            f"wanted, from 0 to {len(names) - 1} (--classes LABEL=NAME,… gives other labels names)"
        )
    labels = labels.astype(np.int64)
    used = {names[label] for label in np.unique(labels)}
    if used - set(classes) or len(set(names)) < len(names):
        raise _Unlike(
            f"classes are {', '.join(names)}; those of the dataset are wanted: {', '.join(classes)} "
            "(--classes 0=NAME,1=NAME,… renames them)"
        )
    if names != classes[: len(names)]:
        notes.append(
            f"labels were taken by the names of its classes ({', '.join(names)}); the dataset's are "
            f"{', '.join(classes)}"
        )
    places = np.array([classes.index(n) if n in classes else -1 for n in names], dtype=np.int64)
    return np.asarray(places[labels])
