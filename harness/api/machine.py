"""From the machine options of a run to a machine and a pool."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ecgbench.contracts.errors import UsageError
from ecgbench.environment import cores
from ecgbench.environment import memory as usable_memory
from ecgbench.harness.api.arguments import check
from ecgbench.harness.engine.pool import LocalPool, Pool
from ecgbench.harness.engine.run import Machine, choose_device

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecgbench.harness.planning.catalog import Catalog


SMALL = 2**30
"""Bytes that a smoke test's cell may need."""

MOST_SMALL = 4
"""Jobs of smoke tests: more would wait for each other, for a seed's cells share what the first computes."""


@contextmanager
def machine_and_pool(
    catalog: Catalog,
    *,
    device: str,
    threads: int | None,
    jobs: int | None,
    timeout: float | None,
    memory: int | None,
    scheduler: str | None,
    results: str,
    keep_models: bool = False,
    smoke: bool = False,
) -> Iterator[tuple[Machine, Pool]]:
    """Return machine and pool of a run; a cluster's connection stays open as long as they are used.

    A study of smoke tests has several jobs of one thread each unless the options say otherwise: its cells
    are too small to gain by threads.  The arguments are those of `ecgbench.run`.

    Raises:
        UsageError: the options contradict each other or this machine; the cluster cannot be used.
    """
    check(
        device=device,
        threads=threads,
        jobs=jobs,
        timeout=timeout,
        memory=memory,
        scheduler=scheduler,
        results=results,
    )
    if scheduler is not None:
        from ecgbench.harness.engine.cluster import connect  # noqa: PLC0415 - needs an extra

        if jobs not in (None, 1):
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
                    memory=memory,
                    keep_models=keep_models,
                ),
                cluster,
            )
        return
    jobs = jobs or (_small_jobs(threads or 1) if smoke else 1)
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
        memory=memory or usable_memory() // jobs,
        keep_models=keep_models,
    )
    yield machine, LocalPool(jobs)


def _small_jobs(threads: int) -> int:
    """Return how many small cells of so many threads run side by side."""
    return max(1, min(cores() // threads, usable_memory() // SMALL, MOST_SMALL))
