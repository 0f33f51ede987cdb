"""Errors in a cell's process: the blame, and a sentence for the user."""

from __future__ import annotations

import errno
import functools
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec

from ecgbench.contracts.errors import PluginError, StoreError, UsageError
from ecgbench.harness.cell.messages import StoreFault

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")


def tell_trouble(function: Callable[P, None]) -> Callable[P, None]:
    """Let a process send `StoreFault` before an error ends it, if no plugin is to blame.

    Such are an unreadable store, a full disk, and other plugins than those of the plan.  The
    function's first argument is a `Task` or an `Order`, and its last is ``send``.
    """

    @functools.wraps(function)
    def told(*args: P.args, **kwargs: P.kwargs) -> None:
        send = args[-1]
        assert callable(send)
        try:
            function(*args, **kwargs)
        except (StoreError, UsageError) as error:
            send(StoreFault(str(error)))
            raise
        except OSError as error:
            if full := full_disk(
                error, getattr(args[0], "folder", getattr(args[0], "store", Path()))
            ):
                send(StoreFault(str(full)))
                raise full from error
            raise

    return told


def say(error: BaseException) -> str:
    """Return an error in one line, with its place in the plugin's code."""
    if isinstance(error, PluginError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:500]}{place}"


def full_disk(error: BaseException, folder: Path) -> StoreError | None:
    """Return the error of a full disk, so that no plugin is blamed for it; None for any other."""
    if not isinstance(error, OSError) or error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return None
    file = error.filename or f"a file, probably below {folder}"
    return StoreError(f"cannot write {file}: {error.strerror}; what was finished before stays")
