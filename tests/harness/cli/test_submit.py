from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench.harness.formats.labels import read_labels
from ecgbench.harness.formats.table import FORMATS, read_windows
from tests.harness.formats.conftest import NAMES

if TYPE_CHECKING:
    from tests.harness.cli.conftest import Command


@pytest.fixture
def split(ecgbench: Command) -> dict[str, Any]:
    """What ``ecgbench split`` wrote: the training windows, and the labels to draw."""
    assert ecgbench("split", "tiny", "--out", "made", "--plugin", ecgbench.stubs) == 0
    return what_was_written()


def what_was_written() -> dict[str, Any]:
    with np.load("made/train.npz") as train, np.load("made/draw.npz") as draw:
        assert draw["split"] == train["split"]
        return {name: train[name] for name in train.files} | {"draw": draw["labels"]}


def submit(ecgbench: Command, *flags: str, name: str = "mine", **arrays: Any) -> int:
    np.savez("mine.npz", **arrays)
    plugin = ("--plugin", ecgbench.stubs, "--metrics", "peak", "--no-references")
    return ecgbench("score", "mine.npz", "--name", name, *plugin, *flags)


def drawn(split: dict[str, Any]) -> dict[str, Any]:
    rows = [np.flatnonzero(split["labels"] == label)[0] for label in split["draw"]]
    return {"signals": split["signals"][rows], "labels": split["draw"], "split": split["split"]}


def test_split_writes_train_alone_with_units_rate_leads_and_classes(split: dict[str, Any]) -> None:
    assert split["signals"].dtype == np.float32
    assert split["signals"].shape[1:] == (1, 16)
    assert 140 <= len(split["signals"]) * 2 <= 160  # half of the members' windows
    assert split["sampling_rate"] == 16
    assert list(split["leads"]) == ["II"]
    assert list(split["classes"]) == ["N", "V"]
    assert set(split["draw"]) == {0, 1}


def test_submitted_windows_become_a_row_marked_submitted(
    ecgbench: Command, split: dict[str, Any]
) -> None:
    assert submit(ecgbench, **drawn(split)) == 0
    assert "mine (submitted)" in ecgbench.out
    (row,) = ecgbench.boards[0]["rows"]
    assert row["submitted"]
    assert row["scores"]["peak"]["value"] is not None


def test_a_submission_stands_on_the_board_of_the_study(
    ecgbench: Command, split: dict[str, Any]
) -> None:
    assert ecgbench("run", *ecgbench.flags, "--metrics", "peak", "--seeds", "0") == 0
    assert submit(ecgbench, **drawn(split)) == 0
    (board,) = ecgbench.boards
    assert {row["generator"] for row in board["rows"]} == {"jitter", "mine"}


def test_a_file_says_of_which_study_it_is(ecgbench: Command) -> None:
    assert (
        ecgbench("split", "tiny", "--out", "made", "--plugin", ecgbench.stubs, "--study=smoke") == 0
    )
    assert submit(ecgbench, **drawn(what_was_written())) == 0
    assert "plan study smoke: 1 dataset" in ecgbench.out
    assert ecgbench.boards[0]["study"] == "smoke"
    assert submit(ecgbench, "--study=quick", **drawn(what_was_written())) == 0
    assert "plan study quick" in ecgbench.out


def test_a_run_shows_the_metrics_that_were_asked_for(
    ecgbench: Command, split: dict[str, Any]
) -> None:
    np.savez("mine.npz", **drawn(split))
    flags = ("--plugin", ecgbench.stubs, "--no-references", "--name", "mine")
    assert ecgbench("score", "mine.npz", *flags, "--metrics", "peak,never") == 0
    head, _, _ = ecgbench.out.partition("─\nmine ")
    assert "peak ↓" in head
    assert "never" in head


