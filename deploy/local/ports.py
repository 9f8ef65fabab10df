"""Ports are looked at before anything is started: a late failure would name a log, not a port."""

import errno
import socket
from collections.abc import Mapping

COUNT = 9
"""How many ports in a row a stack takes at most: two more for each further broker."""
_STEP = 10


def in_use(addresses: Mapping[str, tuple[str, int]]) -> dict[str, int]:
    """Return the ports of ``addresses`` that another program listens on, by the names given."""
    return {name: port for name, (host, port) in addresses.items() if not _can_listen(host, port)}


def suggestion(after: int, host: str) -> int | None:
    """Return the next port from which ``COUNT`` in a row are free; None when there is none."""
    for first in range(after + _STEP, 65536 - COUNT, _STEP):
        if not in_use({str(port): (host, port) for port in range(first, first + COUNT)}):
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
