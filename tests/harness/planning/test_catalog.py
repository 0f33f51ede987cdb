from __future__ import annotations

import dataclasses
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from ecgbench.contracts.errors import PluginError, UsageError
from ecgbench.contracts.specs import GeneratorSpec, MetricSpec
from ecgbench.harness.planning import catalog as catalog_module
from ecgbench.harness.planning.catalog import DISTRIBUTION, check_settings, discover

if TYPE_CHECKING:
    from pathlib import Path

HOOKS = ("ecgbench_generators", "ecgbench_datasets", "ecgbench_metrics")


class Distribution(NamedTuple):
    name: str
    version: str


class InstalledEntryPoint(EntryPoint):
    """An entry point of a distribution that is not really installed."""

    dist = Distribution("acme-ecg", "2.1")  # type: ignore[assignment]


@pytest.fixture
def install(
    plugins: Path, only_files: None, monkeypatch: pytest.MonkeyPatch
) -> type[InstalledEntryPoint]:
    """Installs files of ``tests/plugins`` as entry points of the distribution acme-ecg 2.1."""
    monkeypatch.syspath_prepend(str(plugins))
    installed: list[InstalledEntryPoint] = []

    def install(*names: str) -> None:
        installed[:] = [InstalledEntryPoint(f"e-{n}", n, "ecgbench") for n in names]

    monkeypatch.setattr(catalog_module, "entry_points", lambda group: list(installed))
    return install  # type: ignore[return-value]


def test_a_file_offers_plugins_of_each_kind(plugins: Path, only_files: None) -> None:
    found = discover([plugins / "good.py"])
    assert found.problems == []
    assert [e.spec.name for e in found.of_kind("dataset")] == ["cohort"]
    assert [e.spec.name for e in found.of_kind("generator")] == [
        "chosen",
        "jitter",
        "jitter-by-class",
    ]
    assert [e.spec.name for e in found.of_kind("metric")] == ["level", "never", "shared", "spread"]
    assert found.dataset("cohort").licence == "MIT"
    assert found.generator("chosen").reference
    assert found.metric("spread").better == "higher"


def test_a_files_origin_tells_its_name_and_the_digest_of_its_content(
    plugins: Path, only_files: None, tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text((plugins / "good.py").read_text())
    first = discover([file]).entry("metric", "level").origin
    assert first.distribution == "mine.py"
    assert not first.built_in
    file.write_text(file.read_text() + "\n# changed\n")
    assert discover([file]).entry("metric", "level").origin.version != first.version


def test_built_in_plugins_come_from_this_distribution() -> None:
    entry = discover().entry("dataset", "ecgsyn")
    assert entry.origin.built_in
    assert str(entry.origin).startswith(f"{DISTRIBUTION} ")


def test_installed_plugins_are_found_by_entry_point(install: Any) -> None:
    install("good")
    found = discover()
    assert found.problems == []
    assert str(found.entry("metric", "level").origin) == "acme-ecg 2.1"
    assert found.entry("metric", "level").origin.plugin == "acme-ecg:e-good"


@pytest.mark.parametrize("disabled", ["acme-ecg:e-good", "acme-ecg", "other,acme-ecg:e-good"])
def test_a_plugin_can_be_disabled(
    install: Any, monkeypatch: pytest.MonkeyPatch, disabled: str
) -> None:
    install("good", "half")
    monkeypatch.setenv("ECGBENCH_DISABLE", disabled)
    found = discover()
    assert ("metric", "level") not in found.entries
    assert (("metric", "half") in found.entries) == (disabled != "acme-ecg")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("broken_import", "ModuleNotFoundError: No module named 'a_library_that_is_not_there'"),
        ("exits", "SystemExit: usage: exits.py FILE"),
        ("misspelt", "unknown hook 'ecgbench_generator'"),
        ("unmarked", "@hookimpl"),
        ("wrong_arguments", "hook 'ecgbench_metrics'"),
        ("half", "ecgbench_generators: RuntimeError: no licence found"),
        ("not_a_module", "ModuleNotFoundError"),
    ],
)
def test_one_bad_plugin_is_one_problem_and_hides_no_good_one(
    install: Any, name: str, said: str
) -> None:
    install(name, "good")
    found = discover()
    (problem,) = found.problems
    assert problem.startswith(f"acme-ecg 2.1 (acme-ecg:e-{name}): ")
    assert said in problem
    assert "\n" not in problem
    assert found.metric("level").name == "level"


def test_a_misspelt_hook_is_answered_with_the_names_of_the_hooks(install: Any) -> None:
    install("misspelt")
    (problem,) = discover().problems
    assert all(hook in problem for hook in HOOKS)