def test_the_windows_of_a_submission_may_come_in_any_order(
    ecgbench: Command, split: dict[str, Any]
) -> None:
    arrays = drawn(split)
    turned = np.argsort(arrays["labels"], kind="stable")[::-1]
    turned_arrays = {name: arrays[name][turned] for name in ("signals", "labels")}
    assert submit(ecgbench, **arrays | turned_arrays) == 0
    (stored,) = Path().rglob("synthetic.npz")
    with np.load(stored) as kept:
        assert np.array_equal(kept["labels"], split["draw"])


def spoil(arrays: dict[str, Any], how: str) -> dict[str, Any]:
    signals, labels = arrays["signals"], arrays["labels"]
    nan = signals.copy()
    nan[3, 0, 2] = np.nan
    changed: dict[str, dict[str, Any]] = {
        "two dimensions": {"signals": signals[:, 0]},
        "transposed": {"signals": signals.transpose(0, 2, 1)},
        "too few": {"signals": signals[:-1], "labels": labels[:-1]},
        "another length": {"signals": signals[:, :, :-2]},
        "integers": {"signals": (signals * 200).astype(np.int16)},
        "microvolts": {"signals": signals * 1000},
        "min-max scaled": {"signals": (signals - signals.min()) / np.ptp(signals)},
        "nan": {"signals": nan},
        "beyond float32": {"signals": signals.astype(np.float64) * 1e300},
        "another rate": {"sampling_rate": 360.0},
        "two rates": {"sampling_rate": np.array([16.0, 16.0])},
        "a rate in words": {"sampling_rate": "fast"},
        "another lead": {"leads": np.array(["V1"])},
        "leads as objects": {"leads": np.array(["II"], dtype=object)},
        "unknown classes": {"classes": np.array(["N", "X"])},
        "a class twice": {"classes": np.array(["N", "V", "N"])},
        "classes counted from 1": {"labels": labels + 1},
        "other labels": {"labels": np.zeros_like(labels)},
        "text labels": {"labels": np.array(["N"] * len(labels))},
    }
    return arrays | changed[how]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("two dimensions", "signals[:, None, :] has it"),
        ("transposed", "signals.transpose(0, 2, 1) has it"),
        ("too few", "one for each label that ecgbench split writes"),
        ("another length", "a window is 16 samples at 16 Hz"),
        ("integers", "floating-point millivolts are wanted"),
        ("microvolts", "are these µV or digital samples?"),
        ("min-max scaled", "look scaled to [0, 1]"),
        ("nan", "1 windows hold NaN or infinite samples, first window 3"),
        ("beyond float32", "windows hold NaN or infinite samples, first window 0"),
        ("another rate", "sampling_rate is 360 Hz; 16 Hz is wanted"),
        ("two rates", "sampling_rate is of shape (2,) (float64); one number of Hz is wanted, 16"),
        ("a rate in words", "sampling_rate is 'fast' (<U4); one number of Hz is wanted, 16"),
        ("another lead", "leads are V1; wanted are II"),
        ("leads as objects", "leads.npy holds Python objects; numbers or text are wanted"),
        ("unknown classes", "classes are N, X; those of the dataset are wanted: N, V"),
        ("a class twice", "classes are N, V, N; those of the dataset are wanted: N, V"),
        ("classes counted from 1", "labels run from 1 to 2; indices into N, V are wanted, from 0"),
        ("other labels", "labels by class are N"),
        ("text labels", "labels by class are N"),
    ],
)
def test_what_is_wrong_with_a_submission_is_diagnosed(
    ecgbench: Command, split: dict[str, Any], how: str, message: str
) -> None:
    assert submit(ecgbench, **spoil(drawn(split), how)) == 2
    assert message in ecgbench.err
    assert "Traceback" not in ecgbench.err


def test_pickles_are_refused(ecgbench: Command, split: dict[str, Any]) -> None:
    objects = np.array([object()] * len(split["draw"]), dtype=object)
    assert submit(ecgbench, signals=objects, labels=split["draw"]) == 2
    assert "signals.npy holds Python objects" in ecgbench.err


def test_what_else_a_file_holds_is_its_own_affair(ecgbench: Command, split: dict[str, Any]) -> None:
    about = np.array([{"epochs": 3}], dtype=object)
    assert submit(ecgbench, **drawn(split), about=about) == 0


