"""What an office installs beside its television is whole, and says every parameter."""

import re
import subprocess
from pathlib import Path

from services.wall.assets import load_assets

KIOSK = Path(__file__).parents[2] / "deploy" / "kiosk"
README = (KIOSK / "README.md").read_text(encoding="utf-8")


def test_every_parameter_of_the_address_is_explained() -> None:
    """Nobody in an office reads JavaScript."""
    assets = load_assets()
    settings = assets["settings.js"].body.decode()
    known = set(re.findall(r'get\("(\w+)"\)', settings))
    limits = assets["freshness.js"].body.decode()
    table = limits[limits.index("LIMITS = {") : limits.index("};")]
    known |= set(re.findall(r"^  (\w+):", table, re.MULTILINE))
    known |= {"scope", "officer", "period", "as_of"}
    inner = {"restart", "retry", "off_hours_after"}
    explained = set(re.findall(r"`(\w+)[`=]", README))
    assert known - inner <= explained
    shown = {name for names in re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", README, re.MULTILINE)
             for name in re.findall(r"\w+", names)}  # fmt: skip
    assert shown <= known


def test_the_scripts_can_be_run_and_name_files_that_exist() -> None:
    for script in KIOSK.glob("*.sh"):
        assert script.stat().st_mode & 0o111, script
        subprocess.run(["sh", "-n", str(script)], check=True)
    installed = re.findall(r"^install .*?(\S+) /", (KIOSK / "install.sh").read_text(), re.MULTILINE)
    assert {"session.sh", "chromium.flags", "motcua-kiosk.service"} <= set(installed)
    assert all((KIOSK / name).is_file() for name in installed)
    unit = (KIOSK / "motcua-kiosk.service").read_text()
    assert "Restart=always" in unit
    assert "/usr/local/lib/motcua-kiosk/session.sh" in unit


def test_the_browser_keeps_quiet_and_stays_in_the_house() -> None:
    """As a kiosk must: no dialogue, no bubble, no update, no word to anybody outside."""
    flags = {line for line in (KIOSK / "chromium.flags").read_text().splitlines() if line[0] == "-"}
    assert {
        "--kiosk", "--noerrdialogs", "--disable-session-crashed-bubble", "--no-first-run",
        "--disable-component-update", "--disable-background-networking",
    } <= flags  # fmt: skip
    session = (KIOSK / "session.sh").read_text()
    for said in ("xset s off", "xset -dpms", "xset s noblank", "unclutter", "--app="):
        assert said in session
