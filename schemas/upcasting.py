"""Older versions of events, read for ever: each step lifts the data of one version to the next.

Records are never rewritten. Whoever reads one (the worker, the historian) lifts it first, so that
everything behind knows today's version alone.
"""

from collections.abc import Callable, Mapping
from typing import Any

from schemas.words import ResultForm

Data = Mapping[str, Any]


def _resolved_v1(data: Data) -> Data:
    """v2 says in which form the result was issued; v1 only whether it was electronic."""
    lifted = {name: value for name, value in data.items() if name != "electronic_result"}
    electronic = data.get("electronic_result", False)
    lifted["result_form"] = (ResultForm.ELECTRONIC if electronic else ResultForm.PAPER).value
    return lifted


STEPS: dict[str, tuple[str, Callable[[Data], Data]]] = {
    "motcua.dossier.resolved.v1": ("motcua.dossier.resolved.v2", _resolved_v1),
}
"""By the type that is read: the next version's type, and what makes its data."""


def lift(event_type: str, data: Data) -> tuple[str, Data]:
    """The event as today's version has it; unchanged when it is today's already."""
    while event_type in STEPS:
        event_type, step = STEPS[event_type]
        data = step(data)
    return event_type, data
