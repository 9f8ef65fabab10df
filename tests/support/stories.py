"""Worked examples in the words of the office: given what happened, when this happens, then that.

``given(received(due=…)).when(resolved(at=…)).then(on_time=True)``
"""

from collections.abc import Iterable
from typing import Any

from schemas.admitted import FrozenProcedure
from schemas.events import LifecycleEvent
from streams.core.facts import FACTS, Facts
from tests.support.histories import CATALOGUE, entry, facts_of

_FACT_NAMES = frozenset(fact.name for fact in FACTS)


class Story:
    """Events of one dossier, told one after the other."""

    def __init__(
        self, events: Iterable[LifecycleEvent], level: str, frozen: FrozenProcedure
    ) -> None:
        self._events = tuple(events)
        self._level = level
        self._frozen = frozen

    def and_(self, *events: LifecycleEvent) -> "Story":
        """And this happened as well."""
        return Story((*self._events, *events), self._level, self._frozen)

    when = and_
    """The event that the example is about."""

    @property
    def facts(self) -> Facts:
        """What follows from the events."""
        return facts_of(
            entry(said, level=self._level, frozen=self._frozen) for said in self._events
        )

    def then(self, **expected: Any) -> "Story":
        """These facts hold (True) or do not (False); other names are fields of ``Facts``."""
        known = self.facts
        actual = {
            name: known.has(name) if name in _FACT_NAMES else getattr(known, name)
            for name in expected
        }
        assert actual == expected
        return self


def given(
    *events: LifecycleEvent, level: str = "commune", frozen: FrozenProcedure = CATALOGUE
) -> Story:
    """These events happened to a dossier of a procedure that the catalogue describes so."""
    return Story(events, level, frozen)
