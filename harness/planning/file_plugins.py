"""Lets a plugin's child processes import its ``--plugin`` file.

A function or class of such a file travels to another process by the name of its module.  A forked
process has the module already; a spawned one looks for it on ``sys.path``.
"""

from __future__ import annotations

import contextlib
import secrets
import sys

PREFIX = "ecgbench_plugin_"
"""The start of the module names of such files."""

STUB = """\
import sys
from importlib.util import module_from_spec, spec_from_file_location

spec = spec_from_file_location(__name__, {file!r})
module = sys.modules[__name__] = module_from_spec(spec)
spec.loader.exec_module(module)
"""
"""A module; when imported, it replaces itself by another file's module."""


def let_children_import() -> None:
    """Put a folder with a module for each loaded ``--plugin`` file on ``sys.path``.

    If the folder cannot be written, spawned processes cannot import the files, and say so.
    """
    from ecgbench.environment import cache_dir  # noqa: PLC0415 - discovery needs the prefix alone

    folder = cache_dir() / "plugins"
    with contextlib.suppress(OSError):
        for name, module in list(sys.modules.items()):
            if not name.startswith(PREFIX) or module.__file__ is None:
                continue
            stub, content = folder / f"{name}.py", STUB.format(file=module.__file__)
            if not stub.is_file() or stub.read_text("utf-8") != content:
                folder.mkdir(parents=True, exist_ok=True)
                temporary = folder / f".{secrets.token_hex(8)}.tmp"
                temporary.write_text(content, "utf-8")
                temporary.replace(stub)
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
