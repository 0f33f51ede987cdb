from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.harness.cli.conftest import Command


@pytest.fixture
def split(ecgbench: Command) -> dict[str, Any]:
    """What ``ecgbench split`` wrote: the training windows, and the labels to draw."""
    assert ecgbench("split", "tiny", "--out", "made", "--plugin", ecgbench.stubs) == 0
    assert "ecgbench score FILE.npz --dataset tiny --seed 0" in ecgbench.out
    with np.load("made/train.npz") as train, np.load("made/draw.npz") as draw:
        return {name: train[name] for name in train.files} | {"draw": draw["labels"]}


def submit(ecgbench: Command, *flags: str, name: str = "mine", **arrays: Any) -> int:
    np.savez("mine.npz", **arrays)
    plugin = ("--plugin", ecgbench.stubs, "--metrics", "peak", "--no-references")
    return ecgbench("score", "mine.npz", "--dataset", "tiny", "--name", name, *plugin, *flags)


def drawn(split: dict[str, Any]) -> dict[str, Any]:
    rows = [np.flatnonzero(split["labels"] == label)[0] for label in split["draw"]]
    return {"signals": split["signals"][rows], "labels": split["draw"]}


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


def test_the_windows_of_a_submission_may_come_in_any_order(
    ecgbench: Command, split: dict[str, Any]
) -> None:
    arrays = drawn(split)
    turned = np.argsort(arrays["labels"], kind="stable")[::-1]
    assert submit(ecgbench, **{k: v[turned] for k, v in arrays.items()}) == 0
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
        "another rate": {"sampling_rate": 360.0},
        "another lead": {"leads": np.array(["V1"])},
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
        ("another rate", "sampling_rate is 360 Hz; 16 Hz is wanted"),
        ("another lead", "leads are V1; wanted are II"),
        ("other labels", "labels by class are N"),
        ("text labels", "whole numbers of shape"),
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
    assert "is no .npz of plain arrays" in ecgbench.err


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
    assert submit(ecgbench, windows=split["signals"]) == 2
    assert "holds windows; signals and labels are wanted" in ecgbench.err


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

    from ecgbench.results.store import Store

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
