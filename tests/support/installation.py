"""An installation in one thread: the real admission and core behind HTTP, a dict for a log."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from schemas.books import Period
from schemas.calendar import load_calendar
from schemas.registry import load_registry
from schemas.report import Report
from services.books import Books
from services.emitter.demo_units import invented
from services.gateway.admission import Accepted, Admission, Emitter, Limits
from streams.core.cells import Cell, cells
from streams.core.dossier import Dossier, add, read
from streams.core.facts import facts
from streams.core.indicators import anomalies, in_period
from streams.core.working_time import WorkingTime
from tests.support.gateway import OWED
from tests.support.tables import rows_of

KEY = "mc_0123456789ab_" + "k" * 43


class Installation:
    """What tests set and look at."""

    def __init__(self) -> None:
        self.url = ""
        self.demo = True
        self.equal = True
        self.audit_answers = True
        self.keys = {KEY}
        self.away = 0
        """So many requests to the gateway are answered 503 first."""
        self.swallows = 0
        """So many dossiers never reach the live counters."""
        self.refused_units: frozenset[str] = frozenset()
        self.batches: list[int] = []
        """Sizes, as they came."""
        self.dossiers: dict[tuple[str, str], Dossier] = {}
        self.registry = invented(load_registry())
        self.work = WorkingTime(load_calendar())
        self.books = Books(Path("/nowhere"))
        """The shipped ones, until a test gives it a folder."""
        self.lock = threading.Lock()

    def take(self, body: bytes) -> tuple[int, dict[str, Any]]:
        """Admit a batch as the gateway does."""
        with self.lock:
            if self.away:
                self.away -= 1
                return 503, {"detail_vi": "Kafka chưa xác nhận", "detail": "Kafka is away"}
            units = frozenset(unit.code for unit in self.registry.units) - self.refused_units
            now = datetime.now(UTC)
            verdicts = Admission(Emitter("demo", units), self.registry, now, Limits(), OWED).batch(
                body
            )
            assert isinstance(verdicts, list), verdicts
            self.batches.append(len(verdicts))
            items = [self._keep(verdict) for verdict in verdicts]
        if all(item["status"] == "accepted" for item in items):
            return 202, {"accepted": len(items), "items": items}
        return 207, {"items": items}

    def _keep(self, verdict: Any) -> dict[str, Any]:
        if not isinstance(verdict, Accepted):
            errors = [error.model_dump() for error in verdict.errors]
            return {"status": "refused", "problem": {"errors": errors}}
        unit, code, entry = read(verdict.value)
        self.dossiers[unit, code], _ = add(self.dossiers.get((unit, code), ()), entry)
        return {"status": "accepted"}

    def report(self, book_code: str, first: str, last: str) -> Report:
        """The live table."""
        book = self.books.load(book_code)
        period = Period(first=date.fromisoformat(first), last=date.fromisoformat(last))
        by_unit: dict[str, Counter[Cell]] = {}
        with self.lock:
            for (unit, _), dossier in self.dossiers.items():
                by_unit.setdefault(unit, Counter()).update(cells(facts(dossier, self.work)))
        counted = {unit: in_period(counter, period) for unit, counter in by_unit.items()}
        everything = [pair for pairs in counted.values() for pair in pairs]
        return Report(
            book=book.code,
            book_version=book.version,
            source="live",
            first=period.first,
            last=period.last,
            unit=None,
            computed_at=datetime.now(UTC),
            demo=self.demo,
            dossiers=max(0, len(self.dossiers) - self.swallows),
            resolved=0,
            rows=rows_of(book, self.registry, period, counted),
            anomalies=anomalies(everything),
        )


@contextmanager
def installation() -> Iterator[Installation]:
    """One that answers until the end of the block."""
    there = Installation()

    class Handler(_Handler):
        installation = there

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    there.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield there
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    installation: ClassVar[Installation]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        there, asked = self.installation, urlsplit(self.path)
        match asked.path:
            case "/.well-known/motcua":
                # the audit answers at the same address: one server is enough here
                audit = there.url if there.audit_answers else "http://127.0.0.1:1"
                said = {"product": "motcua", "front": there.url, "audit": audit}
                self._answer(200, {**said, "demo": there.demo})
            case "/v1/emitter" if self._key() in there.keys:
                units = [{"code": unit.code, "name": unit.name} for unit in there.registry.units]
                self._answer(200, {"emitter": "demo", "units": units})
            case "/v1/emitter":
                self._answer(401, {"detail": "no such key"})
            case "/api/v1/units":
                question = {name: values[0] for name, values in parse_qs(asked.query).items()}
                report = there.report(question["book"], question["from"], question["to"])
                self._answer(200, report.model_dump(mode="json"))
            case _:
                self._answer(404, {})

    def do_POST(self) -> None:
        there = self.installation
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/api/v1/verify":
            self._answer(200, {"equal": there.equal})
        elif self._key() not in there.keys:
            self._answer(401, {"detail": "no such key"})
        else:
            self._answer(*there.take(body))

    def _key(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")

    def _answer(self, status: int, said: dict[str, Any]) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        if status == 503:
            self.send_header("retry-after", "0")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silent."""
