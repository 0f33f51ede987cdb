from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from ecgbench.contracts.config import as_dict, parse_overrides
from ecgbench.contracts.errors import ConfigError, PluginError, UsageError
from ecgbench.harness.planning import study
from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.planning.plan import board_settings, generator_records
from ecgbench.harness.planning.study import Study

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.harness.planning.catalog import Catalog


@pytest.fixture
def catalog(plugins: Path, only_files: None) -> Catalog:
    return discover([plugins / "good.py"])


def read(text: str, folder: Path) -> Study:
    file = folder / "mine.toml"
    file.write_text(text, "utf-8")
    return study.read(str(file))


def resolved(catalog: Catalog, **fields: Any) -> Study:
    return study.resolve(msgspec.convert({"generators": ["jitter"]} | fields, Study), catalog)


def test_five_studies_come_along() -> None:
    assert study.names() == ["published", "quick", "smoke", "standard", "tuned"]


@pytest.mark.parametrize("name", ["published", "quick", "smoke", "standard", "tuned"])
def test_each_of_them_has_as_many_even_as_odd_seeds(name: str) -> None:
    found = study.read(name)
    assert found.name == name
    assert found.summary
    assert sum(seed % 2 for seed in found.seeds) * 2 == len(found.seeds)


def test_smoke_is_small_and_quick_is_plain_and_standard_has_six_seeds() -> None:
    smoke, quick, standard = (study.read(name) for name in ("smoke", "quick", "standard"))
    assert smoke.smoke
    assert smoke.windows is not None
    assert board_settings(quick) == {}
    assert quick.seeds == (0, 1)
    assert len(standard.seeds) >= 6


def test_tuned_is_standard_with_other_settings_of_generators_alone() -> None:
    standard, tuned = (study.resolve(study.read(n), discover([])) for n in ("standard", "tuned"))
    assert (tuned.generators, tuned.seeds) == (standard.generators, standard.seeds)
    assert board_settings(tuned) == board_settings(standard)
    changed = tuned.generator["timegan"].items() - standard.generator["timegan"].items()
    assert {name for name, _ in changed} == {"static_noise", "moment_weight"}


def test_published_is_of_the_fits_of_quick_and_scores_them_otherwise() -> None:
    published, quick = (study.resolve(study.read(n), discover([])) for n in ("published", "quick"))
    assert (published.generators, published.seeds) == (quick.generators, quick.seeds)
    assert published.metrics == ("discriminative", "predictive")
    assert {setting.split(".")[0] for setting in board_settings(published)} == {"metric"}


def test_a_file_says_a_whole_study(tmp_path: Path) -> None:
    found = read(
        """
        summary = "mine"
        datasets = ["cohort"]
        generators = ["jitter"]
        metrics = ["level"]
        seeds = [4, 5]
        windows = 100
        smoke = true
        references = false
        [dataset.cohort]
        patients = 4
        [generator.jitter]
        sigma = 0.5
        [metric.level]
        scale = 2
        """,
        tmp_path,
    )
    assert found == Study(
        name="mine",
        summary="mine",
        datasets=("cohort",),
        generators=("jitter",),
        metrics=("level",),
        seeds=(4, 5),
        windows=100,
        smoke=True,
        references=False,
        dataset={"cohort": {"patients": 4}},
        generator={"jitter": {"sigma": 0.5}},
        metric={"level": {"scale": 2}},
    )


