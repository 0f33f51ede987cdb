"""The machine and its software, for records: an allow-list, without host, user or path."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ecgbench.contracts.errors import DataError

PACKAGES = (
    "synthetic-ecgbench",
    "torch",
    "numpy",
    "scipy",
    "scikit-learn",
    "pandas",
    "wfdb",
    "sleepecg",
    "pluggy",
    "msgspec",
)

SHARE = 0.9
"""Default share of the memory here for cells."""


@cache
def environment() -> dict[str, Any]:
    """Return versions, processor, memory and devices, JSON-ready."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "cores": cores(),
        "memory_gib": memory_gib(),
        "packages": {name: package_version(name) for name in PACKAGES},
    }


def package_version(name: str) -> str | None:
    """Return the installed version of a distribution, None if it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def cores() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor() -> str:
    """Return the processor's model name, as far as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def memory_gib() -> float | None:
    """Physical memory, GiB."""
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError, AttributeError):
        return None


def memory() -> int:
    """Return bytes for all cells together: a share of the machine's memory, or of a smaller container's."""
    import psutil  # noqa: PLC0415 - only a run needs it

    limits = [psutil.virtual_memory().total]
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):
            limits.append(int(Path(file).read_text("ascii")))
    return int(SHARE * min(limits))


def cache_dir() -> Path:
    """The cache: ``ECGBENCH_CACHE_DIR``, else the user's cache folder.

    Raises:
        DataError: the user has no home folder, as in many containers.
    """
    given = os.environ.get("ECGBENCH_CACHE_DIR")
    if given:
        return Path(given)
    import platformdirs  # noqa: PLC0415 - most commands name no folder of their own

    with suppress(RuntimeError):
        found = platformdirs.user_cache_path("ecgbench")
        if found.is_absolute():  # older ones return "~/.cache"
            return found
    raise DataError(
        f"user {os.getuid()} has no home folder here, so there is no place for the cache of datasets: "
        "set ECGBENCH_CACHE_DIR to a folder that can be written, or HOME"
    )
