"""What `helm test` runs: create a LanguageAdaptation and wait until it is Ready, or Stalled.

It stays afterwards, for whoever wants to look at its status; the next run deletes it first. What
it computed is in the store then, so that a next run with the same spec is quick.
"""

import json
import os
import sys
import time

from kubernetes.client import ApiException, CustomObjectsApi
from kubernetes.config import load_config
from urllib3.exceptions import HTTPError

GROUP, VERSION, PLURAL = "lingraft.dev", "v1alpha1", "languageadaptations"
POLL_SECONDS = float(os.environ.get("POLL_SECONDS", "5"))


def main() -> int:
    """Exit code 0: it is Ready."""
    resource = json.loads(os.environ["RESOURCE"])
    deadline = time.monotonic() + float(os.environ["TIMEOUT_SECONDS"])
    load_config()  # in a pod: of its ServiceAccount
    api, meta = CustomObjectsApi(), resource["metadata"]
    where = (GROUP, VERSION, meta["namespace"], PLURAL)
    try:
        replace(api, where, resource)
    except ApiException as error:
        print(f"refused: {error.body}", file=sys.stderr)
        return 1
    said = ""
    while time.monotonic() < deadline:
        try:
            status = api.get_namespaced_custom_object(*where, meta["name"]).get("status", {})
        except (ApiException, HTTPError) as error:  # it may pass: an upgrade, a leader that changes
            print(f"no answer: {error}".splitlines()[0], file=sys.stderr)
            time.sleep(POLL_SECONDS)
            continue
        conditions = {one["type"]: one for one in status.get("conditions", ())}
        line = summary(status, conditions)
        if line != said:
            print(said := line, flush=True)
        if conditions.get("Ready", {}).get("status") == "True":
            print(json.dumps(status.get("artifacts", {}), indent=2))
            return 0
        if conditions.get("Stalled", {}).get("status") == "True":
            return 1
        time.sleep(POLL_SECONDS)
    print("it took too long: see test.timeoutSeconds", file=sys.stderr)
    return 1


def replace(api: CustomObjectsApi, where: tuple[str, str, str, str], resource: dict) -> None:
    """Create it anew."""
    try:
        api.delete_namespaced_custom_object(*where, resource["metadata"]["name"])
    except ApiException as error:
        if error.status != 404:
            raise
    # It has no finalizers: once deleted it is gone.
    api.create_namespaced_custom_object(*where, resource)


def summary(status: dict, conditions: dict) -> str:
    """One line: where it stands, and why."""
    why = conditions.get("Stalled") or conditions.get("Ready") or {}
    return f"{status.get('phase', 'Pending')}: {why.get('message', 'waiting for the operator')}"


if __name__ == "__main__":
    sys.exit(main())
