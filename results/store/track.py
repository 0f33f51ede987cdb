"""How whoever reads or writes much tells how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Item = TypeVar("Item")


class Track(Protocol):
    """Passes items on, one after the other, and tells of them under a name of a word or two."""

    def __call__(self, items: Sequence[Item], what: str) -> Iterable[Item]:
        """Return the items."""


def untracked(items: Sequence[Item], what: str) -> Iterable[Item]:  # noqa: ARG001 - as `Track`
    """Return the items, and tell nobody."""
    return items
