"""`Description`: the keys of a dataset file, typed and checked.

Importing this module costs no numpy, for discovery reads each dataset file.
"""

from __future__ import annotations

import math
import re
import tomllib
from functools import cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import msgspec

from ecgbench.contracts.errors import UsageError, suggest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FAULTS = ("flat", "saturated", "calibration")
"""Faults of a window; see `ecgbench.recordings.faults`."""


FASTEST = 1e6
"""Hz: no recording of ECG has more samples a second."""


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class Source(_Table, frozen=True):
    """Where the files are.

    Attributes:
        physionet: database and version on PhysioNet, such as ``incartdb/1.0.0``.
        sums_sha256: the SHA-256 of its ``SHA256SUMS.txt``; empty if it is not known.
        files: regular expression of the needed files, by their whole paths in the database.
        folder: a folder on this machine, relative to the dataset file.
    """

    physionet: str = ""
    sums_sha256: str = ""
    files: str = ".*"
    folder: str = ""

    def __post_init__(self) -> None:
        if bool(self.physionet) == bool(self.folder):
            raise ValueError("either physionet or folder is wanted")
        if self.physionet and not re.fullmatch(r"[\w.-]+/[\w.-]+", self.physionet):
            raise ValueError(f"physionet = {self.physionet!r} is not of the form NAME/VERSION")
        _check_pattern("files", self.files, groups=0)


class Records(_Table, frozen=True):
    """Which records, and how to read them.

    Attributes:
        format: of the files.
        names: the records, by their paths without suffix.
        listed_in: a file with their names: one a line, or a table.
        column: the column of that table.
        path: of a listed record; ``{}`` stands for its name in the list.
        matching: regular expression of whole paths, without suffix, of the records of the folder.
        left_out: records not to be read, each with the reason.
        whole: whether a missing sample, a mark outside of the record, or a file longer than its header
            says is an error.
        rate: Hz; of CSV and arrays it is wanted, of others it is checked.
        unit: of the samples of CSV and arrays.
        counts_per_mv: steps of the converter in a millivolt, against the gains of WFDB headers.
        rows: names of the rows of an array, in order.
    """

    format: Literal["wfdb", "csv", "npy", "edf", "dicom"] = "wfdb"
    names: tuple[str, ...] = ()
    listed_in: str = ""
    column: str = ""
    path: str = "{}"
    matching: str = ""
    left_out: dict[str, str] = {}
    whole: bool = False
    rate: float | None = None
    unit: str = "mV"
    counts_per_mv: float | None = None
    rows: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if sum(map(bool, (self.names, self.listed_in, self.matching))) > 1:
            raise ValueError("names, listed_in and matching exclude each other")
        if self.column and not self.listed_in:
            raise ValueError("column is of the table listed_in, which is not given")
        _check_pattern("matching", self.matching, groups=0)
        _check_twice("names", self.names)
        _check_twice("rows", self.rows)
        _check_inside("listed_in", self.listed_in)
        if "{}" not in self.path:
            raise ValueError(f"path = {self.path!r}: {{}} is wanted, in the place of the name")
        if self.rate is not None and not 0 < self.rate <= FASTEST:
            raise ValueError(
                f"rate = {self.rate:g}: Hz, above 0 and at most {FASTEST:g}, are wanted"
            )
        if self.counts_per_mv is not None and not 0 < self.counts_per_mv < math.inf:
            raise ValueError(f"counts_per_mv = {self.counts_per_mv:g}: a number above 0 is wanted")
        if self.format in ("csv", "npy") and not self.rate:
            raise ValueError(f"rate, in Hz, is wanted: files of format {self.format} do not say it")
        if self.format == "npy" and not self.rows:
            raise ValueError("rows, the names of the leads in an array, are wanted")


