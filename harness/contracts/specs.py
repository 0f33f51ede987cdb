"""Specs: the facts of a plugin before any of its code is imported."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib import import_module
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ecgbench.contracts.config import Config, NoConfig
from ecgbench.contracts.errors import PluginError, suggest
from ecgbench.contracts.families import FAMILIES
from ecgbench.contracts.faults import FAULTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from ecgbench.contracts.families import FamilyName
    from ecgbench.contracts.search import Search

    LocalFiles = tuple[str | Path, ...] | Callable[[Any], Iterable[str | Path]]

Kind = Literal["generator", "dataset", "metric"]


def check_name(kind: Kind, name: str) -> None:
    """Check the name of a plugin.

    Raises:
        PluginError: it has other characters, or too many.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", name):
        raise PluginError(
            f"{kind} name {name!r} does not match [a-z0-9][a-z0-9-]{{0,63}}; names "
            "become paths, so they hold lower-case letters, digits and hyphens only"
        )


@dataclass(frozen=True, kw_only=True)
class PluginSpec:
    """The facts of a plugin before the harness imports its code.

    Attributes:
        name: unique among the plugins of its kind; ``[a-z0-9][a-z0-9-]{0,63}``, for it becomes a
            path.
        target: ``"module:attribute"``, imported only when the plugin is used, or a callable with its
            own imports inside.
        config: the class of the plugin's settings.
        summary: one line for ``ecgbench list``.
        version: raise it when results stop being comparable with earlier ones.
        citation: authors, year, and a DOI or URL of the source of the method or data.
        smoke: settings for the ``smoke`` study: the plugin then takes seconds.
        files: local files behind the results, such as weights: their paths, or a function from the
            settings to the paths.  A result's key depends on their content.  None: nothing is said
            of files.
    """

    kind: ClassVar[Kind]

    name: str
    target: str | Callable[..., Any]
    config: type[Config] = NoConfig
    summary: str
    version: int = 1
    citation: str = ""
    smoke: Mapping[str, Any] = field(default_factory=dict)
    files: LocalFiles | None = None

    def __post_init__(self) -> None:
        check_name(self.kind, self.name)
        if isinstance(self.target, str) and not re.fullmatch(r"[\w.]+:\w+", self.target):
            raise PluginError(
                f"{self.kind} {self.name}: target {self.target!r} is not of the form "
                "'module:attribute'"
            )

    def load(self) -> Any:
        """Import and return the target.

        Raises:
            PluginError: the module cannot be imported or has no such attribute.
        """
        if not isinstance(self.target, str):
            return self.target
        module, _, attribute = self.target.partition(":")
        try:
            return getattr(import_module(module), attribute)
        except Exception as error:
            raise PluginError(
                f"{self.kind} {self.name}: cannot import {self.target}: "
                f"{type(error).__name__}: {error}"
            ) from error


@dataclass(frozen=True, kw_only=True)
class GeneratorSpec(PluginSpec):
    """A model of ECG windows; its target is a `Generator` class, called with its settings.

    Attributes:
        conditional: whether ``sample`` honours the labels.  Any other model is fitted once per class
            by the harness.
        max_leads: the most leads it can model; None for any number.
        min_windows: the fewest training windows it can be fitted on (per class, if the harness fits
            it once per class).
        reference: True for a row that calibrates the board and is no competitor.
        draws_on_fresh: True for a reference of the fresh windows themselves.
            Only a built-in reference may say so.
        audit: True for the reference of ``ecgbench audit``; no other plan has it.
        search: what ``ecgbench tune`` tries of each setting, by its name: `Between` two numbers, or
            `OneOf` several values.
    """

    kind: ClassVar[Kind] = "generator"

    conditional: bool = False
    max_leads: int | None = None
    min_windows: int = 2
    reference: bool = False
    draws_on_fresh: bool = False
    audit: bool = False
    search: Mapping[str, Search] = field(default_factory=dict)


@dataclass(frozen=True)
class PhysioNet:
    """A database on PhysioNet, in its own layout.

    Attributes:
        slug: its name there, and the name of its folder in a data directory.
        version: the published version, for example ``"1.0.0"``.
        sums_sha256: the SHA-256 of that version's ``SHA256SUMS.txt``, a list of every other file's;
            empty if it is not known: then the list at hand is taken.
        files: regular expression of the needed files, matched against whole paths in
            ``SHA256SUMS.txt``.
    """

    slug: str
    version: str
    sums_sha256: str
    files: str