def test_a_file_may_say_its_name_and_a_study_that_comes_along_goes_before_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read('name = "other"', tmp_path).name == "other"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quick").write_text('name = "other"')
    assert study.read("quick").name == "quick"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seeds = [0", r"study .*mine\.toml: "),
        ("seed = [0]", r"study .*mine\.toml: .*`seed`"),
        ("seeds = [-1]", r"study .*mine\.toml: .*>= 0"),
        ("windows = 3", r"study .*mine\.toml: .*>= 20"),
        ("[generator]\ntimegan = 3", r"study .*mine\.toml: .*object"),
        ("generators = 'timegan'", r"study .*mine\.toml: .*array"),
    ],
)
def test_a_file_that_is_no_study_is_told_where_it_is_wrong(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        read(text, tmp_path)


def test_a_byte_order_mark_is_no_part_of_a_study(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('generators = ["gmm"]', "utf-8-sig")
    assert study.read(str(tmp_path / "mine.toml")).generators == ("gmm",)


def test_a_file_that_is_no_text_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"study .*mine\.toml: .*: save it as UTF-8"):
        study.read(str(tmp_path / "mine.toml"))


@pytest.mark.parametrize(
    ("name", "said"),
    [("quik", "did you mean 'quick'"), ("zzz.toml", "choose from: published, quick")],
)
def test_an_unknown_study_is_answered_with_those_there_are(name: str, said: str) -> None:
    with pytest.raises(UsageError, match=f"no study or file is called '{name}'; {said}"):
        study.read(name)


def test_flags_go_before_what_the_study_says() -> None:
    before = Study(
        name="s",
        datasets=("a",),
        generators=("b",),
        metrics=("c",),
        seeds=(0,),
        windows=50,
        generator={"b": {"x": 1, "y": 2}, "z": {"w": 0}},
    )
    assert study.override(before) == before
    after = study.override(
        before,
        datasets=("d",),
        generators=("e", "f"),
        metrics=("g",),
        seeds=(3,),
        windows=70,
        references=False,
        settings=parse_overrides(["generator.b.x=9", "metric.g.k=1"]),
    )
    assert after == Study(
        name="s",
        datasets=("d",),
        generators=("e", "f"),
        metrics=("g",),
        seeds=(3,),
        windows=70,
        references=False,
        generator={"b": {"x": "9", "y": 2}, "z": {"w": 0}},
        metric={"g": {"k": "1"}},
    )
    assert before.generator == {"b": {"x": 1, "y": 2}, "z": {"w": 0}}


def test_no_flag_brings_back_references_that_the_study_leaves_out() -> None:
    assert not study.override(Study(references=False), references=True).references


def test_resolving_checks_names_and_drops_repeats(catalog: Catalog) -> None:
    found = resolved(
        catalog,
        datasets=["cohort", "cohort"],
        generators=["jitter", "chosen", "jitter"],
        metrics=["spread", "level", "spread"],
        seeds=[3, 1, 3],
    )
    assert found.datasets == ("cohort",)
    assert found.generators == ("jitter", "chosen")
    assert found.metrics == ("spread", "level")
    assert found.seeds == (3, 1)
    assert resolved(catalog).datasets is None
    assert resolved(catalog).metrics is None


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"datasets": ["cohorts"]}, "no dataset is called 'cohorts'; did you mean 'cohort'"),
        ({"generators": ["gitter"]}, "no generator is called 'gitter'; did you mean 'jitter'"),
        ({"metrics": ["leval"]}, "no metric is called 'leval'; did you mean 'level'"),
        ({"generator": {"gitter": {}}}, "no generator is called 'gitter'; did you mean 'jitter'"),
        ({"metric": {"level": {"scal": 1}}}, "metric level has no setting 'scal'; did you mean"),
        ({"dataset": {"cohort": {"patients": 0}}}, "dataset cohort: patients = 0: expected"),
        ({"seeds": []}, "it has no seeds"),
    ],
)
def test_unknown_names_and_settings_are_told_with_the_nearest(
    catalog: Catalog, fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        resolved(catalog, **fields)


def test_settings_of_a_plugin_that_the_study_does_not_use_are_checked_too(
    catalog: Catalog,
) -> None:
    with pytest.raises(ConfigError, match="generator chosen has no setting 'x'; it has none"):
        resolved(catalog, generator={"chosen": {"x": 1}})


def test_a_name_that_two_plugins_claim_cannot_be_resolved(plugins: Path, only_files: None) -> None:
    twins = discover([plugins / "good.py", plugins / "twice.py"])
    with pytest.raises(PluginError, match="claimed by"):
        resolved(twins, metrics=["level"])
    assert resolved(twins, metrics=["spread"]).metrics == ("spread",)


def test_two_ways_of_saying_the_same_study_resolve_to_the_same(
    catalog: Catalog, tmp_path: Path
) -> None:
    from_file = read(
        """
        generators = ["jitter"]
        [generator.jitter]
        sigma = 1
        steps = 3
        [dataset.cohort]
        gain = 2
        """,
        tmp_path,
    )
    flags = ["generator.jitter.sigma=1.0", "dataset.cohort.gain=2.0", "metric.level.scale=1"]
    from_flags = study.override(
        Study(name="mine"), generators=("jitter",), settings=parse_overrides(flags)
    )
    one, other = study.resolve(from_file, catalog), study.resolve(from_flags, catalog)
    assert one == other
    assert msgspec.json.encode(one) == msgspec.json.encode(other)
    assert one.generator == {"jitter": {"sigma": 1.0}}


def test_resolving_twice_changes_nothing(catalog: Catalog) -> None:
    once = resolved(catalog, smoke=True, generator={"jitter": {"steps": 3, "sigma": 0.1}})
    assert study.resolve(once, catalog) == once


def test_a_smoke_study_starts_from_smoke_settings(catalog: Catalog) -> None:
    jitter, cohort = catalog.generator("jitter"), catalog.dataset("cohort")
    plain, smoke = resolved(catalog), resolved(catalog, smoke=True)
    assert as_dict(plain.settings(jitter)) == {"sigma": 0.1, "steps": 3, "seconds": 0.0}
    assert as_dict(smoke.settings(jitter)) == {"sigma": 0.1, "steps": 1, "seconds": 0.0}
    assert as_dict(smoke.settings(cohort))["windows"] == 120
    assert smoke.generator == {}
    back = resolved(catalog, smoke=True, generator={"jitter": {"steps": 3}})
    assert as_dict(back.settings(jitter))["steps"] == 3
    assert back.generator == {"jitter": {"steps": 3}}


def test_what_differs_from_the_defaults_tells_one_board_from_another(catalog: Catalog) -> None:
    assert board_settings(resolved(catalog)) == {}
    assert board_settings(
        resolved(
            catalog,
            windows=50,
            smoke=True,
            generator={"jitter": {"sigma": "0.2", "steps": 1}},
            metric={"level": {"scale": 1}},
        )
    ) == {"windows": 50, "smoke": True}


def test_a_generator_can_stand_in_a_study_with_several_settings(catalog: Catalog) -> None:
    several = ["jitter", "jitter:sigma=0.5", "jitter:steps=3", "jitter:sigma=0.5:steps=9"]
    found = resolved(catalog, generators=several, generator={"jitter": {"steps": 9}})
    records = generator_records(msgspec.structs.replace(found, references=False), catalog)
    assert [(r.settings["sigma"], r.settings["steps"], r.changed) for r in records] == [
        (0.1, 9, {"steps": 9}),
        (0.5, 9, {"sigma": 0.5, "steps": 9}),
        (0.1, 3, {}),
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("jitter:", "'' is no setting; for example gmm:time=rr"),
        ("jitter:sigma", "'sigma' is no setting"),
        ("jiter:sigma=1", "jitter"),
    ],
)
def test_a_mistake_behind_a_generators_name_is_told(
    catalog: Catalog, name: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        resolved(catalog, generators=[name])


@pytest.mark.parametrize("name", ["jitter:sigmo=1", "jitter:sigma=much"])
def test_a_mistake_in_a_generators_own_setting_is_told(catalog: Catalog, name: str) -> None:
    with pytest.raises(ConfigError, match="sigma"):
        generator_records(resolved(catalog, generators=[name]), catalog)


def test_a_default_that_is_nan_is_no_change_of_it(tmp_path: Path, only_files: None) -> None:
    file = tmp_path / "nan.py"
    file.write_text(
        "from ecgbench import Config, MetricSpec, hookimpl\n"
        "class NanConfig(Config, frozen=True):\n"
        "    cap: float = float('nan')\n"
        "@hookimpl\n"
        "def ecgbench_metrics():\n"
        "    return [MetricSpec(name='nan', target='x:y', config=NanConfig, summary='x', "
        "family='fidelity', better='lower')]\n"
    )
    for given, kept in (
        ({}, {}),
        ({"cap": "nan"}, {}),
        ({"cap": "inf"}, {"cap": {"$float": "inf"}}),
    ):
        asked = Study(name="x", metrics=("nan",), metric={"nan": given})
        resolved = study.resolve(asked, discover([file]))
        assert resolved.metric.get("nan", {}) == kept
        assert study.resolve(resolved, discover([file])) == resolved


def test_a_headline_names_known_metrics_and_changes_no_board(catalog: Catalog) -> None:
    found = resolved(catalog, headline=["level", "level"])
    assert found.headline == ("level",)
    assert board_settings(found) == board_settings(resolved(catalog))
    with pytest.raises(UsageError, match="no metric is called 'leval'; did you mean 'level'"):
        resolved(catalog, headline=["leval"])


def test_a_headline_has_six_metrics_at_most(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="length <= 6"):
        read('headline = ["a", "b", "c", "d", "e", "f", "g"]', tmp_path)
