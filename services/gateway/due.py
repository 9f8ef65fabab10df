"""The due moment that a dossier has by the catalogue, computed once, when it is received."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

import structlog

from schemas.registry import Procedure
from streams.core.days import milliseconds, moment
from streams.core.working_time import UnknownDay, WorkingTime

Owed: TypeAlias = Callable[[Procedure, datetime], datetime | None]
"""When the result of a procedure received at that moment is owed; None when nobody can say."""

log = structlog.get_logger()


class CatalogueDue:
    """:data:`Owed` by working time.

    None when the catalogue names no time limit, or the calendar does not reach far enough. The
    latter is our omission, not the sender's: the event is admitted, and the missing year is told to
    the operator once.
    """

    def __init__(self, work: WorkingTime) -> None:
        self._work = work
        self._told: set[str] = set()

    def __call__(self, procedure: Procedure, received_at: datetime) -> datetime | None:
        try:
            owed = self._work.owed(procedure, milliseconds(received_at))
        except UnknownDay as unknown:
            why = str(unknown)
            if why not in self._told:
                self._told.add(why)
                log.error("calendar_unknown", why=why, then="admitted without a due moment")
            return None
        return None if owed is None else moment(owed)
