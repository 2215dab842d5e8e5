#!/usr/bin/env bash
# A browser from Debian for the tests of our pages: installs it if it is missing.
#
# Without apt or root those tests are skipped with the reason; where CI=true they fail.
set -euo pipefail
command -v chromium >/dev/null && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "the tests of pages need chromium: apt-get install chromium" >&2
    [ "${CI:-}" != true ]
    exit
fi
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install --yes --no-install-recommends chromium fonts-dejavu-core >/dev/null; }
# The list of packages is fetched only if there is none, or an outdated one.
install 2>/dev/null || {
    apt-get update --quiet --quiet
    install
}
