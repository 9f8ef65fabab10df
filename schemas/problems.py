"""RFC 9457 problem documents: what the HTTP interfaces answer when they refuse something."""

from pydantic import BaseModel, ConfigDict

MEDIA_TYPE = "application/problem+json"


class FieldError(BaseModel):
    """One rule that one field breaks, with what would mend it."""

    model_config = ConfigDict(frozen=True)

    field: str
    """JSON path within the event, e.g. ``data.procedure``; empty: the event as a whole."""
    rule: str
    """Stable code of the rule, for scripts."""
    message: str
    """English: what is wrong and what would be right."""
    message_vi: str
    """The same in Vietnamese."""


class Problem(BaseModel):
    """RFC 9457; ``type`` is a stable URN, ``detail`` says what to do."""

    model_config = ConfigDict(frozen=True)

    type: str
    title: str
    title_vi: str
    status: int
    detail: str
    detail_vi: str
    errors: tuple[FieldError, ...] = ()
