#!/usr/bin/env bash
# The three commands of docs/kiosk.md on a clean Debian, as a new user would type them, in a tree of
# debootstrap; then the installed services as their own user, with a socket that hears what they say.
#
#     sudo bench/debian_tree.sh [TREE]        needs debootstrap, and 5 GB in TREE (default /tmp/murai-tree)
#
# No systemd runs in the tree: the units are verified there by systemd's own tool, and their programs
# are started by hand as the units would.
set -euo pipefail
tree=${1:-/tmp/murai-tree}
here=$(cd "$(dirname "$0")/.." && pwd)
as_new_user() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 chroot "$tree" "$@"; }
leave() { for d in opt/wheels opt/pypi opt/pypi-more sys dev proc; do umount -R -q "$tree/$d" || true; done; }

if [ ! -e "$tree/etc/debian_version" ]; then
  debootstrap --variant=minbase --include=systemd,systemd-sysv,ca-certificates bookworm "$tree" >/dev/null
fi
trap leave EXIT
leave 2>/dev/null
mount -t proc proc "$tree/proc"
mount --bind /dev "$tree/dev"
mount --rbind /sys "$tree/sys" && mount --make-rslave "$tree/sys"
cp /etc/resolv.conf "$tree/etc/resolv.conf"
# Wherever this machine's pip finds its packages, and whom it trusts, the tree's shall.
for conf in /etc/pip.conf "$HOME/.config/pip/pip.conf"; do
  [ -e "$conf" ] && install -D -m 644 "$conf" "$tree$conf"
done
cp -L /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/"
for local in opt/wheels opt/pypi opt/pypi-more; do
  [ -d "/$local" ] && mkdir -p "$tree/$local" && mount --bind "/$local" "$tree/$local"
done
python3 -m pip wheel --quiet --no-deps --wheel-dir "$tree/root" "$here"
cp "$here/constraints.txt" "$here/bench/heard.py" "$tree/root/"

echo "== 1. apt-get"
time as_new_user sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends python3-venv libegl1 libgl1 cage xwayland >/dev/null'
echo "== 2. pip"
time as_new_user sh -c 'python3 -m venv /opt/murai-show && PIP_CONSTRAINT=/root/constraints.txt \
  /opt/murai-show/bin/pip install --quiet "murai-show[cpu,demo] @ file://$(ls /root/murai_show-*.whl)"' 2>&1 | { grep -v WARNING || true; }
echo "== 3. install"
as_new_user /opt/murai-show/bin/murai-show install demo --root /
printf '%s\n' 'murai: 1' 'show: wall' 'cameras: {hall: {kind: pattern, size: 320x180, fps: 20}}' \
  'bank: {name: first, engine: identity}' 'playlists: {all: {styles: [wave], each: 1m}}' \
  'play: {playlist: all, paint: 320x180}' 'outputs: {screen: {kind: display}}' > "$tree/root/wall.yaml"
as_new_user /opt/murai-show/bin/murai-show install /root/wall.yaml --root /

echo "== what systemd says of the units"
for unit in murai-show@demo murai-kiosk@wall; do
  as_new_user systemd-analyze verify --recursive-errors=yes $unit.service
  as_new_user systemd-analyze security --offline=true --no-pager $unit.service | tail -1
done

echo "== the services, as the user murai"
as_new_user sh -c 'systemd-sysusers; for d in lib/murai-show lib/murai-show/demo lib/murai-show/wall \
  cache/murai-show; do install -d -o murai -g murai -m 750 /var/$d; done; install -d -o murai -m 700 /run/murai'
as_new_user timeout -k 5 400 python3 /root/heard.py demo
as_new_user timeout -k 5 120 python3 /root/heard.py wall --cage
echo "== uninstall"
as_new_user /opt/murai-show/bin/murai-show uninstall demo --root / --purge
as_new_user /opt/murai-show/bin/murai-show uninstall wall --root / --purge
