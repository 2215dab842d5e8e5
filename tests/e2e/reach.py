"""What a pod can connect to, tried from within it."""

import json
from collections.abc import Iterable

from tests.e2e.bed.bed import S3_INSIDE, Bed

API_SERVER = "kubernetes.default.svc.cluster.local:443"
S3 = S3_INSIDE.removeprefix("http://")

# A name that is not resolved is an error: DNS is open to every pod.
_CONNECT = """
import json, socket, sys
def connects(target):
    host, port = target.split(":")
    address = socket.gethostbyname(host), int(port)
    try:
        socket.create_connection(address, timeout=3).close()
    except OSError:
        return False
    return True
print(json.dumps([target for target in sys.argv[1:] if connects(target)]))
"""


def reached(bed: Bed, namespace: str, pod: str, targets: Iterable[str]) -> set[str]:
    """Which of these TCP ports a pod can connect to.

    Args:
        bed: The cluster.
        namespace: The pod's.
        pod: Its name, or `deployment/NAME`; its image has Python.
        targets: Each `HOST:PORT`.
    """
    command = ["exec", f"--namespace={namespace}", pod, "--", "python", "-c", _CONNECT, *targets]
    return set(json.loads(bed.cluster.kubectl(*command).splitlines()[-1]))
