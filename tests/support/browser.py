"""A real Chromium for tests, without a window and without a word to the network."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

EXECUTABLE = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
FULL_HD = {"width": 1920, "height": 1080}


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser for the block; fails, and says what to install, when there is none.

    Not for a fixture of session scope: while it is open, no asyncio test can run in this thread.
    """
    if not EXECUTABLE.exists():
        raise AssertionError(f"{EXECUTABLE} is missing; install it: sudo apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(EXECUTABLE), args=ARGUMENTS, headless=True
        )
        try:
            yield browser
        finally:
            browser.close()
