"""The port of the historian: where records go, and how far they have got there."""

from collections.abc import Callable, Mapping
from typing import Protocol

from services.historian.records import Batch


class HistoryUnavailable(Exception):
    """Nothing can be stored now; trying again later is right, and safe."""


class ForeignTopic(Exception):
    """The history was written from another topic than the one that is here now."""


class History(Protocol):
    """Every admitted event, once, for ever. The first copy of an event is the one that counts."""

    def append(self, batch: Batch) -> None:
        """Store all or raise :class:`HistoryUnavailable`; storing a record again changes nothing.

        Durable on return. Callers retry freely: there is no token and no window to miss.
        """

    def prepared(self, batch: Batch) -> Callable[[], None]:
        """:meth:`append` in two steps: what needs no database is done now, the rest when called.

        May be called while another batch is stored. Raises :class:`HistoryUnavailable`.
        """

    def positions(self) -> Mapping[int, int]:
        """For each partition the first offset that is not in here; 0 is left out.

        Everything below it has been appended. Raises :class:`HistoryUnavailable`.
        """

    def close(self) -> None:
        """Give back what it holds; it may be used again."""