class Leads(_Table, frozen=True):
    """Leads, by name.

    Attributes:
        default: the leads of a window, unless the setting ``leads`` names others.
        everywhere: the leads of every record, if all have the same.
        names: other names of a lead in the files: ``{ II = ["ii", "MDC_ECG_LEAD_II"] }``.
    """

    default: tuple[str, ...]
    everywhere: tuple[str, ...] = ()
    names: dict[str, tuple[str, ...]] = {}

    def __post_init__(self) -> None:
        if not self.default:
            raise ValueError("default names no lead")
        _check_twice("default", self.default)
        _check_twice("names", [other for others in self.names.values() for other in others])
        for lead in self.default:
            if self.everywhere and lead not in self.everywhere:
                raise ValueError(
                    f"default: there is no {lead!r} among {', '.join(self.everywhere)}"
                )


class Fact(_Table, frozen=True):
    """A fact of a record or its person, from one place.

    Attributes:
        record: regular expression with one group, of the record's path.
        comment: the same, of a line of comments in its header.
        column: of the table of people.
        header: a field for persons in EDF or DICOM: sex, age or patient.
        symbols: marks to count, as a share of those of ``among``.
        among: all such marks.
        number: whether it is a number.
        first_line: whether the first line of a cell is taken alone.
        varies: whether it may differ between a person's records, as an age does: the first known one counts.
        values: other values for some: ``{ ">89" = 90 }``; an empty text means unknown.
    """

    record: str = ""
    comment: str = ""
    column: str = ""
    header: Literal["", "sex", "age", "patient"] = ""
    symbols: str | tuple[str, ...] = ""
    among: str | tuple[str, ...] = ""
    number: bool = False
    first_line: bool = False
    varies: bool = False
    values: dict[str, str | float] = {}

    def __post_init__(self) -> None:
        places = [self.record, self.comment, self.column, self.header, self.symbols]
        if sum(map(bool, places)) != 1:
            raise ValueError("one of record, comment, column, header and symbols is wanted")
        if bool(self.symbols) != bool(self.among):
            raise ValueError("symbols and among belong together")
        _check_pattern("record", self.record, groups=1)
        _check_pattern("comment", self.comment, groups=1)


class People(_Table, frozen=True):
    """Whose the recordings are.

    Attributes:
        person: the person of a record; by default each record is somebody else's.
        same: persons of two names: ``{ 202 = "201" }``, the second name counts.
        table: a CSV file of records or people.
        key: its column with the record's path, or the person if ``key_is_person``.
        key_is_person: see ``key``.
        attributes: of each person.
        halves: the customary division in two, by number.
    """

    person: Fact | None = None
    same: dict[str, str] = {}
    table: str = ""
    key: str = ""
    key_is_person: bool = False
    attributes: dict[str, Fact] = {}
    halves: tuple[tuple[int, ...], tuple[int, ...]] | None = None

    def __post_init__(self) -> None:
        if bool(self.table) != bool(self.key):
            raise ValueError("table and key belong together")
        _check_inside("table", self.table)
        if self.person is not None and self.person.symbols:
            raise ValueError("person: marks do not tell whose a record is")
        for first, second in self.same.items():
            if second in self.same:
                raise ValueError(
                    f"same: {first} is {second}, and {second} is {self.same[second]}; the last name "
                    "is wanted for both"
                )
        for name, fact in [("person", self.person), *self.attributes.items()]:
            if fact is not None and fact.column and not self.table:
                raise ValueError(f"{name} is a column of the table, which is not given")


class Class(_Table, frozen=True):
    """One class of windows: by marks, by the rhythm in force, or by a value.

    Attributes:
        symbols: of the marks of its beats: a text of single characters, or a list.
        rhythms: notes of rhythm, such as ``(AFIB``; ``*`` stands for any other.
        hold: seconds in which the rhythm is in force within the window; all of it by default.
        values: of ``windows.label``; ``*`` stands for any other.
    """

    symbols: str | tuple[str, ...] = ""
    rhythms: tuple[str, ...] = ()
    hold: float | None = None
    values: tuple[str, ...] = ()

    @property
    def by(self) -> str:
        """Return the way to its windows."""
        return next((way for way in ("symbols", "rhythms", "values") if getattr(self, way)), "")

    def __post_init__(self) -> None:
        if sum(map(bool, (self.symbols, self.rhythms, self.values))) > 1:
            raise ValueError("symbols, rhythms and values exclude each other")
        if self.hold is not None and not self.rhythms:
            raise ValueError("hold is of rhythms, and there is none")
        if self.hold is not None and not 0 < self.hold < math.inf:
            raise ValueError(f"hold = {self.hold:g}: seconds above 0 are wanted")


