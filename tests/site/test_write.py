"""The files of a site, without a browser."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import msgspec
import pytest

from ecgbench.contracts.errors import UsageError
from ecgbench.results.site.content import Cards
from ecgbench.results.site.names import Names
from ecgbench.results.site.rows import MOST_ROC, curve, roc
from ecgbench.results.store.store import sha256
from tests.site.stores import small

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.results.conftest import Bench


class Links(HTMLParser):
    """Collects addresses and ids of a page."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: set[str] = set()
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.addresses.append(value)
            if name == "id" and value:
                self.ids.add(value)


def test_every_link_leads_to_a_file_of_the_site(bench: Bench, site: Callable[..., Path]) -> None:
    small(bench)
    index = site(bench)
    boards = {
        board["id"] for board in json.loads((index.parent / "content.json").read_text())["boards"]
    }
    for page in index.parent.glob("*.html"):
        links = Links(page)
        for address in links.addresses:
            file, _, place = address.partition("#")
            if address.startswith("data:"):
                continue
            assert not file or (index.parent / file).is_file(), (page.name, address)
            assert not place or place in links.ids or place.removeprefix("board=") in boards


def test_a_page_names_no_other_host(bench: Bench, site: Callable[..., Path]) -> None:
    small(bench)
    index = site(bench)
    for file in [*index.parent.glob("*.html"), *(index.parent / "static").glob("[!d]*.js")]:
        assert not re.findall(r"https?://(?!www\.w3\.org)", file.read_text("utf-8")), file.name


def test_the_content_holds_the_numbers_of_the_board(
    bench: Bench, site: Callable[..., Path]
) -> None:
    small(bench)
    index = site(bench)
    [board] = json.loads((index.parent / "content.json").read_text())["boards"]
    labels = [metric["label"] for metric in board["metrics"]]
    assert [labels[place] for place in board["headline"]] == [
        "frechet-distance",
        "morphology",
        "coverage",
        "cross-classification",
        "membership-inference",
        "patient-membership",
    ]
    for shown, row in zip(board["rows"], bench.board.rows, strict=True):
        assert shown["label"] == row.label
        for label, score in zip(labels, shown["scores"], strict=True):
            assert score.get("value") == row.scores[label].value
            assert score.get("rank") == row.scores[label].rank
            if row.competes and row.scores[label].status == "ok":
                assert len(score.get("ahead", [])) + 1 == row.scores[label].rank
    rows = {row["label"]: row for row in board["rows"]}
    at = labels.index("morphology")
    assert rows["vae"]["scores"][at]["reason"] == "seed 1: MemoryError: 3 GiB"
    assert [rows["vae"]["cells"][seed]["seed"] for seed in range(4)] == [0, 1, 2, 3]


def test_a_column_of_failures_stands_only_where_something_failed(
    bench: Bench, site: Callable[..., Path]
) -> None:
    bench.run({name: {"mmd": {0: 1.0}} for name in ("gmm", "kde")})
    assert "failed metrics" not in site(bench).read_text("utf-8")
    bench.run({"gmm": {"coverage": {0: ("failed", "no memory")}}})
    assert "failed metrics" in site(bench).read_text("utf-8")


def test_a_person_who_is_nearer_as_a_member_is_given_away(
    bench: Bench, site: Callable[..., Path]
) -> None:
    small(bench)
    index = site(bench)
    [board] = json.loads((index.parent / "content.json").read_text())["boards"]
    gaps: dict[str, list[list[float]]] = board["people_scores"]["patient-membership"]

    def mean(label: str) -> float:
        return sum(gap for _, gap in gaps[label]) / len(gaps[label])

    assert {len(of) for of in gaps.values()} == {12}
    assert mean("real") > 0.2 > abs(mean("gaussian-noise"))


def test_pictures_are_copied_only_of_what_may_be_redistributed(
    bench: Bench, site: Callable[..., Path]
) -> None:
    small(bench)
    name = next(name for name in bench.store.cell_names() if "/gmm/" in name)
    picture = b"\x89PNG and more"
    digest = bench.store.write_artefact(name, "windows.png", picture)
    record = bench.store.cell(name)
    assert record is not None
    bench.store.write_cell(msgspec.structs.replace(record, artefacts={"windows.png": digest}))
    free = Cards({"dataset": {"mitdb": {"redistributable": True}}})
    shown, withheld = site(bench, free, "free"), site(bench, name="closed")
    assert [sha256(f.read_bytes()) for f in (shown.parent / "pictures").iterdir()] == [digest]
    assert "<figcaption>Windows, seed" in (shown.parent / "generator-gmm.html").read_text()
    assert not any((withheld.parent / "pictures").iterdir())
    assert "may not be redistributed" in (withheld.parent / "generator-gmm.html").read_text()


