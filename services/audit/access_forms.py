"""Forms of a session: one that did not come from a page of ours is not taken."""

from starlette.requests import Request

from schemas.problems import Problem
from services.audit.access import current_person
from services.audit.access_sessions import Sessions
from services.audit.forms import Form, TooLarge, read_form

SESSIONS = "motcua_sessions"
"""Where the guard leaves the sessions in a request's scope; without a guard nobody has one."""


async def form_of(request: Request, most: int = 64_000) -> Form | Problem:
    """What was sent, when its token fits the session."""
    try:
        form = await read_form(request, most)
    except TooLarge:
        return _NOT_READ
    except (ValueError, UnicodeDecodeError):
        return _NOT_READ
    sessions: Sessions | None = request.scope.get(SESSIONS)
    person = current_person()
    fits = sessions is None or sessions.fits(person, form.fields.get("csrf", ""))
    return form if fits else FOREIGN_FORM


FOREIGN_FORM = Problem(
    type="urn:motcua:problem:foreign_form",
    title="The form is not of this session",
    title_vi="Biểu mẫu không thuộc phiên làm việc này",
    status=403,
    detail="Open the page again and send the form from there.",
    detail_vi="Hãy mở lại trang rồi gửi biểu mẫu từ đó.",
)
_NOT_READ = Problem(
    type="urn:motcua:problem:form_unreadable",
    title="The form cannot be read",
    title_vi="Không đọc được biểu mẫu",
    status=422,
    detail="Send a form of the size that the page allows.",
    detail_vi="Hãy gửi đúng biểu mẫu, dung lượng trong mức cho phép.",
)