def test_a_hook_that_raises_disables_that_hook_only(install: Any) -> None:
    install("half")
    assert discover().metric("half").summary.startswith("listed")


def test_code_that_cannot_be_imported_is_told_when_it_is_used(install: Any) -> None:
    install("half")
    with pytest.raises(PluginError, match=r"metric half: cannot import a_library_that_is_not"):
        discover().metric("half").load()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("name", "metric name 'Bad Name' does not match [a-z0-9][a-z0-9-]{0,63}"),
        ("target", "metric bad-spec: target 'no_colon' is not of the form 'module:attribute'"),
        ("family", "metric bad-spec: family 'beauty' is none of fidelity"),
        ("better", "metric bad-spec: better is 'bigger'; higher or lower"),
        (
            "sees",
            "metric bad-spec claims to see 'noize', which is no fault of the audit; did you mean",
        ),
        ("audited", "metric bad-spec: audited_on is 'nothing'; family or claims"),
        ("config", "metric bad-spec: config is <class 'dict'>; a subclass of ecgbench.Config"),
        ("default", "metric bad-spec: object missing required field `size`"),
        ("smoke", "metric bad-spec (smoke) has no setting 'sise'; did you mean 'size'?"),
        (
            "foreign",
            "metric bad-spec: setting 'gain' has the type complex | None, of which complex cannot be",
        ),
        ("union", "metric bad-spec: setting 'where' has the type pathlib.Path | str: type unions"),
        ("key", "metric bad-spec: setting 'weights' has the type dict[pathlib.Path, float], of"),
        (
            "untyped",
            "metric bad-spec: setting 'band' is (1, 2), which is [1, 2] once it has been written down",
        ),
        ("field", "unexpected keyword argument 'colour'"),
        ("kind", "expected MetricSpec, got GeneratorSpec"),
        ("none", "'NoneType' object is not iterable"),
        ("fresh", "generator peeks: only a built-in reference row may draw on fresh"),
    ],
)
def test_a_bad_spec_is_a_problem_that_says_what_is_wrong(
    plugins: Path, only_files: None, monkeypatch: pytest.MonkeyPatch, how: str, said: str
) -> None:
    monkeypatch.setenv("BAD_SPEC", how)
    found = discover([plugins / "bad_spec.py", plugins / "good.py"])
    assert len(found.problems) == 1
    assert said in found.problems[0]
    assert "bad_spec.py" in found.problems[0]
    assert ("metric", "bad-spec") not in found.entries
    assert ("generator", "peeks") not in found.entries
    assert found.metric("level")


def test_specs_that_come_before_and_after_a_bad_one_are_kept(
    plugins: Path, only_files: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAD_SPEC", "foreign")
    found = discover([plugins / "bad_spec.py"])
    assert found.metric("good-spec")
    assert found.metric("good-too")


def test_two_plugins_of_one_name_are_both_listed_and_using_the_name_tells_the_way_out(
    install: Any, plugins: Path
) -> None:
    install("twice")
    found = discover([plugins / "good.py"])
    assert len([e for e in found.of_kind("metric") if e.spec.name == "level"]) == 3
    with pytest.raises(PluginError) as error:
        found.metric("level")
    assert "metric 'level' is claimed by" in str(error.value)
    assert "good.py" in str(error.value)
    assert "acme-ecg 2.1" in str(error.value)
    assert str(error.value).endswith("ECGBENCH_DISABLE=acme-ecg:e-twice")
    assert found.metric("spread")


def test_the_way_out_of_two_files_that_clash_is_to_drop_one(
    plugins: Path, only_files: None
) -> None:
    found = discover([plugins / "good.py", plugins / "twice.py"])
    with pytest.raises(PluginError, match=r"level.*good\.py.*drop a --plugin"):
        found.metric("level")


def test_a_file_given_twice_counts_once(
    plugins: Path, only_files: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(plugins)
    found = discover(["good.py", plugins / ".." / "plugins" / "good.py"])
    assert found.files == (str((plugins / "good.py").resolve()),)
    assert found.metric("level")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("absent.py", "there is no such file"),
        ("broken_import.py", "cannot be loaded: ModuleNotFoundError"),
        ("exits.py", "cannot be loaded: SystemExit: usage"),
        ("wrong_arguments.py", "cannot be loaded: PluginValidationError"),
        ("text.txt", "it is no Python file"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_a_usage_error(
    plugins: Path, only_files: None, tmp_path: Path, name: str, said: str
) -> None:
    (tmp_path / "text.txt").write_text("x = 1\n")
    file = tmp_path / name if name == "text.txt" else plugins / name
    with pytest.raises(UsageError, match=rf"--plugin .*{name}: {said}"):
        discover([file])


def test_an_unknown_name_is_answered_with_the_nearest(plugins: Path, only_files: None) -> None:
    found = discover([plugins / "good.py"])
    with pytest.raises(UsageError, match="no generator is called 'jiter'; did you mean 'jitter'"):
        found.generator("jiter")
    with pytest.raises(UsageError, match="no dataset is called 'level'; choose from: cohort"):
        found.dataset("level")


def test_an_unknown_name_points_at_the_problems_if_there_are_any(install: Any) -> None:
    install("broken_import")
    with pytest.raises(UsageError, match=r"1 plugin problems: see ecgbench list"):
        discover().metric("level")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"null": 1.5}, "its null, 1.5, is not within its bounds, 0.0 to 1.0"),
        ({"null": -0.1}, "its null, -0.1, is not within"),
        ({"null": float("nan")}, "its null, nan, is not within"),
        (
            {"null": 0.5, "family": "fidelity"},
            "metric auc of fidelity has a null; only metrics of privacy have one",
        ),
    ],
)
def test_a_null_is_of_metrics_of_privacy_and_within_their_bounds(
    fields: dict[str, Any], said: str
) -> None:
    spec = MetricSpec(
        name="auc",
        target="x:y",
        summary="",
        family="privacy",
        better="lower",
        bounds=(0.0, 1.0),
        null=0.5,
    )
    with pytest.raises(PluginError, match=said):
        dataclasses.replace(spec, **fields)


