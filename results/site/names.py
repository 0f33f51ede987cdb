"""Names of a site's files: short, safe on any system, and one for each thing."""

from __future__ import annotations

import hashlib
import re

MOST_LETTERS = 80


class Names:
    """Gives out names, the same for the same thing."""

    def __init__(self) -> None:
        self._taken: dict[str, tuple[str, ...]] = {}

    def of(self, *thing: str) -> str:
        """Return the name of a thing: letters, digits and hyphens.

        Args:
            thing: its kind, its own name, and whatever tells it from others of this name.
        """
        slug = re.sub(r"[^a-z0-9]+", "-", thing[1].lower()).strip("-")[:MOST_LETTERS] or "unnamed"
        name = f"{thing[0]}-{slug}"
        if self._taken.setdefault(name, thing) != thing:
            name += f"-{hashlib.sha256(repr(thing).encode()).hexdigest()[:12]}"
            self._taken[name] = thing
        return name
