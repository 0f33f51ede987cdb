"""A browser without a window, and sites of stores written by hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ecgbench.results.board.plans import groups
from ecgbench.results.site.content import Cards, content
from ecgbench.results.site.write import write_site
from tests.results.conftest import Bench, bench, new_bench

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["bench", "new_bench"]

AXE = Path(__file__).with_name("axe.min.js")
"""axe-core 4.14.1."""

ALONE = (
    "--headless",
    "--no-sandbox",  # as root there is none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Else the browser looks for hosts of its maker."""


class Browser:
    """Opens pages of a site, and remembers what they asked for and complained of."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, page: Path, state: str = "", width: int = 1440, scheme: str = "light") -> None:
        """Open a page at a width and in a scheme of colours."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self.driver.get("about:blank")
        self.complaints()  # of earlier pages
        self.requests()
        self.driver.get(page.as_uri() + state)

    def run(self, script: str, *arguments: object) -> Any:
        """Return what a script returns."""
        return self.driver.execute_script(script, *arguments)

    def complaints(self) -> list[str]:
        """Return all errors and warnings of the console since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Return the addresses asked for since the last call."""
        messages = [json.loads(e["message"])["message"] for e in self.driver.get_log("performance")]
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]

    def faults(self) -> list[str]:
        """Return the serious findings of axe-core on the open page."""
        self.run(AXE.read_text("utf-8"))
        found = self.driver.execute_async_script(
            "const done = arguments[0]; axe.run({preload: false}).then((r) => done(r.violations.map((v) => "
            "[v.impact, v.id, v.nodes.slice(0, 3).map((n) => n.html.slice(0, 120)).join(' | ')])))"
        )
        return [
            f"{id_}: {nodes}" for impact, id_, nodes in found if impact in ("serious", "critical")
        ]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Debian's chromium, driven by selenium."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("there is no chromium or no chromedriver on this machine")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    profile = tmp_path_factory.mktemp("profile")
    for flag in (*ALONE, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield Browser(opened)
    opened.quit()


@pytest.fixture
def site(tmp_path: Path) -> Callable[..., Path]:
    """Write the site of a bench, with the cards of its plugins if wanted; return its index."""

    def write(bench: Bench, cards: Cards | None = None, name: str = "site", **how: Any) -> Path:
        made = content(bench.store, bench.catalogue, cards or Cards(), groups(bench.store))
        return write_site(made, bench.store, tmp_path / name, **how)

    return write
