"""Windows on ECG paper: geometry, the drawing of lots, and real windows that stay unseen."""

from __future__ import annotations

import dataclasses
from io import BytesIO

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.image import imread

from ecgbench.contracts.windows import EcgWindows
from ecgbench.results.pictures import PICTURES, beside
from ecgbench.results.pictures.beside import Made, Real, nearest, pictures, windows_picture
from ecgbench.results.pictures.canvas import FORMATS, to_bytes
from ecgbench.results.pictures.paper import INCH, STANDARD, Sheet, tile
from ecgbench.results.pictures.windows import Row, draws, limits

SEED = 3


def ecg(
    count: int, *, leads: tuple[str, ...] = ("II",), length: int = 200, seed: int = 0
) -> EcgWindows:
    """Return windows, all different, of two classes."""
    rng = np.random.default_rng(seed)
    signals = rng.normal(scale=0.25, size=(count, len(leads), length)).astype(np.float32)
    return EcgWindows(
        signals=signals,
        labels=np.arange(count) % 2,
        patients=np.zeros(count, dtype=np.int64),
        sampling_rate=100.0,
        leads=leads,
        classes=("N", "V"),
    )


def real(*, free: bool = True, **how: object) -> Real:
    control = ecg(20, seed=1, **how)  # type: ignore[arg-type]
    train = ecg(30, seed=2, **how)  # type: ignore[arg-type]
    return Real(dataset="cohort", train=train, control=control, free=free, tolerance=1e-3)


def lines(drawn: object) -> list[np.ndarray]:
    """Return the traces of a page, in millimetres, without pulses."""
    (axis,) = drawn.axes  # type: ignore[attr-defined]
    return [line.get_xydata() for line in axis.lines if len(line.get_xydata()) > 6]


def texts(drawn: object) -> str:
    return "\n".join(text.get_text() for text in drawn.axes[0].texts)  # type: ignore[attr-defined]


def test_a_millivolt_is_ten_millimetres_and_a_second_twenty_five_on_the_printed_page() -> None:
    sheet = Sheet(120.0, 60.0)
    signals = np.zeros((1, 101))
    signals[0, 100] = 1.0
    layout = tile(("II",), 101, 100.0, -1.0, 2.0)
    sheet.window(10.0, 5.0, layout, signals, 100.0)
    (line,) = sheet.axis.lines
    points = sheet.axis.transData.transform(line.get_xydata()) / sheet.figure.dpi * INCH
    width, height = points[100] - points[0]
    assert width == pytest.approx(25.0)
    assert height == pytest.approx(10.0)


def test_the_lines_of_the_paper_are_one_and_five_millimetres_apart() -> None:
    sheet = Sheet(40.0, 30.0)
    sheet.paper(5.0, 5.0, 20.0, 15.0)
    small, large = (c for c in sheet.axis.collections if isinstance(c, LineCollection))
    upright = {
        round(float(path[0, 0]), 6)
        for lines_of in (small, large)
        for path in lines_of.get_segments()
        if path[0, 0] == path[1, 0]
    }
    assert upright == {5.0 + step for step in range(21)}
    assert sorted({float(p[0, 0]) for p in large.get_segments() if p[0, 0] == p[1, 0]}) == [
        5, 10, 15, 20, 25,
    ]  # fmt: skip


def test_the_pulse_is_one_millivolt_and_a_fifth_of_a_second() -> None:
    sheet = Sheet(40.0, 30.0)
    sheet.pulse(0.0, 0.0)
    x, y = np.asarray(sheet.axis.lines[0].get_xydata()).T
    assert np.ptp(y) == 10.0
    assert np.ptp(x[y > 5]) == pytest.approx(5.0)


def test_twelve_leads_stand_in_three_lines_of_four_with_a_rhythm_strip() -> None:
    layout = tile(STANDARD, 1000, 100.0, -1.0, 1.0)
    assert (layout.width, layout.height) == (250.0, 80.0)
    assert len(layout.traces) == 13
    v1 = layout.traces[STANDARD.index("V1")]
    assert (v1.first, v1.end, v1.x) == (500, 750, 125.0)
    rhythm = layout.traces[-1]
    assert (STANDARD[rhythm.lead], rhythm.first, rhythm.end, rhythm.y) == ("II", 0, 1000, 10.0)


def test_two_leads_stand_one_below_the_other() -> None:
    layout = tile(("MLII", "V1"), 200, 100.0, -1.0, 1.0)
    assert [trace.y for trace in layout.traces] == [30.0, 10.0]


