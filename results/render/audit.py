"""Audits: in the terminal, as a Markdown page, and as pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from rich.table import Table
from rich.text import Text

from ecgbench.contracts.faults import FAULTS
from ecgbench.contracts.plain import plain
from ecgbench.results.audit.records import audits
from ecgbench.results.board.labels import labels
from ecgbench.results.render.markdown import safe
from ecgbench.results.render.text import number
from ecgbench.results.store.store import write

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from matplotlib.figure import Figure
    from rich.console import Console

    from ecgbench.results.audit.records import AuditRecord, SeriesRecord
    from ecgbench.results.store.store import Store

STYLES = {"passes": "green", "fails": "red", "open": "yellow", "skipped": "yellow"}


def show_audits(records: list[AuditRecord], console: Console) -> None:
    """Print a line for each metric: verdict, smallest doses seen, blind spots."""
    for dataset in dict.fromkeys(record.dataset.name for record in records):
        console.print()
        console.rule(Text(f"audit · {dataset}", style="bold"), style="dim")
        table = Table(box=None, pad_edge=False)
        for column in ("metric", "verdict", "sees, from", "blind to", "rewards"):
            table.add_column(column, header_style="dim", overflow="fold")
        for record in records:
            if record.dataset.name == dataset:
                table.add_row(
                    Text(plain(record.metric.name)),
                    Text(plain(judgement(record)), style=STYLES[record.verdict]),
                    *map(Text, summary(record)),
                )
        console.print(table)


def judgement(record: AuditRecord) -> str:
    """Return the verdict; if there is a reason, with it."""
    return f"{record.verdict}: {record.reason}" if record.reason else record.verdict


def summary(record: AuditRecord) -> tuple[str, str, str]:
    """Return the faults that a metric sees, with the smallest dose; its blind spots; what it rewards.

    An asterisk marks the faults that it is held to.
    """

    def names(*responses: str) -> str:
        return ", ".join(_name(s) for s in record.series if s.response in responses)

    seen = ", ".join(
        f"{_name(series)} {series.smallest:g}"
        for series in record.series
        if series.response == "seen" and series.smallest is not None
    )
    shown = {series.name for series in record.series}
    of_family = [f.name for f in FAULTS.values() if record.metric.family in f.shown_to]
    unseen = [names("blind", "unclear", "failed")]
    if shown and not shown.issuperset(of_family):
        unseen.append("others were not shown")
    return seen, "; ".join(filter(None, unseen)), names("reversed")


def _name(series: SeriesRecord) -> str:
    return series.name + ("*" if series.claimed else "")


def write_pages(store: Store, new: list[AuditRecord]) -> list[Path]:
    """Write a picture of each new audit, and ``audit/<dataset>.md`` of all; return the pages."""
    for record in new:
        if any(series.amounts for series in record.series):
            write(store.path / "audit" / _picture(record), to_png(record))
    paths = []
    for dataset in dict.fromkeys(record.dataset.name for record in new):
        page = store.path / "audit" / f"{dataset}.md"
        write(page, to_markdown(list(audits(store, dataset))).encode())
        paths.append(page)
    return paths


def _picture(record: AuditRecord) -> str:
    return f"{record.dataset.name}/{record.metric.name}-{record.key}.png"


def to_markdown(records: list[AuditRecord]) -> str:
    """Return the summary, then a table for each metric of one dataset."""
    names = _names(records)
    lines = [
        f"# Audit on {records[0].dataset.name}",
        "",
        "An asterisk marks what a metric is held to.",
        "",
        "| metric | verdict | sees, from | blind to | rewards | processor time |",
        "| --- | --- | --- | --- | --- | ---: |",
    ]
    for record in records:
        cells = [names[record.key], judgement(record), *summary(record)]
        escaped = [safe(plain(cell)) for cell in cells]
        lines.append(f"| {' | '.join(escaped)} | {number(record.seconds)} s |")
    for record in records:
        lines += ["", f"## {safe(names[record.key])}", "", _facts(record)]
        if not record.series:
            continue
        lines += [
            "",
            "| fault | dose | value | worse by | told from 0 beyond | ρ [95%] | |",
            "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
        ]
        for series in record.series:
            lines += _rows(series)
        if any(series.amounts for series in record.series):
            lines += ["", f"![{record.metric.name}]({_picture(record)})"]
    return "\n".join(lines) + "\n"


def _names(records: list[AuditRecord]) -> dict[str, str]:
    """Return a name for each audit by its key: the metric, and the kind of windows if there are several."""
    metrics = labels(record.metric for record in records)
    kinds = [msgspec.to_builtins(record.dataset.settings) for record in records]
    unlike = {
        name
        for record in records
        for name in record.dataset.settings
        if name not in record.enlarged
        and any(kind.get(name) != kinds[0].get(name) for kind in kinds)
    }
    return {
        record.key: ", ".join(
            [metrics[record.metric.key], *(f"{name} = {kind.get(name)}" for name in sorted(unlike))]
        )
        for record, kind in zip(records, kinds, strict=True)
    }


def _facts(record: AuditRecord) -> str:
    return (
        f"{record.windows or 0} synthetic windows; seeds {_list(record.seeds)}, without a fault "
        f"{_list(record.seeds_at_0)}; data {record.dataset.digest[:8]}."
    )


def _rows(series: SeriesRecord) -> Iterable[str]:
    if not series.amounts:
        yield f"| {safe(_name(series))} | | | | | | failed: {safe(plain(series.reason))} |"
        return
    rho = f"{number(series.rho)} [{number(series.rho_low)}, {number(series.rho_high)}]"
    for place, amount in enumerate(series.amounts):
        head = [safe(_name(series)), rho, series.response] if place == 0 else [""] * 3
        yield (
            f"| {head[0]} | {amount:g} | {number(series.means[place])} | "
            f"{number(series.worse[place])} | {number(series.threshold)} | {head[1]} | {head[2]} |"
        )


def _list(seeds: list[int]) -> str:
    return ", ".join(map(str, seeds))


def to_png(record: AuditRecord) -> bytes:
    """Draw worsening against dose as a PNG, a panel for each fault."""
    from ecgbench.results.pictures.canvas import to_bytes  # noqa: PLC0415 - a second

    return to_bytes(figure(record))


def figure(record: AuditRecord) -> Figure:
    """Draw worsening against dose, a panel for each fault."""
    from ecgbench.results.pictures.doses import Series, doses  # noqa: PLC0415 - as above

    return doses(
        [
            Series(
                title=f"{_name(series)}: {series.response}",
                unit=series.unit,
                amounts=series.amounts,
                worse=series.worse,
                threshold=series.threshold,
                response=series.response,
            )
            for series in record.series
            if series.amounts
        ],
        title=f"{record.metric.name} on {record.dataset.name}: {record.verdict}",
    )
