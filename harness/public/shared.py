"""Results that metrics share: nearest windows, the encoder, the beat, the person behind a window, unseen people.

Each result is computed once for all metrics of a cell.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from msgspec import UNSET, UnsetType

from ecgbench.contracts.comparison import REAL, Once
from ecgbench.contracts.errors import Skip
from ecgbench.contracts.sampling import stratified
from ecgbench.contracts.streams import CellStream
from ecgbench.large import parts, take
from ecgbench.processing import usual_place
from ecgbench.r_peaks import BAND, r_peaks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ecgbench.contracts.comparison import Arrays, Comparison, Side
    from ecgbench.contracts.windows import EcgWindows
    from ecgbench.nn import Encoder

NEAREST = 2
"""Least number of neighbours in a search: the most that a built-in metric needs."""

BEAT = (0.25, 0.4)
"""Seconds before and after the QRS complex: a beat, without its neighbours."""

STRIP = 5.0
"""Seconds: windows of this length or more are strips."""

_MEDIAN_BEAT = "median beat"
"""The name of the change from strips to their median beats."""


class Neighbours(NamedTuple):
    """The nearest windows, by Euclidean distance over all samples of all leads.

    Attributes:
        distances: float64, shape (window, k), mV, ascending.
        indices: int64, shape (window, k).
    """

    distances: NDArray[np.float64]
    indices: NDArray[np.int64]


def neighbours(comparison: Comparison, of: Side, among: Side, k: int = 1) -> Neighbours:
    """Return the ``k`` nearest windows ``among`` one side, for each window ``of`` another.

    A window is no neighbour of itself.  At least `NEAREST` are searched, if there are so many: so no
    score depends on what ran before.  Distances are exact: an identical window is at distance 0.

    Raises:
        ValueError: there are fewer than ``k`` windows to choose from.
    """
    there = len(comparison.windows(among)) - (of == among)
    searched = max(k, min(NEAREST, there))
    found = comparison.memo(
        f"neighbours {of} {among} {searched}", lambda: _search(comparison, of, among, searched)
    )
    return Neighbours(found.distances[:, :k], found.indices[:, :k])


def _search(comparison: Comparison, of: Side, among: Side, k: int) -> Neighbours:
    from sklearn.neighbors import NearestNeighbors  # noqa: PLC0415 - a second to import

    own = of == among
    left = comparison.windows(of).signals.reshape(len(comparison.windows(of)), -1)
    right = comparison.windows(among).signals.reshape(len(comparison.windows(among)), -1)
    if len(right) < k + own:
        raise ValueError(f"{among} has {len(right)} windows; {k + own} are needed")
    search = NearestNeighbors(n_neighbors=k + own, algorithm="brute").fit(right)
    indices = search.kneighbors(None if own else left, n_neighbors=k, return_distance=False)
    # the search works through |a|² - 2ab + |b|², with a rounding error for a = b
    distances = np.empty(indices.shape)
    for part in parts(*left.shape):
        for column in range(k):
            difference = left[part] - right[indices[part, column]]
            distances[part, column] = np.sqrt(
                np.einsum("ij,ij->i", difference, difference, dtype=float)
            )
    # within that rounding the order shows only now; of equal windows the first comes first
    order = np.lexsort((indices, distances))
    return Neighbours(
        np.take_along_axis(distances, order, axis=1),
        np.take_along_axis(indices.astype(np.int64), order, axis=1),
    )


def encoder(comparison: Comparison, steps: int | UnsetType = UNSET) -> Encoder:
    """Return the ECG encoder, trained on ``auxiliary`` alone.

    An encoder that has seen ``train`` would hide copies.  It is trained once in a store for each dataset
    and seed.

    Args:
        comparison: of the cell.
        steps: of the training; unset: the steps of `ecgbench.nn.EncoderConfig`.

    Raises:
        Skip: there are no auxiliary windows.
    """
    trained: Encoder = comparison.memo(_key("encoder", steps), lambda: _trained(comparison, steps))
    return trained


def _key(name: str, steps: int | UnsetType) -> str:
    return name if steps is UNSET else f"{name} {steps}"


def _trained(comparison: Comparison, steps: int | UnsetType) -> Encoder:
    from ecgbench.nn import Encoder, EncoderConfig  # noqa: PLC0415 - they import torch
    from ecgbench.nn.encoder import VERSION  # noqa: PLC0415 - as above

    auxiliary = comparison.splits.auxiliary
    if not len(auxiliary):
        raise Skip("there are no auxiliary windows to train the encoder on")
    config = EncoderConfig() if steps is UNSET else EncoderConfig(steps=steps)
    made = Encoder(auxiliary, config, seed=comparison.seed)
    learnt = comparison.once(
        "encoder",
        lambda: made.fit().state(),
        version=VERSION,
        settings=None if steps is UNSET else steps,
    )
    return made.restore(learnt)


def embeddings(
    comparison: Comparison, side: Side, steps: int | UnsetType = UNSET
) -> NDArray[np.float64]:
    """Return the embeddings of one side in the space of the `encoder`.

    Args:
        comparison: of the cell.
        side: the windows.
        steps: as for `encoder`.

    Returns:
        float64, shape (window, dimension), of mean 0 and deviation 1 over ``auxiliary``.

    Raises:
        Skip: there are no auxiliary windows to train the encoder on.
    """
    found: NDArray[np.float64] = comparison.memo(
        _key(f"embeddings {side}", steps),
        lambda: encoder(comparison, steps).embed(comparison.windows(side).signals),
    )
    return found


def one_beat(comparison: Comparison) -> Comparison:
    """Return the same comparison of single beats, one of each window.

    The times of the beats before and after say little about a person, yet they weigh more in a distance
    than the shape of the beat.  A beat is `BEAT` long.  It lies at the usual place of the QRS complex in
    the windows of the dataset, the same place in all splits, seeds and folds.  A window no longer than
    that is its beat.  A strip, of `STRIP` seconds or more, has beats anywhere: its beat is the median over
    all beats that are whole, sample by sample, each with its R peak at the same sample
    (`ecgbench.r_peaks`).  A strip without a whole beat has its middle.
    """
    rate, length = comparison.sampling_rate, comparison.splits.train.length
    if length <= round(sum(BEAT) * rate) + 1:
        return comparison
    if is_strip(comparison.synthetic):
        return comparison.each(_MEDIAN_BEAT, median_beats)
    kept = comparison.memo(
        "usual place",
        lambda: comparison.once("usual-place", lambda: _place(comparison), version=1),
    )
    place = float(kept["seconds"])
    first = max(0, round((place - BEAT[0]) * rate))
    return comparison.cut(first, min(length, round((place + BEAT[1]) * rate) + 1))


def is_strip(windows: EcgWindows) -> bool:
    """Return whether windows are strips: so long that beats stand anywhere, and fast enough for R peaks."""
    rate = windows.sampling_rate
    return windows.length >= STRIP * rate and rate > 2 * BAND[1]


def median_beats(windows: EcgWindows) -> NDArray[np.float32]:
    """Return the median beat of each strip.

    Returns:
        float32, shape (window, lead, sample), mV.
    """
    rate, length = windows.sampling_rate, windows.length
    before, after = (round(seconds * rate) for seconds in BEAT)
    around = np.arange(-before, after + 1)
    found = np.empty((*windows.signals.shape[:2], len(around)), dtype=np.float32)
    for row, peaks in enumerate(r_peaks(windows.signals, rate)):
        middle = np.rint(peaks * rate).astype(np.int64)
        whole = middle[(middle >= before) & (middle + after < length)]
        if not len(whole):
            whole = np.array([length // 2])
        cut = windows.signals[row][:, whole[:, None] + around]
        found[row] = np.median(cut, axis=1)
    return found


def _place(comparison: Comparison) -> dict[str, NDArray[Any]]:
    real = np.concatenate([comparison.windows(side).signals for side in REAL])
    place = usual_place(real.reshape(-1, real.shape[2]), comparison.sampling_rate)
    return {"seconds": np.array(place)}


def beats(comparison: Comparison, side: Side, rows: NDArray[np.int64]) -> list[NDArray[np.float64]]:
    """Return the R peaks of windows of one side, s from their first sample (`ecgbench.r_peaks`).

    Each window is searched once for all metrics.

    Args:
        comparison: of the cell.
        side: of the windows.
        rows: int64, shape (row,): which of them.
    """
    windows = comparison.windows(side)
    known: dict[int, NDArray[np.float64]] = comparison.memo(f"r peaks {side}", dict)
    lacking = np.array([row for row in rows.tolist() if row not in known], dtype=np.int64)
    found = r_peaks(windows.signals[lacking], windows.sampling_rate)
    known.update(zip(lacking.tolist(), found, strict=True))
    return [known[row] for row in rows.tolist()]


def people_behind(comparison: Comparison) -> NDArray[np.int64]:
    """Return for each synthetic window the person of the control window with the nearest beat.

    People are resampled together with the synthetic windows of their kind: if a person's windows come
    twice, so do the synthetic windows like them.

    Returns:
        int64, shape (window,).
    """
    found: NDArray[np.int64] = comparison.memo("people behind", lambda: _behind(comparison))
    return found


def _behind(comparison: Comparison) -> NDArray[np.int64]:
    nearest = neighbours(one_beat(comparison), "synthetic", "control").indices[:, 0]
    return comparison.splits.control.patients[nearest]


def unseen(comparison: Comparison) -> Comparison:
    """Return the same comparison with people whom no generator saw: ``test`` in the place of ``control``.

    A metric of it compares the synthetic windows with the population.  There are as many windows as in
    ``control``, if ``test`` has them, every class in its proportion.  The encoder stays the same.

    Raises:
        Skip: there are no windows of unseen people.
    """
    return comparison.memo("unseen", lambda: _unseen(comparison))


def _unseen(comparison: Comparison) -> Comparison:
    splits = comparison.splits
    if not len(splits.test):
        raise Skip("there are no windows of unseen people")
    rng = np.random.default_rng([comparison.seed, CellStream.UNSEEN])
    rows = stratified(splits.test.labels, len(splits.control), rng)
    found = replace(
        comparison,
        splits=replace(splits, control=take(splits.test, rows)),
        once_per_seed=_OfUnseen(comparison.once_per_seed),
        refit=None,
        _memo={},
    )
    if is_strip(comparison.synthetic):
        # the R peaks of all strips are minutes of work, and the strips are the same
        known = one_beat(comparison)
        control = known.splits.test.take(rows)
        beats = replace(known, splits=replace(known.splits, control=control), _memo={})
        found.memo(_MEDIAN_BEAT, lambda: replace(beats, once_per_seed=Once()))
    return found


class _OfUnseen(Once):
    """Keeps results on unseen people beside those on ``control``, and shares what depends on neither."""

    SHARED = ("encoder", "usual-place")

    def __init__(self, kept: Once) -> None:
        super().__init__()
        self.kept = kept

    def get(self, name: str, settings: object, compute: Callable[[], Arrays]) -> Arrays:
        return self.kept.get(name if name in self.SHARED else f"unseen-{name}", settings, compute)