class Codes(_Table, frozen=True):
    """Codes within a label, and a table of their values.

    Attributes:
        each: regular expression with one group, of a code in the label.
        table: a CSV file of all codes.
        key: its column with the code; by default the column without a name.
        column: its column with the value behind the class; an empty cell is a code without a class.
    """

    each: str
    table: str
    column: str
    key: str = ""

    def __post_init__(self) -> None:
        _check_pattern("each", self.each, groups=1)


class Windows(_Table, frozen=True):
    """Windows and their classes.

    Attributes:
        kind: around beats, or strips.
        marks: suffix of the annotation files; ``{lead}`` stands for the first lead, in lower case.
        beats: symbols of beats, if classes are not by symbols.
        no_beats: all other symbols; if given, even if empty, any further symbol is an error.
        unclassed: symbols of beats without a class, by the reason.
        detect: find the beats, for there are no marks of them (`ecgbench.r_peaks`).
        label: the value behind a record's class.
        separator: between several values of the label.
        codes: in the label, if it has codes with values in a table.
        labels: of a record with several classes: the first counts, or only records of a single class do.
            It is the default of a setting, if a label has several values or codes.
        leave_out: faults of windows that are left out.
        every: 10 for every tenth window of a record: recordings of a day have many.
        headline: the classes in the mean of macro-F1; all by default.
    """

    kind: Literal["beat", "strip"]
    marks: str = ""
    beats: str | tuple[str, ...] = ""
    no_beats: str | tuple[str, ...] | None = None
    unclassed: dict[str, str | tuple[str, ...]] = {}
    detect: bool = False
    label: Fact | None = None
    separator: str = ""
    codes: Codes | None = None
    labels: Literal["first", "single"] = "first"
    leave_out: tuple[Literal["flat", "saturated", "calibration"], ...] = FAULTS  # type: ignore[assignment]
    every: Annotated[int, msgspec.Meta(ge=1)] = 1
    headline: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.codes and (self.separator or self.label is None):
            raise ValueError("codes are in a label, and need no separator")


class Description(_Table, frozen=True):
    """A dataset file.

    Attributes:
        name: of the dataset.
        summary: one line for ``ecgbench list``.
        citation: authors, year, and a DOI or URL.
        licence: SPDX identifier or name.
        redistributable: whether windows and models of them may leave the machine.
        verified: False for a file that nobody has run on the recordings themselves.
        version: raise it when windows stop being comparable with earlier ones.
    """

    name: str
    summary: str
    licence: str
    source: Source
    leads: Leads
    windows: Windows
    classes: dict[str, Class]
    records: Records = msgspec.field(default_factory=Records)
    people: People = msgspec.field(default_factory=People)
    citation: str = ""
    redistributable: bool = False
    verified: bool = True
    version: int = 1

    @property
    def by(self) -> str:
        """Return the way from windows to classes: symbols, rhythms, values, or empty for one class."""
        return next(iter(self.classes.values())).by

    def __post_init__(self) -> None:
        if not self.classes:
            raise ValueError("classes: there is none; one class is [classes.beat] without keys")
        ways = {each.by for each in self.classes.values()}
        if len(ways) > 1 or (self.by == "" and len(self.classes) > 1):
            raise ValueError("classes: all of them by symbols, by rhythms or by values")
        self._check_classes()
        windows, strip = self.windows, self.windows.kind == "strip"
        if strip and self.by == "symbols":
            raise ValueError("classes: a strip has many marks; its class is by rhythms or values")
        if (self.by == "values") != (windows.label is not None):
            raise ValueError("windows.label and the values of classes belong together")
        if not strip and not windows.marks and not windows.detect:
            raise ValueError("windows: beats need marks, or detect = true")
        if not strip and windows.marks and self.by != "symbols" and not windows.beats:
            raise ValueError(
                'windows.beats: the symbols of beats in the marks are wanted, such as "NLRAV"'
            )
        counted = [fact for fact in self.people.attributes.values() if fact.symbols]
        if (self.by == "rhythms" or counted) and not windows.marks:
            raise ValueError("windows.marks: the suffix of the annotation files is wanted")
        for name in windows.headline:
            if name not in self.classes:
                raise ValueError(
                    f"windows.headline: {name!r} is no class; {suggest(name, self.classes)}"
                )

    def _check_classes(self) -> None:
        """Check that no mark, rhythm or value has two classes, and whence a label comes."""
        classes, label = self.classes.values(), self.windows.label
        unclassed = {each for told in self.windows.unclassed.values() for each in symbols(told)}
        of_classes = [each for c in classes for each in symbols(c.symbols)]
        _check_twice("classes: symbols", [*unclassed, *of_classes])
        _check_twice("classes: rhythms", [each for c in classes for each in c.rhythms])
        _check_twice("classes: values", [each for c in classes for each in c.values])
        if label is not None and label.symbols:
            raise ValueError("windows.label: marks are no label of a record")
        if label is not None and label.column and not self.people.table:
            raise ValueError("windows.label is a column of people.table, which is not given")


