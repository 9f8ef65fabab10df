#!/bin/sh
# Installs the kiosk on Debian or Ubuntu. Run as root, from this folder; may be run again.
# With DESTDIR=FOLDER it only writes its files, below that folder: to look at them, or for an image.
set -eu
cd "$(dirname "$0")"
to="${DESTDIR:-}"
if [ -z "$to" ]; then
  [ "$(id -u)" = 0 ] || { echo "Hãy chạy bằng quyền root / run as root: sudo ./install.sh" >&2; exit 1; }
  apt-get install -y --no-install-recommends xserver-xorg xinit x11-xserver-utils unclutter
  apt-get install -y chromium || apt-get install -y chromium-browser
  id kiosk >/dev/null 2>&1 || useradd --create-home --shell /usr/sbin/nologin --groups video,input,tty kiosk
fi
install -D -m 755 session.sh "$to/usr/local/lib/motcua-kiosk/session.sh"
install -D -m 644 chromium.flags "$to/usr/local/lib/motcua-kiosk/chromium.flags"
install -D -m 644 waiting.html "$to/usr/local/lib/motcua-kiosk/waiting.html"
[ -f "$to/etc/motcua-kiosk.conf" ] || install -D -m 644 motcua-kiosk.conf "$to/etc/motcua-kiosk.conf"
install -D -m 644 motcua-kiosk.service "$to/etc/systemd/system/motcua-kiosk.service"
# a user without a seat may start X on the first terminal
install -D -m 644 Xwrapper.config "$to/etc/X11/Xwrapper.config"
[ -z "$to" ] || exit 0
systemctl daemon-reload
systemctl enable motcua-kiosk.service
echo "Sửa địa chỉ trong /etc/motcua-kiosk.conf, rồi: sudo systemctl restart motcua-kiosk"
echo "Set the address in /etc/motcua-kiosk.conf, then: sudo systemctl restart motcua-kiosk"
