"""Tables of windows, one row each: their columns are labels, samples of leads, and other things."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ecgbench.contracts.errors import UsageError
from ecgbench.harness.formats.found import Found

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Column = Callable[[int], NDArray[Any]]

LABEL = ("label", "labels", "class", "target", "y")
"""Names of a column of labels, without regard to case."""

OTHER = ("window", "patient", "patients", "record", "records", "position", "positions")
"""Names of columns of a window that are no samples."""

OF_LEAD = re.compile(r"(.+)\[(\d{1,7})\]")
"""``II[17]``: sample 17 of lead II, from 0."""


def is_number(cell: str) -> bool:
    """Return whether a cell of a text holds a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def from_columns(file: str, names: Sequence[str], column: Column, *, labelled: bool) -> Found:
    """Return the windows of a table with named columns.

    Args:
        file: its name, for messages.
        names: of the columns, in order.
        column: returns a column by its place.
        labelled: whether the labels come from another file.

    Raises:
        UsageError: a name is empty or twice there, or a column holds something else than numbers.
    """
    folded = [name.strip().casefold() for name in names]
    if "" in folded:
        raise UsageError(
            f"{file}: column {folded.index('') + 1} has no name: an index of pandas? "
            "to_csv(…, index=False) leaves it out"
        )
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1][:1]:
        raise UsageError(f"{file}: two columns are called {twice[0]}")
    of_labels = [place for place, name in enumerate(folded) if name in LABEL]
    if len(of_labels) > 1:
        raise UsageError(
            f"{file}: columns {', '.join(names[p] for p in of_labels)} could all be the labels; keep one"
        )
    samples = [p for p, name in enumerate(folded) if p not in of_labels and name not in OTHER]
    if not samples:
        raise UsageError(f"{file}: no column holds samples; its columns are {_some(names)}")
    arrays = _samples(file, names, samples, column)
    if labelled:
        return Found(arrays, [])
    if of_labels:
        arrays["labels"] = column(of_labels[0])
    return Found(arrays, [])


def _samples(
    file: str, names: Sequence[str], samples: Sequence[int], column: Column
) -> dict[str, NDArray[Any]]:
    matches = {place: OF_LEAD.fullmatch(names[place].strip()) for place in samples}
    leads: dict[str, dict[int, int]] = {}
    for place, match in matches.items():
        if match:
            leads.setdefault(match[1], {})[int(match[2])] = place
    unlike = [names[place] for place, match in matches.items() if not match]
    if leads and unlike:
        raise UsageError(
            f"{file}: column {unlike[0]} is no sample of a lead as {next(iter(leads))}[0] is, and no label"
        )
    if not leads:
        signals = np.stack([_numbers(file, names[p], column(p)) for p in samples], axis=1)
        return {"signals": signals, "axes": np.array(["window", "sample"])}
    length = max(map(len, leads.values()))
    for lead, places in leads.items():
        if sorted(places) != list(range(length)):
            raise UsageError(
                f"{file}: lead {lead} has {len(places)} samples; {length} are wanted, from {lead}[0] to "
                f"{lead}[{length - 1}]"
            )
    order = [places[sample] for places in leads.values() for sample in range(length)]
    flat = np.stack([_numbers(file, names[p], column(p)) for p in order], axis=1)
    return {
        "signals": flat.reshape(len(flat), len(leads), length),
        "leads": np.array(list(leads)),
        "axes": np.array(["window", "lead", "sample"]),
    }


def _numbers(file: str, name: str, values: NDArray[Any]) -> NDArray[np.float64]:
    """Return a column of samples; floats, since a table does not tell whole millivolts from counts."""
    if values.dtype.kind in "iuf":
        return values.astype(np.float64)
    bad = next((row for row, cell in enumerate(values.tolist()) if not is_number(str(cell))), 0)
    shown = repr(str(values[bad])[:40]) if len(values) else "nothing"
    raise UsageError(
        f"{file}: column {name} holds {shown} in row {bad}; samples are numbers (labels: a column called "
        "label, or --labels FILE)"
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
