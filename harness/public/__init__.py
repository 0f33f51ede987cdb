"""ecgbench: the benchmark harness for synthetic ECG.

These are the names that a plugin author needs.  Importing them costs milliseconds: numpy and what
needs it are imported at first use.  `ecgbench.nn` holds the networks that plugins share.
"""

from typing import TYPE_CHECKING, Any

from ecgbench.contracts.config import Config
from ecgbench.contracts.errors import DataError, EcgbenchError, Skip
from ecgbench.contracts.hooks import hookimpl
from ecgbench.contracts.protocols import Context, Costs, Generator, LoadDataset, Metric, Score
from ecgbench.contracts.specs import DatasetSpec, GeneratorSpec, MetricSpec, PhysioNet
from ecgbench.contracts.windows import EcgWindows, Splits

if TYPE_CHECKING:
    from ecgbench.components import Components, principal_components
    from ecgbench.contracts.comparison import Comparison
    from ecgbench.contracts.contributions import Contributions, Term
    from ecgbench.contracts.sampling import exchangeable_parts, stratified

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
    "Comparison": "ecgbench.contracts.comparison",
    "Components": "ecgbench.components",
    "principal_components": "ecgbench.components",
    "Contributions": "ecgbench.contracts.contributions",
    "Term": "ecgbench.contracts.contributions",
    "exchangeable_parts": "ecgbench.contracts.sampling",
    "stratified": "ecgbench.contracts.sampling",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - needed here only

    return getattr(import_module(_LAZY[name]), name)
