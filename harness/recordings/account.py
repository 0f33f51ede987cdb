"""What was read of a dataset, and what was left out and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field


@dataclass
class Account:
    """Counts, as a dataset is read.

    Attributes:
        windows: that were made.
        records: that gave windows or could have.
        records_left_out: names, by reason.
        windows_left_out: numbers, by reason.
        damaged: records that cannot be read, with the message.
        notes: further remarks, one line each.
    """

    windows: int = 0
    records: int = 0
    records_left_out: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    windows_left_out: Counter[str] = field(default_factory=Counter)
    damaged: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def lines(self, what: str) -> list[str]:
        """Return one line on what was read and one on what was left out.

        Args:
            what: the windows are: beats or strips.
        """
        told = [f"{self.windows} {what} of {self.records} records"]
        left = [
            f"{len(names)} records ({reason}: {', '.join(names[:8])}{', …' if names[8:] else ''})"
            for reason, names in self.records_left_out.items()
        ]
        left += [
            f"{count} {what} ({reason})" for reason, count in sorted(self.windows_left_out.items())
        ]
        return told + ([f"left out: {'; '.join(left)}"] if left else [])
