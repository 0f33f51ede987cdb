from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.harness.cli.conftest import Command

BUILT_IN = {
    "generators": {
        "timegan",
        "rcgan",
        "wavegan",
        "pulse2pulse",
        "spline-flow",
        "pca-gaussian",
        "gmm",
        "dp-pca-gaussian",
        "kde",
        "smote",
        "ar",
        "ecgsyn-fit",
        "virtual-people",
        "dp-vae",
        "timevae",
        "timevqvae",
        "vae",
        "dose",
        "real",
        "copy",
        "noisy-copy",
        "gaussian-noise",
    },
    "datasets": {"ludb", "mitdb", "mitdb-208", "ecgsyn", "ecgsyn-strips"},
    "metrics": {
        "inception-score",
        "distance",
        "dtw",
        "embedding-plots",
        "discriminative",
        "mmd",
        "frechet-distance",
        "kernel-distance",
        "precision",
        "density",
        "recall",
        "coverage",
        "classifier-two-sample",
        "marginal-distribution-difference",
        "autocorrelation-difference",
        "skewness-difference",
        "kurtosis-difference",
        "sliced-wasserstein",
        "log-spectral-distance",
        "morphology",
        "predictive",
        "cross-classification",
        "cross-classification-linear",
        "cross-classification-boosting",
        "augmentation-gain",
        "copied-share",
        "identity-agreement",
        "identifiability",
        "membership-inference",
        "calibrated-membership-inference",
        "monte-carlo-membership-inference",
        "domias",
        "likelihood-ratio-membership-inference",
        "waveform-inference",
        "attribute-inference",
        "authenticity",
        "dcr-share",
        "nndr",
        "patient-membership",
        "fit-time",
        "sample-rate",
        "peak-memory",
        "parameters",
    },
}


def test_list_names_every_built_in_plugin_with_its_origin(ecgbench: Command) -> None:
    assert ecgbench("list", "--json") == 0
    found = json.loads(ecgbench.out)
    for kind, names in BUILT_IN.items():
        cards = {card["name"]: card for card in found[kind]}
        assert names <= set(cards)
        assert all(cards[name]["origin"].startswith("synthetic-ecgbench ") for name in names)
    assert found["problems"] == []


def test_list_of_one_kind_shows_no_other(ecgbench: Command) -> None:
    assert ecgbench("list", "datasets") == 0
    assert "mitdb-208" in ecgbench.out
    assert "timegan" not in ecgbench.out


HEAVY = ("numpy", "torch", "sklearn", "scipy", "pandas", "wfdb", "platformdirs", "requests")


@pytest.mark.parametrize(
    ("arguments", "forbidden"),
    [
        ("'list'", (*HEAVY, "rich")),
        ("'list', 'metrics', '--json'", (*HEAVY, "rich")),
        ("'show', 'metric', 'mmd'", HEAVY),
        ("'--help'", (*HEAVY, "rich", "importlib.metadata")),
        ("'list', '--help'", (*HEAVY, "rich")),
    ],
)
def test_what_only_tells_imports_little(arguments: str, forbidden: tuple[str, ...]) -> None:
    code = (
        f"import sys; from ecgbench.harness.cli import main; main([{arguments}]); "
        f"print(*[m for m in {forbidden} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.split() == []


def complete(words: str) -> list[str]:
    """What a shell is told for the last of these words."""
    code = (
        "import sys, atexit; from ecgbench.harness.cli import main; "
        "atexit.register(lambda: print('HEAVY', *[m for m in ('importlib.metadata', 'numpy', 'rich') "
        "if m in sys.modules])); main()"
    )
    told = {"_ECGBENCH_COMPLETE": "bash_complete", "COMP_WORDS": words}
    told["COMP_CWORD"] = str(len(words.split()) - 1)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | told,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.split()


def test_commands_are_completed_without_their_modules() -> None:
    assert complete("ecgbench l") == ["plain,leaderboard", "plain,list", "HEAVY"]
    assert complete("ecgbench x") == ["HEAVY"]
    assert "plain,--version" in complete("ecgbench --")
    assert "plain,metrics" in complete("ecgbench list me")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("ecgbench run --generators gmm,rc", {"gmm,rcgan"}),
        ("ecgbench run --metrics patient-m", {"patient-membership"}),
        ("ecgbench fetch lu", {"ludb"}),
        ("ecgbench tune time", {"timegan", "timevae", "timevqvae"}),
        ("ecgbench show metr", {"metric"}),
        ("ecgbench show dataset mitdb-", {"mitdb-208"}),
        ("ecgbench show metrics m", {"marginal-distribution-difference", "mmd"}),
        ("ecgbench show mitdb/gmm x", set()),
        ("ecgbench check patient-m", {"patient-membership"}),
        ("ecgbench run --set gen", {"generator."}),
        (
            "ecgbench run --set generator.time",
            {"generator.timegan.", "generator.timevae.", "generator.timevqvae."},
        ),
        ("ecgbench check x --set generator.timegan.hid", {"generator.timegan.hidden="}),
        ("ecgbench run --set wrong.timegan", set()),
        ("ecgbench run --study sta", {"standard"}),
        ("ecgbench compare x --study smo", {"smoke"}),
        ("ecgbench sample --store STORE mitdb/g", {"mitdb/gmm/seed-0", "mitdb/gmm/seed-1-ab"}),
        ("ecgbench compare --store STORE g", {"gmm"}),
        ("ecgbench compare --store STORE gmm re", {"real"}),
        ("ecgbench run --plugin PLUGINS/good.py --datasets coh", {"cohort"}),
        ("ecgbench run --plugin not-there.py --datasets coh", set()),
    ],
)
def test_names_are_completed(plugins: Path, tmp_path: Path, words: str, offered: set[str]) -> None:
    for name in ("gmm/seed-0-ab", "gmm/seed-1-ab", "gmm/seed-1-cd", "real/seed-0-ef"):
        (tmp_path / "cells" / "mitdb" / name).mkdir(parents=True)
    words = words.replace("PLUGINS", str(plugins)).replace("STORE", str(tmp_path))
    found = {each.removeprefix("plain,") for each in complete(words) if "file," not in each}
    told = found - {"HEAVY", "importlib.metadata", "numpy", "rich"}
    assert told >= offered
    assert bool(told) == bool(offered)


