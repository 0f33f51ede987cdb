"""`compare`: two rows of a store's boards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ecgbench.contracts.plain import plain
from ecgbench.harness.api.arguments import check, plugin_files
from ecgbench.harness.api.boards import as_text
from ecgbench.harness.api.places import store_at
from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.planning.facts import facts
from ecgbench.results.board.compare import Compared
from ecgbench.results.board.compare import compare as compare_rows
from ecgbench.results.render import text
from ecgbench.results.render.compare import show_compared
from ecgbench.results.render.frame import compared_to_frame
from ecgbench.results.render.html import page, table

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    import pandas as pd
    from rich.console import Console


@dataclass(frozen=True, kw_only=True, repr=False)
class Comparisons:
    """Two rows on each board that has both.

    Attributes:
        a: label of one row.
        b: label of the other.
        boards: one comparison for each board (`ecgbench.results.board.compare.Compared`), by dataset and
            study.
        lacking: a sentence for each board without one of the rows.
    """

    a: str
    b: str
    boards: list[Compared]
    lacking: list[str] = field(default_factory=list)

    @property
    def has_failed(self) -> bool:
        """Whether a score of one of the rows failed."""
        rows = [row for each in self.boards for row in each.board.rows]
        return any(score.status == "failed" for row in rows for score in row.scores.values())

    def to_frame(self) -> pd.DataFrame:
        """Return a line for each board and metric.

        Returns:
            Columns ``dataset``, ``study``, ``settings``, ``family``, ``metric``, ``better``, ``ranked``;
            ``a`` and ``b``, the values; ``difference`` a − b with its 95% interval ``low``, ``high``;
            ``effect`` in favour of a; ``p``, corrected; ``verdict``.
        """
        return compared_to_frame(self.boards)

    def __str__(self) -> str:
        return as_text(_show, self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        parts = [_html(each) for each in self.boards]
        parts += [page(line, []) for line in self.lacking]
        return page(f"{self.a} and {self.b}", parts)


def compare(
    a: str,
    b: str,
    store: str | os.PathLike[str] | None = None,
    *,
    dataset: str | None = None,
    study: str | None = None,
    plugins: Iterable[str | os.PathLike[str]] = (),
) -> Comparisons:
    """Tell which of two rows is better at what, on each board that has both.

    The difference of each metric is paired by person and seed, and the p-values are corrected for all
    compared metrics (Holm; docs/protocol.md, "Uncertainty").  ``ecgbench compare`` prints the same.

    Args:
        a: label of a row, a generator or a reference, as on the board.
        b: label of another.
        store: folder of finished cells; None for ``ECGBENCH_STORE``, else ``ecgbench-results``.
        dataset: only boards of this dataset.
        study: only boards of studies with this name.
        plugins: Python files with plugins that are not installed.

    Raises:
        UsageError: no board has both rows; the message names the nearest label.
        StoreError: a record cannot be read, or contradicts itself.

    Example:
        >>> import ecgbench
        >>> _ = ecgbench.run("pca-gaussian", "mitdb-208", "mmd", [0], study="smoke")
        >>> comparisons = ecgbench.compare("pca-gaussian", "gaussian-noise")
        >>> comparisons.to_frame()[["metric", "verdict"]].values.tolist()
        [['mmd', 'not tested']]
    """
    check(a=a, b=b, dataset=dataset, study=study)
    catalogue = facts(discover(plugin_files(plugins)))
    chosen, lacking = compare_rows(store_at(store), a, b, catalogue, dataset=dataset, study=study)
    return Comparisons(a=a, b=b, boards=chosen, lacking=lacking)


def _show(comparisons: Comparisons, console: Console) -> None:
    for each in comparisons.boards:
        show_compared(each, console)
    for line in comparisons.lacking:
        console.print(plain(line), markup=False, highlight=False)


def _html(compared: Compared) -> str:
    board = compared.board
    a, b = (text.name(row) for row in board.rows)
    better = {"A better": f"{a} better", "B better": f"{b} better"}
    rows = [
        [
            text.heading(label, board.metrics[label]),
            *(text.number(value) for value in (finding.a.value, finding.b.value)),
            text.number(finding.difference),
            f"[{text.number(finding.low)}, {text.number(finding.high)}]",
            text.number(finding.p),
            better.get(finding.verdict or "", finding.verdict or ""),
        ]
        for label, finding in compared.findings.items()
    ]
    head = ["metric", a, b, "difference", "95% interval", "p", "verdict"]
    return page(text.title(board), [table(head, rows)])
