"""From the label of a record to its class."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ecgbench.recordings.classes import REST
from ecgbench.recordings.people import in_words
from ecgbench.recordings.table import rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ecgbench.recordings.description import Description


@dataclass(frozen=True)
class Labels:
    """The way from the label of a record to its class.

    Attributes:
        description: the dataset file.
        rule: for a record with several classes: the first counts, or the record is left out.
        value_of: the value of each code; None for labels without codes.
    """

    description: Description
    rule: Literal["first", "single"]
    value_of: Mapping[str, str] | None = None

    def class_of(self, label: str | float | None) -> tuple[int, str]:
        """Return the class, or −1 and the reason."""
        if label is None:
            return -1, "no label"
        text = in_words(label)
        values = self._values(text)
        if self.value_of is not None:
            if unknown := [code for code in values if code not in self.value_of]:
                return -1, f"unknown code {unknown[0]}"
            values = [value for code in values if (value := self.value_of[code])]
            if not values:
                return -1, "no code with a class"
        classes = [set(each.values) for each in self.description.classes.values()]
        found = [at for at, each in enumerate(classes) if each & set(values)]
        if set(values) - set().union(*classes):
            found += [at for at, each in enumerate(classes) if REST in each]
        if not found:
            return -1, f"no class has the label {text}"
        if self.rule == "single" and len(set(found)) > 1:
            return -1, "several classes"
        return found[0], ""

    def _values(self, text: str) -> list[str]:
        """Return the values in a label, or its codes."""
        told = self.description.windows
        if told.codes is not None:
            return re.findall(told.codes.each, text)
        if not told.separator:
            return [text]
        return [part.strip() for part in text.split(told.separator) if part.strip()]


def read_labels(description: Description, folder: Path, rule: Literal["first", "single"]) -> Labels:
    """Return the way from labels to classes; read the table of codes.

    Raises:
        DataError: the table cannot be read.
    """
    codes = description.windows.codes
    if codes is None:
        return Labels(description, rule)
    table = rows(folder / codes.table, codes.key, codes.column)
    return Labels(description, rule, {row[codes.key]: row[codes.column] for row in table})