def test_pictures_are_drawn_for_rows_without_any_of_what_may_be_redistributed(
    bench: Bench, site: Callable[..., Path]
) -> None:
    small(bench)
    asked: list[str] = []

    def draw(name: str) -> dict[str, bytes]:
        asked.append(name)
        return {"windows.png": b"\x89PNG of " + name.encode()} if "/gmm/" in name else {}

    free = Cards({"dataset": {"mitdb": {"redistributable": True}}})
    index = site(bench, free, "free", draw=draw)
    rows = {name.rpartition("/")[0] for name in bench.store.cell_names() if "mitdb/" in name}
    assert {name.rpartition("/")[0] for name in asked} == rows
    assert len(asked) == len(rows)  # one cell of each row
    [picture] = (index.parent / "pictures").iterdir()
    assert picture.read_bytes().startswith(b"\x89PNG of mitdb/gmm/")
    asked.clear()
    site(bench, name="closed", draw=draw)
    assert asked == []


def test_a_folder_with_something_else_is_left_alone(
    bench: Bench, site: Callable[..., Path], tmp_path: Path
) -> None:
    small(bench)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("dear")
    with pytest.raises(UsageError, match="something other than a site"):
        site(bench, name="mine")
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "dear"
    site(bench, name="new")
    assert site(bench, name="new").is_file()


def test_an_earlier_site_goes_and_what_stands_beside_it_stays(
    bench: Bench, site: Callable[..., Path], tmp_path: Path
) -> None:
    small(bench)
    index = site(bench, name="new")
    pages = {file.name for file in index.parent.glob("*.html")}
    (index.parent / "generator-gone.html").write_text("an earlier page")
    (index.parent / ".git").mkdir()
    (index.parent / ".git" / "HEAD").write_text("main")
    (tmp_path / "mine.json").write_text("mine")
    (index.parent / "content.json").unlink()
    (index.parent / "content.json").symlink_to(tmp_path / "mine.json")
    (tmp_path / "link").symlink_to(index.parent)
    assert {file.name for file in site(bench, name="link").parent.glob("*.html")} == pages
    assert (index.parent / ".git" / "HEAD").read_text() == "main"
    assert (tmp_path / "mine.json").read_text() == "mine"


def test_two_things_never_share_a_name() -> None:
    names = Names()
    first, second = names.of("board", "a b"), names.of("board", "a-b")
    assert first == "board-a-b" == names.of("board", "a b")
    assert second.startswith("board-a-b-")
    assert names.of("board", "☠") == "board-unnamed"


def test_a_curve_is_thinned_and_without_what_is_no_number() -> None:
    assert curve(None) is None
    assert curve(b"") is None
    assert curve(b"part,step,loss\na,1,0.5\nb,1,nan\nb,2,2\n") == {
        "a loss": [[1.0, 0.5]],
        "b loss": [[2.0, 2.0]],
    }
    long = curve(b"step,loss\n" + b"".join(b"%d,1\n" % step for step in range(1000)))
    assert long is not None
    assert len(long["loss"]) <= 150


def test_a_roc_curve_is_of_shares_thinned_and_ends_at_all() -> None:
    head = b"false_positives,true_positives\n"
    assert roc(head + b"0,5\n1,10\n50,20\n") == [[0.0, 0.25], [0.02, 0.5], [1.0, 1.0]]
    for broken in (None, b"", b"\xff", head, head + b"0,0\n", b"a,b\n1,2\n"):
        assert roc(broken) == []
    long = roc(head + b"".join(b"%d,%d\n" % (n, n) for n in range(1000)))
    assert 2 <= len(long) <= MOST_ROC + 1
    assert long[-1] == [1.0, 1.0]


def test_the_roc_curve_of_an_attack_is_on_its_row(bench: Bench, site: Callable[..., Path]) -> None:
    small(bench)
    name = next(name for name in bench.store.cell_names() if "/gmm/" in name)
    score = next(s for s in bench.store.scores(name) if s.status == "ok")
    content = b"false_positives,true_positives\n1,3\n10,4\n"
    file = f"{score.metric.file.removesuffix('.json')}-roc.csv"
    digest = bench.store.write_artefact(name, file, content)
    bench.store.write_score(msgspec.structs.replace(score, artefacts={file: digest}))
    told = json.loads((site(bench).parent / "content.json").read_text())
    board = next(board for board in told["boards"] if name.startswith(f"{board['dataset']}/"))
    row = next(row for row in board["rows"] if name in [cell["name"] for cell in row["cells"]])
    assert [*row["roc"].values()] == [[[0.1, 0.75], [1.0, 1.0]]]
