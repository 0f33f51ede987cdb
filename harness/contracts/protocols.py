"""The interfaces between harness and plugins."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from ecgbench.contracts.contributions import Contributions
    from ecgbench.contracts.windows import EcgWindows


class LoadDataset(Protocol):
    """The target of a `DatasetSpec`: reads or simulates all windows of the dataset."""

    def __call__(self, config: Any, folder: Path | None, /) -> EcgWindows:
        """Return the windows.

        Args:
            config: the plugin's settings.
            folder: the folder of the files of ``spec.source``, each verified against its SHA-256; None
                for an embedded dataset.

        Raises:
            DataError: a file is damaged or of another dataset; the message names the record.
        """
        ...


class Log(Protocol):
    """Reports progress of a fit; the values become the training curve."""

    def __call__(
        self, step: int, /, *, total: int | None = None, **values: float | str | None
    ) -> None:
        """Report that ``step`` (of ``total``) is done, with its losses or other values.

        Steps that begin again at a lower number are of another phase; ``phase="joint"`` names it.  A
        value may be anything that ``float`` takes, a text, or None if it is unknown.  An unusable value
        is left out of the curve, and a line says so; it never ends the fit.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Context:
    """Information for a generator besides the data.

    Attributes:
        seed: seeds every random choice, through generators of the plugin's own.
        device: ``"cpu"`` or ``"cuda"``.
        threads: the number of threads for a plugin; the same bytes are promised at equal ``threads``.
        log: reports progress.
        checkpoint_dir: an existing folder that survives a kill.  A fit finds its files here again if the
            same cell is started again; the folder is removed when the cell is finished.
        fresh: the ``fresh`` split, only for the reference that declares ``draws_on_fresh``.
    """

    seed: int
    device: str
    threads: int
    log: Log
    checkpoint_dir: Path
    fresh: EcgWindows | None = None


class Generator(Protocol):
    """The target of a `GeneratorSpec`, called with its settings: ``target(config)``.

    An optional attribute or property ``parameters`` (int) is the number of parameters that the fit
    estimated, for the metric of that name.
    """

    def fit(self, train: EcgWindows, context: Context, /) -> None:
        """Learn from ``train``."""
        ...

    def sample(self, labels: NDArray[np.int64], context: Context, /) -> EcgWindows:
        """Draw one window for each of ``labels``, in their order; `EcgWindows.synthetic` helps."""
        ...


@dataclass(frozen=True, kw_only=True)
class Score:
    """The result of a metric, if it is more than a number.

    Attributes:
        value: the score; finite.
        parts: further numbers by name (per class, per attack), shown with the score.
        contributions: each person's contribution to the value; only these give it an interval over
            people.
        n: the number of windows (or pairs) behind the value.
        artefacts: files by name, for example ``{"pca.png": bytes}``.
    """

    value: float
    parts: Mapping[str, float] = field(default_factory=dict)
    contributions: Contributions | None = None
    n: int | None = None
    artefacts: Mapping[str, bytes] = field(default_factory=dict)


class Metric(Protocol):
    """The target of a `MetricSpec`."""

    def __call__(self, comparison: Any, config: Any, /) -> float | Score:
        """Score the synthetic windows of a `Comparison`.

        Raises:
            Skip: the metric does not apply here.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Costs:
    """The costs of a cell, as measured by the harness.

    Attributes:
        fit_seconds: wall-clock time of the fit.
        sample_seconds: wall-clock time of the sampling.
        cpu_seconds: processor time of both, over all threads and ended child processes.
        peak_memory: bytes, the largest resident set during fit and sampling, of the cell's process or of
            a process that it started.
        parameters: number of estimated parameters, as the generator says; None if it does not say.
    """

    fit_seconds: float
    sample_seconds: float
    cpu_seconds: float
    peak_memory: int
    parameters: int | None = None
