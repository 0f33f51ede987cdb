"""The exploration of a dataset: in the terminal, and as one page of HTML."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ecgbench.contracts.plain import plain
from ecgbench.harness.exploration.records import LEVELS
from ecgbench.results.render.html import table as html_table
from ecgbench.results.render.text import number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from matplotlib.figure import Figure
    from rich.console import Console

    from ecgbench.harness.exploration.records import Exploration, PersonFacts, Spread

DPI = 110

MOST_PEOPLE = 12
"""People in the terminal; the page and the JSON have all."""

QUANTILES = [f"{level:.0%}" for level in LEVELS]

STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2em auto;padding:0 1em}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;display:block;overflow-x:auto}
th,td{padding:.15em .7em;border-bottom:1px solid #8884}
img{max-width:100%;height:auto;background:#fff}
"""


def facts(found: Exploration) -> str:
    """Return one line: windows, people and the shape of a window."""
    leads = ", ".join(each.name for each in found.leads)
    return plain(
        f"{found.windows} {found.kind} of {found.people} people · {leads} · {found.length} samples at "
        f"{found.sampling_rate:g} Hz ({found.length / found.sampling_rate:g} s)"
    )


Rows = list[list[str]]


def tables(found: Exploration) -> Iterator[tuple[str, list[str], Rows]]:
    """Yield title, head and rows of each table but that of people, for all renderings."""
    classes = [each.name for each in found.classes]
    yield (
        "classes",
        ["class", "windows", "share", "people", "most of one", "heart rate, beats/min"],
        [
            [
                each.name,
                str(each.windows),
                f"{each.windows / max(1, found.windows):.1%}",
                str(each.people),
                str(each.largest),
                _range(each.heart_rate),
            ]
            for each in found.classes
        ],
    )
    spreads = {"windows of a person": found.per_person}
    spreads |= {"RR": found.rr, "heart rate": found.heart_rate}
    yield (
        "quantiles",
        ["quantity", "unit", *QUANTILES],
        [[title, each.unit, *(_quantiles(each))] for title, each in spreads.items() if each.n],
    )
    yield (
        "quality by lead",
        ["lead", "flat", "saturated", "amplitude, mV", "wander", "noise, µV"],
        [
            [
                each.name,
                f"{each.flat:.2%}",
                f"{each.saturated:.2%}",
                _range(each.amplitude),
                _range(each.wander, lambda share: f"{share:.1%}"),
                _range(each.noise),
            ]
            for each in found.leads
        ],
    )
    for fold in found.folds:
        yield (
            f"split of seed {fold.seed} (fold {fold.fold})",
            ["part", "windows", "people", *classes],
            [
                [part.name, str(part.windows), str(part.people), *map(str, part.by_class)]
                for part in fold.parts
            ],
        )


def _range(found: Spread, said: Callable[[float], str] = number) -> str:
    """Return the median, and the 5% and 95% quantiles."""
    if not found.n:
        return "–"
    low, _, middle, _, high = found.quantiles
    return f"{said(middle)} ({said(low)} to {said(high)})"


def _quantiles(found: Spread) -> list[str]:
    return [number(value) for value in found.quantiles]


def _people(found: Exploration, people: Sequence[PersonFacts]) -> tuple[list[str], Rows]:
    names = list(dict.fromkeys(name for each in found.everybody for name in each.attributes))
    has_records = any(each.records is not None for each in found.everybody)
    head = ["person", "windows", *(each.name for each in found.classes)]
    head += ["records"] * has_records + names
    rows = [
        [
            str(each.person),
            str(each.windows),
            *map(str, each.by_class),
            *([str(each.records)] if has_records else []),
            *(str(each.attributes.get(name, "")) for name in names),
        ]
        for each in people
    ]
    return head, rows


def notes(found: Exploration) -> list[str]:
    """Return sentences for readers."""
    rate = f"RR and heart rate come from {found.rate_from}."
    if not found.rr.n:
        rate = f"RR and heart rate are {found.rate_from}."
    how = (
        "Heart rate by class and quality: the median, in parentheses the 5% and 95% quantiles. Flat: at most 2 µV. "
        "Wander: the share of power below 1 Hz. Noise: from second differences."
    )
    return [*found.notes, rate, how]


