"""A site in a real browser."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.results.render.conftest import HOSTILE
from tests.site.stores import large, small

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.results.conftest import Bench, Outcome
    from tests.site.conftest import Browser

PAGES = (
    "index",
    "generators",
    "datasets",
    "metrics",
    "reading",
    "making",
    "generator-gmm",
    "metric-morphology",
    "dataset-mitdb",
)

NAMES = "return [...document.querySelectorAll('#table tbody th')].map((e) => e.textContent.trim())"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_every_page_opens_from_disk_without_complaint_request_or_serious_fault(
    browser: Browser, bench: Bench, site: Callable[..., Path], width: int, scheme: str
) -> None:
    small(bench)
    index = site(bench)
    for name in PAGES:
        browser.open(index.with_name(f"{name}.html"), width=width, scheme=scheme)
        for _ in range(20):  # charts are drawn when they come near the screen
            browser.run("scrollBy(0, 800)")
        assert browser.run("return document.querySelector('main h1').textContent.length")
        assert browser.run("return document.documentElement.scrollWidth") <= width, name
        assert browser.faults() == [], name
        assert browser.complaints() == [], name
        asked = browser.requests()
        assert all(each.startswith(("file:", "data:", "blob:")) for each in asked), name


def test_both_schemes_differ(browser: Browser, bench: Bench, site: Callable[..., Path]) -> None:
    small(bench)
    index = site(bench)
    papers = []
    for scheme in ("light", "dark"):
        browser.open(index, scheme=scheme)
        papers.append(browser.run("return getComputedStyle(document.body).backgroundColor"))
    assert papers == ["rgb(255, 255, 255)", "rgb(20, 24, 29)"]


def test_the_page_of_boards_draws_its_charts(
    browser: Browser, bench: Bench, site: Callable[..., Path]
) -> None:
    small(bench)
    browser.open(site(bench))
    titles = "return [...document.querySelectorAll('#charts h3')].map((e) => e.textContent)"
    assert browser.run(titles) == [
        "Utility and privacy",
        "Intervals",
        "Who is given away",
        "Cost against quality",
        "Who is significantly better than whom",
    ]
    for place in range(5):
        browser.run(
            "document.querySelectorAll('#charts figure')[arguments[0]].scrollIntoView()", place
        )
        time.sleep(0.1)
    assert browser.run("return document.querySelectorAll('#charts figure svg').length") == 4
    people = "return document.querySelectorAll('#charts figure:nth-of-type(3) svg g[data-mark=dot] circle').length"
    assert browser.run(people) == 12 * 5
    wins = "return [...document.querySelectorAll('.matrix tbody tr:first-child td')].map((e) => e.textContent)"
    assert browser.run(wins)[0] == "·"


def test_columns_are_sorted_filtered_and_kept_in_the_address(
    browser: Browser, bench: Bench, site: Callable[..., Path]
) -> None:
    small(bench)
    index = site(bench)
    browser.open(index, "#sort=frechet-distance&down=1&references=0")
    down = browser.run(NAMES)
    assert [name.split()[0] for name in down] == ["vae", "kde", "gmm"]
    head = "document.querySelector('#table th[aria-sort]')"
    assert browser.run(f"return {head}.getAttribute('aria-sort')") == "descending"
    browser.run(f"{head}.querySelector('button').click()")
    assert [name.split()[0] for name in browser.run(NAMES)] == ["gmm", "kde", "vae"]
    assert browser.run(f"return document.activeElement.closest('th') === {head}")
    assert "down" not in browser.run("return location.hash")
    browser.open(index, "#family=privacy&show=distance&search=km")
    assert browser.run(NAMES) == []
    browser.open(index, "#family=privacy&show=rank&search=gm")
    assert [name.split()[0] for name in browser.run(NAMES)] == ["gmm"]
    assert browser.run("return document.querySelectorAll('#table thead th').length") == 1 + 2
    assert browser.run("return document.querySelector('#table caption').textContent").startswith(
        "mitdb · study quick: ranks; 1 rows"
    )


def test_the_distance_from_real_is_0_for_noise_and_1_for_real(
    browser: Browser, bench: Bench, site: Callable[..., Path]
) -> None:
    small(bench)
    browser.open(site(bench), "#show=distance&family=fidelity")
    cell = "return Object.fromEntries([...document.querySelectorAll('#table tbody tr')].map((r) => [r.cells[0].textContent.trim().split(' ')[0], r.cells[1].textContent]))"
    shown = browser.run(cell)
    assert (shown["real"], shown["gaussian-noise"]) == ("1.00", "0.00")
    assert 0 < float(shown["kde"]) < float(shown["gmm"]) < 1


def test_a_row_beside_another_is_marked_better_worse_or_equal(
    browser: Browser, bench: Bench, site: Callable[..., Path]
) -> None:
    small(bench)
    browser.open(site(bench), "#family=fidelity&beside=kde&references=0")
    cell = "return Object.fromEntries([...document.querySelectorAll('#table tbody tr')].map((r) => [r.cells[0].textContent.trim().split(' ')[0], r.cells[1].textContent.slice(-1)]))"
    assert browser.run(cell) == {"gmm": "▲", "vae": "▼", "kde": browser.run(cell)["kde"]}


def test_downloads_hold_what_is_shown(
    browser: Browser, bench: Bench, site: Callable[..., Path]
) -> None:
    small(bench)
    browser.open(site(bench), "#family=fidelity&references=0&sort=frechet-distance")
    got = browser.run(
        "const texts = {}; ecg.download = (name, type, text) => { texts[name.split('.').pop()] = text; };"
        "document.querySelectorAll('#exports button').forEach((b) => b.click()); return texts;"
    )
    lines = got["csv"].splitlines()
    assert lines[0].startswith("generator,frechet-distance,frechet-distance low,")
    assert [line.split(",")[0] for line in lines[1:]] == ["gmm", "kde", "vae"]
    assert '"generator": "gmm"' in got["json"]
    assert r"\begin{tabular}{lrr}" in got["tex"]
    assert r"frechet-distance $\downarrow$" in got["tex"]


def test_hostile_text_is_text(browser: Browser, bench: Bench, site: Callable[..., Path]) -> None:
    harm = f"<img src=x onerror=window.harmed=1></script><script>window.harmed=1</script>{{{{7*7}}}} {HOSTILE}"
    small(
        bench,
        study=harm,
        settings={harm: harm},
        used=[bench.generator("gmm", settings={"a": harm}, changed={"a": harm}, origin=harm)],
    )
    bench.run(
        {"bad": {"coverage": {0: ("failed", harm)}}},
        bench.metric("coverage", family="diversity", better="higher"),
        study=harm,
        settings={harm: harm},
    )
    index = site(bench)
    for page in sorted(index.parent.glob("*.html")):
        browser.open(page)
        assert browser.run("return window.harmed === undefined"), page.name
        assert browser.run("return document.querySelectorAll('img[src=x]').length") == 0, page.name
        assert browser.complaints() == [], page.name
    browser.open(index)
    assert "<img src=x onerror" in browser.run("return document.body.textContent")
    assert "{{7*7}}" in browser.run("return document.body.textContent")


@pytest.mark.slow
def test_a_large_site_is_small_enough_and_opens_at_once(
    browser: Browser, bench: Bench, site: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    large(bench)
    index = site(bench)
    size = sum(file.stat().st_size for file in index.parent.rglob("*") if file.is_file())
    assert size < 25_000_000
    browser.open(index)
    loaded = browser.run("return performance.getEntriesByType('navigation')[0].loadEventEnd")
    with capsys.disabled():
        print(f"\nthe large site: {size / 1e6:.1f} MB, open after {loaded:.0f} ms")  # noqa: T201 - no test fails on a time
    assert browser.run("return document.querySelectorAll('#table tbody tr').length") == 20
    assert browser.complaints() == []


@pytest.mark.parametrize("ended", [1.0, ("failed", "no memory"), ("skipped", ""), None])
def test_a_board_of_one_row_opens_whatever_became_of_it(
    browser: Browser, bench: Bench, site: Callable[..., Path], ended: Outcome
) -> None:
    bench.run({"gmm": {"mmd": {0: ended}}})
    index = site(bench)
    for page in (index, index.with_name("generator-gmm.html"), index.with_name("metric-mmd.html")):
        browser.open(page)
        assert browser.complaints() == [], page.name
        assert "gmm" in browser.run("return document.body.textContent")


def test_a_board_is_chosen_by_dataset_and_study(
    browser: Browser, bench: Bench, site: Callable[..., Path]
) -> None:
    small(bench)
    small(bench, study="other")
    small(bench, used=[bench.dataset("ludb")])
    index = site(bench)
    shown = (
        "return [...document.querySelectorAll('section.board')].filter((s) => !s.hidden)"
        ".map((s) => s.querySelector('h2').textContent)"
    )
    browser.open(index)
    assert browser.run(shown) == ["ludb · study quick"]
    choose = (
        "const [select] = [...document.querySelectorAll('#choose label')]"
        ".filter((l) => l.firstChild.textContent === arguments[0]).map((l) => l.querySelector('select'));"
        "select.selectedIndex = arguments[1]; select.dispatchEvent(new Event('change'))"
    )
    browser.run(choose, "Dataset", 1)
    assert browser.run(shown) == ["mitdb · study other"]
    browser.run(choose, "Study", 1)
    assert browser.run(shown) == ["mitdb · study quick"]
    state = browser.run("return location.hash")
    browser.open(index, state)
    assert browser.run(shown) == ["mitdb · study quick"]
    assert browser.complaints() == []