def test_the_completion_of_the_readme_is_set_up_in_bash() -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text("utf-8")
    (line,) = re.findall(r"^eval .*bash_source.*$", readme, re.MULTILINE)
    script = f'ecgbench() {{ {sys.executable} -m ecgbench "$@"; }}; export -f ecgbench\n{line}\ncomplete -p ecgbench'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert "_ecgbench_completion" in done.stdout


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_name_is_broken_in_the_list_and_no_line_is_too_long(
    ecgbench: Command, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert ecgbench("list") == 0
    lines = ecgbench.out.splitlines()
    starts = {line.split(" ")[0] for line in lines}
    assert set().union(*BUILT_IN.values()) <= starts
    assert max(map(len, lines[:-1])) <= width
    assert "\x1b" not in ecgbench.out


def test_the_list_says_what_comes_from_elsewhere(
    ecgbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ecgbench("list", "--plugin", ecgbench.stubs) == 0
    [line] = [line for line in ecgbench.out.splitlines() if line.startswith("peak ")]
    assert "[stubs.py " in line
    [line] = [line for line in ecgbench.out.splitlines() if line.startswith("mmd ")]
    assert "[" not in line


def test_a_bad_plugin_never_hides_the_good_ones_and_is_told(
    ecgbench: Command, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text(
        "from ecgbench import hookimpl\n"
        "@hookimpl\ndef ecgbench_metrics():\n    raise ValueError('no licence')\n"
    )
    assert ecgbench("list", "--plugin", bad) == 0
    assert "timegan" in ecgbench.out
    assert "problem: bad.py" in ecgbench.err
    assert "no licence" in ecgbench.err


def test_two_plugins_of_one_name_are_both_listed_and_using_it_names_both(
    ecgbench: Command, tmp_path: Path
) -> None:
    twin = tmp_path / "twin.py"
    twin.write_text(
        "from ecgbench import MetricSpec, hookimpl\n"
        "@hookimpl\ndef ecgbench_metrics():\n"
        "    return [MetricSpec(name='mmd', target='x:y', summary='mine', family='fidelity', "
        "better='lower')]\n"
    )
    assert ecgbench("list", "metrics", "--plugin", twin) == 0
    assert ecgbench.out.count("(clash)") == 2
    assert ecgbench("run", "--metrics", "mmd", "--plugin", twin, "--datasets", "ecgsyn") == 2
    assert "claimed by" in ecgbench.err
    assert "twin.py" in ecgbench.err
    assert "ECGBENCH_DISABLE=" in ecgbench.err


@pytest.mark.parametrize("kind", list(BUILT_IN))
def test_every_built_in_card_is_complete(ecgbench: Command, kind: str) -> None:
    for name in sorted(BUILT_IN[kind]):
        assert ecgbench("show", kind, name, "--json") == 0
        card = json.loads(ecgbench.out)
        assert card["summary"]
        assert len(card["summary"]) < 100
        if kind == "metrics":
            assert card["formula"]
            assert card["better"] in ("higher", "lower")
        if card["name"] not in ("real", "copy", "noisy-copy", "gaussian-noise") and (
            kind != "metrics" or card["family"] != "cost"
        ):
            assert card["citation"]
        for setting in card["settings"]:
            assert setting["description"], f"{name}.{setting['name']} has no description"


def test_a_metrics_card_names_what_it_claims_to_see(ecgbench: Command) -> None:
    claims = {}
    for name in ("mmd", "copied-share", "recall", "identity-agreement"):
        assert ecgbench("show", "metric", name, "--json") == 0
        found = json.loads(ecgbench.out)
        claims[name] = found["claims_to_see"]
    assert claims["mmd"] == ["noise", "outliers"]
    assert claims["copied-share"] == ["copies"]
    assert "shrinking" in claims["recall"]
    assert claims["identity-agreement"] == []


def test_a_metrics_card_tells_formula_direction_bounds_ideal_settings_origin_citation(
    ecgbench: Command,
) -> None:
    assert ecgbench("show", "metric", "mmd") == 0
    for word in (
        "formula",
        "lower",
        "bounds",
        "ideal",
        "origin",
        "citation",
        "settings",
        "default",
    ):
        assert word in ecgbench.out


def test_a_card_of_a_metric_of_privacy_tells_its_null(ecgbench: Command) -> None:
    assert ecgbench("show", "metric", "copied-share") == 0
    assert ["null", "0.0"] in [line.split() for line in ecgbench.out.splitlines()]
    assert ecgbench("show", "metric", "mmd") == 0
    assert "null" not in ecgbench.out
    assert ecgbench("show", "metric", "domias", "--json") == 0
    assert json.loads(ecgbench.out)["null"] == 0.5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("metric", "mdd"), "no metric is called 'mdd'; did you mean 'mmd'?"),
        (("metrix", "mmd"), "no kind of plugin is called 'metrix'; did you mean 'metric'?"),
        (("mmd",), "say a kind and a name (show metric mmd) or a cell"),
        (("tiny/jitter/seed-9",), "has no cell 'tiny/jitter/seed-9'"),
    ],
)
def test_show_of_something_unknown_helps(
    ecgbench: Command, words: tuple[str, ...], message: str
) -> None:
    assert ecgbench("show", *words) == 2
    assert message in ecgbench.err


