from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from ecgbench.contracts.errors import UsageError
from ecgbench.harness.formats.conform import Conformed, Said, conform
from tests.harness.formats.conftest import arrays, windows

MADE = windows()
ONE = windows(leads=("II",))
N = len(MADE)


def conformed(given: dict[str, Any], **said: Any) -> Conformed:
    wanted = ONE if given["signals"].ndim == 2 else MADE
    return conform("mine", given, Said(**said), wanted, N)


def told(given: dict[str, Any], **said: Any) -> str:
    with pytest.raises(UsageError) as caught:
        conformed(given, **said)
    return str(caught.value)


def same(found: Conformed, tolerance: float = 1e-6) -> bool:
    return bool(np.abs(found.signals - MADE.signals).max() <= tolerance)


def test_facts_that_nobody_says_are_taken_from_the_dataset_and_told() -> None:
    found = conformed(arrays(MADE))
    assert same(found)
    assert found.notes == [
        (
            "does not say all, so it is read with samples in mV, leads II, V1, a rate of 100 Hz, labels as "
            "indices into N, V, F"
        )
    ]


def test_facts_of_the_dataset_need_no_note() -> None:
    given = arrays(
        MADE, unit="mV", leads=MADE.leads, sampling_rate=100.0, classes=MADE.classes, axes=AXES
    )
    assert conformed(given).notes == []


AXES = ("window", "lead", "sample")


@pytest.mark.parametrize(("unit", "factor"), [("uV", 1000), ("V", 0.001), ("mV", 1)])
def test_units_become_millivolts_whether_the_file_or_the_user_says_them(
    unit: str, factor: float
) -> None:
    signals = MADE.signals.astype(np.float64) * factor
    given = arrays(MADE) | {"signals": signals}
    for found in (conformed(given, unit=unit), conformed(given | {"unit": np.array(unit)})):
        assert same(found)
        assert any("converted to mV" in note for note in found.notes) == (unit != "mV")


def test_each_lead_may_have_a_unit_of_its_own() -> None:
    signals = MADE.signals * np.array([1.0, 1000.0])[None, :, None]
    assert same(conformed(arrays(MADE, unit=["mV", "uV"]) | {"signals": signals}))


def test_whole_microvolts_are_read_if_their_unit_is_said() -> None:
    given = arrays(MADE) | {"signals": np.rint(MADE.signals * 1000).astype(np.int16)}
    assert same(conformed(given, unit="uV"), 6e-4)
    assert "--unit uV" in told(given)


def test_a_unit_of_the_file_and_another_of_the_user_are_refused() -> None:
    assert "its unit is mV, --unit says uV" in told(arrays(MADE, unit="mV"), unit="uV")
    assert "'mmHg'" in told(arrays(MADE, unit="mmHg"))


def test_leads_are_taken_by_name() -> None:
    given = arrays(MADE, leads=["V1", "II"]) | {"signals": MADE.signals[:, ::-1]}
    found = conformed(given)
    assert same(found)
    assert "leads II, V1 were taken by name from V1, II" in found.notes


def test_the_user_names_leads_that_the_file_does_not_name_or_calls_otherwise() -> None:
    assert same(conformed(arrays(MADE), leads=("II", "V1")))
    found = conformed(arrays(MADE, leads=["ECG1", "ECG2"]), leads=("II", "V1"))
    assert same(found)
    assert "its leads ECG1, ECG2 are called II, V1 by --lead" in found.notes
    message = told(arrays(MADE, leads=["ECG1", "ECG2"]))
    assert "leads are ECG1, ECG2; wanted are II, V1 (--lead" in message


def test_another_number_of_leads_is_named_with_both() -> None:
    given = arrays(MADE) | {"signals": MADE.signals[:, :1]}
    assert "signals have 1 leads; 2 are wanted, II, V1: --lead" in told(given)


def test_rows_of_several_leads_are_parted_if_the_leads_are_named() -> None:
    given = arrays(MADE, axes=["window", "sample"]) | {"signals": MADE.signals.reshape(N, -1)}
    found = conform("mine", given, Said(leads=("II", "V1")), MADE, N)
    assert same(found)
    assert "each window's 80 numbers are 2 leads of 40 samples" in found.notes[0]


