"""Synthetic windows beside real ones: what may be shown of them, and the pictures of one cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecgbench.results.pictures.canvas import BLUE, GREY, VERMILION, to_small_png
from ecgbench.results.pictures.classes import Line, Side, classes
from ecgbench.results.pictures.paper import STRIP
from ecgbench.results.pictures.spectra import spectra
from ecgbench.results.pictures.windows import Row, draws, windows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from ecgbench.contracts.windows import EcgWindows

DPIS = (110, 80, 60)
"""Dots per inch of a cell's pictures, the first that makes no more than `MOST` bytes."""

MOST = 120_000
"""Bytes of a cell's picture."""

PER_CLASS = 2
"""Beats of a class in a cell's picture; of strips one."""

CHUNK = 4_000_000
"""Samples of training windows to compare at a time."""

LEADS = 3
"""Most leads among the means of classes."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Real:
    """The real windows that a picture may need.

    Attributes:
        dataset: the name.
        train: searched for the nearest windows.
        control: shown as the real ones.
        free: whether real windows may be shown: the dataset is redistributable.
        tolerance: mV within which equal windows may differ in each sample.
    """

    dataset: str
    train: EcgWindows
    control: EcgWindows
    free: bool
    tolerance: float

    @property
    def notes(self) -> list[str]:
        """Return the sentence on real windows that are not shown."""
        if self.free:
            return []
        return [
            f"Real windows are not shown: {self.dataset} may not be redistributed, as far as known here."
        ]


@dataclass(frozen=True, kw_only=True, eq=False)
class Made:
    """The synthetic windows of a generator.

    Attributes:
        name: of the generator.
        windows: the synthetic windows.
        reference: whether it is a reference row: its windows are real ones, or made of them.
    """

    name: str
    windows: EcgWindows
    reference: bool = False


def nearest(
    windows: NDArray[np.floating], among: NDArray[np.floating]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the nearest of other windows, by Euclidean distance over all samples of all leads.

    Args:
        windows: shape (window, lead, sample), mV.
        among: the same.

    Returns:
        Its place, int64; the distance and the largest difference of a sample, both float64 and in mV; each of
        shape (window,).
    """
    flat = among.reshape(len(among), -1)
    rows = max(1, CHUNK // flat.shape[1])  # a difference of all training windows is large
    places = np.zeros(len(windows), dtype=np.int64)
    distances, largest = np.full(len(windows), np.inf), np.full(len(windows), np.inf)
    for row, window in enumerate(windows.reshape(len(windows), flat.shape[1])):
        for start in range(0, len(flat), rows):
            difference = flat[start : start + rows] - window
            squares = np.einsum("ij,ij->i", difference, difference, dtype=float)
            place = int(squares.argmin())
            if np.sqrt(squares[place]) < distances[row]:
                places[row] = start + place
                distances[row] = np.sqrt(squares[place])
                largest[row] = np.abs(difference[place]).max()
    return places, distances, largest


def windows_picture(
    made: Sequence[Made],
    real: Real,
    *,
    title: str,
    count: int = PER_CLASS,
    seed: int,
    neighbours: bool = True,
    wide: bool = False,
) -> Figure:
    """Draw real windows, and those of each generator above their nearest training windows.

    Args:
        made: by generator.
        real: the real windows.
        title: of the page.
        count: windows of a class.
        seed: draws them.
        neighbours: whether to show the nearest training windows.
        wide: whether all windows of a class stand side by side.
    """
    like = real.control
    present = _present([real.control, *(each.windows for each in made)])
    rows = []
    if real.free:
        chosen = draws(like.labels, len(like.classes), count, seed)
        rows.append(
            Row(
                name="real (control)",
                windows=[[like.signals[row] for row in chosen[label]] for label in present],
            )
        )
    for each in made:
        rows += _rows(each, real, present, count, seed, neighbours=neighbours)
    notes = [f"Drawn at random by seed {seed}, none chosen."]
    if neighbours:
        notes[0] += " Distance: Euclidean over all samples and leads."
    notes += real.notes
    return windows(
        rows,
        classes=[f"class {like.classes[label]}" for label in present],
        leads=like.leads,
        rate=like.sampling_rate,
        length=like.length,
        title=title,
        notes=notes,
        wide=wide,
    )


def _present(sides: Sequence[EcgWindows]) -> list[int]:
    """Return the classes with a window."""
    found = np.unique(np.concatenate([side.labels for side in sides]))
    return [int(label) for label in found]


def _rows(
    made: Made, real: Real, present: list[int], count: int, seed: int, *, neighbours: bool
) -> list[Row]:
    """Return the row of a generator, and the row of the nearest training windows."""
    synthetic, train = made.windows, real.train
    chosen = draws(synthetic.labels, len(synthetic.classes), count, seed)
    found = {label: nearest(synthetic.signals[chosen[label]], train.signals) for label in present}
    shown: list[list[NDArray[np.floating] | None]] = []
    notes: list[list[str]] = []
    for label in present:
        _, distances, largest = found[label]
        own: list[NDArray[np.floating] | None] = [*synthetic.signals[chosen[label]]]
        told = neighbours and not real.free
        said = [f"nearest in train: {d:.2f} mV away" * told for d in distances]
        for place in np.flatnonzero(largest <= real.tolerance):
            if not real.free:
                own[place], said[place] = None, "not shown: equal to a real window"
        shown.append(own)
        notes.append(said)
    name = f"{made.name} (reference)" if made.reference else made.name
    rows = [Row(name=name, windows=shown, notes=notes, colour=GREY if made.reference else BLUE)]
    if neighbours and real.free:
        rows.append(
            Row(
                name="nearest in train",
                windows=[[*train.signals[found[label][0]]] for label in present],
                notes=[[f"{d:.2f} mV away" for d in found[label][1]] for label in present],
                colour=VERMILION,
            )
        )
    return rows


def classes_picture(made: Sequence[Made], real: Real, *, title: str) -> Figure:
    """Draw the mean window of each class: a line of panels for each lead, or for each of several generators."""
    like = real.control
    present = _present([like, *(each.windows for each in made)])
    lines = [
        Line(
            name=each.name if len(made) > 1 else like.leads[lead],
            synthetic=_side(each.windows, lead),
            real=_side(like, lead) if real.free else None,
        )
        for each in made
        for lead in range(1 if len(made) > 1 else min(LEADS, len(like.leads)))
    ]
    if len(made) > 1 and len(like.leads) > 1:
        title += f", lead {like.leads[0]}"
    kept = np.full(len(like.classes), -1)
    kept[present] = np.arange(len(present))
    for line in lines:
        for side in (line.synthetic, line.real):
            if side is not None:
                side.labels[:] = kept[side.labels]
    return classes(
        lines,
        names=[f"class {like.classes[label]}" for label in present],
        rate=like.sampling_rate,
        title=title,
    )


def _side(windows: EcgWindows, lead: int) -> Side:
    return Side(signals=windows.signals[:, lead], labels=windows.labels.copy())


def spectra_picture(made: Sequence[Made], real: Real, *, title: str) -> Figure:
    """Draw the mean spectrum of each class, real and of each generator."""
    like = real.control
    present = _present([like, *(each.windows for each in made)])
    place = np.full(len(like.classes), -1)
    place[present] = np.arange(len(present))
    return spectra(
        [(each.name, each.windows.signals, place[each.windows.labels]) for each in made],
        ("real (control)", like.signals, place[like.labels]) if real.free else None,
        names=[f"class {like.classes[label]}" for label in present],
        rate=like.sampling_rate,
        title=title,
    )


def is_of_beats(windows: EcgWindows) -> bool:
    """Return whether windows are aligned at a beat, so that their mean is one."""
    return windows.length / windows.sampling_rate < STRIP


def pictures(made: Made, real: Real, *, title: str, seed: int) -> dict[str, bytes]:
    """Return the pictures of a cell as PNG by file name.

    There are none of a reference row if its dataset may not be redistributed, and no means of strips.

    Args:
        made: the windows of the cell.
        real: the windows of its splits.
        title: of each picture.
        seed: draws the windows.
    """
    if made.reference and not real.free:
        return {}
    is_beats = is_of_beats(real.control)
    count = PER_CLASS if is_beats else 1
    drawn = {"windows.png": windows_picture([made], real, title=title, count=count, seed=seed)}
    if is_beats:
        drawn["classes.png"] = classes_picture([made], real, title=title)
    drawn["spectra.png"] = spectra_picture([made], real, title=title)
    return {name: _small(picture) for name, picture in drawn.items()}


def _small(drawn: Figure) -> bytes:
    content = b""
    for dpi in DPIS:
        content = to_small_png(drawn, dpi)
        if len(content) <= MOST:
            break
    return content
