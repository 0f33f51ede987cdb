"""Messages about a cell: from its processes to the engine, and from the engine to watchers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from ecgbench.results.store.progress import Part, Stage, Step, Usage
from ecgbench.results.store.records import (
    CostsRecord,  # noqa: TC001 - msgspec reads the annotations
    Status,  # noqa: TC001 - as above
)

# --- from a process to `ecgbench.harness.engine.perform` -------------------------------------------------


class Divided(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The windows of the cell are divided.

    Attributes:
        reference: whether the generator is a reference row.
        fold: 0 or 1.
        sizes: windows in each split, and people among the members and the unseen.
    """

    reference: bool
    fold: int
    sizes: dict[str, int]


class Skipped(msgspec.Struct, frozen=True, tag=True):
    """The generator does not apply."""

    reason: str


class Drawn(msgspec.Struct, frozen=True, tag=True):
    """The generator is fitted, and the windows are drawn."""

    costs: CostsRecord


class More(msgspec.Struct, frozen=True, tag=True):
    """Further windows of a kept model are drawn."""


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The generator failed, or its windows were refused."""

    reason: str


class CellMade(msgspec.Struct, frozen=True, tag=True):
    """The windows are sound.

    Attributes:
        record: the bytes of a `CellRecord`.
        windows: the content of ``synthetic.npz``.
        pictures: contents by file name.
    """

    record: bytes
    windows: bytes
    pictures: dict[str, bytes]


class ScoreMade(msgspec.Struct, frozen=True, tag=True):
    """A metric has ended.

    Attributes:
        record: the bytes of a `ScoreRecord`.
        artefacts: contents by file name.
    """

    record: bytes
    artefacts: dict[str, bytes]


class Damaged(msgspec.Struct, frozen=True, tag=True):
    """The stored cell is damaged and has to be made again."""

    reason: str


class FitWanted(msgspec.Struct, frozen=True, tag=True):
    """A metric wants another fit.

    Attributes:
        folder: of the fit.
        seed: of fit and sampling.
    """

    folder: str
    seed: int


class StoreFault(msgspec.Struct, frozen=True, tag=True):
    """The store or the installation is at fault, and no plugin."""

    reason: str


# --- to everybody --------------------------------------------------------------------------------------


class Note(msgspec.Struct, frozen=True, tag=True):
    """A remark for the user."""

    text: str


class SetAside(msgspec.Struct, frozen=True, tag=True):
    """A damaged file is set aside, and its content is computed again."""

    reason: str


class CellEnded(msgspec.Struct, frozen=True, tag=True):
    """The cell has a record."""

    status: Status
    reason: str


class ScoreEnded(msgspec.Struct, frozen=True, tag=True):
    """A score has a record.

    Attributes:
        metric: its name.
        status: ``ok``, ``skipped`` or ``failed``.
        reason: why it is not ``ok``.
        value: None unless it is ``ok``.
    """

    metric: str
    status: Status
    reason: str
    value: float | None


Told = Stage | Part | Step | Usage | Note | SetAside | CellEnded | ScoreEnded
"""Messages to everybody who watches a cell.  `Stage`, `Part`, `Step` and `Usage` change its progress."""

FromProcess = (
    Stage
    | Part
    | Step
    | Note
    | Divided
    | Skipped
    | Drawn
    | More
    | Failed
    | CellMade
    | ScoreMade
    | Damaged
    | FitWanted
    | StoreFault
)
"""Messages of the processes of a cell."""

EVERY = Stage | Step | Note | StoreFault

KINDS: dict[str, Any] = {
    "divide": EVERY | Divided | Skipped,
    "fit": EVERY | Part | Drawn | Skipped | Failed,
    "judge": EVERY | CellMade | ScoreMade | Damaged | FitWanted | Failed,
}
"""Messages by the function of the process; others from it are not heard."""

Send = Callable[[FromProcess], None]
"""Send a message of a process."""

Tell = Callable[[Told], None]
"""Tell everybody about the cell."""