@pytest.mark.parametrize("rate", [16, np.array([16.0])])
def test_a_rate_may_have_any_type_of_number(
    ecgbench: Command, split: dict[str, Any], rate: Any
) -> None:
    assert submit(ecgbench, **drawn(split), sampling_rate=rate) == 0


def test_labels_are_taken_by_the_names_of_the_files_own_classes(
    ecgbench: Command, split: dict[str, Any]
) -> None:
    arrays = drawn(split)
    turned = {"labels": 1 - arrays["labels"], "classes": np.array(["V", "N"])}
    assert submit(ecgbench, **arrays | turned) == 0
    assert "labels were taken by the names of its classes (V, N)" in ecgbench.out
    (stored,) = Path().rglob("synthetic.npz")
    with np.load(stored) as kept:
        assert np.array_equal(kept["signals"], arrays["signals"])
        assert np.array_equal(kept["labels"], split["draw"])


def test_a_file_says_of_which_split_it_is(ecgbench: Command) -> None:
    made = ("--seed", "2", "--set", "dataset.tiny.patients=8", "--windows", "200")
    assert ecgbench("split", "tiny", "--out", "made", "--plugin", ecgbench.stubs, *made) == 0
    written = what_was_written()
    assert json.loads(str(written["split"])) == {
        "dataset": "tiny",
        "nested": None,
        "protocol": 1,
        "seed": 2,
        "settings": {"patients": 8, "windows": 300},
        "study": "quick",
        "train": json.loads(str(written["split"]))["train"],
        "windows": 200,
    }
    assert submit(ecgbench, **drawn(written)) == 0
    (cell,) = Path("ecgbench-results/cells/tiny/mine").iterdir()
    assert cell.name.startswith("seed-2-")
    (board,) = ecgbench.boards
    assert board["settings"] == {"dataset.tiny.patients": 8, "windows": 200}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--seed", "1"), "trained on the split of tiny with seed 0, so --seed 1 does not fit"),
        (("--dataset", "other"), "split of tiny with seed 0, so --dataset other does not fit"),
        (("--windows", "200"), "a split of all windows, --windows or --study says 200"),
        (
            ("--set", "dataset.tiny.patients=8"),
            "patients = 6 of dataset tiny, --set or --study says 8",
        ),
    ],
)
def test_what_does_not_fit_the_split_is_refused(
    ecgbench: Command, split: dict[str, Any], flags: tuple[str, ...], message: str
) -> None:
    assert submit(ecgbench, *flags, **drawn(split)) == 2
    assert message in ecgbench.err
    assert not Path("ecgbench-results").exists()


def test_a_split_of_other_training_windows_is_refused(
    ecgbench: Command, split: dict[str, Any]
) -> None:
    told = json.loads(str(split["split"])) | {"seed": 1}
    assert submit(ecgbench, **drawn(split) | {"split": json.dumps(told)}) == 2
    assert "the training windows of its split are not those of dataset tiny here" in ecgbench.err


@pytest.mark.parametrize("said", ["", "seed 0", '{"seed": 0}', '{"seed": -1}'])
def test_a_split_that_ecgbench_did_not_write_is_refused(
    ecgbench: Command, split: dict[str, Any], said: str
) -> None:
    assert submit(ecgbench, **drawn(split) | {"split": said}) == 2
    assert "its array split is not that of ecgbench split" in ecgbench.err


@pytest.mark.parametrize(
    ("flags", "missing"),
    [
        ((), "--dataset and --seed must"),
        (("--dataset", "tiny"), "so --seed must"),
        (("--seed", "0"), "so --dataset must"),
    ],
)
def test_nobody_guesses_the_seed_of_a_file_that_does_not_say_it(
    ecgbench: Command, split: dict[str, Any], flags: tuple[str, ...], missing: str
) -> None:
    arrays = drawn(split)
    del arrays["split"]
    assert submit(ecgbench, *flags, **arrays) == 2
    assert missing in ecgbench.err
    assert "split=draw['split']" in ecgbench.err
    assert submit(ecgbench, "--dataset", "tiny", "--seed", "0", **arrays) == 0


