"""The simulated cohort whose truth is known is that of the other metrics of privacy."""

from tests.metrics.privacy.conftest import cell

__all__ = ["cell"]
