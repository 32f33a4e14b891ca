#!/usr/bin/env bash
# A disk whose power can fail at any instant, for testing what survives.
#
# The disk under test is an ext4 image that lies inside an XFS file system. XFS can clone the image
# in one step (reflink) while it is mounted and written to: the clone holds what had reached the
# disk at that instant, and nothing that was only in the page cache. Mounting the clone replays its
# journal, as the first mount after a power loss does. The disk is modelled without a volatile
# cache of its own.
#
#   powercut.sh up DIR [MIB]  make the disk (1024 MiB unless given) and mount it at DIR/live
#   powercut.sh cut DIR       the power fails now: what a restart would find is at DIR/after
#   powercut.sh drop DIR      forget DIR/after, so that the power can fail again
#   powercut.sh down DIR      stop, unmount and remove everything that `up` made
#   powercut.sh probe         say whether all this can work here: exit 0 or 69
#
# Needs root, loop devices, xfsprogs and e2fsprogs. Exit 64: wrong use; 69: something needed is
# missing, so a caller may skip with a message; any other failure is that of the command named.
set -euo pipefail

say() { printf 'powercut.sh: %s\n' "$*" >&2; }
usage() { say "$*; use up|cut|drop|down DIR, or probe"; exit 64; }
missing() { say "$*"; exit 69; }

verb=${1:-} dir=${2:-} mib=${3:-1024}
[ "$verb" = probe ] || [ -n "$dir" ] || usage "a verb and a folder are needed"
case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
[[ $mib =~ ^[0-9]+$ ]] || usage "the size is a number of MiB, not '$mib'"

marker=$dir/.powercut       # says that `up` made this folder, so that `down` may remove it
outer=$dir/outer.img        # holds the XFS
host=$dir/host              # the XFS, mounted
live=$dir/live              # the disk under test, mounted
after=$dir/after            # the clone, mounted

ours() { [ -e "$marker" ] || usage "'$dir' was not made by 'powercut.sh up'"; }
mounted() { mountpoint -q "$1"; }
# A reader may still hold the mount for a moment after its process ended.
release() {
  local try
  mounted "$1" || return 0
  for try in 1 2 3 4 5 6 7 8 9 10; do
    if umount "$1" 2>/dev/null; then return 0; fi
    sleep 0.2
  done
  umount "$1"
}

needs() {
  local tool
  [ "$(id -u)" = 0 ] || missing "only root can mount; run as root"
  for tool in mkfs.xfs mkfs.ext4 losetup mountpoint; do
    command -v "$tool" >/dev/null || missing "'$tool' is missing; install xfsprogs, e2fsprogs and util-linux"
  done
  losetup -f >/dev/null 2>&1 || missing "no loop device is free here"
}

up() {
  needs
  if [ -e "$dir" ] && [ -n "$(ls -A "$dir")" ]; then usage "'$dir' is not empty"; fi
  mkdir -p "$host" "$live" "$after"
  : >"$marker"
  # What was made before a failure goes again; the exit code stays that of the failure.
  trap 'release "$live" || true; release "$host" || true; rm -rf -- "$dir"' EXIT
  # Room for the disk, a full second copy after a cut, and the XFS's own log.
  truncate -s "$((mib * 5 / 2 + 512))M" "$outer"
  mkfs.xfs -q -f -m reflink=1 "$outer"
  mount -o loop "$outer" "$host" || missing "the XFS image does not mount here"
  truncate -s "${mib}M" "$host/disk.img"
  mkfs.ext4 -q -F "$host/disk.img"
  mount -o loop "$host/disk.img" "$live" || missing "the ext4 image does not mount here"
  trap - EXIT
}

cut() {
  ours
  mounted "$live" || usage "'$live' is not mounted; run 'up' first"
  ! mounted "$after" || usage "the last cut is still mounted; run 'drop' first"
  # The instant of the cut. Without --reflink=always this would be a slow copy that mixes moments.
  cp --reflink=always "$host/disk.img" "$host/after.img"
  mount -o loop "$host/after.img" "$after"
}

drop() {
  ours
  release "$after"
  rm -f -- "$host/after.img"
}

down() {
  ours
  release "$after"
  release "$live"
  release "$host"
  rm -rf -- "$dir"
}

case $verb in
  probe) needs ;;
  up | cut | drop | down) "$verb" ;;
  *) usage "'$verb' is no verb" ;;
esac