def read(file: Path) -> Description:
    """Read and check a dataset file.

    Raises:
        UsageError: names the file, the place in it, the fault and a right value.
    """
    try:
        told = tomllib.loads(file.read_text("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is no TOML: {error}") from None
    try:
        _check_keys(told, Description, "")
        return msgspec.convert(told, Description)
    except (msgspec.ValidationError, ValueError) as error:
        text, _, at = str(error).partition(" - at `$")
        where = re.sub(r"\[\.\.\.\]", "", at.rstrip("`").lstrip("."))
        raise UsageError(
            f"{file}: {where + ': ' if where else ''}{text[:1].lower()}{text[1:]}"
        ) from None


def symbols(told: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return symbols, told as a text of single characters or as a list."""
    return tuple(told)


def _check_keys(told: Any, form: Any, where: str) -> None:
    """Check that all keys of a table are known."""
    inner = [form, *get_args(form)]
    struct = next((t for t in inner if isinstance(t, type) and issubclass(t, _Table)), None)
    if not isinstance(told, dict) or struct is None:
        return
    if (
        any(getattr(t, "__origin__", None) is dict or t is str for t in inner)
        and form is not struct
    ):
        for key, value in told.items():
            _check_keys(value, struct, f"{where}.{key}" if where else key)
        return
    known = _keys(struct)
    for key, value in told.items():
        if key not in known:
            place = f"[{where}] has" if where else "there is"
            raise ValueError(f"{place} no key {key!r}; {suggest(key, known)}")
        _check_keys(value, known[key], f"{where}.{key}" if where else key)


@cache
def _keys(struct: type[_Table]) -> dict[str, Any]:
    """Return the keys of a table, and the type of each."""
    return {f.encode_name: f.type for f in msgspec.structs.fields(struct)}


def _check_twice(key: str, names: Sequence[str]) -> None:
    """Check that no name is there twice."""
    seen = set[str]()
    for name in names:
        if name in seen:
            raise ValueError(f"{key}: {name!r} is there twice")
        seen.add(name)


def is_inside(path: str) -> bool:
    """Return whether a path stays in the folder from which it starts.

    Files elsewhere are neither checked nor part of the dataset's identity.
    """
    told = PurePosixPath(path)
    return not told.is_absolute() and ".." not in told.parts


def _check_inside(key: str, path: str) -> None:
    if not is_inside(path):
        raise ValueError(
            f"{key} = {path!r} is outside of the folder of the recordings; move it there"
        )


def _check_pattern(key: str, pattern: str, *, groups: int) -> None:
    try:
        found = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"{key} = {pattern!r} is no regular expression: {error}") from None
    if pattern and groups and found != groups:
        raise ValueError(f"{key} = {pattern!r} has {found} groups; one is wanted, around the value")