@dataclass(frozen=True, kw_only=True)
class DatasetSpec(PluginSpec):
    """A source of real (or simulated) windows; its target is a `LoadDataset` function.

    Attributes:
        leads: the leads of its default settings.
        sampling_rate: Hz, of its default settings.
        classes: names of the labels.
        headline_classes: the classes in the mean of macro-F1 and the like; empty for all.
        licence: SPDX identifier or name of the data's licence.
        redistributable: whether checkpoints trained on it and pictures of its windows may leave the
            machine.
        halves: the customary division of its patients in two; None without one.
        source: the origin of its files; None for an embedded dataset.
        described: the dataset file behind the spec (docs/dataset-files.md), if there is one; its content
            counts as code.
        verified: False if nobody has read the real recordings with it.
        costly: True to run only if a user names it: its windows are large.
    """

    kind: ClassVar[Kind] = "dataset"

    leads: tuple[str, ...]
    sampling_rate: float
    classes: tuple[str, ...]
    headline_classes: tuple[str, ...] = ()
    licence: str
    redistributable: bool = False
    halves: tuple[tuple[int, ...], tuple[int, ...]] | None = None
    source: PhysioNet | None = None
    described: Path | None = None
    verified: bool = True
    costly: bool = False


@dataclass(frozen=True, kw_only=True)
class MetricSpec(PluginSpec):
    """A score of synthetic windows; its target is a `Metric` function.

    Attributes:
        family: the quality that it measures (`ecgbench.contracts.families.FAMILIES`).
        better: the direction.
        bounds: the least and the greatest possible value.
        ideal: the score of an ideal generator, None if it is unknown or infinite.
        null: of a privacy metric, the mean score of a generator without knowledge of single windows or
            people; None if it is unknown.  Nothing ranks better than the null.
        formula: the definition in one line, for the card.
        needs_labels: True to be skipped on a dataset with one class.
        needs_patients: True to be skipped on a dataset without unseen patients.
        needs_both_folds: True if only the mean over both folds can be read: the board then shows
            nothing for seeds of one.
        terms: names of the terms of its contributions, in order.  For a metric of both folds the board
            looks up two by name, to test it: ``members``, with every member and nobody else in its
            denominators, and ``distance``, with each person's distance to the synthetic windows in its
            numerators.
        min_windows: the fewest synthetic windows it can judge.
        min_leads: the fewest leads.
        min_seconds: the shortest windows.
        costly: True to run only if a user names it: it fits the generator again.
        ranked: False for a diagnostic: it is shown and never enters a rank.
        sees: the faults that it claims to see; ``ecgbench audit`` holds it to them (docs/audit.md).
            None for the faults of its family's duty.
        audited_on: whether the audit shows it all faults of its family or, to save time, its claims
            alone.
    """

    kind: ClassVar[Kind] = "metric"

    family: FamilyName
    better: Literal["higher", "lower"]
    bounds: tuple[float, float] = (float("-inf"), float("inf"))
    ideal: float | None = None
    null: float | None = None
    formula: str = ""
    needs_labels: bool = False
    needs_patients: bool = False
    needs_both_folds: bool = False
    terms: tuple[str, ...] = ()
    min_windows: int = 2
    min_leads: int = 1
    min_seconds: float = 0.0
    costly: bool = False
    ranked: bool = True
    sees: tuple[str, ...] | None = None
    audited_on: Literal["family", "claims"] = "family"

    @property
    def is_ranked(self) -> bool:
        """Whether it enters ranks: a metric without claims orders nothing."""
        return self.ranked and self.sees != ()

    @property
    def claims(self) -> tuple[str, ...]:
        """The faults that the audit holds it to."""
        return FAMILIES[self.family].must_see if self.sees is None else self.sees

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.family not in FAMILIES:
            raise PluginError(
                f"metric {self.name}: family {self.family!r} is none of {', '.join(FAMILIES)}"
            )
        if self.better not in ("higher", "lower"):
            raise PluginError(f"metric {self.name}: better is {self.better!r}; higher or lower")
        if self.null is not None:
            self._check_null(self.null)
        if len(set(self.terms)) < len(self.terms):
            raise PluginError(f"metric {self.name}: two of its terms share a name: {self.terms}")
        for fault in self.sees or ():
            if fault not in FAULTS:
                raise PluginError(
                    f"metric {self.name} claims to see {fault!r}, which is no fault of the audit; "
                    f"{suggest(fault, FAULTS)}"
                )
        if self.audited_on not in ("family", "claims"):
            raise PluginError(
                f"metric {self.name}: audited_on is {self.audited_on!r}; family or claims"
            )

    def _check_null(self, null: float) -> None:
        if not FAMILIES[self.family].has_null:
            having = " and ".join(name for name, family in FAMILIES.items() if family.has_null)
            raise PluginError(
                f"metric {self.name} of {self.family} has a null; only metrics of {having} have one"
            )
        low, high = self.bounds
        if not (isfinite(null) and low <= null <= high):
            raise PluginError(
                f"metric {self.name}: its null, {null}, is not within its bounds, {low} to {high}"
            )
