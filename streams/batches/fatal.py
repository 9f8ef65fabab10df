"""The one answer to everything unexpected: end the process; the next one restores and goes on."""

import logging
import os
import sys
from typing import NoReturn

log = logging.getLogger(__name__)

EXIT_CODE = 70
"""EX_SOFTWARE of sysexits.h."""


def die(why: str, error: BaseException | None = None) -> NoReturn:
    """End the process at once, without giving anybody a chance to write or commit any more.

    An exception would not do: Faust acknowledges what an agent failed on, and goes on.
    """
    log.critical("fatal: %s", why, exc_info=error)
    logging.shutdown()
    sys.stdout.flush()
    os._exit(EXIT_CODE)
