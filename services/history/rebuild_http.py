"""A rebuild of the history over HTTP: started by ``POST``, followed by ``GET``."""

from fastapi import APIRouter
from starlette.responses import Response

from schemas.problems import Problem
from services.history.rebuild import Rebuilding
from services.web import problem_response


def rebuild_router(rebuilding: Rebuilding) -> APIRouter:
    """``/api/v1/rebuild``: both answer with a :class:`~services.history.rebuild.RebuildState`."""
    router = APIRouter()

    @router.get("/api/v1/rebuild")
    def rebuild_state() -> Response:
        return _state(rebuilding)

    @router.post("/api/v1/rebuild")
    def rebuild_start(keep: bool = False, replace: bool = False) -> Response:
        if not rebuilding.start(keep=keep, replace=replace):
            return problem_response(_UNDER_WAY)
        return _state(rebuilding, 202)

    return router


def _state(rebuilding: Rebuilding, status: int = 200) -> Response:
    return Response(rebuilding.state.model_dump_json(), status, media_type="application/json")


_UNDER_WAY = Problem(
    type="urn:motcua:problem:rebuild_under_way",
    title="A rebuild is under way",
    title_vi="Đang có một lần dựng lại",
    status=409,
    detail="A rebuild of the history is under way. Follow it at GET /api/v1/rebuild.",
    detail_vi="Kho lịch sử đang được dựng lại. Theo dõi tại GET /api/v1/rebuild.",
)
