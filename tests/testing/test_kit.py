"""The kit as a third party uses it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import pytest

from ecgbench import Config, MetricSpec
from ecgbench.contracts.errors import UsageError
from ecgbench.testing import (
    Plugin,
    checks_of,
    datasets,
    generators,
    metrics,
    parametrize_with_checks,
    specs,
)
from tests.testing.mutants_datasets import ECGSYN
from tests.testing.mutants_generators import PCA
from tests.testing.mutants_metrics import SPECTRAL

if TYPE_CHECKING:
    from ecgbench.contracts.specs import PluginSpec

PAGE = Path(__file__).parents[2] / "docs" / "plugins" / "testing.md"


def test_importing_it_imports_neither_numpy_nor_torch() -> None:
    code = (
        "import sys, ecgbench.testing;"
        "print(sorted({'torch', 'numpy', 'pytest'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("spec", [PCA, SPECTRAL, ECGSYN])
def test_the_module_of_an_installed_plugin_is_found(spec: PluginSpec) -> None:
    assert (
        checks_of(spec)[0].plugin.module
        == {
            "generator": "ecgbench.generators.baselines",
            "metric": "ecgbench.metrics.statistics",
            "dataset": "ecgbench.datasets.ecgsyn",
        }[spec.kind]
    )


def test_a_check_is_named_after_plugin_and_rule() -> None:
    assert repr(checks_of(Plugin(PCA))[0]) == "pca-gaussian-spec-complete"


def test_an_expected_failure_that_names_no_check_is_a_mistake() -> None:
    with pytest.raises(UsageError, match="did you mean 'direction'"):
        parametrize_with_checks(SPECTRAL, expected_failures={"directoin": "…"})


def test_timed_checks_are_left_out_unless_asked_for() -> None:
    def names(*, timed: bool) -> list[str]:
        mark: Any = parametrize_with_checks(PCA, timed=timed)
        return [each.values[0].name for each in mark.args[1]]

    assert "smoke-in-seconds" not in names(timed=False)
    assert "smoke-in-seconds" in names(timed=True)


TEST = """
from dataclasses import replace
from ecgbench import discover
from ecgbench.testing import parametrize_with_checks

SPEC = replace(discover().metric("mmd"), summary="", formula="")

@parametrize_with_checks(SPEC, expected_failures={"spec-complete": "it has no summary"})
def test_contract(check):
    if check.name in ("spec-complete", "facts", "terms", "settings-described"):
        check()
"""


def test_the_decorator_makes_a_test_of_each_check(tmp_path: Path) -> None:
    (tmp_path / "test_contract.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    done = subprocess.run(
        [*command, str(tmp_path)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert "1 failed, 16 passed, 1 skipped, 1 xfailed" in done.stdout
    assert "formula is empty; ecgbench show metric prints it" in done.stdout


def test_the_page_has_every_rule() -> None:
    page = PAGE.read_text("utf-8")
    for rules in (specs.RULES, generators.RULES, metrics.RULES, datasets.RULES):
        for rule in rules.values():
            assert f"| `{rule.name}` | {rule.text} |" in page


def test_a_metric_without_a_target_says_so() -> None:
    spec = MetricSpec(
        name="mine",
        target="no_module:f",
        summary="…",
        citation="…",
        family="fidelity",
        better="lower",
    )
    check = next(each for each in checks_of(Plugin(spec)) if each.name == "value")
    with pytest.raises(AssertionError, match="cannot import no_module:f"):
        check()


class Folder(Config, frozen=True):
    folder: Annotated[Path | None, msgspec.Meta(description="recordings")] = None


def test_a_setting_may_be_a_path() -> None:
    spec = replace(ECGSYN, config=Folder, smoke={})
    (check,) = (each for each in checks_of(Plugin(spec)) if each.name == "settings-described")
    check()
