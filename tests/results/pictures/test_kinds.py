"""Each drawing in each format: the same bytes every time, and names as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench.results.pictures import exploration
from ecgbench.results.pictures.canvas import FORMATS, broken, to_bytes
from ecgbench.results.pictures.classes import Line as ClassLine
from ecgbench.results.pictures.classes import Side, classes
from ecgbench.results.pictures.critical import critical
from ecgbench.results.pictures.curves import Line, curves
from ecgbench.results.pictures.doses import Series, doses
from ecgbench.results.pictures.effects import Effect, effects
from ecgbench.results.pictures.marks import Mark, Panel, marks
from ecgbench.results.pictures.marks import Side as AxisSide
from ecgbench.results.pictures.people import Guessed, people
from ecgbench.results.pictures.roc import Curve, roc
from ecgbench.results.pictures.spectra import log_spectrum, spectra

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

NAME = "<b>$\\alpha_{1}$</b>\x1b"
TEXT = "&lt;b&gt;$\\alpha_{1}$&lt;/b&gt;"
COUNTS = np.arange(1, 21)
STEPS = COUNTS.astype(np.float64)
RNG = np.random.default_rng(0)
SIGNALS = RNG.standard_normal((12, 2, 100)).astype(np.float32)
LABELS = np.arange(12) % 2
SIDE = Side(signals=SIGNALS[:, 0], labels=LABELS)

DRAWINGS: dict[str, Callable[[], Figure]] = {
    "roc": lambda: roc([(NAME, [Curve(NAME, COUNTS, np.minimum(2 * COUNTS, 20))])], title=NAME),
    "people": lambda: people([Guessed(NAME, {1: 0.9, 2: 0.4})], title=NAME, note=NAME),
    "curves": lambda: curves(
        [(NAME, [Line(NAME, STEPS, np.exp(STEPS)), Line(NAME, STEPS, STEPS)])], title=NAME
    ),
    "effects": lambda: effects(
        [
            Effect(NAME, NAME, 0.5, 0.3, 0.7, "A better"),
            Effect("b", "c", -0.1, None, None, "not tested"),
        ],
        a=NAME,
        b="other",
        title=NAME,
    ),
    "marks": lambda: marks(
        [
            Panel(
                title=NAME,
                x=AxisSide(label=NAME, is_log=True),
                y=AxisSide(label=NAME, is_reversed=True),
                marks=[
                    Mark(NAME, "on the front", (1, 2), (1, 2), (1.2, 2.5)),
                    Mark("b", "reference row", (10, 3), (10, 2), (12, 4)),
                ],
            )
        ]
    ),
    "critical": lambda: critical({NAME: 1.4, "b": 2.0, "c": 2.6}, [(NAME, "b")], 0.7, 12),
    "doses": lambda: doses([Series(NAME, NAME, [0, 1], [0, 2], 0.5, "seen")], title=NAME),
    "classes": lambda: classes(
        [ClassLine(name=NAME, synthetic=SIDE, real=SIDE)], names=[NAME, "V"], rate=100, title=NAME
    ),
    "spectra": lambda: spectra(
        [(NAME, SIGNALS, LABELS)],
        ("real", SIGNALS, LABELS),
        names=[NAME, "V"],
        rate=100,
        title=NAME,
    ),
    "histograms": lambda: exploration.histograms(
        [exploration.Histogram(NAME, NAME, [0, 1, 2], [3, 4])]
    ),
    "windows of people": lambda: exploration.people([NAME, "2"], [[3, 1], [5, 0]], [NAME, "V"]),
    "leads": lambda: exploration.leads([NAME, "V1"], [(NAME, [[1, 2, 3, 4, 5], []])]),
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kind", DRAWINGS)
def test_a_drawing_has_the_same_bytes_every_time_in_each_format(kind: str, form: str) -> None:
    first, again = (to_bytes(DRAWINGS[kind](), form) for _ in range(2))
    assert first == again
    start = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}[form]
    assert first.startswith(start)
    assert len(first) > 2000


@pytest.mark.parametrize("kind", DRAWINGS)
def test_a_hostile_name_is_text(kind: str) -> None:
    text = to_bytes(DRAWINGS[kind](), "svg").decode()
    assert TEXT in text
    assert "<b>" not in text


def test_text_of_a_pdf_stays_text() -> None:
    assert b"/FontFile2" in to_bytes(DRAWINGS["people"](), "pdf")


def test_a_tone_has_its_power_at_its_frequency() -> None:
    time = np.arange(1000) / 100
    tone = 0.5 * np.sin(2 * np.pi * 10 * time)[None, None]
    density = log_spectrum(tone, 100)
    assert density.argmax() + 1 == 100  # 10 Hz, in steps of 0.1 Hz
    total = (10 ** (density / 10)).sum() * 0.1
    assert total == pytest.approx(0.5**2 / 2, rel=0.01)


def test_a_long_name_is_broken_after_its_marks() -> None:
    assert broken("virtual-people:shrinkage=0.0", 11) == [
        "virtual-",
        "people:",
        "shrinkage=",
        "0.0",
    ]
    assert broken("gmm", 11) == ["gmm"]


def test_a_mean_spectrum_of_many_windows_is_that_of_all_people(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ecgbench.results.pictures import spectra as module

    monkeypatch.setattr(module, "MOST", 10)
    rows = module._evenly(np.arange(100), 200)
    assert len(rows) == 10
    assert (rows[0], rows[-1]) == (0, 99)
