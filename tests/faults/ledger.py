"""What was sent, and what became of it: the one witness of an experiment.

It knows nothing of the product but HTTP's answers.
"""

import threading
import time
from dataclasses import dataclass, field
from typing import Any

Identity = tuple[str, str, str, str]
"""(unit, dossier, source, id)."""


def identity(event: dict[str, Any]) -> Identity:
    """By which an event is told from others."""
    return event["unit"], event["subject"], event["source"], event["id"]


@dataclass
class Ledger:
    """Every event that was answered 202, by its identity; the first content counts."""

    acknowledged: dict[Identity, dict[str, Any]] = field(default_factory=dict)
    requests: int = 0
    unknown: int = 0
    """Attempts that ended without an answer, or with 503: settled by sending again."""
    unavailable: int = 0
    """Those that ended with 503."""
    longest_wait_s: float = 0.0
    """From the first attempt of a request to its 202."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def accepted(self, events: list[dict[str, Any]], first_try: float) -> None:
        """A request was answered 202."""
        waited_s = time.monotonic() - first_try
        with self._lock:
            self.requests += 1
            self.longest_wait_s = max(self.longest_wait_s, waited_s)
            for event in events:
                self.acknowledged.setdefault(identity(event), event)

    def no_answer(self, status: int) -> None:
        """Nobody knows whether it was stored. ``status``: 503, or 0 for none at all."""
        with self._lock:
            self.unknown += 1
            self.unavailable += status == 503

    def begin(self) -> None:
        """Forget the figures of an earlier experiment, not what was acknowledged."""
        with self._lock:
            self.requests = self.unknown = self.unavailable = 0
            self.longest_wait_s = 0.0
