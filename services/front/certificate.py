"""``GET /api/v1/certificate``: the newest certificate, whether or not the history still answers."""

from collections.abc import Callable
from datetime import datetime

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from schemas.problems import Problem
from services.certificates import Certificates, age_s
from services.web import problem_response


def certificate_router(certificates: Certificates, clock: Callable[[], datetime]) -> APIRouter:
    """Answers with the certificate as it stands in Kafka, and its age; 404 when there is none."""
    router = APIRouter()

    @router.get("/api/v1/certificate")
    def newest() -> Response:
        found = certificates.newest()
        if found is None:
            return problem_response(_NONE)
        content = {
            "age_s": round(age_s(found, clock()), 1),
            "certificate": orjson.Fragment(found.model_dump_json()),
        }
        return Response(orjson.dumps(content), media_type="application/json")

    return router


_NONE = Problem(
    type="urn:motcua:problem:certificate_unknown",
    title="Nothing has been compared yet",
    title_vi="Chưa đối chiếu lần nào",
    status=404,
    detail="There is no certificate yet. Ask for one: motcua verify",
    detail_vi="Chưa có lần đối chiếu nào. Hãy chạy: motcua verify",
)
