"""Draws further windows from the kept model of a cell, in a process of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecgbench.contracts.config import build
from ecgbench.contracts.errors import StoreError, UsageError
from ecgbench.contracts.protocols import Context
from ecgbench.contracts.streams import CellStream
from ecgbench.environment import cores
from ecgbench.harness.cell.fit import SECRETS
from ecgbench.harness.cell.messages import Failed, More
from ecgbench.harness.cell.models import draw, load_models, new_models
from ecgbench.harness.cell.room import Room, read_windows, write_windows
from ecgbench.harness.cell.task import check_plugins
from ecgbench.harness.cell.trouble import say, tell_trouble
from ecgbench.harness.isolation import process
from ecgbench.harness.isolation.messages import Exit
from ecgbench.harness.isolation.plugin_state import plugin_state
from ecgbench.harness.planning.catalog import discover

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.contracts.windows import EcgWindows
    from ecgbench.harness.cell.messages import Send
    from ecgbench.results.store.records import CellRecord, PluginRecord


@dataclass(frozen=True, kw_only=True)
class Wish:
    """The order to a drawing process.

    Attributes:
        room: its ``train`` holds no window, but rate, leads, classes and length; its ``labels`` are those
            to draw; it gets the windows.
        model: the folder of the kept models.
        generator: the plugin, with its settings.
        seed: of the sampling.
        threads: for the generator.
        plugin_files: given with ``--plugin``.
    """

    room: Path
    model: Path
    generator: PluginRecord
    seed: int
    threads: int
    plugin_files: tuple[str, ...]


def draw_more(
    record: CellRecord,
    model: Path,
    like: EcgWindows,
    labels: NDArray[np.int64],
    *,
    seed: int = 0,
    plugin_files: tuple[str, ...] = (),
) -> EcgWindows:
    """Return windows that a kept model draws, one for each label.

    Args:
        record: of the cell.
        model: the folder of its kept models.
        like: windows with its rate, leads, classes and length.
        labels: int64, to draw.
        seed: of the drawing; each seed gives other windows, and none those of the cell.
        plugin_files: given with ``--plugin``.

    Raises:
        UsageError: the generator installed here is another one, or it failed.
    """
    generator = record.cell.generator
    try:
        check_plugins([("generator", generator)], discover(plugin_files))
    except UsageError as error:
        raise UsageError(
            f"the model of {record.cell.name} needs the generator {generator.name} as it was fitted, from "
            f"{generator.origin}; give its file with --plugin, or install it.  If it has changed since, "
            f"forget the cell and run it again with --keep-models ({error})"
        ) from None
    state = np.random.SeedSequence([record.cell.seed, seed, CellStream.MORE]).generate_state(1)
    with tempfile.TemporaryDirectory(prefix="ecgbench-sample-") as folder:
        room = Room(Path(folder) / "fit")
        room.furnish(like.take(slice(0)), labels, code=generator.code)
        wish = Wish(
            room=room.folder,
            model=model,
            generator=generator,
            seed=int(state[0]) % 2**31,
            threads=record.threads,
            plugin_files=plugin_files,
        )
        limits = process.Limits(threads=max(cores(), record.threads))
        drawn = False
        for message in process.call(
            sample_again, wish, kinds=More | Failed, log=Path(folder) / "log.txt", limits=limits
        ):
            if isinstance(message, Failed):
                raise UsageError(f"the model of {record.cell.name} draws nothing: {message.reason}")
            if isinstance(message, Exit) and message.reason:
                raise UsageError(f"the model of {record.cell.name} draws nothing: {message.reason}")
            drawn |= isinstance(message, More)
        if not drawn:
            raise UsageError(f"the model of {record.cell.name} draws nothing, and gives no reason")
        windows = read_windows(room.drawn)
    return like.synthetic(windows.signals, windows.labels)


@tell_trouble
def sample_again(wish: Wish, send: Send) -> None:
    """Load kept models, draw, and write the windows into the room.

    Args:
        wish: names models and labels.
        send: is told `More` or `Failed`.
    """
    catalog = discover(wish.plugin_files)
    spec = catalog.generator(wish.generator.name)
    room = Room(wish.room)
    like, labels = read_windows(room.train), np.load(room.labels, allow_pickle=False)
    config = build(spec.config, wish.generator.settings, where=f"generator {spec.name}")

    def context_of(part: str) -> Context:
        folder = room.checkpoint / part
        folder.mkdir(parents=True, exist_ok=True)
        return Context(
            seed=wish.seed,
            device="cpu",
            threads=wish.threads,
            log=lambda *_, **__: None,
            checkpoint_dir=folder,
        )

    try:
        with plugin_state(wish.seed):
            for name in SECRETS:
                os.environ.pop(name, None)
            models = new_models(spec, config, labels, work=room.work, context_of=context_of)
            copies = room.folder / "kept"
            shutil.copytree(wish.model, copies)
            load_models(models, copies)
            windows = draw(spec, models, like, labels)
        write_windows(room.drawn, windows)
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001 - any generator, any error
        send(Failed(say(error)))
    else:
        send(More())
