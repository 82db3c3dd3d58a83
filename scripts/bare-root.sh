#!/usr/bin/env bash
# Proves the two commands on a machine that has nothing: a bare Debian, Node 20 or later, npm, an empty npm cache and
# a fresh clone. Needs root, debootstrap and, for bookworm, a Node 20 on this machine to copy (its own is too old).
#
#   scripts/bare-root.sh bookworm|trixie FOLDER test       npm ci && npm test
#   scripts/bare-root.sh bookworm|trixie FOLDER start      npm ci && npm start, asks for the printed address, ends it
#   scripts/bare-root.sh bookworm|trixie FOLDER COMMAND    anything else, in the clone
#
# The bare system is made once, as FOLDER/SUITE-base; every run starts from a copy of it, FOLDER/SUITE.
set -euo pipefail

suite=$1 folder=$(mkdir -p "$2" && cd "$2" && pwd) what=$3
source=$(cd "$(dirname "$0")/.." && pwd)
base=$folder/$suite-base machine=$folder/$suite

say() { echo "bare-root: $*" >&2; }

# The environment of a bare system: no HOME, no locale, nothing of ours.
inside() { # inside ROOT COMMAND
  unshare --mount --pid --fork --kill-child -- bash -c '
    mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && mount -t sysfs -o ro sysfs "$1/sys"
    exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin ${CI:+CI=$CI} \
      ${NODE_EXTRA_CA_CERTS:+NODE_EXTRA_CA_CERTS=/etc/extra-ca.pem} chroot "$1" bash -c "umask 022; $2"' bash "$1" "$2"
}

make_base() {
  say "making a bare $suite"
  debootstrap --variant=minbase "$suite" "$base.new" >&2
  cp /etc/resolv.conf "$base.new/etc/resolv.conf"
  if [ "$suite" = bookworm ]; then
    cp "$(readlink -f "$(command -v node)")" "$base.new/usr/bin/node"
    local npm
    npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
    mkdir -p "$base.new/usr/lib/node_modules"
    cp -a "$npm" "$base.new/usr/lib/node_modules/npm"
    ln -s ../lib/node_modules/npm/bin/npm-cli.js "$base.new/usr/bin/npm"
  else
    inside "$base.new" 'apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends nodejs npm' >&2
  fi
  rm -rf "$base.new/var/lib/apt/lists/"*
  mv "$base.new" "$base"
}

[ -d "$base" ] || make_base
rm -rf "$machine"
cp -a "$base" "$machine"
# Where this machine reaches the registry through a certificate authority of its own, the bare one has to as well.
[ -z "${NODE_EXTRA_CA_CERTS:-}" ] || cp "$NODE_EXTRA_CA_CERTS" "$machine/etc/extra-ca.pem"
git clone -q "file://$source" "$machine/moru"
say "$suite, commit $(git -C "$machine/moru" rev-parse --short HEAD), node $(inside "$machine" 'node -v'), npm $(inside "$machine" 'npm -v')"
case $what in
  test) inside "$machine" 'cd /moru && npm ci && npm test' ;;
  start) inside "$machine" 'cd /moru && npm ci && node scripts/try-start.mjs' ;;
  *) inside "$machine" "cd /moru && $what" ;;
esac
