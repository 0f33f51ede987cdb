"""ecgbench: the benchmark harness for synthetic ECG.

Plugin authors need the names in capitals and a few functions.  Everybody else needs `run`, `score`,
`splits`, `sample`, `boards`, `report`, `compare`, `plot`, `explore`, `evaluate` and `discover`: the commands as
functions (docs/python.md).
Importing this package costs milliseconds, because numpy and the functions are imported at first use.
`ecgbench.nn` holds networks for plugins.
"""

from typing import TYPE_CHECKING, Any

from ecgbench.contracts.config import Config
from ecgbench.contracts.errors import DataError, EcgbenchError, Skip
from ecgbench.contracts.hooks import hookimpl
from ecgbench.contracts.protocols import Context, Costs, Generator, LoadDataset, Metric, Score
from ecgbench.contracts.search import Between, OneOf
from ecgbench.contracts.specs import DatasetSpec, GeneratorSpec, MetricSpec, PhysioNet
from ecgbench.contracts.windows import EcgWindows, Splits

if TYPE_CHECKING:
    from ecgbench.components import Components, principal_components
    from ecgbench.contracts.comparison import Comparison
    from ecgbench.contracts.contributions import Contributions, Term
    from ecgbench.contracts.sampling import exchangeable_parts, known_labels, stratified
    from ecgbench.harness.api.boards import Board, boards
    from ecgbench.harness.api.compare import compare
    from ecgbench.harness.api.evaluate import evaluate
    from ecgbench.harness.api.explore import explore
    from ecgbench.harness.api.messages import (
        CellEnded,
        CellNote,
        CellProgress,
        CellStarted,
        Fetching,
        Notice,
        Reading,
        ScoreEnded,
        Waiting,
    )
    from ecgbench.harness.api.plot import plot
    from ecgbench.harness.api.report import report
    from ecgbench.harness.api.run import run
    from ecgbench.harness.api.sample import sample
    from ecgbench.harness.api.score import score
    from ecgbench.harness.api.splits import splits
    from ecgbench.harness.api.tune import tune
    from ecgbench.harness.planning.catalog import discover

__all__ = [
    "Between",
    "Board",
    "CellEnded",
    "CellNote",
    "CellProgress",
    "CellStarted",
    "Comparison",
    "Components",
    "Config",
    "Context",
    "Contributions",
    "Costs",
    "DataError",
    "DatasetSpec",
    "EcgWindows",
    "EcgbenchError",
    "Fetching",
    "Generator",
    "GeneratorSpec",
    "LoadDataset",
    "Metric",
    "MetricSpec",
    "Notice",
    "OneOf",
    "PhysioNet",
    "Reading",
    "Score",
    "ScoreEnded",
    "Skip",
    "Splits",
    "Term",
    "Waiting",
    "boards",
    "compare",
    "discover",
    "evaluate",
    "exchangeable_parts",
    "explore",
    "hookimpl",
    "known_labels",
    "plot",
    "principal_components",
    "report",
    "run",
    "sample",
    "score",
    "splits",
    "stratified",
    "tune",
]

_LAZY = {
    "Comparison": "ecgbench.contracts.comparison",
    "Components": "ecgbench.components",
    "principal_components": "ecgbench.components",
    "Contributions": "ecgbench.contracts.contributions",
    "Term": "ecgbench.contracts.contributions",
    "exchangeable_parts": "ecgbench.contracts.sampling",
    "known_labels": "ecgbench.contracts.sampling",
    "stratified": "ecgbench.contracts.sampling",
    "CellEnded": "ecgbench.harness.api.messages",
    "CellNote": "ecgbench.harness.api.messages",
    "CellProgress": "ecgbench.harness.api.messages",
    "CellStarted": "ecgbench.harness.api.messages",
    "Fetching": "ecgbench.harness.api.messages",
    "Notice": "ecgbench.harness.api.messages",
    "Reading": "ecgbench.harness.api.messages",
    "ScoreEnded": "ecgbench.harness.api.messages",
    "Waiting": "ecgbench.harness.api.messages",
    "Board": "ecgbench.harness.api.boards",
    "boards": "ecgbench.harness.api.boards",
    "compare": "ecgbench.harness.api.compare",
    "evaluate": "ecgbench.harness.api.evaluate",
    "explore": "ecgbench.harness.api.explore",
    "plot": "ecgbench.harness.api.plot",
    "discover": "ecgbench.harness.planning.catalog",
    "report": "ecgbench.harness.api.report",
    "run": "ecgbench.harness.api.run",
    "sample": "ecgbench.harness.api.sample",
    "score": "ecgbench.harness.api.score",
    "splits": "ecgbench.harness.api.splits",
    "tune": "ecgbench.harness.api.tune",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - needed here only

    return getattr(import_module(_LAZY[name]), name)