def show_exploration(name: str, found: Exploration, console: Console) -> None:
    """Print an exploration."""
    console.print()
    console.rule(Text(plain(name), style="bold"), style="dim")
    console.print(Text(facts(found), style="dim"))
    for title, head, rows in tables(found):
        _print(title, head, rows, console)
    most = sorted(found.everybody, key=lambda each: (-each.windows, each.person))[:MOST_PEOPLE]
    shown = f"people: {len(most)} of {len(found.everybody)}, the most windows first"
    head, rows = _people(found, most)
    kept = 2 + len(found.classes)
    _print(shown, head[:kept], [row[:kept] for row in rows], console)
    console.print()
    for line in notes(found):
        console.print(Text(f"· {plain(line)}", style="dim"))


def _print(title: str, head: list[str], rows: Rows, console: Console) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for place, column in enumerate(head):
        table.add_column(Text(plain(column)), justify="right" if place else "left")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    console.print()
    console.print(Text(plain(title), style="bold"))
    console.print(table)


def to_page(name: str, found: Exploration, examples: Figure | None, why_none: str = "") -> str:
    """Return one self-contained page of HTML.

    Args:
        name: of the dataset.
        found: the exploration.
        examples: a picture of real windows; None if they may not be shown.
        why_none: the reason, in words.
    """
    from ecgbench.results.pictures import exploration as drawing  # noqa: PLC0415 - a second

    histograms = [
        drawing.Histogram(title, each.unit, each.edges, each.counts)
        for title, each in _spreads(found).items()
        if each.n
    ]
    bars = drawing.people(
        [str(each.person) for each in found.everybody],
        [each.by_class for each in found.everybody],
        [each.name for each in found.classes],
    )
    quality = drawing.leads(
        [each.name for each in found.leads],
        [
            ("amplitude, mV", [each.amplitude.quantiles for each in found.leads]),
            ("wander: share of power below 1 Hz", [each.wander.quantiles for each in found.leads]),
            ("noise, µV", [each.noise.quantiles for each in found.leads]),
        ],
    )
    parts = [f"<h1>{escape(plain(name))}</h1>", f"<p>{escape(facts(found))}</p>"]
    parts += ["<h2>Example windows</h2>"]
    parts += [_image(examples, "windows drawn at random, by class")] if examples else []
    parts += [f"<p>{escape(plain(why_none))}</p>"] if why_none else []
    parts += ["<h2>Distributions</h2>"]
    parts += [_image(drawing.histograms(histograms), ", ".join(each.title for each in histograms))]
    parts += ["<h2>Quality of each lead</h2>", _image(quality, "amplitude, wander, noise by lead")]
    parts += ["<h2>Windows of each person</h2>", _image(bars, "windows by person and class")]
    for title, head, rows in tables(found):
        parts += [f"<h2>{escape(plain(title.capitalize()))}</h2>", _table(head, rows)]
    parts += ["<ul>", *(f"<li>{escape(plain(line))}</li>" for line in notes(found)), "</ul>"]
    parts += ["<h2>People</h2>", _table(*_people(found, found.everybody))]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(plain(name))}</title>'
        '<meta name="viewport" content="width=device-width"><meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">"
        f"<style>{STYLE}</style></head>\n<body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def _spreads(found: Exploration) -> Mapping[str, Spread]:
    """Return the quantities with a histogram, by title."""
    spreads = {"windows of a person": found.per_person}
    spreads |= {"RR interval": found.rr, "heart rate": found.heart_rate}
    for each in found.classes:
        if len(found.classes) > 1:
            spreads[f"heart rate, class {each.name}"] = each.heart_rate
    return spreads


def _table(head: list[str], rows: Rows) -> str:
    return html_table(
        [plain(each) for each in head], [[plain(cell) for cell in row] for row in rows]
    )


def _image(drawn: Figure, alternative: str) -> str:
    from ecgbench.results.pictures.canvas import to_small_png  # noqa: PLC0415 - a second

    content = b64encode(to_small_png(drawn, DPI)).decode()
    return f'<img alt="{escape(plain(alternative))}" src="data:image/png;base64,{content}">'
