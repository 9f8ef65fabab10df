"""What an office installs beside its television is whole, and says every parameter."""

import os
import re
import subprocess
from pathlib import Path

from services.wall.assets import load_assets
from services.wall.routes import _pages

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
    installer = (KIOSK / "install.sh").read_text()
    installed = re.findall(r"^install -D -m \d+ (\S+) ", installer, re.MULTILINE)
    assert {"session.sh", "chromium.flags", "motcua-kiosk.service"} <= set(installed)
    assert all((KIOSK / name).is_file() for name in installed)
    unit = (KIOSK / "motcua-kiosk.service").read_text()
    assert "Restart=always" in unit
    assert "/usr/local/lib/motcua-kiosk/session.sh" in unit


def test_the_installer_writes_what_the_unit_starts(tmp_path: Path) -> None:
    """Below another root, as for an image; an address that is there is nobody's to overwrite."""
    conf = tmp_path / "etc" / "motcua-kiosk.conf"
    conf.parent.mkdir()
    conf.write_text("MOTCUA_WALL_URL=http://mine/wall\n")
    environment = {"PATH": os.environ["PATH"], "DESTDIR": str(tmp_path)}
    for _ in range(2):
        subprocess.run([KIOSK / "install.sh"], check=True, env=environment)
    assert conf.read_text() == "MOTCUA_WALL_URL=http://mine/wall\n"
    unit = (tmp_path / "etc/systemd/system/motcua-kiosk.service").read_text()
    started = re.search(r"^ExecStart=/usr/bin/xinit (\S+) ", unit, re.MULTILINE)
    assert started is not None
    session = tmp_path / started[1].removeprefix("/")
    assert session.stat().st_mode & 0o111
    assert f"EnvironmentFile=/{conf.relative_to(tmp_path)}" in unit
    named = re.findall(r"\$here/([\w.]+)", session.read_text())
    assert set(named) == {"chromium.flags", "waiting.html"}
    assert all((session.parent / name).is_file() for name in named)


def test_the_window_fills_the_screen_and_nothing_offers_to_translate_it() -> None:
    """Without a window manager Chromium opens half a screen; its bubble would hide the clock."""
    assert '--window-size="${size' in (KIOSK / "session.sh").read_text()
    for page in ((KIOSK / "waiting.html").read_text(), _pages()["wall.html"]):
        assert 'translate="no"' in page
        assert '<meta name="google" content="notranslate">' in page


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
