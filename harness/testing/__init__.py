"""The contract of plugins as named checks, one test each (docs/plugins/testing.md).

Importing this package imports no numpy and no torch.
"""

from ecgbench.testing.kit import checks_of, parametrize_with_checks
from ecgbench.testing.rules import Check, Plugin

__all__ = ["Check", "Plugin", "checks_of", "parametrize_with_checks"]
