"""`Comparison`: what a metric may look at, with the computations that metrics share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar, cast

import numpy as np
from msgspec import UNSET, UnsetType

from ecgbench.harness.errors import Skip
from ecgbench.harness.windows import Splits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.harness.contracts import Costs
    from ecgbench.harness.windows import EcgWindows
    from ecgbench.nn import Encoder

T = TypeVar("T")
Arrays = Mapping[str, "NDArray[Any]"]
Side = Literal["synthetic", "train", "control", "auxiliary", "fresh", "test"]

NEAREST = 2
"""Neighbours that a search finds at least: the most that a built-in metric asks for."""

BEAT = (0.25, 0.4)
"""Seconds before and after the QRS complex: a beat, without the ones before and after it."""


class Neighbours(NamedTuple):
    """The nearest windows, by Euclidean distance over all samples of all leads.

    Attributes:
        distances: float64, shape (window, k), mV, ascending.
        indices: int64, shape (window, k).
    """

    distances: NDArray[np.float64]
    indices: NDArray[np.int64]


class Once:
    """Keeps what depends on dataset and seed alone; this one only for as long as it lives itself.

    The harness gives metrics one that keeps it in the store.
    """

    def __init__(self) -> None:
        self._kept: dict[str, Arrays] = {}

    def get(self, name: str, settings: object, compute: Callable[[], Arrays]) -> Arrays:
        """Return what was computed under this name and these settings, computing it if need be."""
        key = f"{name} {settings!r}"
        if key not in self._kept:
            self._kept[key] = compute()
        return self._kept[key]


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """The synthetic windows of one cell beside the real ones.

    Attributes:
        synthetic: as many windows as ``splits.fresh``, with its labels in its order.
        splits: the real windows (docs/protocol.md says what is compared with what).
        seed: the cell's; seeds every random choice, through generators of the metric's own.
        threads: how many the metric may use.
        device: ``"cpu"`` or ``"cuda"``.
        headline_classes: names of the classes that macro-averages run over.
        redistributable: whether pictures of the real windows may leave the machine.
        reference: whether the row is a reference row.
        costs: what the cell cost; None for windows that were made elsewhere.
        once_per_seed: where `once` keeps its results.
        refit: fits the cell's generator anew on these training windows and draws as many windows, with
            the number of the fit for its seed; None for windows that were made elsewhere.
    """

    synthetic: EcgWindows
    splits: Splits
    seed: int
    threads: int = 1
    device: str = "cpu"
    headline_classes: tuple[str, ...]
    redistributable: bool = False
    reference: bool = False
    costs: Costs | None = None
    once_per_seed: Once = field(default_factory=Once)
    refit: Callable[[EcgWindows, int], EcgWindows] | None = None
    _memo: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the labels."""
        return self.splits.train.classes

    @property
    def sampling_rate(self) -> float:
        """Samples per second."""
        return self.splits.train.sampling_rate

    def windows(self, side: Side) -> EcgWindows:
        """The windows of a split, or the synthetic ones, by name."""
        return cast(
            "EcgWindows", self.synthetic if side == "synthetic" else getattr(self.splits, side)
        )

    def memo(self, key: str, compute: Callable[[], T]) -> T:
        """Compute something that several metrics of this cell share, once.

        ``key`` names it for all metrics, so it holds everything that the result depends on.
        """
        if key not in self._memo:
            self._memo[key] = compute()
        return cast("T", self._memo[key])

    def once(
        self, name: str, compute: Callable[[], Arrays], *, version: int, settings: object = None
    ) -> Arrays:
        """Compute something that depends on dataset and seed alone, once in a store.

        Args:
            name: of the thing computed, ``[a-z0-9-]``.
            compute: returns arrays by name.  It must not look at the synthetic windows.
            version: raise it when ``compute`` changes what it returns.
            settings: everything else that the result depends on, JSON-ready.
        """
        return self.once_per_seed.get(name, [version, settings], compute)

    def encoder(self, steps: int | UnsetType = UNSET) -> Encoder:
        """The ECG encoder, trained on ``auxiliary`` alone: one that has seen ``train`` hides copies.

        Trained once in a store for each dataset and seed.

        Args:
            steps: of its training; unset: those of `EncoderConfig`.

        Raises:
            Skip: there are no auxiliary windows.
        """
        return self.memo(f"encoder {steps}", lambda: self._encoder(steps))

    def _encoder(self, steps: int | UnsetType) -> Encoder:
        from ecgbench.nn import Encoder, EncoderConfig  # noqa: PLC0415 - they import torch
        from ecgbench.nn.encoder import VERSION  # noqa: PLC0415 - as above

        auxiliary = self.splits.auxiliary
        if not len(auxiliary):
            raise Skip("there are no auxiliary windows to train the encoder on")
        config = EncoderConfig() if steps is UNSET else EncoderConfig(steps=steps)
        encoder = Encoder(auxiliary, config, seed=self.seed)
        learnt = self.once(
            "encoder",
            lambda: encoder.fit().state(),
            version=VERSION,
            settings=None if steps is UNSET else steps,
        )
        return encoder.restore(learnt)

    def embeddings(self, side: Side, steps: int | UnsetType = UNSET) -> NDArray[np.float64]:
        """The windows of one side as the `encoder` sees them, computed once per cell.

        Args:
            side: the windows.
            steps: as `encoder` takes them.

        Returns:
            float64, shape (window, dimension), of mean 0 and deviation 1 over ``auxiliary``.

        Raises:
            Skip: there are no auxiliary windows to train the encoder on.
        """
        return self.memo(
            f"embeddings {side} {steps}",
            lambda: self.encoder(steps).embed(self.windows(side).signals),
        )

    def neighbours(self, of: Side, among: Side, k: int = 1) -> Neighbours:
        """For each window ``of`` one side, its ``k`` nearest ``among`` another (itself excluded).

        At least `NEAREST`, if there are so many, are searched once per cell, whatever is asked for
        first, so that no score depends on what ran before.  Distances are exact: an identical window
        is at distance 0.

        Raises:
            ValueError: there are fewer than ``k`` windows to choose from.
        """
        there = len(self.windows(among)) - (of == among)
        searched = max(k, min(NEAREST, there))
        found = self.memo(
            f"neighbours {of} {among} {searched}", lambda: self._neighbours(of, among, searched)
        )
        return Neighbours(found.distances[:, :k], found.indices[:, :k])

    def _neighbours(self, of: Side, among: Side, k: int) -> Neighbours:
        from sklearn.neighbors import NearestNeighbors  # noqa: PLC0415 - a second to import

        own = of == among
        left = self.windows(of).signals.reshape(len(self.windows(of)), -1)
        right = self.windows(among).signals.reshape(len(self.windows(among)), -1)
        if len(right) < k + own:
            raise ValueError(f"{among} has {len(right)} windows; {k + own} are needed")
        search = NearestNeighbors(n_neighbors=k + own, algorithm="brute").fit(right)
        indices = search.kneighbors(None if own else left, n_neighbors=k, return_distance=False)
        # the search works through |a|² - 2ab + |b|², which leaves rounding where a = b
        distances = np.empty(indices.shape)
        for column in range(k):
            difference = left - right[indices[:, column]]
            distances[:, column] = np.sqrt(
                np.einsum("ij,ij->i", difference, difference, dtype=float)
            )
        # which of two windows within that rounding is nearer shows only now; of twins the first is
        order = np.lexsort((indices, distances))
        return Neighbours(
            np.take_along_axis(distances, order, axis=1),
            np.take_along_axis(indices.astype(np.int64), order, axis=1),
        )

    def cut(self, first: int, last: int) -> Comparison:
        """The same comparison of windows cut to samples ``first`` to ``last`` − 1, once per cell.

        It keeps nothing in the store: what depends on dataset and seed alone is another thing there.
        """
        return self.memo(f"cut {first} {last}", lambda: self._cut(slice(first, last)))

    def _cut(self, samples: slice) -> Comparison:
        def cut(windows: EcgWindows) -> EcgWindows:
            return replace(windows, signals=windows.signals[:, :, samples])

        sides = ("train", "control", "auxiliary", "fresh", "test")
        splits = {side: cut(getattr(self.splits, side)) for side in sides}
        return replace(
            self,
            synthetic=cut(self.synthetic),
            splits=Splits(fold=self.splits.fold, **splits),
            once_per_seed=Once(),
            refit=None,
            _memo={},
        )

    def one_beat(self) -> Comparison:
        """The same comparison of the beats alone around which windows are cut.

        When the beats before and after come says little of whose heart it is, and more of a distance
        than the shape of the beat does.  A beat is `BEAT` long, about where the QRS complexes of most
        windows of the dataset stand, which is the same place in all splits, seeds and folds.  A window
        that is no longer than that is its beat.
        """
        rate, length = self.sampling_rate, self.splits.train.length
        if length <= round(sum(BEAT) * rate) + 1:
            return self
        kept = self.memo("usual place", lambda: self.once("usual-place", self._place, version=1))
        place = float(kept["seconds"])
        first = max(0, round((place - BEAT[0]) * rate))
        return self.cut(first, min(length, round((place + BEAT[1]) * rate) + 1))

    def _place(self) -> Arrays:
        from ecgbench.processing import usual_place  # noqa: PLC0415 - needed here only

        sides: tuple[Side, ...] = ("train", "control", "auxiliary", "fresh", "test")
        real = np.concatenate([self.windows(side).signals for side in sides])
        return {
            "seconds": np.array(usual_place(real.reshape(-1, real.shape[2]), self.sampling_rate))
        }

    def people_behind(self) -> NDArray[np.int64]:
        """The person of the control window whose beat is nearest to each synthetic window's.

        People are resampled together with what was synthesised after them: where a person's windows
        come twice, so do the synthetic ones like them.

        Returns:
            int64, shape (window,), computed once per cell.
        """
        return self.memo("people behind", self._people_behind)

    def _people_behind(self) -> NDArray[np.int64]:
        nearest = self.one_beat().neighbours("synthetic", "control").indices[:, 0]
        return self.splits.control.patients[nearest]
