"""The records of a store, typed; their JSON is the store's format."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec

SCHEMA = 3
"""Raise it when a reader of earlier stores would misunderstand a record."""

CURVE = "training.csv"
"""The artefact of a cell with its training curve."""

ROC = "-roc.csv"
"""The end of the name of an attack's artefact: metric and key come before."""

MOST = 1e100
"""The largest number of a score: its square, and the sum of the squares of many, are numbers too."""

Status = Literal["ok", "skipped", "failed"]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}\Z")]
Key = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{12}\Z")]
Seed = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class PluginRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A plugin as it was used.

    Attributes:
        name: the plugin's.
        version: the plugin's.
        settings: all of them, resolved, in their canonical form (`ecgbench.contracts.canonical`).
        origin: the distribution, or file, it came from, with its version; for readers alone.
        code: 12 hexadecimal digits of the SHA-256 of the plugin's code; empty if it is unknown.
        from_file: whether it was given with ``--plugin``: no version speaks for such code but its own.
        files: as ``code``, of the plugin's local files; empty if it names none.
    """

    name: Name
    version: int
    settings: dict[str, Any]
    origin: str
    code: str = ""
    from_file: bool = False
    files: str = ""

    @property
    def identity(self) -> tuple[str, int, dict[str, Any], str, str]:
        """Return all that can change a result; a version speaks for the code of an installed plugin."""
        code = self.code if self.from_file else ""
        return (self.name, self.version, self.settings, code, self.files)

    @property
    def key(self) -> str:
        """12 hexadecimal digits of the identity."""
        return digest_of(self.identity)

    def is_of_other_code(self, other: PluginRecord) -> bool:
        """Whether two records of one key are known to be of unlike code."""
        return bool(self.code and other.code) and self.code != other.code


class DatasetRecord(PluginRecord, frozen=True, kw_only=True):
    """A dataset as it was used.

    Attributes:
        digest: SHA-256 over all its windows, before any subsample.
        windows: size of the subsample; None for all.
        nested: seed of the split whose training windows alone are used; None for all windows.
    """

    digest: str
    windows: int | None = None
    nested: int | None = None

    @property
    def key(self) -> str:
        """Return 12 hexadecimal digits that identify the used windows."""
        nested = [] if self.nested is None else [self.nested]
        return digest_of([*self.identity, self.digest, self.windows, *nested])


class CellId(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can change the synthetic windows of a cell.

    Attributes:
        dataset: with its digest.
        generator: with its settings; of submitted windows, their digest stands there.
        seed: of splits, fit and sampling.
        protocol: version of the splits.
        submitted: whether the windows were made elsewhere.
    """

    dataset: DatasetRecord
    generator: PluginRecord
    seed: Seed
    protocol: int
    submitted: bool = False

    @property
    def key(self) -> str:
        """12 hexadecimal digits."""
        return digest_of(
            [self.dataset.key, self.generator.key, self.seed, self.protocol, self.submitted]
        )

    @property
    def name(self) -> str:
        """``dataset/generator/seed-n-key``, the cell's folder below ``cells/``."""
        return f"{self.dataset.name}/{self.generator.name}/seed-{self.seed}-{self.key}"


class MetricRecord(PluginRecord, frozen=True, kw_only=True):
    """A metric as it was used, with its facts for a board."""

    family: str
    better: Literal["higher", "lower"]
    bounds: tuple[float | None, float | None]
    ideal: float | None
    ranked: bool
    needs_both_folds: bool = False
    null: float | None = None
    summary: str = ""

    @property
    def file(self) -> str:
        """The name of the file of its score."""
        return f"{self.name}-{self.key}.json"


class CostsRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The costs of a cell, as the operating system counts them.

    Attributes:
        fit_seconds: wall-clock time.
        sample_seconds: wall-clock time.
        cpu_seconds: processor time of fit and sampling, over all threads and ended child processes.
        peak_memory: bytes, the largest resident set of the cell's process, or of a child of it,
            while it fitted and sampled.
        parameters: None if the generator does not say.
    """

    fit_seconds: float
    sample_seconds: float
    cpu_seconds: float
    peak_memory: int
    parameters: int | None = None


class CellRecord(msgspec.Struct, frozen=True, kw_only=True):
    """``cell.json``: an ended cell.

    Attributes:
        cell: its identity.
        status: how it ended.
        reason: why it was skipped or failed, in words.
        synthetic: SHA-256 over signals and labels of the synthetic windows.
        synthetic_file: SHA-256 of the file ``synthetic.npz``.
        stored: whether ``synthetic.npz`` holds their signals (else it holds window indices).
        fold: 0 or 1.
        sizes: windows in each split, and people among the members and the unseen.
        costs: None for submitted windows.
        environment: versions, processor, memory, devices; never host, user or path.
        study: the resolved study of the first run.
        threads: given to the generator.
        finished: UTC, ISO 8601.
        artefacts: SHA-256 by file name below ``artefacts/``.
        model: SHA-256 by file name below ``model/``, the fitted model; empty if it is not kept.
        notes: remarks for readers on the cell, one sentence each.
    """

    schema: int = SCHEMA
    cell: CellId
    status: Status
    reason: str = ""
    synthetic: str = ""
    synthetic_file: str = ""
    stored: bool = True
    reference: bool = False
    fold: int = 0
    sizes: dict[str, int] = msgspec.field(default_factory=dict)
    costs: CostsRecord | None = None
    environment: dict[str, Any] = msgspec.field(default_factory=dict)
    study: dict[str, Any] = msgspec.field(default_factory=dict)
    threads: int = 1
    finished: str = ""
    artefacts: dict[str, str] = msgspec.field(default_factory=dict)
    model: dict[str, str] = msgspec.field(default_factory=dict)
    notes: list[str] = msgspec.field(default_factory=list)


class ContributionsRecord(msgspec.Struct, frozen=True, kw_only=True):
    """`ecgbench.Contributions` as lists; one row of each list for each person."""

    people: list[int]
    numerators: list[list[float]]
    denominators: list[list[float]]
    coefficients: list[float]
    offset: float


class ScoreRecord(msgspec.Struct, frozen=True, kw_only=True):
    """``scores/<metric>-<key>.json``: an ended score.

    Attributes:
        metric: as it was used.
        cell: name of the cell.
        synthetic: digest of the scored windows.
        status: how it ended.
        reason: why it was skipped or failed, in words.
        value: the score; None unless ``status`` is ok.
        parts: further numbers.
        contributions: per person, for intervals.
        n: windows (or pairs) behind the value.
        seconds: wall-clock time of the metric.
        cpu_seconds: its processor time, over all threads and ended child processes.
        artefacts: SHA-256 by file name below ``artefacts/``.
        finished: UTC, ISO 8601.
        notes: remarks for readers on the score, one sentence each.
    """

    schema: int = SCHEMA
    metric: MetricRecord
    cell: str
    synthetic: str = ""
    status: Status
    reason: str = ""
    value: float | None = None
    parts: dict[str, float | None] = msgspec.field(default_factory=dict)
    contributions: ContributionsRecord | None = None
    n: int | None = None
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    artefacts: dict[str, str] = msgspec.field(default_factory=dict)
    finished: str = ""
    notes: list[str] = msgspec.field(default_factory=list)


class PlannedCell(msgspec.Struct, frozen=True, kw_only=True):
    """A cell of a plan; ``generator`` indexes the plan's generators."""

    name: str
    dataset: int
    generator: int
    seed: Seed


class GeneratorRecord(PluginRecord, frozen=True, kw_only=True):
    """A generator as a board shows it.

    Attributes:
        reference: whether it is a reference row.
        submitted: whether its windows were made elsewhere.
        changed: the settings that differ from its defaults, or in a smoke study from its smoke settings.
    """

    reference: bool = False
    submitted: bool = False
    changed: dict[str, Any] = msgspec.field(default_factory=dict)

    @property
    def used(self) -> PluginRecord:
        """Return the record in a cell."""
        return PluginRecord(
            **{name: getattr(self, name) for name in PluginRecord.__struct_fields__}
        )


class PlanRecord(msgspec.Struct, frozen=True, kw_only=True):
    """``plans/<settings>/<key>.json``: the plan of one run.

    Plans of one study and the same settings make one board; it shows every planned cell, ended or not
    ended, too.  Settings of generators make rows, no boards.

    Attributes:
        protocol: version of the splits.
        study: the study's name.
        settings: all that changes the numbers of every row: subsample, smoke, and the settings of
            datasets and metrics other than their defaults.
        datasets: as used.
        generators: as used.
        metrics: as used.
        cells: all of the plan, in its order.
        headline: names of the metrics that the board shows first; empty for the default.
    """

    schema: int = SCHEMA
    protocol: int
    study: str
    settings: dict[str, Any]
    datasets: list[DatasetRecord]
    generators: list[GeneratorRecord]
    metrics: list[MetricRecord]
    cells: list[PlannedCell]
    headline: list[Name] = []

    @property
    def board_key(self) -> str:
        """Return 12 hexadecimal digits; plans of one board share them."""
        return digest_of([self.protocol, self.study, self.settings])


def encode(record: msgspec.Struct) -> bytes:
    """JSON, keys sorted, NaN and infinities as null, sealed by the SHA-256 of its own bytes.

    The member ``sha256`` holds the digest of the text with 64 zeros in its place.
    """
    content = {**msgspec.to_builtins(record), "sha256": UNSEALED.decode()}
    plain = msgspec.json.format(msgspec.json.encode(content, order="deterministic"), indent=1)
    plain += b"\n"
    return plain.replace(SEAL % UNSEALED, SEAL % hashlib.sha256(plain).hexdigest().encode(), 1)


def seal_of(content: bytes) -> str:
    """Return the digest in the seal of a record's bytes; empty if there is none, or several."""
    # of many small records the search for a pattern costs more than the digest
    seals = SEALED.findall(content, max(0, content.find(SEAL_AT)))
    return seals[0].decode() if len(seals) == 1 else ""


def is_sealed(content: bytes, seal: str | None = None) -> bool:
    """Return whether `encode` wrote a record's bytes.

    Args:
        content: of the file.
        seal: `seal_of` it; None if it is not known yet.
    """
    seal = seal_of(content) if seal is None else seal
    if not seal:
        return False
    place = content.find(SEAL % seal.encode()) + len(SEAL_AT)
    plain = hashlib.sha256(content[:place])
    plain.update(UNSEALED)
    plain.update(content[place + len(UNSEALED) :])
    return plain.hexdigest() == seal


def now() -> str:
    """Return the time, UTC, ISO 8601, in seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def digest_of(value: object) -> str:
    """12 hexadecimal digits of the SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()[:12]


UNSEALED = b"0" * 64
SEAL_AT = b'\n "sha256": "'
SEAL = SEAL_AT + b'%s"'
"""The top level alone is indented by one space, so no setting of the same name is taken for it."""
SEALED = re.compile(rb'\n "sha256": "([0-9a-f]{64})"')
