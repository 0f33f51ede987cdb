"""Durations, sizes and steps as a person says them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecgbench.contracts.plain import plain
from ecgbench.results.render.text import number

if TYPE_CHECKING:
    from ecgbench.results.store.progress import Progress


def duration(seconds: float) -> str:
    """Seconds as a person says them.

    >>> duration(4.21), duration(9.98), duration(59.7), duration(75), duration(7500)
    ('4.2 s', '10 s', '1 min 0 s', '1 min 15 s', '2 h 5 min')
    """
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, whole = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {whole} s"
    return f"{minutes // 60} h {minutes % 60} min"


def memory(size: int) -> str:
    """Bytes as a person says them; nothing for none.

    >>> memory(0), memory(300 * 2**20), memory(3 * 2**29)
    ('', '300 MiB', '1.5 GiB')
    """
    if not size:
        return ""
    return f"{size / 2**20:.0f} MiB" if size < 2**30 else f"{size / 2**30:.1f} GiB"


def steps(progress: Progress) -> str:
    """Return the step and, if known, the number of steps; empty before the first."""
    if progress.step is None:
        return ""
    return f"{progress.step}" if progress.total is None else f"{progress.step}/{progress.total}"


def values(progress: Progress) -> str:
    """Return the values of the last step of the fit; a loss may be huge, or no number at all."""
    return ", ".join(
        f"{plain(name)} {number(value) if value is None or abs(value) < 1e6 else f'{value:.3g}'}"
        for name, value in progress.values.items()
    )


def waiting(count: int) -> str:
    """Return a line for a run that waits for other runs."""
    return f"waiting for {count} cell{'s' if count > 1 else ''} of other runs"
