"""Works through a small plan in forks of one process; a fork may be told to die on the way.

Run with ``crash.c`` preloaded.  Reads a JSON object per line, ``{"store", "trace", "way", "point"}``, and
answers each with the fate of the fork: ``{"signal", "kinds", "error", "sent"}``.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ecgbench.contracts.errors import EcgbenchError
from ecgbench.harness.cell.task import Task
from ecgbench.harness.data import cache as data
from ecgbench.harness.data.sources import locate
from ecgbench.harness.engine import preload
from ecgbench.harness.engine.perform import perform
from ecgbench.harness.isolation.messages import Exit
from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.planning.facts import facts
from ecgbench.harness.planning.plan import make_plan
from ecgbench.harness.planning.study import Study, resolve
from ecgbench.results.board.board import boards
from ecgbench.results.render import write_boards
from ecgbench.results.store.lease import Leases
from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLUGINS = Path(__file__).parents[1] / "plugins" / "good.py"
STUDY = Study(
    name="crash",
    datasets=("cohort",),
    generators=("chosen", "jitter"),
    metrics=("level", "spread", "shared"),
    seeds=(0, 1),
    references=False,
)
WAYS = ("count", "before", "after", "half", "full", "once")
"""As `crash.c` numbers them."""


def call_here(function: Callable[..., None], *arguments: Any, **_: Any) -> Iterator[Any]:
    """Call a function in this process; its messages are heard at its end."""
    sent: list[Any] = []
    failure = None
    try:
        function(*arguments, sent.append)
    except EcgbenchError as error:
        failure = str(error)
    yield from sent
    yield Exit(failure, 0.0, 0)


def rehearse(path: Path) -> list[Any]:
    """Do the work of a run in this process; return the messages of the cells."""
    sent: list[Any] = []
    store, catalog = Store(path), discover([PLUGINS])
    study = resolve(STUDY, catalog)
    sources = locate(study, catalog, None, Path)
    records = [data.record(source, study.windows) for source in sources]
    plan = make_plan(study, catalog, records, store)
    store.mend_plans()
    store.write_plan(plan.record)
    # no heartbeat falls into a rehearsal, so the calls are the same each time
    with Leases(store.path, beat=1e6) as leases:
        for cell in plan.todo:
            lease = leases.take(cell.id.name)
            assert lease is not None, "an abandoned lease is not taken over"
            store.tidy(cell.id.name)
            task = Task(
                store=store.path,
                cell=cell.id,
                metrics=tuple(plan.record.metrics),
                windows=data.folder(sources[0]),
                plugin_files=(str(PLUGINS),),
                study=msgspec.to_builtins(study),
            )
            perform(task, sent.append, call=call_here)
            leases.give_back(lease)
    write_boards(boards(store, facts(catalog)), store)
    return sent


def told_to(asked: dict[str, Any], shim: ctypes.CDLL, answer: int) -> None:
    """Be the fork: rehearse, and tell its fate."""
    os.environ["TRACE"] = asked["trace"]
    error, sent = None, []
    shim.crash_arm(asked["store"].encode(), WAYS.index(asked["way"]), ctypes.c_long(asked["point"]))
    try:
        sent = rehearse(Path(asked["store"]))
    except EcgbenchError as failure:
        error = [type(failure).__name__, str(failure)]
    except Exception:  # noqa: BLE001 - the test shows it
        error = ["traceback", traceback.format_exc()]
    shim.crash_disarm()
    told = {"error": error, "sent": msgspec.to_builtins(sent), "kinds": shim.crash_kinds().decode()}
    with os.fdopen(answer, "w") as stream:
        json.dump(told, stream)


def main() -> None:
    """Answer until there is nothing more to read."""
    assert preload
    shim = ctypes.CDLL(None)
    shim.crash_kinds.restype = ctypes.c_char_p
    # late imports, and the cache, are there before the first fork
    rehearse(Path(sys.argv[1]))
    for line in sys.stdin:
        reading, answer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            # the output of plugins and the cell belongs to no answer
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(1, 2)
            told_to(json.loads(line), shim, answer)
            os._exit(0)
        os.close(answer)
        with os.fdopen(reading) as stream:
            told = stream.read()
        _, status = os.waitpid(pid, 0)
        became = {"signal": -min(0, os.waitstatus_to_exitcode(status))}
        print(json.dumps(became | (json.loads(told) if told else {})), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
