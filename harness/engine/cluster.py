"""Performs tasks on a Dask cluster: this side.  The workers' side is `ecgbench.harness.engine.remote`."""

from __future__ import annotations

import contextlib
import queue
import secrets
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ecgbench.contracts.decoding import decoder
from ecgbench.contracts.errors import EcgbenchError, UsageError
from ecgbench.environment import cores
from ecgbench.harness.cell.messages import Told
from ecgbench.harness.engine.endings import record_end
from ecgbench.harness.engine.perform import STOPPED
from ecgbench.harness.engine.pool import Files, TaskEnd

try:
    from dask import config
    from dask.utils import parse_timedelta
    from distributed import Client, Future
    from distributed.comm.addressing import get_address_host_port
    from distributed.scheduler import KilledWorker
    from distributed.security import Security
except ImportError as error:
    raise UsageError(
        "--scheduler needs Dask: pip install 'synthetic-ecgbench[dask]', here and on the workers"
    ) from error

from ecgbench.harness.engine import remote
from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecgbench.harness.cell.task import Task
    from ecgbench.harness.engine.pool import Message
    from ecgbench.harness.planning.catalog import Catalog

CONNECT: float = parse_timedelta(config.get("distributed.comm.timeouts.connect"))
"""Seconds to reach the scheduler, and to find it again."""

JOIN = 60.0
"""Seconds to wait for a first worker."""

LOOK_EVERY = 2.0
"""Seconds between two looks at the list of workers."""

TRIES = 3
"""How often a cell is handed out if the cluster loses its data or its place."""


@contextlib.contextmanager
def connect(address: str, catalog: Catalog, device: str, *, shared: bool) -> Iterator[DaskPool]:
    """A pool of the cluster's workers, as long as it is used.

    Args:
        address: of the scheduler.
        catalog: of plugins; files given with ``--plugin`` are sent along.
        device: ``"cuda"`` for workers with the Dask resource ``GPU``.
        shared: whether workers write into the store themselves, or send their results.

    Raises:
        UsageError: there is no scheduler at this address, or no worker joins it.
    """
    _check_certificates(address)
    try:
        if not address.startswith("ucx://"):  # Dask cannot tell its host and port
            get_address_host_port(address)  # a client lives on in a thread if it fails to parse it
        client = Client(address, timeout=CONNECT, set_as_default=False, name="ecgbench")
    except (OSError, TimeoutError, ValueError, TypeError) as error:  # of missing libraries, too
        raise UsageError(
            f"--scheduler {address}: no Dask scheduler answers there ({error}); docs/cluster.md "
            "tells how to start one"
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=JOIN)
        except TimeoutError:
            raise UsageError(
                f"--scheduler {address}: no worker has joined it within {JOIN:g} s; docs/cluster.md "
                "tells how to start some"
            ) from None
        files = {Path(file).name: Path(file).read_bytes() for file in catalog.files}
        pool = DaskPool(client, address, files, gpu=device == "cuda", shared=shared)
        if not pool.slots:
            raise UsageError(
                f"--device cuda: no worker of {address} offers a GPU; start them with "
                '--resources "GPU=1"'
            )
        yield pool


def _check_certificates(address: str) -> None:
    """Check that there are certificates for an address with TLS.

    Raises:
        UsageError: Dask is told of none, or they cannot be read.
    """
    if not address.startswith("tls://"):
        return
    where = (
        "DASK_DISTRIBUTED__COMM__TLS__CA_FILE, …__TLS__CLIENT__CERT and …__TLS__CLIENT__KEY, or "
        "distributed.comm.tls in Dask's configuration, name the files (docs/cluster.md)"
    )
    try:
        context = Security().get_connection_args("client").get("ssl_context")
    except (OSError, ValueError) as error:
        raise UsageError(
            f"--scheduler {address}: the certificates for TLS cannot be read ({error}); {where}"
        ) from None
    if context is None:
        raise UsageError(
            f"--scheduler {address}: TLS needs certificates, and Dask is told of none; {where}"
        )


@dataclass
class _Sent:
    """A task in the hands of the cluster."""

    task: Task
    future: Future[remote.Result] | None = None
    tries: int = 0
    heard: int = 0
    lost: str = ""
    files: dict[str, bytes] | None = None
    outcome: tuple[str | None, int] | None = None
    since: float = field(default_factory=time.monotonic)


