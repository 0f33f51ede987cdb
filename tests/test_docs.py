"""Links, paths, commands, counts and plugins of the documentation are true."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import pytest

from ecgbench import Comparison, EcgWindows, Splits
from ecgbench.contracts.families import FAMILIES
from ecgbench.harness.cli import cli
from ecgbench.harness.planning.catalog import discover

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    page.relative_to(ROOT)
    for pattern in ("*.md", "docs/**/*.md", "leaderboards/**/*.md", "examples/**/*.md")
    for page in ROOT.glob(pattern)
)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
FOLDERS = "datasets|docs|examples|generators|harness|leaderboards|metrics|results|tests"
PATH = re.compile(rf"(?<![\w./<-])(?:{FOLDERS})/[\w./-]*[\w/]")


def prose(page: Path) -> str:
    return BLOCK.sub("", (ROOT / page).read_text("utf-8"))


def blocks(page: Path, *languages: str) -> Iterator[str]:
    for language, text in BLOCK.findall((ROOT / page).read_text("utf-8")):
        if language in languages:
            yield text


def anchor(heading: str) -> str:
    """Return the anchor of a heading, as GitHub makes it."""
    kept = re.sub(r"[^\w\- ]", "", heading.replace("`", "").strip().lower())
    return kept.replace(" ", "-")


def anchors(page: Path) -> set[str]:
    return {anchor(heading) for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_a_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    broken = set()
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, heading = link.partition("#")
        target = (ROOT / page.parent / path).resolve() if path else ROOT / page
        if not target.exists() or (heading and heading not in anchors(target.relative_to(ROOT))):
            broken.add(link)
    assert not broken


# citations of the reference name files of other repositories
WITH_PATHS = [
    page for page in PAGES if page.name != "CHANGELOG.md" and page.parent.name != "reference"
]


@pytest.mark.parametrize("page", WITH_PATHS, ids=str)
def test_a_path_of_this_repository_exists(page: Path) -> None:
    named = set(PATH.findall((ROOT / page).read_text("utf-8")))
    assert not {path for path in named if not (ROOT / path).exists()}


def commands() -> list[str]:
    lines = (
        line.removeprefix("$ ").split(" | ")[0].removesuffix(" &")
        for page in PAGES
        for block in blocks(page, "", "bash")
        for line in block.replace("\\\n", " ").splitlines()
    )
    return sorted({line for line in lines if line.startswith("ecgbench ")})


@pytest.mark.parametrize("command", commands())
def test_a_command_is_understood(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = shlex.split(re.sub(r"\s2>\S+", "", command), comments=True)[1:]
    for word in words:
        if Path(word).suffix in {".npz", ".csv", ".py", ".zip"}:
            Path(word).parent.mkdir(parents=True, exist_ok=True)
            Path(word).touch()
    name, found, rest = cli.resolve_command(click.Context(cli), words)
    assert found is not None
    found.make_context(name, rest)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_python_can_be_parsed(page: Path) -> None:
    for block in blocks(page, "python"):
        ast.parse(block)


def test_the_readme_counts_and_names_what_is_installed() -> None:
    catalog = discover([])
    cells = re.findall(r"^\| ([a-z ]+) \| (.+) \|$", prose(Path("README.md")), re.MULTILINE)
    table = dict(cells)
    metrics = [catalog.metric(entry.spec.name) for entry in catalog.of_kind("metric")]
    told = {
        family: int(number) for number, family in re.findall(r"(\d+) of (\w+)", table["metrics"])
    }
    assert told == {f: sum(spec.family == f for spec in metrics) for f in FAMILIES}
    generators = [catalog.generator(entry.spec.name) for entry in catalog.of_kind("generator")]
    generators = [spec for spec in generators if not spec.audit]
    named = {row: set(re.findall(r"`([a-z0-9-]+)`", table[row])) for row in table}
    assert named["generators"] == {spec.name for spec in generators if not spec.reference}
    assert named["reference rows"] == {spec.name for spec in generators if spec.reference}
    assert named["datasets"] == {entry.spec.name for entry in catalog.of_kind("dataset")}


def windows(count: int, height: float = 1.0) -> EcgWindows:
    """Return windows of one lead and two classes; one class is twice as high."""
    labels = np.arange(count) % 2
    beat = np.sin(np.linspace(0, 2 * np.pi, 20, dtype=np.float32))
    return EcgWindows(
        signals=(height * (1 + labels)[:, None, None] * beat).astype(np.float32),
        labels=labels.astype(np.int64),
        patients=np.arange(count, dtype=np.int64) // 2,
        sampling_rate=100.0,
        leads=("II",),
        classes=("N", "V"),
    )


def plugin(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the spec of the plugin of a page, from a copy of its modules."""
    entry = None
    for block in blocks(Path("docs/plugins") / page, "python"):
        named = re.match(r"# (\w+/\w+\.py)", block)
        if named or "@hookimpl" in block:
            file = folder / (named[1] if named else "plugin.py")
            file.parent.mkdir(exist_ok=True)
            file.write_text(block, "utf-8")
            entry = file if "@hookimpl" in block else entry
    assert entry is not None
    monkeypatch.syspath_prepend(str(folder))
    catalog = discover([entry])
    assert catalog.problems == []
    (spec,) = (
        e.spec
        for kind in ("generator", "dataset", "metric")
        for e in catalog.of_kind(kind)
        if e.origin.is_file
    )
    return spec


class Context:
    """Stands in for the harness's: a generator of the pages needs the seed and the log."""

    seed = 0

    def log(self, step: int, **values: object) -> None:
        pass


@pytest.mark.parametrize("page", ["README.md", "generator.md"])
def test_the_generator_of_a_page_draws_the_mean_of_each_class(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = {"README.md": 0.05, "generator.md": 0.0}[page]
    spec = plugin(page, tmp_path, monkeypatch)
    generator = spec.load()(spec.config(**({"noise": 0} if page == "generator.md" else {})))
    train = windows(40)
    generator.fit(train, Context())
    drawn = generator.sample(train.labels[:7], Context())
    assert drawn.problem() is None
    np.testing.assert_allclose(drawn.signals, train.signals[:7], rtol=1e-6, atol=5 * noise)


def test_the_metric_of_a_page_is_the_difference_of_heights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = plugin("metric.md", tmp_path, monkeypatch)
    real, synthetic = windows(40), windows(40, height=1.5)
    splits = Splits(fold=0, train=real, control=real, auxiliary=real, fresh=real, test=real)
    comparison = Comparison(synthetic=synthetic, splits=splits, seed=0, headline_classes=("N", "V"))
    height = np.ptp(real.signals, axis=2).mean()
    assert spec.load()(comparison, spec.config()) == pytest.approx(0.5 * height, rel=1e-5)


def test_the_dataset_of_a_page_is_a_spec_without_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plugin("dataset.md", tmp_path, monkeypatch).name == "mydb"