def test_the_command_that_split_prints_scores_what_was_drawn(
    ecgbench: Command, tmp_path: Path
) -> None:
    plugin = tmp_path / "my plugins.py"
    plugin.write_bytes(ecgbench.stubs.read_bytes())
    made = ("--set", "dataset.tiny.patients=8", "--study", "smoke", "--windows", "240")
    assert ecgbench("split", "tiny", "--out", "made", "--plugin", plugin, *made) == 0
    program, *command = shlex.split(ecgbench.out.splitlines()[-1])
    assert program == "ecgbench"
    assert "--plugin" in command
    np.savez("FILE.npz", **drawn(what_was_written()))
    assert ecgbench(*command, "--metrics", "peak", "--no-references") == 2
    assert "--name 'MYMODEL' does not match" in ecgbench.err
    command[command.index("MYMODEL")] = "mine"
    assert ecgbench(*command, "--metrics", "peak", "--no-references") == 0


def test_a_name_that_is_taken_or_no_path_is_refused(
    ecgbench: Command, split: dict[str, Any]
) -> None:
    assert submit(ecgbench, name="jitter", **drawn(split)) == 2
    assert "is a generator plugin's name" in ecgbench.err
    assert submit(ecgbench, name="../evil", **drawn(split)) == 2
    assert "does not match" in ecgbench.err


def test_a_file_that_lacks_labels_is_told_what_it_holds(
    ecgbench: Command, split: dict[str, Any]
) -> None:
    assert submit(ecgbench, signals=split["signals"]) == 2
    assert "holds signals; signals and labels are wanted" in ecgbench.err


@pytest.mark.parametrize("damaged", ["synthetic.npz", "cell.json"])
def test_a_submission_that_was_damaged_is_taken_again(
    ecgbench: Command, split: dict[str, Any], damaged: str
) -> None:
    assert submit(ecgbench, **drawn(split)) == 0
    before = ecgbench.boards[0]["rows"][0]["scores"]["peak"]["value"]
    (file,) = Path("ecgbench-results/cells").rglob(damaged)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert submit(ecgbench, **drawn(split)) == 0
    assert ecgbench.boards[0]["rows"][0]["scores"]["peak"]["value"] == before
    assert list(Path("ecgbench-results/damaged").rglob(damaged))


def test_a_submission_that_was_merged_without_its_windows_is_completed(
    ecgbench: Command, split: dict[str, Any]
) -> None:
    import msgspec

    from ecgbench.results.store.store import Store

    assert submit(ecgbench, **drawn(split)) == 0
    store = Store(Path("ecgbench-results"))
    (name,) = store.cell_names()
    record = store.cell(name)
    assert record is not None
    (store.folder(name) / "synthetic.npz").unlink()
    store.write_cell(msgspec.structs.replace(record, stored=False, synthetic_file=""))
    assert submit(ecgbench, "--metrics", "peak,never", **drawn(split)) == 0
    again = store.cell(name)
    assert again is not None
    assert again.stored
    assert store.damage(name) is None
    assert {score.metric.name for score in store.scores(name)} == {"peak", "never"}


