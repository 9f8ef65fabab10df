"""What an experiment found."""

from collections.abc import Callable
from dataclasses import dataclass, fields

Say = Callable[[str], None]
"""Takes a short text on how far a long experiment is."""


class Unsettled(Exception):
    """Something did not come about in time: not ready again, not drained, never answered."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Sums of what went wrong in ``done`` faults, and the longest time without a service."""

    done: int
    lost: int = 0
    duplicated: int = 0
    wrong: int = 0
    longest_outage_s: float = 0.0
    note: str = ""
    """Figures that belong to this experiment alone."""
    details: tuple[str, ...] = ()
    """The first things that are not as they should be."""

    @property
    def holds(self) -> bool:
        """Nothing was lost, doubled or wrong."""
        return not (self.lost or self.duplicated or self.wrong)

    def and_also(self, other: "Outcome") -> "Outcome":
        """Both together; faults done are this one's."""
        return Outcome(
            self.done,
            self.lost + other.lost,
            self.duplicated + other.duplicated,
            self.wrong + other.wrong,
            max(self.longest_outage_s, other.longest_outage_s),
            "; ".join(filter(None, (self.note, other.note))),
            (*self.details, *other.details),
        )


FIGURES = tuple(f.name for f in fields(Outcome) if f.name != "details")
"""What a report says of an outcome."""
