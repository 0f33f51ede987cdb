"""Whose a record is, and facts about records and people."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from ecgbench.contracts.errors import DataError
from ecgbench.recordings.description import symbols
from ecgbench.recordings.table import number, rows
from ecgbench.recordings.which import natural

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.recordings.description import Fact, People
    from ecgbench.recordings.recording import Recording

Row = dict[str, str] | None


class Register:
    """The people of a dataset, as its records are read.

    Args:
        told: of the dataset file.
        folder: of the dataset.
        label: of a record, for its column.

    Raises:
        DataError: the table lacks a column, or rows of one key disagree.
    """

    def __init__(self, told: People, folder: Path, label: Fact | None = None) -> None:
        self.told = told
        self.person_of: dict[str, str] = {}
        self.contradictions: list[str] = []
        self.without_row = 0
        self._facts: dict[str, dict[str, str | float]] = {}
        self._shares: dict[str, dict[str, list[int]]] = defaultdict(
            lambda: defaultdict(lambda: [0, 0])
        )
        self._table: dict[str, dict[str, str]] = {}
        self._file = folder / told.table
        if told.table:
            facts = [*told.attributes.values(), told.person, label]
            columns = [fact.column for fact in facts if fact is not None and fact.column]
            for row in rows(self._file, told.key, *columns):
                name = row[told.key]
                first = self._table.setdefault(name, row)
                if unlike := [c for c in columns if row[c] != first[c]]:
                    raise DataError(f"{self._file}: rows of {name!r} differ in column {unlike[0]}")

    def add(self, recording: Recording) -> None:
        """Note a record's person and the facts about them.

        Raises:
            DataError: the record has no person, or a fact is no number.
        """
        name, told = recording.name, self.told
        row = None if told.key_is_person else self.row(name)
        person = name
        if told.person is not None:
            found = value(told.person, recording, row)
            if found is None:
                raise DataError(
                    f"record {name}: nothing says whose it is{self._where(told.person)}"
                )
            person = in_words(found)
        self.person_of[name] = person = told.same.get(person, person)
        if told.key_is_person:
            row = self._table.get(person)
        self.without_row += row is None
        facts = self._facts.setdefault(person, {})
        for what, fact in told.attributes.items():
            if fact.symbols:
                share = self._shares[person][what]
                share[0] += counted(recording, fact.symbols)
                share[1] += counted(recording, fact.among)
                continue
            found = value(fact, recording, row)
            if found is None or (fact.varies and what in facts):
                continue
            if facts.setdefault(what, found) != found:
                self.contradictions.append(
                    f"{what} of person {person} is {facts[what]} and, in record {name}, {found}"
                )

    def row(self, record: str) -> Row:
        """Return the row of a record in the table, by its whole path or its last part."""
        return self._table.get(record) or self._table.get(record.rpartition("/")[2])

    def _where(self, fact: Fact) -> str:
        if fact.column:
            return f" (column {fact.column} of {self._file})"
        return f" ({fact.record or fact.comment or fact.header})"

    def notes(self) -> list[str]:
        """Return what looks wrong: facts that contradict each other, a table of other records."""
        if self.told.table and 0 < len(self.person_of) == self.without_row:
            what = "person" if self.told.key_is_person else "record"
            return [
                f"no {what} has a row in {self._file}; is {self.told.key} its column of {what}s?",
                *self.contradictions,
            ]
        return self.contradictions

    def numbers(self) -> dict[str, int]:
        """Return the number of each record's person: their own name, if all names are whole numbers.

        Raises:
            DataError: two names are one number.
        """
        people = sorted(set(self.person_of.values()), key=natural)
        if all(re.fullmatch(r"[0-9]{1,18}", person) for person in people):
            of = {person: int(person) for person in people}
            if len(set(of.values())) < len(of):
                raise DataError(f"two people have one number: {', '.join(people)}")
        else:
            of = {person: at for at, person in enumerate(people, 1)}
        return {record: of[person] for record, person in self.person_of.items()}

    def attributes(self) -> dict[int, dict[str, str | float]] | None:
        """Return what is known of each person, by number; None if the dataset file asks for nothing."""
        if not self.told.attributes:
            return None
        found = {}
        for record, at in self.numbers().items():
            person = self.person_of[record]
            shares = self._shares[person].items()
            found[at] = self._facts[person] | {w: a / of for w, (a, of) in shares if of}
        return found


def in_words(found: str | float) -> str:
    """Return a fact as text: every digit of a number counts."""
    return found if isinstance(found, str) else repr(found).removesuffix(".0")


def value(fact: Fact, recording: Recording, row: Row) -> str | float | None:
    """Return a fact of a record; None if it is unknown.

    Raises:
        DataError: it is no number and should be one.
    """
    text: str | float | None = None
    if fact.record:
        match = re.search(fact.record, recording.name)
        text = match[1] if match else None
    elif fact.comment:
        matches = (re.search(fact.comment, line) for line in recording.comments)
        text = next((match[1] for match in matches if match), None)
    elif fact.header:
        text = recording.attributes.get(fact.header)
    elif row is not None:
        lines = [line.strip() for line in row[fact.column].splitlines()]
        text = "; ".join(lines[:1] if fact.first_line else lines)
    if text is None or isinstance(text, float):
        return text
    found = fact.values.get(text.strip(), text.strip())
    if found == "":
        return None
    if fact.number:
        what = (
            f"column {fact.column}" if fact.column else fact.comment or fact.record or fact.header
        )
        return number(str(found), f"record {recording.name}, {what}")
    return found if isinstance(found, str) else float(found)


def counted(recording: Recording, told: str | tuple[str, ...]) -> int:
    """Return how many marks of a record have one of these symbols."""
    marks = recording.annotations
    return 0 if marks is None else int(np.isin(marks.symbols, symbols(told)).sum())
