"""What a run's machine options mean."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ecgbench.contracts.errors import UsageError
from ecgbench.environment import cores, memory
from ecgbench.harness.engine.pool import LocalPool, Pool
from ecgbench.harness.engine.run import Machine, choose_device

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecgbench.harness.planning.catalog import Catalog


@contextmanager
def machine_and_pool(
    catalog: Catalog,
    *,
    device: str,
    threads: int | None,
    jobs: int,
    timeout: float | None,
    memory_limit: int | None,
    scheduler: str | None,
    results: str,
) -> Iterator[tuple[Machine, Pool]]:
    """Where cells run and how, from the command's options; open as long as it is used.

    Raises:
        UsageError: the options contradict each other or this machine; the cluster cannot be used.
    """
    if scheduler is not None:
        from ecgbench.harness.engine.cluster import connect  # noqa: PLC0415 - needs an extra

        if jobs != 1:
            raise UsageError(
                "--jobs is for this machine; with --scheduler the workers say how many"
            )
        with connect(scheduler, catalog, device, shared=results == "store") as cluster:
            yield (
                Machine(
                    device="cpu" if device == "auto" else device,
                    threads=threads or cluster.threads,
                    plugin_files=catalog.files,
                    timeout=timeout,
                    memory=memory_limit,
                ),
                cluster,
            )
        return
    threads = threads or max(1, cores() // jobs)
    if jobs > 1 and jobs * threads > cores():
        raise UsageError(
            f"--jobs {jobs} of {threads} threads each are more than the {cores()} processors here and "
            f"would only slow each other down; --jobs {max(1, cores() // threads)} fits"
        )
    machine = Machine(
        device=choose_device(device),
        threads=threads,
        plugin_files=catalog.files,
        timeout=timeout,
        memory=memory_limit or memory() // jobs,
    )
    yield machine, LocalPool(jobs)
