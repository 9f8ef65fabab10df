"""Turns itself into a command that is killed the moment its parent dies, however the parent dies.

Run as ``python -I -S tether.py PARENT_PID COMMAND…``. A script of its own and not a ``preexec_fn``:
that would run Python between fork and exec of a process that has threads.
"""

import os
import signal
import sys


def main() -> None:
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG; kept across exec
        if os.getppid() != int(parent):  # it died before it could be watched
            raise SystemExit(1)
    # Python ignores SIGPIPE, and exec would hand that on
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
