#!/bin/sh
# What runs on the kiosk's X server: nothing that sleeps, nothing that asks, and one Chromium.
set -eu
: "${MOTCUA_WALL_URL:?set it in /etc/motcua-kiosk.conf}"

# the screen is switched off by the wall's own schedule (blank=), never by the machine
xset s off
xset -dpms
xset s noblank
# the pointer is in nobody's way; the wall hides it as well
command -v unclutter >/dev/null && unclutter -idle 1 -root &

profile="${HOME:?}/wall-profile"
# a machine that lost its power must not ask whether to restore pages
if [ -f "$profile/Default/Preferences" ]; then
  sed -i 's/"exited_cleanly":false/"exited_cleanly":true/; s/"exit_type":"Crashed"/"exit_type":"Normal"/' \
    "$profile/Default/Preferences"
fi

browser="$(command -v chromium || command -v chromium-browser)"
# kept in one file, so that a test can hold the same flags against a real Chromium
here="$(cd "$(dirname "$0")" && pwd)"
flags="$(grep -v '^#' "$here/chromium.flags" | tr '\n' ' ')"
# there is no window manager that would make a window as large as the screen
size="$(xrandr --current | sed -n 's/.*current \([0-9]*\) x \([0-9]*\),.*/\1,\2/p')"
# shellcheck disable=SC2086  # one word for each flag
exec "$browser" $flags --window-position=0,0 --window-size="${size:-1920,1080}" --user-data-dir="$profile" \
  --app="file://$here/waiting.html#$MOTCUA_WALL_URL"
