"""Ports are looked at before anything is started: a late failure would name a log, not a port."""

import errno
import socket
from collections.abc import Mapping

COUNT = 5
"""How many ports in a row a stack takes."""


def in_use(ports: Mapping[str, int], host: str) -> dict[str, int]:
    """Return those of ``ports`` that another program listens on, by the names given."""
    return {name: port for name, port in ports.items() if not _can_listen(host, port)}


def suggestion(after: int, host: str, step: int = 10) -> int | None:
    """Return the next port from which ``COUNT`` in a row are free; None when there is none."""
    for first in range(after + step, 65536 - COUNT, step):
        if not in_use({str(n): first + n for n in range(COUNT)}, host):
            return first
    return None


def _can_listen(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # as servers do: a connection that is still closing does not hold the port
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True
