"""`Comparison`: the data of a cell for its metrics; `ecgbench.shared` computes their shared results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, get_args

from ecgbench.contracts.windows import Splits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.contracts.protocols import Costs
    from ecgbench.contracts.windows import EcgWindows

T = TypeVar("T")
Arrays = Mapping[str, "NDArray[Any]"]
Real = Literal["train", "control", "auxiliary", "fresh", "test"]
Side = Literal["synthetic"] | Real
REAL: tuple[Real, ...] = get_args(Real)


class Once:
    """Keeps results that depend on dataset and seed alone, as long as it lives itself.

    The harness gives metrics a subclass that keeps them in the store.
    """

    def __init__(self) -> None:
        self._kept: dict[str, Arrays] = {}

    def get(self, name: str, settings: object, compute: Callable[[], Arrays]) -> Arrays:
        """Return the result under this name and these settings; compute it if need be."""
        key = f"{name} {settings!r}"
        if key not in self._kept:
            self._kept[key] = compute()
        return self._kept[key]


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """The synthetic windows of one cell beside the real ones.

    Attributes:
        synthetic: as many windows as ``splits.fresh``, with its labels in its order.
        splits: the real windows (docs/protocol.md has the comparisons to make).
        seed: the cell's; seeds every random choice, through generators of the metric's own.
        threads: the number of threads for the metric.
        device: ``"cpu"`` or ``"cuda"``.
        headline_classes: names of the classes in macro-averages.
        redistributable: whether pictures of the real windows may leave the machine.
        reference: whether the row is a reference row.
        costs: the costs of the cell; None for windows that were made elsewhere.
        once_per_seed: the memory of `once`.
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
        """Return the windows of a split, or the synthetic ones, by name."""
        return cast(
            "EcgWindows", self.synthetic if side == "synthetic" else getattr(self.splits, side)
        )

    def memo(self, key: str, compute: Callable[[], T]) -> T:
        """Return a result that several metrics of this cell share; compute it once.

        ``key`` names it for all metrics, so it holds everything that the result depends on.  Its arrays
        are read-only: a change would be a change of the other metrics' scores.
        """
        if key not in self._memo:
            self._memo[key] = _read_only(compute())
        return cast("T", self._memo[key])

    def once(
        self, name: str, compute: Callable[[], Arrays], *, version: int, settings: object = None
    ) -> Arrays:
        """Return a result that depends on dataset and seed alone, read-only; compute it once in a store.

        Args:
            name: of the result, ``[a-z0-9-]``.
            compute: returns arrays by name.  It must not look at the synthetic windows.
            version: raise it if ``compute`` returns other arrays than before.
            settings: everything else that the result depends on, JSON-ready.
        """
        return _read_only(self.once_per_seed.get(name, [version, settings], compute))

    def cut(self, first: int, last: int) -> Comparison:
        """Return the same comparison of windows cut to samples ``first`` to ``last`` − 1, once per cell.

        It keeps nothing in the store: there the results of whole windows stand under the same names.
        """
        samples = slice(first, last)
        return self.each(f"cut {first} {last}", lambda windows: windows.signals[:, :, samples])

    def each(self, key: str, change: Callable[[EcgWindows], NDArray[Any]]) -> Comparison:
        """Return the same comparison of other signals of the same windows, once per cell.

        It keeps nothing in the store, as `cut`.

        Args:
            key: names the change for all metrics.
            change: returns signals of shape (window, lead, sample), float32, for the windows of a side.
        """
        return self.memo(key, lambda: self._each(change))

    def _each(self, change: Callable[[EcgWindows], NDArray[Any]]) -> Comparison:
        def changed(windows: EcgWindows) -> EcgWindows:
            return replace(windows, signals=change(windows))

        splits = {side: changed(getattr(self.splits, side)) for side in REAL}
        return replace(
            self,
            synthetic=changed(self.synthetic),
            splits=Splits(fold=self.splits.fold, **splits),
            once_per_seed=Once(),
            refit=None,
            _memo={},
        )


def _read_only(found: T) -> T:
    """Return a result, after its arrays were made read-only: itself, or those in containers of it."""
    import numpy as np  # noqa: PLC0415 - discovery imports this module and no numpy

    if isinstance(found, np.ndarray):
        found.flags.writeable = False
    elif isinstance(found, Mapping):
        _read_only(tuple(found.values()))
    elif isinstance(found, tuple | list):
        for each in found:
            _read_only(each)
    elif is_dataclass(found):
        _read_only(tuple(getattr(found, each.name) for each in fields(found)))
    return found