@pytest.mark.parametrize("axes", [("window", "sample", "lead"), ("sample", "lead", "window")])
def test_axes_are_put_in_order_if_the_user_or_the_file_says_them(axes: tuple[str, ...]) -> None:
    signals = MADE.signals.transpose([AXES.index(name) for name in axes])
    given = arrays(MADE) | {"signals": signals}
    for found in (conformed(given, axes=axes), conformed(given | {"axes": np.array(axes)})):
        assert same(found)
        assert f"axes {','.join(axes)} were put into the order" in found.notes[0]


def test_exchanged_axes_are_seen_and_not_guessed() -> None:
    given = arrays(MADE) | {"signals": MADE.signals.transpose(0, 2, 1)}
    assert "--axes window,sample,lead" in told(given)
    flat = {"signals": ONE.signals[:, 0], "labels": ONE.labels}
    assert "--axes window,sample" in told(flat)
    assert np.array_equal(conformed(flat, axes=("window", "sample")).signals, ONE.signals)


def test_another_rate_is_resampled_if_the_user_wants_it() -> None:
    t = np.arange(200) / 500
    fast = np.sin(2 * np.pi * 5 * t)[None, None].repeat(N, 0).repeat(2, 1)
    given = arrays(MADE) | {"signals": fast}
    message = told(given, rate=500.0)
    assert "sampling_rate is 500 Hz; 100 Hz is wanted: --resample" in message
    found = conformed(given, rate=500.0, resample=True)
    wanted = np.sin(2 * np.pi * 5 * np.arange(40) / 100)
    inner = slice(5, -5)
    assert np.abs(found.signals[:, :, inner] - wanted[inner]).max() < 0.01
    assert "from 500 to 100 Hz (200 samples at 500 Hz become 40 of 40 at 100 Hz)" in found.notes[0]


def test_a_length_that_no_rate_explains_is_named_with_both() -> None:
    given = arrays(MADE) | {"signals": MADE.signals[:, :, :37]}
    assert "a window is 40 samples at 100 Hz (0.400 s); these are 37 samples" in told(given)
    message = told(given, rate=125.0, resample=True)
    assert "37 samples at 125 Hz become 29.6 of 40 at 100 Hz" in message
    assert "--resample does not suffice" in told(given, rate=125.0)


def test_resampling_needs_a_rate() -> None:
    assert "--resample needs the rate of the file" in told(arrays(MADE), resample=True)
    assert "100 Hz, --rate says 99" in told(arrays(MADE, sampling_rate=100), rate=99.0)


@pytest.mark.parametrize(
    "said",
    [{"rate": float("nan")}, {"rate": -1.0}, {"unit": "adu"}, {"axes": ("window", "time")}],
)
def test_words_that_mean_nothing_are_refused(said: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Said(**said)


def heartbeat() -> dict[str, Any]:
    """Return windows as in the well-known csv of heartbeats: each scaled to [0, 1], zeros at its end."""
    rng = np.random.default_rng(0)
    signals = np.zeros((N, 2, 40))
    shown = rng.uniform(size=(N, 2, 30))
    low, high = shown.min(axis=2, keepdims=True), shown.max(axis=2, keepdims=True)
    signals[:, :, :30] = (shown - low) / (high - low)
    return {"signals": signals, "labels": MADE.labels.astype(float)}


def test_windows_scaled_one_by_one_and_padded_are_refused_with_both_reasons() -> None:
    message = told(heartbeat())
    low, high = (np.median(side(MADE.signals, axis=2)) for side in (np.min, np.max))
    assert f"from 0 to 1 in each lead, windows of train from {low:.3g} to {high:.3g} mV" in message
    assert "no option brings them back" in message
    assert "12 of 12 windows end in zeros, 10 of 40 samples (median); of train 0 of 12" in message
    assert re.search(r"unlike the dataset in 2 ways:\n- .*\n- ", message)


def test_zeros_at_the_end_of_millivolts_are_a_note() -> None:
    signals = MADE.signals.copy()
    signals[:, :, 30:] = 0
    notes = conformed(arrays(MADE) | {"signals": signals}).notes
    assert "12 of 12 windows end in zeros, 10 of 40 samples (median); of train 0 of 12 do" in notes


def test_all_differences_are_told_at_once() -> None:
    given = arrays(MADE, sampling_rate=360, classes=["A", "B", "C"])
    message = told(given)
    assert "in 2 ways" in message
    assert "sampling_rate is 360 Hz; 100 Hz is wanted" in message
    assert "classes are A, B, C" in message
