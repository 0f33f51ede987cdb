"""Each mutant breaks one rule, and the check of this rule sees it."""

from __future__ import annotations

import contextlib
import unittest
from typing import TYPE_CHECKING, Any

import pytest

from ecgbench.testing import Plugin, checks_of, cohort
from tests.testing import mutants_datasets, mutants_generators, mutants_metrics

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.contracts.specs import PluginSpec
    from ecgbench.testing import Check

ALL: list[tuple[str, PluginSpec]] = [
    *mutants_generators.MUTANTS,
    *mutants_metrics.MUTANTS,
    *mutants_datasets.MUTANTS,
]


def named(checks: list[Check], name: str) -> Check:
    return next(check for check in checks if check.name == name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "spec"), ALL, ids=[f"{place}-{name}" for place, (name, _) in enumerate(ALL)]
)
def test_the_check_of_its_rule_sees_a_mutant(name: str, spec: PluginSpec) -> None:
    with pytest.raises(AssertionError) as told:
        named(checks_of(Plugin(spec)), name)()
    assert str(told.value)


def test_every_rule_has_a_mutant() -> None:
    of_time = {"smoke-in-seconds", "light-import", "settings-travel"}  # below
    kinds = (mutants_generators.PCA, mutants_metrics.SPECTRAL, mutants_datasets.ECGSYN)
    all_mutants: tuple[Any, ...] = (
        mutants_generators.MUTANTS,
        mutants_metrics.MUTANTS,
        mutants_datasets.MUTANTS,
    )
    for spec, mutants in zip(kinds, all_mutants, strict=True):
        rules = {check.name for check in checks_of(Plugin(spec))}
        of_specs = {"spec-complete", "settings-described", "importable"}
        assert rules - of_time - of_specs == {name for name, _ in mutants} - of_specs


def test_a_module_that_imports_numpy_is_heavy(tmp_path: Path) -> None:
    file = tmp_path / "heavy.py"
    file.write_text("import numpy\nfrom ecgbench import hookimpl\n")
    check = named(checks_of(Plugin(mutants_generators.PCA, str(file))), "light-import")
    with pytest.raises(AssertionError, match="imports numpy"):
        check()


def test_a_module_that_cannot_be_imported_is_named() -> None:
    check = named(checks_of(Plugin(mutants_generators.PCA, "no_such_module")), "light-import")
    with pytest.raises(AssertionError, match="No module named 'no_such_module'"):
        check()


def test_slow_smoke_settings_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecgbench.testing.generators.SLOW", 0.0)
    check = named(checks_of(Plugin(mutants_generators.PCA)), "smoke-in-seconds")
    assert check.rule.timed
    with pytest.raises(AssertionError, match="smaller smoke settings"):
        check()


def test_a_rule_that_does_not_apply_is_skipped_with_the_reason() -> None:
    check = named(checks_of(Plugin(mutants_generators.PCA)), "light-import")
    with pytest.raises(unittest.SkipTest, match="from no installed plugin"):
        check()


@pytest.mark.parametrize(
    ("kind", "name"), [(mutants_generators, "Centres"), (mutants_metrics, "centres")]
)
def test_a_plugin_that_writes_into_the_people_leaves_them_whole(kind: Any, name: str) -> None:
    (spec,) = (spec for _, spec in kind.MUTANTS if spec.target is getattr(kind, name))
    before = cohort.cohort().train.signals.mean()
    with pytest.raises(AssertionError):
        named(checks_of(Plugin(spec)), "inputs-untouched")()
    with contextlib.suppress(AssertionError, unittest.SkipTest):
        named(
            checks_of(Plugin(spec)),
            "same-seed-same-value" if kind is mutants_metrics else "seed-used",
        )()
    assert cohort.cohort().train.signals.mean() == before
