"""A stand-in for a service: answers ``/readyz``, keeps a journal, fails on request.

``python -m tests.e2e.fake_process NAME PORT JOURNAL [--dies CODE] [--deaf] [--with-child]``
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("port", type=int)
    parser.add_argument("journal", type=Path)
    parser.add_argument("--dies", type=int, help="with this code, while told to fail")
    parser.add_argument("--deaf", action="store_true", help="ignores SIGTERM")
    parser.add_argument("--with-child", action="store_true", help="a child that outlives it")
    options = parser.parse_args()

    def note(what: str, **more: Any) -> None:
        line = json.dumps({"name": options.name, "what": what, "pid": os.getpid(), **more})
        with options.journal.open("a") as file:
            file.write(line + "\n")

    note("started")
    if options.dies is not None and _told(options, "fails"):
        print("cannot open the database: disk on fire", flush=True)  # noqa: T201 - its log
        return options.dies

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            waiting = _told(options, "waits")
            checks = [{"name": "table", "ready": not waiting, "why": "still loading"}]
            body = json.dumps({"ready": not waiting, "checks": checks}).encode()
            self.send_response(503 if waiting else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """The journal is enough."""

    server = ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    if options.with_child:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        note("child", child=child.pid)

    def stop(number: int, _: Any) -> None:
        note("asked", signal=signal.Signals(number).name)
        if not options.deaf:
            threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    note("serving")
    server.serve_forever(poll_interval=0.02)
    server.server_close()
    note("stopped")
    return 0


def _told(options: argparse.Namespace, what: str) -> bool:
    journal: Path = options.journal
    return journal.with_name(f"{journal.name}.{options.name}-{what}").exists()


if __name__ == "__main__":
    raise SystemExit(main())
