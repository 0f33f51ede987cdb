"""The errors that a user is meant to read.

```
EcgbenchError             exit code 2 unless a cell caught it
├── UsageError            an unknown name, a bad setting, an unreadable study
│   └── ConfigError       a plugin's setting is unknown, of the wrong type or out of range
├── PluginError           a plugin breaks the contract
├── DataError             a dataset is absent, incomplete, or not the one it claims to be
└── StoreError            a store cannot be read or written
    └── DamagedError      a file of a store has changed since it was written
Skip                      not an error: "this does not apply here", with its reason
```

The command line prints the message of an `EcgbenchError` and never its traceback.
"""

from collections.abc import Iterable
from pathlib import Path


class EcgbenchError(Exception):
    """An error that a user can mend; the message says what, where and how."""


class UsageError(EcgbenchError):
    """The command or the study asks for an unknown thing."""


class ConfigError(UsageError):
    """A plugin's setting is unknown, of the wrong type or out of range."""


class PluginError(EcgbenchError):
    """A plugin breaks the contract; the message names the plugin and its fault."""


class DataError(EcgbenchError):
    """A dataset is absent, incomplete, or not the one it claims to be."""


class StoreError(EcgbenchError):
    """A store cannot be read or written."""


class DamagedError(StoreError):
    """A file of a store has changed since it was written; a run sets it aside and makes it again.

    Args:
        file: the damaged file.
        how: the damage, in words.
    """

    def __init__(self, file: Path, how: str) -> None:
        super().__init__(
            f"{file} is damaged ({how}); the next ecgbench run sets it aside and makes it again"
        )
        self.file = file
        self.how = how


class Skip(Exception):  # noqa: N818 - it is no error
    """Raised by a plugin if it does not apply; the reason is shown on the board."""


def suggest(name: str, known: Iterable[str]) -> str:
    """Return the nearest valid choice, or all of them, as the end of an error message.

    >>> suggest("hiden", ["hidden", "layers"])
    "did you mean 'hidden'?"
    >>> suggest("COPIED_SHARE", ["copied-share", "mmd"])
    "did you mean 'copied-share'?"
    >>> suggest("x", ["hidden", "layers"])
    'choose from: hidden, layers'
    """
    from difflib import get_close_matches  # noqa: PLC0415 - for mistakes alone

    choices = sorted(known)
    alike = {choice.lower().replace("_", "-"): choice for choice in choices}
    near = get_close_matches(name.lower().replace("_", "-"), alike, n=1)
    if near:
        return f"did you mean {alike[near[0]]!r}?"
    return f"choose from: {', '.join(choices)}" if choices else "there is none"
