"""Writes a site: pages, one JSON, scripts, and pictures of cells."""

from __future__ import annotations

import json
import re
import shutil
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec

from ecgbench.contracts.errors import StoreError, UsageError
from ecgbench.contracts.plain import ascii_json
from ecgbench.results.site.pages import pages
from ecgbench.results.store.store import content_of, sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from importlib.resources.abc import Traversable
    from pathlib import Path

    from ecgbench.results.store.store import Store

    Draw = Callable[[str], dict[str, bytes]]
    """Given the name of a cell without pictures, draws them: PNG by file name, none if it cannot."""

MARK = "ecgbench-site.json"
"""A file of every site: only a folder with it is written over."""

PAGE = re.compile(
    r"(index|reading|making|generators|datasets|metrics|(generator|dataset|metric)-[a-z0-9-]+)\.html"
)
"""Names of pages."""

STATIC = files("ecgbench.results.site") / "static"

MOST_PICTURES = 14_000_000
"""Bytes of all pictures: with data and scripts a site of 20 generators stays below 25 MB."""

FIRST = ("windows.png", "classes.png", "spectra.png")
"""The pictures that go first into the room for all."""


def write_site(
    content: dict[str, Any], store: Store, out: Path, draw: Draw = lambda _name: {}
) -> Path:
    """Write a site, and return its ``index.html``.

    Args:
        content: of `ecgbench.results.site.content.content`; its pictures are added to it.
        store: has the pictures.
        draw: draws the pictures of a row whose cells have none.
        out: absent, empty, or an earlier site.

    Raises:
        UsageError: the folder holds something else.
        StoreError: a file cannot be written.
    """
    _check(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        _clear(out)
        (out / MARK).write_text(json.dumps({"schema": content["schema"]}) + "\n")
        (out / "pictures").mkdir()
        (out / "static").mkdir()
        _copy_static(STATIC, out / "static")
        _pictures(content, store, out / "pictures", draw)
        told = ascii_json(msgspec.json.encode(content))
        (out / "content.json").write_bytes(told)
        for name, page in pages(json.loads(told)):
            (out / name).write_text(page, "utf-8")
    except OSError as error:
        raise StoreError(
            f"cannot write {error.filename or out}: {error.strerror or error}"
        ) from error
    return out / "index.html"


def _check(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is no folder; name a new one")
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).is_file():
        raise UsageError(
            f"--out {out} holds something other than a site of ecgbench; name a new folder"
        )


def _clear(out: Path) -> None:
    """Remove an earlier site, and nothing that somebody put beside it: a ``.git``, a ``CNAME``."""
    for folder in (out / "pictures", out / "static"):
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)
        else:
            folder.unlink(missing_ok=True)
    for file in [*out.iterdir()]:
        if file.name in (MARK, "content.json") or PAGE.fullmatch(file.name):
            file.unlink()


def _copy_static(source: Traversable, target: Path) -> None:
    for each in source.iterdir():
        if each.is_file():
            (target / each.name).write_bytes(each.read_bytes())


def _pictures(content: dict[str, Any], store: Store, folder: Path, draw: Draw) -> None:
    """Copy the pictures of each row's first cell with any, or draw some, and name them in the content.

    A picture may show real windows.  So it is copied only if the card of its dataset says that these may be
    redistributed.
    """
    room = MOST_PICTURES
    for board in content["boards"]:
        card = content["datasets"][board["dataset"]]["card"]
        board["pictures"] = "shown" if card.get("redistributable") else "withheld"
    for cell, name, picture in sorted(_found(content, store, draw), key=_place):
        if not picture.startswith(b"\x89PNG"):
            continue
        if len(picture) > room:
            cell["left_out"] = [*cell.get("left_out", []), name]
            continue
        room -= len(picture)
        file = f"{sha256(picture)[:20]}.png"
        (folder / file).write_bytes(picture)
        cell.setdefault("pictures", []).append({"name": name, "file": f"pictures/{file}"})


def _place(found: tuple[dict[str, Any], str, bytes]) -> int:
    name = found[1]
    return FIRST.index(name) if name in FIRST else len(FIRST)


def _found(
    content: dict[str, Any], store: Store, draw: Draw
) -> Iterator[tuple[dict[str, Any], str, bytes]]:
    """Yield the cell, the name and the bytes of each picture that may be shown."""
    for board in content["boards"]:
        if board["pictures"] != "shown":
            continue
        for row in board["rows"]:
            cells = [cell for cell in row["cells"] if cell["status"] == "ok"]
            having = [cell for cell in cells if any(map(_is_picture, cell.get("artefacts", {})))]
            for cell in having[:1]:
                for name, digest in cell["artefacts"].items():
                    picture = content_of(store.folder(cell["name"]) / "artefacts" / name)
                    if _is_picture(name) and picture is not None and sha256(picture) == digest:
                        yield cell, name, picture
            for cell in [] if having else cells[:1]:
                for name, picture in draw(cell["name"]).items():
                    yield cell, name, picture


def _is_picture(name: str) -> bool:
    return name.endswith(".png")
