"""The gateway's problem documents (RFC 9457): one title for each HTTP status, in both languages."""

from collections.abc import Sequence
from typing import Any

from schemas.problems import FieldError, Problem
from services.gateway.rules import RULES

_TITLES = {
    400: ("The request cannot be read", "Không đọc được yêu cầu"),
    401: ("Who sends is unknown", "Không xác định được bên gửi"),
    403: ("Not allowed for this unit", "Không có quyền với đơn vị này"),
    408: ("The request took too long", "Yêu cầu mất quá nhiều thời gian"),
    413: ("Too large", "Quá lớn"),
    415: ("Wrong content type", "Sai kiểu nội dung"),
    422: ("The event is not valid", "Sự kiện không hợp lệ"),
    429: ("Too many events at once", "Quá nhiều sự kiện cùng lúc"),
    503: ("Not stored; try again", "Chưa lưu được; hãy gửi lại"),
}


def problem_of(
    errors: Sequence[FieldError], status: int | None = None
) -> tuple[int, dict[str, Any]]:
    """(HTTP status, problem); the first error decides unless a status is given."""
    first = errors[0]
    status = status or RULES[first.rule].status
    title, title_vi = _TITLES[status]
    where = f"{first.field}: " if first.field else ""
    problem = Problem(
        type=f"urn:motcua:problem:{first.rule}",
        title=title,
        title_vi=title_vi,
        status=status,
        detail=where + first.message,
        detail_vi=where + first.message_vi,
        errors=tuple(errors),
    )
    return status, problem.model_dump()