def test_nothing_built_in_that_is_ranked_by_privacy_is_without_its_null() -> None:
    specs = [entry.spec for entry in discover().of_kind("metric")]
    nulls = {
        spec.name: spec.null
        for spec in specs
        if isinstance(spec, MetricSpec) and spec.family == "privacy"
    }
    assert {name for name, null in nulls.items() if null is None} == {
        "dcr-share",
        "identity-agreement",
    }
    assert nulls["membership-inference"] == nulls["patient-membership"] == 0.5
    assert nulls["copied-share"] == nulls["authenticity"] == 0.0


def test_names_become_paths_so_nothing_else_is_a_name() -> None:
    spec = MetricSpec(name="a-1", target="x:y", summary="", family="cost", better="lower")
    for name in ("", "-a", "A", "a_b", "a.b", "../a", "a/b", "a\n", "a" * 65, "ä"):
        with pytest.raises(PluginError, match="does not match"):
            dataclasses.replace(spec, name=name)
    assert dataclasses.replace(spec, name="a" * 64).kind == "metric"
    assert GeneratorSpec(name="0", target="x:y", summary="").kind == "generator"


def test_the_settings_of_what_is_built_in_are_sound() -> None:
    built_in = [e.spec for found in discover().entries.values() for e in found if e.origin.built_in]
    assert len(built_in) > 50
    for spec in built_in:
        check_settings(spec)


@pytest.mark.parametrize("entry", discover([]).of_kind("generator"), ids=lambda e: e.spec.name)
def test_a_built_in_generator_has_valid_settings_and_a_search_space(entry: Any) -> None:
    check_settings(entry.spec)
    assert bool(entry.spec.search) != (entry.spec.reference or entry.spec.audit)


def test_a_search_beyond_a_settings_limits_is_refused(tmp_path: Path, only_files: None) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from typing import Annotated\n"
        "import msgspec\n"
        "from ecgbench import Between, Config, GeneratorSpec, hookimpl\n"
        "class MineConfig(Config, frozen=True):\n"
        "    size: Annotated[int, msgspec.Meta(ge=4, description='units')] = 8\n"
        "@hookimpl\n"
        "def ecgbench_generators():\n"
        "    return [GeneratorSpec(name='mine', target='x:y', config=MineConfig, summary='mine',\n"
        "                          search={'size': Between(1, 9)})]\n"
    )
    (problem,) = discover([str(file)]).problems
    assert "generator mine (search): size = 1" in problem


def test_a_file_that_names_its_own_code_as_text_is_told_the_way_out(
    tmp_path: Path, only_files: None
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from ecgbench import GeneratorSpec, hookimpl\n"
        "class Mine: pass\n"
        "@hookimpl\n"
        "def ecgbench_generators():\n"
        "    yield GeneratorSpec(name='mine', target='mine:Mine', summary='mine')\n"
        "    yield GeneratorSpec(name='other', target='other:Mine', summary='elsewhere')\n"
    )
    catalog = discover([file])
    (problem,) = catalog.problems
    assert "target 'mine:Mine' names its own file" in problem
    assert "target=Mine" in problem
    assert catalog.generator("other")
