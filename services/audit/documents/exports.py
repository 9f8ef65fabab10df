"""Long lists are written in the background: one at a time, into files that are kept for a day."""

import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, Literal

import structlog
from pydantic import BaseModel, ConfigDict

from schemas.problems import Problem
from services.audit.documents.provenance import Provenance

log = structlog.get_logger()

State = Literal["waiting", "writing", "done", "failed"]
Write = Callable[[BinaryIO, Callable[[int, int | None], None]], Provenance | Problem]
"""Writes the file, telling how many rows are written and how many there will be."""

_KEPT_S = 24 * 3600
_MOST_WAITING = 20


class TooManyExports(Exception):
    """Too many lists are waiting to be written."""


class ExportState(BaseModel):
    """How far an export is."""

    model_config = ConfigDict(frozen=True)

    id: str
    state: State
    rows: int = 0
    """Written so far."""
    total: int | None = None
    """Null: not known yet."""
    file_name: str
    media_type: str
    bytes: int | None = None
    data_sha256: str | None = None
    provisional: bool = False
    problem: Problem | None = None


class _GivenUp(Exception):
    """The process ends."""


class Exports:
    """Exports of this process; what an earlier one left is removed at the start."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._thread: ThreadPoolExecutor | None = None
        self._states: dict[str, tuple[ExportState, str, float]] = {}
        self._stopping = False

    def start(self) -> None:
        """Begin to take exports."""
        for left in self._folder.glob("export-*"):
            left.unlink(missing_ok=True)

    def stop(self) -> None:
        """Give up what is being written."""
        self._stopping = True
        if self._thread is not None:
            self._thread.shutdown(cancel_futures=True)

    def begin(self, owner: str, file_name: str, media_type: str, write: Write) -> ExportState:
        """Have it written; raises :class:`TooManyExports`."""
        with self._lock:
            self._forget_old()
            waiting = sum(s.state in ("waiting", "writing") for s, _, _ in self._states.values())
            if waiting >= _MOST_WAITING:
                raise TooManyExports(str(waiting))
            state = ExportState(
                id=secrets.token_urlsafe(12),
                state="waiting",
                file_name=file_name,
                media_type=media_type,
            )
            self._states[state.id] = (state, owner, self._clock())
            self._thread = self._thread or ThreadPoolExecutor(1, "exports")
            self._thread.submit(self._run, state.id, write)
        return state

    def state(self, export_id: str, owner: str) -> ExportState | None:
        """None: there is no such export of this person."""
        with self._lock:
            state, of, _ = self._states.get(export_id, (None, "", 0.0))
        return state if state is not None and of == owner else None

    def file(self, export_id: str) -> Path:
        """Where a finished export lies."""
        return self._folder / f"export-{export_id}"

    def _run(self, export_id: str, write: Write) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._change(export_id, state="writing")
            with self.file(export_id).open("wb") as output:
                made = write(output, lambda rows, total: self._tell(export_id, rows, total))
            if isinstance(made, Problem):
                self._fail(export_id, made)
                return
            self._change(
                export_id,
                state="done",
                rows=int(made.lines["rows"]),
                bytes=self.file(export_id).stat().st_size,
                data_sha256=made.lines["data_sha256"],
                provisional=made.provisional,
            )
        except _GivenUp:
            self._fail(export_id, None)
        except Exception as error:
            # whoever waits must not wait for ever
            log.exception("export_failed", why=str(error))
            self._fail(export_id, None)

    def _tell(self, export_id: str, rows: int, total: int | None) -> None:
        if self._stopping:
            raise _GivenUp
        self._change(export_id, rows=rows, total=total)

    def _fail(self, export_id: str, problem: Problem | None) -> None:
        self.file(export_id).unlink(missing_ok=True)
        self._change(export_id, state="failed", problem=problem)

    def _change(self, export_id: str, **changes: object) -> None:
        with self._lock:
            state, owner, since = self._states[export_id]
            self._states[export_id] = (state.model_copy(update=changes), owner, since)

    def _forget_old(self) -> None:
        for export_id, (state, _, since) in list(self._states.items()):
            old = self._clock() - since > _KEPT_S
            if old and state.state in ("done", "failed"):
                self.file(export_id).unlink(missing_ok=True)
                del self._states[export_id]