def test_show_cell_tells_status_scores_and_versions(ecgbench: Command) -> None:
    assert ecgbench.tiny("--seeds", "0") == 0
    assert ecgbench("show", "tiny/jitter/seed-0") == 0
    for word in ("status", "ok", "peak", "it never [red]applies[/red]", "torch", "fit"):
        assert word in ecgbench.out
    assert ecgbench("show", "tiny/jitter/seed-0", "--json") == 0
    shown = json.loads(ecgbench.out)
    assert shown["cell"]["status"] == "ok"
    assert {score["metric"]["name"] for score in shown["scores"]} == {"peak", "never"}


def test_no_terminal_obeys_the_text_of_a_plugin(ecgbench: Command, tmp_path: Path) -> None:
    harm = r"\x1b[31m red \x9b1m \u202e\n end"
    plugin = tmp_path / "harm.py"
    plugin.write_text(
        "from ecgbench import GeneratorSpec, hookimpl\n@hookimpl\ndef ecgbench_generators():\n"
        f"    return [GeneratorSpec(name='harm', target=str, summary='{harm}', citation='{harm}')]\n"
    )
    for command in (("list", "generators"), ("show", "generator", "harm")):
        for flags in ((), ("--json",)):
            assert ecgbench(*command, *flags, "--plugin", plugin) == 0
            assert "red" in ecgbench.out
            assert ecgbench.out.replace("\n", "").isprintable()


def test_the_type_of_a_setting_is_told_in_words(ecgbench: Command) -> None:
    def types(kind: str, name: str) -> dict[str, str]:
        assert ecgbench("show", kind, name, "--json") == 0
        return {
            setting["name"]: setting["type"] for setting in json.loads(ecgbench.out)["settings"]
        }

    found = types("generator", "virtual-people") | types("generator", "wavegan")
    assert found["weights"] == "windows or people"
    assert found["shrinkage"] == "float or none"
    assert found["channels"] == "tuple of int"
    assert found["learning_rate"] == "float"
