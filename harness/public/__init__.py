"""ecgbench: the benchmark harness for synthetic ECG.

These are the names that a plugin author needs.  Importing them costs milliseconds: numpy and what
needs it are imported at first use.  `ecgbench.nn` holds the networks that plugins share.
"""

from typing import TYPE_CHECKING, Any

from ecgbench.harness.config import Config
from ecgbench.harness.contracts import Context, Costs, Generator, LoadDataset, Metric, Score
from ecgbench.harness.errors import DataError, EcgbenchError, Skip
from ecgbench.harness.hookspecs import hookimpl
from ecgbench.harness.specs import DatasetSpec, GeneratorSpec, MetricSpec, PhysioNet
from ecgbench.harness.windows import EcgWindows, Splits

if TYPE_CHECKING:
    from ecgbench.harness.comparison import Comparison
    from ecgbench.harness.components import Components, principal_components
    from ecgbench.harness.sampling import exchangeable_parts, stratified
    from ecgbench.harness.score import Contributions, Term

__all__ = [
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
    "Generator",
    "GeneratorSpec",
    "LoadDataset",
    "Metric",
    "MetricSpec",
    "PhysioNet",
    "Score",
    "Skip",
    "Splits",
    "Term",
    "exchangeable_parts",
    "hookimpl",
    "principal_components",
    "stratified",
]

_LAZY = {
    "Comparison": "ecgbench.harness.comparison",
    "Components": "ecgbench.harness.components",
    "principal_components": "ecgbench.harness.components",
    "Contributions": "ecgbench.harness.score",
    "Term": "ecgbench.harness.score",
    "exchangeable_parts": "ecgbench.harness.sampling",
    "stratified": "ecgbench.harness.sampling",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - needed here only

    return getattr(import_module(_LAZY[name]), name)