def test_the_same_seed_draws_the_same_windows_of_the_class_and_another_others() -> None:
    labels = np.arange(200) % 2
    first, again, other = (draws(labels, 2, 5, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    for label, rows in enumerate(first):
        assert len(set(rows)) == 5
        assert (labels[rows] == label).all()


def test_each_synthetic_window_stands_above_its_nearest_training_window() -> None:
    data = real()
    made = ecg(20, seed=5)
    drawn = windows_picture([Made(name="gmm", windows=made)], data, title="t", count=1, seed=SEED)
    shown = lines(drawn)
    row = draws(made.labels, 2, 1, SEED)[0][0]
    place, distance, _ = nearest(made.signals[[row]], data.train.signals)
    # real N, real V, synthetic N, synthetic V, nearest N, nearest V
    assert np.ptp(shown[2][:, 1]) == pytest.approx(10 * np.ptp(made.signals[row]), rel=1e-5)
    assert np.ptp(shown[4][:, 1]) == pytest.approx(
        10 * np.ptp(data.train.signals[place[0]]), rel=1e-5
    )
    assert f"{distance[0]:.2f} mV away" in texts(drawn)


@pytest.mark.parametrize("chunk", [1, 1500, 10**6])
def test_the_nearest_window_is_the_nearest_of_all(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "CHUNK", chunk)
    data, made = real(), ecg(6, seed=5)
    among = data.train.signals
    places, distances, largest = nearest(made.signals, among)
    for row, window in enumerate(made.signals):
        every = [float(np.linalg.norm((window - other).ravel().astype(float))) for other in among]
        assert places[row] == int(np.argmin(every))
        assert distances[row] == pytest.approx(min(every), rel=1e-6)
        assert largest[row] == np.abs(window - among[places[row]]).max()


def test_a_dataset_that_may_not_be_redistributed_shows_no_real_window() -> None:
    data = real(free=False)
    made = ecg(20, seed=5)
    chosen = draws(made.labels, 2, 2, SEED)
    made.signals[chosen[0][0]] = data.train.signals[7]  # a copy
    drawn = windows_picture([Made(name="gmm", windows=made)], data, title="t", count=2, seed=SEED)
    shown = lines(drawn)
    own = [made.signals[row] for rows in chosen for row in rows]
    assert len(shown) == len(own) - 1
    heights = {round(float(np.ptp(line[:, 1])), 3) for line in shown}
    assert heights == {round(10 * float(np.ptp(window)), 3) for window in own[1:]}
    assert "not shown: equal to a real window" in texts(drawn)
    assert "cohort may not be redistributed" in texts(drawn)


def test_a_reference_row_of_such_a_dataset_has_no_pictures() -> None:
    made = Made(name="copy", windows=ecg(20, seed=5), reference=True)
    assert pictures(made, real(free=False), title="t", seed=0) == {}
    assert pictures(made, real(), title="t", seed=0).keys() == set(PICTURES)


def test_means_and_spectra_of_such_a_dataset_do_not_depend_on_its_windows() -> None:
    data = real(free=False)
    other = dataclasses.replace(data, control=ecg(20, seed=9))
    made = Made(name="gmm", windows=ecg(20, seed=5))
    assert pictures(made, data, title="t", seed=0) == pictures(made, other, title="t", seed=0)


@pytest.mark.parametrize("leads", [("II",), STANDARD])
def test_pictures_are_small_and_the_same_every_time(leads: tuple[str, ...]) -> None:
    length = 200 if len(leads) == 1 else 1000
    data = real(leads=leads, length=length)
    made = Made(name="gmm", windows=ecg(20, leads=leads, length=length, seed=5))
    first, again = (pictures(made, data, title="t", seed=0) for _ in range(2))
    assert first == again
    assert first != pictures(made, data, title="t", seed=1)
    for content in first.values():
        assert imread(BytesIO(content))[..., :3].std() > 0.02
    assert ("classes.png" in first) == (length == 200)


@pytest.mark.parametrize("form", FORMATS)
def test_a_page_has_the_same_bytes_in_each_format_and_hostile_names_are_text(form: str) -> None:
    name = "<script>$\\frac{1}{0}$\x1b[31m"
    data = dataclasses.replace(real(), dataset=name)
    made = Made(name=name, windows=ecg(20, seed=5))
    first, again = (
        to_bytes(windows_picture([made], data, title=name, count=1, seed=0), form) for _ in range(2)
    )
    assert first == again
    if form == "svg":
        text = first.decode()
        assert "&lt;script&gt;$\\frac{1}{0}$ [31m" in text
        assert "<script" not in text


def test_a_class_without_synthetic_windows_is_told() -> None:
    made = ecg(20, seed=5).take(np.arange(0, 20, 2))  # of the first class alone
    drawn = windows_picture([Made(name="gmm", windows=made)], real(), title="t", count=2, seed=0)
    assert texts(drawn).splitlines().count("none") == 4  # synthetic and nearest, twice
    assert pictures(Made(name="gmm", windows=made), real(), title="t", seed=0).keys() == set(
        PICTURES
    )


def test_notes_on_every_row_have_a_large_square_below_the_traces() -> None:
    window = np.linspace(-0.3, 0.9, 200)[None, :]
    bare = Row(name="a", windows=[[window]])
    noted = Row(name="b", windows=[[window]], notes=[["nearest in train: 1.40 mV away"]])
    low, high = limits([bare, noted])
    assert limits([noted]) == pytest.approx((low - 0.5, high))
