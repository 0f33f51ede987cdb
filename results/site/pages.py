"""The pages of a site, made with Jinja; everything that comes from a store is escaped."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ecgbench.contracts.plain import plain
from ecgbench.results.render.text import aligned, number

if TYPE_CHECKING:
    from collections.abc import Iterator

Content = dict[str, Any]


def pages(content: Content) -> Iterator[tuple[str, str]]:
    """Yield the file and the text of each page.

    Args:
        content: of `ecgbench.results.site.content.content`, read back from its JSON.
    """
    yield "index.html", _page("index", content, data=_of_boards(content))
    for kind in ("generator", "dataset", "metric"):
        for name, about in content[f"{kind}s"].items():
            cut = (_cut(board, kind, name) for board in content["boards"])
            boards = [board for board in cut if board is not None]
            yield (
                f"{about['page']}.html",
                _page(
                    kind,
                    content,
                    name=name,
                    about=about,
                    boards=boards,
                    data=_drawn(kind, boards, about),
                ),
            )
    for kind in ("generators", "datasets", "metrics", "reading", "making"):
        yield f"{kind}.html", _page(kind, content)


def _page(template: str, content: Content, **fields: Any) -> str:
    return (
        _environment()
        .get_template(f"{template}.html")
        .render(page=template, content=content, **{"data": None} | fields)
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("ecgbench.results.site"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "plain": lambda value: plain(str(value)),
        "number": number,
        "column": column,
        "data": as_script,
        "said": said,
    }
    return environment


def column(rows: list[Content], place: int) -> list[str]:
    """Return the values of rows by the metric at a place, with the same decimals."""
    return aligned([row["scores"][place].get("value") for row in rows])


def as_script(data: Any) -> Markup:
    r"""Return data as JSON without any character of HTML, so that it cannot end its script element.

    >>> as_script("</script>")
    Markup('"\\u003c/script\\u003e"')
    """
    told = json.dumps(data, separators=(",", ":"))
    safe = re.sub(r"[<>&\u2028\u2029]", lambda match: f"\\u{ord(match[0]):04x}", told)
    return Markup(safe)  # noqa: S704 - no character of HTML is left


def said(value: Any) -> str:
    """Return a value of a card or a setting in words.

    >>> said([1, 2]), said(None), said(True), said({"a": 1})
    ('1, 2', '–', 'yes', 'a = 1')
    """
    if value is None or value in ("", [], {}):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{plain(str(k))} = {said(v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(map(said, value))
    return plain(f"{value:g}" if isinstance(value, float) else str(value))


def _of_boards(content: Content) -> Content:
    """Return what the page of boards needs: no cells, no parts."""
    return {
        "boards": [
            board | {"rows": [_lean(row) for row in board["rows"]]} for board in content["boards"]
        ]
    }


def _lean(row: Content) -> Content:
    left = {"cells", "parts", "settings", "notes", "origin", "code"}
    return {name: value for name, value in row.items() if name not in left}


def _cut(board: Content, kind: str, name: str) -> Content | None:
    """Return the part of a board about one plugin; None without any."""
    if kind == "dataset":
        return board if board["dataset"] == name else None
    if kind == "generator":
        rows = [row for row in board["rows"] if row["generator"] == name]
        return board | {"rows": rows} if rows else None
    chosen = [place for place, metric in enumerate(board["metrics"]) if metric["name"] == name]
    if not chosen:
        return None
    rows = [
        {
            "label": row["label"],
            "page": row["page"],
            "kind": row["kind"],
            "front": row["front"],
            "scores": [row["scores"][place] for place in chosen],
        }
        for row in board["rows"]
    ]
    return board | {"metrics": [board["metrics"][place] for place in chosen], "rows": rows}


def _drawn(kind: str, boards: list[Content], about: Content) -> Content | None:
    """Return what the scripts of a page draw; None if they draw nothing."""
    if kind == "dataset":
        return None
    if kind == "metric":
        left = ("notes", "people_scores", "settings", "study_record")
        lean = [{k: v for k, v in board.items() if k not in left} for board in boards]
        return {"boards": lean, "audits": about["audits"]}
    return {
        "boards": [
            {
                "rows": [
                    {"cells": [{k: c.get(k) for k in ("seed", "curve")} for c in row["cells"]]}
                    for row in board["rows"]
                ]
            }
            for board in boards
        ]
    }
