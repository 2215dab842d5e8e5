#!/usr/bin/env bash
# What tools/images/build.py needs of Debian; installs what is missing, as root. Safe to repeat.
set -euo pipefail
missing=()
for program in buildah mmdebstrap; do
    command -v "$program" >/dev/null || missing+=("$program")
done
[ ${#missing[@]} = 0 ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "images cannot be built here: install ${missing[*]}" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
