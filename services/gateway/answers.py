"""What the gateway answers: 202, 207 with a verdict for each event, or a problem."""

from typing import Any, NamedTuple

import orjson
from starlette.types import Send

from schemas.problems import MEDIA_TYPE
from services.gateway.admission import Accepted, Refused, Verdict
from services.gateway.problems import problem_of

_RETRY_AFTER = {503: "2", 429: "1"}


class Answer(NamedTuple):
    """An HTTP answer that is not sent yet."""

    status: int
    body: dict[str, Any]


def answer_to(verdicts: list[Verdict], recorded_at: str, batch: bool) -> Answer:
    refused = [verdict for verdict in verdicts if isinstance(verdict, Refused)]
    if refused and not batch:
        return Answer(*problem_of(refused[0].errors))
    body: dict[str, Any] = {
        "accepted": len(verdicts) - len(refused),
        "refused": len(refused),
        "items": [_item(verdict, recorded_at) for verdict in verdicts],
    }
    if not refused:
        return Answer(202, body)
    if body["accepted"]:
        return Answer(207, body)
    # all refused: the one status they share, or 422
    statuses = {verdict.status for verdict in refused}
    errors = [
        error.model_copy(update={"field": f"[{n}].{error.field}".rstrip(".")})
        for n, verdict in enumerate(refused)
        for error in verdict.errors
    ]
    status, problem = problem_of(errors, statuses.pop() if len(statuses) == 1 else 422)
    return Answer(status, {**problem, **body})


def _item(verdict: Verdict, recorded_at: str) -> dict[str, Any]:
    if isinstance(verdict, Accepted):
        return {
            "id": verdict.id,
            "source": verdict.source,
            "status": "accepted",
            "recordedat": recorded_at,
        }
    _, problem = problem_of(verdict.errors)
    return {"id": verdict.id, "source": verdict.source, "status": "refused", "problem": problem}


async def send_answer(send: Send, answer: Answer) -> None:
    body = orjson.dumps(answer.body)
    kind = MEDIA_TYPE if answer.status >= 400 else "application/json"
    headers = [
        (b"content-type", kind.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if answer.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if after := _RETRY_AFTER.get(answer.status):
        headers.append((b"retry-after", after.encode()))
    if answer.status in (408, 413, 415):
        # the rest of the body is still on its way
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
