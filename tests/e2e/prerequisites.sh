#!/usr/bin/env bash
# What a real node needs from Debian: installs what is missing, says nothing if nothing is.
#
# Without apt or root the e2e tests are skipped with the reason; where CI=true they fail.
set -euo pipefail
packages=(containerd containernetworking-plugins iproute2 ipset iptables runc util-linux)

missing=()
for package in "${packages[@]}"; do
    dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null |
        grep -qx installed || missing+=("$package")
done
[ ${#missing[@]} = 0 ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "the e2e tests need root, Debian and: ${missing[*]}" >&2
    [ "${CI:-}" != true ]
    exit
fi
export DEBIAN_FRONTEND=noninteractive
# The list of packages is fetched only if there is none, or an outdated one.
apt-get install --yes --no-install-recommends "${missing[@]}" >/dev/null 2>&1 || {
    apt-get update --quiet --quiet
    apt-get install --yes --no-install-recommends "${missing[@]}" >/dev/null
}
