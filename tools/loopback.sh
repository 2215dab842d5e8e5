#!/usr/bin/env bash
# Run a command where there is no network but loopback: tools/loopback.sh COMMAND...
#
# Ray binds some of its ports to every interface. In a network namespace that has only `lo`
# everything stays on 127.0.0.1, and a test that would reach for the network fails.
set -euo pipefail
if [ "$(id -u)" = 0 ]; then unshare=(unshare --net); else unshare=(unshare --net --map-root-user); fi
if ! "${unshare[@]}" true 2>/dev/null; then
    [ "${CI:-}" = true ] && { echo "no network namespaces here, and CI must have them" >&2; exit 1; }
    echo "no network namespaces here: running with the machine's network" >&2
    exec "$@"
fi
# Python rather than iproute2, which slim images lack: SIOCSIFFLAGS with IFF_UP on lo.
exec "${unshare[@]}" python3 -c '
import fcntl, os, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 1))
os.execvp(sys.argv[1], sys.argv[1:])
' "$@"
