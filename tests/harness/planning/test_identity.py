"""`used`: what a record says of a plugin as it is installed here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ecgbench import Config, GeneratorSpec
from ecgbench.contracts.config import build
from ecgbench.contracts.errors import PluginError, UsageError
from ecgbench.harness.planning.catalog import Entry, Origin, discover
from ecgbench.harness.planning.identity import files_of, unnoticed_files, used
from ecgbench.results.store.records import PluginRecord

if TYPE_CHECKING:
    from collections.abc import Iterable


class WeightsConfig(Config, frozen=True):
    weights: Path = Path("weights.bin")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's working folder, with some weights."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.bin").write_bytes(b"one")
    return tmp_path


def of_setting(config: WeightsConfig) -> Iterable[str | Path]:
    return [config.weights]


def digits(files: Any, **settings: Any) -> str:
    spec = GeneratorSpec(name="loads", target="x:y", summary="", config=WeightsConfig, files=files)
    return files_of(spec, build(WeightsConfig, settings, where="generator loads"))


def test_a_plugin_that_names_no_files_has_no_digits_of_them(folder: Path) -> None:
    assert digits(None) == digits(()) == ""


@pytest.mark.parametrize("files", [("weights.bin",), (Path("weights.bin"),), of_setting])
def test_files_are_named_one_by_one_or_by_a_function_of_the_settings(
    folder: Path, files: Any
) -> None:
    before = digits(files)
    assert len(before) == 12
    (folder / "weights.bin").write_bytes(b"two")
    assert digits(files) != before
    (folder / "weights.bin").write_bytes(b"one")
    assert digits(files) == before


def test_the_settings_say_which_file_it_is(folder: Path) -> None:
    (folder / "other.bin").write_bytes(b"two")
    assert digits(of_setting, weights="other.bin") != digits(of_setting)


def test_where_a_file_stands_does_not_count_but_its_name_does(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "weights.bin").write_bytes(b"one")
    assert digits(("deep/weights.bin",)) == digits((folder / "weights.bin",))
    (folder / "renamed.bin").write_bytes(b"one")
    assert digits(("renamed.bin",)) != digits(("weights.bin",))


def test_of_a_folder_every_file_below_it_counts(folder: Path) -> None:
    (folder / "model" / "deep").mkdir(parents=True)
    (folder / "model" / "a.bin").write_bytes(b"a")
    before = digits(("model",))
    (folder / "model" / "deep" / "b.bin").write_bytes(b"")
    assert digits(("model",)) != before


def test_bytes_cannot_move_from_one_file_to_the_next(folder: Path) -> None:
    for name, content in {"a": b"12", "b": b"3"}.items():
        (folder / name).write_bytes(content)
    before = digits(("a", "b"))
    (folder / "a").write_bytes(b"1")
    (folder / "b").write_bytes(b"23")
    assert digits(("a", "b")) != before
    assert digits(("b", "a")) != digits(("a", "b"))


def test_a_missing_file_is_a_usage_error_that_names_plugin_and_path(folder: Path) -> None:
    with pytest.raises(UsageError) as error:
        digits(of_setting, weights="absent.bin")
    assert str(error.value).startswith(
        f"generator loads: its file absent.bin is not there ({folder / 'absent.bin'}); "
    )


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (lambda config: config.no_such, "AttributeError"),
        (lambda config: 3, "TypeError"),
        ((3,), "TypeError"),
    ],
)
def test_files_that_cannot_be_told_are_the_plugins_fault(
    folder: Path, files: Any, said: str
) -> None:
    with pytest.raises(PluginError, match=f"generator loads: files cannot be told: {said}"):
        digits(files)


def test_a_single_path_is_one_file_and_not_a_list_of_letters(folder: Path) -> None:
    assert digits("weights.bin") == digits(("weights.bin",))
    assert digits(lambda config: str(config.weights)) == digits(("weights.bin",))


def test_a_record_tells_file_plugins_from_installed_ones_without_their_names(
    plugins: Path, only_files: None
) -> None:
    entry = discover([plugins / "good.py"]).entry("metric", "level")
    config = build(entry.spec.config, {}, where="metric level")
    from_file = used(entry, config)
    assert from_file.from_file
    assert from_file.identity[3] == from_file.code != ""
    origin = Origin("acme.py:e", "acme.py", "1", entry.origin.module)
    installed = used(Entry(entry.spec, origin), config)
    assert not installed.from_file
    assert installed.identity[3] == ""
    assert installed.code != ""


def record(files: str = "", **settings: Any) -> PluginRecord:
    return PluginRecord(name="loads", version=1, settings=settings, origin="tests 1", files=files)


@pytest.mark.parametrize(
    "value", ["weights.bin", "./weights.bin", ["x", "weights.bin"], {"a": {"b": "weights.bin"}}]
)
def test_a_setting_that_names_a_file_of_a_plugin_that_declares_none_is_warned_of(
    folder: Path, value: Any
) -> None:
    (warning,) = unnoticed_files("generator", record(weights=value))
    assert warning.startswith("generator loads: setting weights names the file ")
    assert "weights.bin" in warning
    assert unnoticed_files("generator", record(weights=value, files="0123456789ab")) == []


@pytest.mark.parametrize("value", ["cpu", "absent.bin", "", "\0.bin", "x" * 5000 + ".bin", 3, None])
def test_other_settings_are_not_warned_of(folder: Path, value: Any) -> None:
    (folder / "cpu").write_bytes(b"")
    assert unnoticed_files("generator", record(weights=value)) == []