@pytest.mark.parametrize("form", NAMES)
def test_what_split_writes_score_takes_without_an_option(ecgbench: Command, form: str) -> None:
    made = ("--out", "made", "--plugin", ecgbench.stubs, "--format", form)
    assert ecgbench("split", "tiny", *made) == 0
    suffix = "" if form == "wfdb" else f".{form}"
    train = read_windows(Path(f"made/train{suffix}")).arrays
    draw = read_labels(Path("made/draw.csv")) if form != "npz" else np.load("made/draw.npz")
    given = names_of(train["labels"])
    wanted = names_of(draw["labels"])
    rows = [int(np.flatnonzero(given == label)[0]) for label in wanted]
    mine: dict[str, Any] = {
        "signals": train["signals"][rows],
        "labels": (wanted == "V").astype(np.int64),
        "sampling_rate": np.array(16.0),
        "leads": np.array(["II"]),
        "classes": np.array(["N", "V"]),
    }
    if "split" in train and form in ("npz", "parquet"):
        mine["split"] = train["split"]
    path = FORMATS[form].write(Path("made"), "mine", mine)
    plugin = ("--plugin", ecgbench.stubs, "--metrics", "peak", "--no-references")
    assert ecgbench("score", path, "--name", "mine", *plugin) == 0
    assert "does not say all" not in ecgbench.out
    assert ecgbench.boards[0]["rows"][0]["scores"]["peak"]["value"] is not None


def names_of(labels: Any) -> np.ndarray:
    return np.asarray(labels if labels.dtype.kind == "U" else np.array(["N", "V"])[labels])


def test_a_bare_array_is_scored_with_its_facts_from_the_user(
    ecgbench: Command, split: dict[str, Any]
) -> None:
    arrays = drawn(split)
    np.save("mine.npy", np.repeat(arrays["signals"], 2, axis=2).transpose(0, 2, 1) * 1000)
    np.savetxt("labels.txt", arrays["labels"] + 1, fmt="%d")
    Path("split.json").write_text(str(arrays["split"]))
    flags = ("--plugin", ecgbench.stubs, "--metrics", "peak", "--no-references", "--name", "mine")
    words = "--labels labels.txt --classes 1=N,2=V --unit uV --rate 32 --resample --lead II"
    axes = ("--axes", "window,sample,lead")
    assert ecgbench("score", "mine.npy", *flags, *words.split(), *axes) == 0
    (cell,) = Path("ecgbench-results/cells/tiny/mine").iterdir()
    notes = json.loads((cell / "cell.json").read_text())["notes"]
    for told in (
        "labels.txt",
        "split.json",
        "converted to mV",
        "from 32 to 16 Hz",
        "--classes",
        "axes",
    ):
        assert any(told in note for note in notes), told
        assert told in " ".join(ecgbench.out.split())


def test_microvolts_are_named_with_the_option_that_converts_them(
    ecgbench: Command, split: dict[str, Any]
) -> None:
    assert submit(ecgbench, **spoil(drawn(split), "microvolts")) == 2
    assert "(--unit uV converts them)" in ecgbench.err
    assert submit(ecgbench, "--unit", "uV", **spoil(drawn(split), "microvolts")) == 0


def test_the_note_on_another_split_is_not_overwritten(ecgbench: Command) -> None:
    made = ("--out", "made", "--plugin", ecgbench.stubs, "--format", "csv")
    assert ecgbench("split", "tiny", *made) == 0
    assert ecgbench("split", "tiny", *made) == 0
    assert ecgbench("split", "tiny", "--seed", "1", *made) == 2
    assert "the note on another split" in ecgbench.err


def test_a_split_of_people_with_attributes_is_taken_back(ecgbench: Command) -> None:
    assert ecgbench("split", "ecgsyn", "--study", "smoke", "--out", "made") == 0
    made = what_was_written()
    rng = np.random.default_rng(0)
    arrays = drawn(made)
    arrays["signals"] = arrays["signals"] + 0.05 * rng.standard_normal(arrays["signals"].shape)
    np.savez("mine.npz", **arrays)
    flags = ("--metrics", "skewness-difference", "--no-references", "--name", "mine")
    assert ecgbench("score", "mine.npz", *flags) == 0


@pytest.mark.parametrize("command", ["score", "split", "sample"])
def test_help_ends_with_two_examples(ecgbench: Command, command: str) -> None:
    assert ecgbench(command, "--help") == 0
    tail = ecgbench.out.split("Examples:")[1].split("\n")
    lines = [line.strip() for line in tail if line.strip()]
    assert len(lines) == 2
    assert all(line.startswith(f"ecgbench {command} ") for line in lines)