class DaskPool:
    """Performs tasks on the workers of a cluster; see `ecgbench.harness.engine.pool.Pool`.

    Args:
        client: connected.
        address: of the scheduler, for messages.
        files: given with ``--plugin``: contents by name.
        gpu: whether each task takes one of the Dask resource ``GPU``.
        shared: whether workers write into the store themselves, or send their results.
    """

    def __init__(
        self, client: Client, address: str, files: dict[str, bytes], *, gpu: bool, shared: bool
    ) -> None:
        self.client = client
        self.address = address
        self.files = files
        self.resources = {"GPU": 1} if gpu else {}
        self.shared = shared
        self.topic = f"ecgbench-{secrets.token_hex(8)}"
        self.running: dict[str, _Sent] = {}
        self.data: dict[Path, Future[dict[str, bytes]]] = {}
        self.queue: queue.SimpleQueue[tuple[str, Told | Future[remote.Result]]] = (
            queue.SimpleQueue()
        )
        self.away: float | None = None
        self.known: dict[str, Any] = {}
        self.looked = 0.0
        self.idle: float | None = None
        client.subscribe_topic(self.topic, self._hear)

    @property
    def slots(self) -> int:
        """Threads of all workers, or their GPUs: as many tasks run at a time."""
        workers = self._workers()
        if self.resources:
            return int(sum(worker["resources"].get("GPU", 0) for worker in workers.values()))
        return int(sum(worker["nthreads"] for worker in workers.values()))

    @property
    def threads(self) -> int:
        """Return the processors for shares task on the machine with the fewest."""
        workers = self._workers()
        slots: Counter[str] = Counter()
        for worker in workers.values():
            slots[worker["host"]] += worker["nthreads"]
        try:
            counts = self.client.run(cores, workers=list(workers), on_error="ignore")
        except Exception as error:
            raise UsageError(
                f"a worker of {self.address} cannot be asked: {error}; is synthetic-ecgbench[dask] "
                "installed there?"
            ) from error
        shares = [count // slots[workers[address]["host"]] for address, count in counts.items()]
        return max(1, min(shares, default=1))

    def _workers(self) -> dict[str, Any]:
        """The workers as the scheduler describes them, by address."""
        if time.monotonic() - self.looked > LOOK_EVERY:
            with contextlib.suppress(OSError, TimeoutError):  # `messages` sees to a lost scheduler
                self.known = dict(self.client.scheduler_info(n_workers=-1).get("workers", {}))
            self.looked = time.monotonic()
        return self.known

    def start(self, task: Task) -> None:
        """Hand a task to the cluster."""
        sent = self.running[task.cell.name] = _Sent(task)
        self._submit(sent)

    def _submit(self, sent: _Sent) -> None:
        sent.tries += 1
        sent.heard, sent.lost, sent.outcome = 0, "", None
        try:
            sent.future = self._hand_out(sent.task, sent.tries)
        except (OSError, TimeoutError) as error:
            sent.lost = str(error)  # the scheduler is away
            return
        sent.future.add_done_callback(
            lambda future, name=sent.task.cell.name: self.queue.put((name, future))
        )

    def _hand_out(self, task: Task, number: int) -> Future[remote.Result]:
        order = remote.Order(
            task=replace(task, plugin_files=()),
            topic=self.topic,
            plugin_files=self.files,
            inbox=None if self.shared else _inbox(Store(task.store), task.cell.name),
        )
        return self.client.submit(
            remote.carry_out,
            order,
            self._data_of(task.windows),
            key=f"{self.topic}/{task.cell.name}/{number}",
            pure=False,
            resources=self.resources or None,
        )

    def _data_of(self, folder: Path) -> Future[dict[str, bytes]]:
        """The windows of a dataset, sent to each worker once."""
        if folder not in self.data or self.data[folder].status != "finished":
            content = {file.name: file.read_bytes() for file in folder.iterdir()}
            (self.data[folder],) = self.client.scatter([content], broadcast=True, hash=False)
        return self.data[folder]

    def stop(self, cell: str) -> None:
        """End the task of a cell; nothing is recorded."""
        sent = self.running.get(cell)
        if sent is not None and sent.future is not None:
            sent.future.cancel()
            sent.future, sent.outcome = None, (STOPPED, 0)

    def messages(self, seconds: float) -> list[Message]:
        """Return messages of tasks; see `ecgbench.harness.engine.pool.Pool`."""
        arrived: list[tuple[str, Told | Future[remote.Result]]] = []
        with contextlib.suppress(queue.Empty):
            arrived.append(self.queue.get(timeout=seconds))
            while True:
                arrived.append(self.queue.get_nowait())
        self._check_scheduler()
        self._check_workers()
        passed: list[Message] = []
        for name, message in arrived:
            sent = self.running.get(name)
            if sent is None:
                continue
            if not isinstance(message, Future):
                sent.heard += 1
                passed.append((name, message))
            elif message is sent.future:
                self._settle(sent)
        self._submit_lost()
        for name, sent in list(self.running.items()):
            # messages take another way than results, and may come after them
            if sent.outcome is not None and (
                sent.heard >= sent.outcome[1] or time.monotonic() - sent.since > 5
            ):
                if sent.files is not None:
                    passed.append((name, Files(sent.files)))
                passed.append((name, TaskEnd(sent.outcome[0])))
                del self.running[name]
        return passed

    def _settle(self, sent: _Sent) -> None:
        """Take the result of an ended task."""
        assert sent.future is not None
        if sent.future.status == "finished":
            result = sent.future.result()
            sent.future = None
            if result.refused:
                raise EcgbenchError(result.refused)
            if result.failure == STOPPED:
                sent.lost = "its worker was about to close"
                return
            sent.files = result.files
            sent.outcome, sent.since = (result.failure, result.messages), time.monotonic()
            return
        error = sent.future.exception() if sent.future.status == "error" else None
        if isinstance(error, KilledWorker):
            reason = f"the workers it was given to died: {error}".partition("\n")[0]
            record_end(Store(sent.task.store), sent.task, "failed", reason)
            sent.future = None
            sent.outcome = reason, 0
        else:
            sent.lost = f"{sent.future.status}{f': {error}' if error else ''}"

    def _submit_lost(self) -> None:
        """Hand out lost tasks again, as soon as the scheduler is there.

        Raises:
            EcgbenchError: it loses the same cell again and again.
        """
        for sent in self.running.values():
            if not sent.lost or self.away is not None:
                continue
            if sent.tries >= TRIES:
                raise EcgbenchError(
                    f"cell {sent.task.cell.name} was lost by the cluster {TRIES} times "
                    f"({sent.lost}); finished work is kept: start again"
                )
            self._submit(sent)

    def _check_scheduler(self) -> None:
        """Check that the scheduler is there.

        Raises:
            EcgbenchError: it has been away for too long.
        """
        if self.client.status == "running":
            self.away = None
            return
        self.away = self.away or time.monotonic()
        if self.client.status == "closed" or time.monotonic() - self.away > CONNECT:
            raise EcgbenchError(
                f"the scheduler at {self.address} is lost; finished work is kept: start the same "
                "command again when it is back"
            )

    def _check_workers(self) -> None:
        """Check that there are workers.

        Raises:
            EcgbenchError: there has been nobody for too long.
        """
        if self.slots:
            self.idle = None
            return
        self.idle = self.idle or time.monotonic()
        if time.monotonic() - self.idle > JOIN:
            raise EcgbenchError(
                f"the scheduler at {self.address} has had no worker for {JOIN:g} s; what was finished "
                "stands: start the same command again when there are some"
            )

    def end(self) -> None:
        """End all running tasks, and wait until the workers have ended them."""
        if not self.running:
            return
        with contextlib.suppress(Exception):  # whatever the state of the cluster, the run ends
            futures = [sent.future for sent in self.running.values() if sent.future is not None]
            self.client.cancel(futures, force=True)
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                busy = self.client.run(remote.at_work, self.topic, on_error="ignore")
                if not any(busy.values()):
                    return
                time.sleep(0.2)

    def _hear(self, event: tuple[float, Any]) -> None:
        name, content = event[1]
        with contextlib.suppress(msgspec.DecodeError):  # a worker with another version of ecgbench
            self.queue.put((name, decoder("msgpack", Told).decode(content)))


def _inbox(store: Store, cell: str) -> dict[str, bytes]:
    """Return the files of a stored cell, for a worker to add scores."""
    while (file := store.damage(cell)) is not None:
        store.set_aside(cell, file)
    record = store.cell(cell)
    if record is None or record.status != "ok":
        return {}
    folder = store.folder(cell)
    files = [folder / "cell.json", folder / "synthetic.npz", *folder.glob("scores/*.json")]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files if file.exists()}
