"""``ecgbench check``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.harness.cli.conftest import Command

FILE = """
from ecgbench import GeneratorSpec, hookimpl

class Zero:
    def __init__(self, config): pass
    def fit(self, train, context): self.like = train.take(slice(0))
    def sample(self, labels, context):
        import numpy as np
        shape = (len(labels), len(self.like.leads), self.like.length)
        return self.like.synthetic(np.zeros(shape), labels)

@hookimpl
def ecgbench_generators():
    yield GeneratorSpec(name="zero", target=Zero, summary="[red]nothing", citation="here", conditional=True)
"""


def test_a_built_in_plugin_passes(ecgbench: Command) -> None:
    assert ecgbench("check", "mmd") == 0
    assert ecgbench.out.startswith("metric mmd (synthetic-ecgbench")
    assert "  ok       direction\n" in ecgbench.out
    assert "20 checks: 18 ok, 2 skipped\n" in ecgbench.out


def test_a_file_is_checked_and_a_broken_rule_makes_exit_code_1(ecgbench: Command) -> None:
    Path("zero.py").write_text(FILE)
    assert ecgbench("check", "zero.py") == 1
    assert "generator zero (zero.py" in ecgbench.out
    assert "failed   seed-used" in ecgbench.out
    assert "failed   millivolts" in ecgbench.out
    assert "ok       fit-and-sample" in ecgbench.out


def test_single_checks_can_be_chosen(ecgbench: Command) -> None:
    assert ecgbench("check", "mmd", "--checks", "facts,terms") == 0
    assert "2 checks: 1 ok, 1 skipped\n" in ecgbench.out
    assert ecgbench("check", "mmd", "--checks", "fact") == 2
    assert "no check is called 'fact'; did you mean 'facts'" in ecgbench.err


def test_wrong_names_and_files_are_mistakes(ecgbench: Command) -> None:
    assert ecgbench("check", "mdm") == 2
    assert "no plugin is called 'mdm'; did you mean 'mmd'" in ecgbench.err
    assert ecgbench("check", "absent.py") == 2
    assert "there is no such file" in ecgbench.err
    Path("empty.py").write_text("x = 1\n")
    assert ecgbench("check", "empty.py") == 1
    assert "it offers nothing" in ecgbench.out


def test_a_bad_spec_in_a_file_is_a_problem(ecgbench: Command) -> None:
    Path("bad.py").write_text(FILE.replace("conditional=True", "smoke={'x': 1}"))
    assert ecgbench("check", "bad.py") == 1
    assert "problem: " in ecgbench.out
    assert "no setting 'x'" in ecgbench.out


def test_settings_take_the_place_of_smoke_settings(ecgbench: Command) -> None:
    few = ("check", "ecgsyn", "--checks", "people,divides", "--set", "dataset.ecgsyn.patients=2")
    assert ecgbench(*few) == 1
    assert "there are 2 people; one, or 4 and more can be divided" in ecgbench.out
    assert ecgbench("check", "ecgsyn", "--set", "dataset.ecgsyn.patience=2") == 2
    assert "no setting 'patience'; did you mean 'patients'" in ecgbench.err
