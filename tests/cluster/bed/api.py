"""A small client of the API server: JSON in, JSON out, and watches that survive its restarts."""

import json
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
import yaml

Object = dict[str, Any]
_MERGE = "application/merge-patch+json"
_APPLY = "application/apply-patch+yaml"
_RETRY_SECONDS = 0.2
_TRIES = 10


class ApiError(Exception):
    """The API server refused; `reason` is Kubernetes' own word for why (NotFound, Conflict...)."""

    def __init__(self, code: int, body: Object) -> None:
        super().__init__(f"{code} {body.get('reason', '')}: {body.get('message', '')}")
        self.code = code
        self.reason: str = body.get("reason", "")
        self.message: str = body.get("message", "")


@dataclass(frozen=True)
class Event:
    """What changed: ADDED, MODIFIED or DELETED."""

    type: str
    object: Object


class Api:
    """One user of one API server. Safe to use from many threads."""

    def __init__(self, server: str, ca: Path, token: str) -> None:
        self.server, self.ca, self.token = server, ca, token
        self._pool = urllib3.PoolManager(
            maxsize=32, ca_certs=str(ca), retries=False, timeout=urllib3.Timeout(connect=5, read=60)
        )
        self._headers = {"Authorization": f"Bearer {token}", "User-Agent": "lingraft-test-bed"}

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        content_type: str = "application/json",
        **query: str,
    ) -> Object:
        """One request.

        Raises:
            ApiError: It was refused.
            urllib3.exceptions.HTTPError: Nobody answers.
        """
        url = self.server + path + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else json.dumps(body)
        headers = self._headers | {"Content-Type": content_type}
        answer = self._pool.request(method, url, body=data, headers=headers)
        # Every client tries again when the server is busy, as it is just after a CRD was made.
        tries = 1
        while answer.status == 429 and (tries := tries + 1) <= _TRIES:
            time.sleep(float(answer.headers.get("Retry-After", 1)))
            answer = self._pool.request(method, url, body=data, headers=headers)
        if answer.status >= 400:
            raise ApiError(answer.status, _parsed(answer.data))
        return _parsed(answer.data)

    def get(self, path: str) -> Object:
        return self.request("GET", path)

    def find(self, path: str) -> Object | None:
        """The object, or None where there is none."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def list(self, path: str, **query: str) -> list[Object]:
        return self.request("GET", path, **query)["items"]

    def create(self, path: str, body: Object) -> Object:
        """POST to a collection."""
        return self.request("POST", path, body)

    def merge(self, path: str, body: Object) -> Object:
        """A JSON merge patch."""
        return self.request("PATCH", path, body, content_type=_MERGE)

    def apply(self, path: str, body: Object, manager: str = "test") -> Object:
        """Server-side apply, by force."""
        query = {"fieldManager": manager, "force": "true"}
        return self.request("PATCH", path, body, content_type=_APPLY, **query)

    def delete(self, path: str, body: Object | None = None) -> None:
        """DELETE; none there is no error."""
        try:
            self.request("DELETE", path, body)
        except ApiError as error:
            if error.code != 404:
                raise

    def follow(
        self, path: str, on_event: Callable[[Event], None], stop: threading.Event, **query: str
    ) -> None:
        """Call `on_event` for every object now and for every change, until `stop` is set.

        A server that is away is waited for: when it is back everything is told anew, and what was
        deleted meanwhile too. `stop` is noticed when a watch ends, so run this in a
        daemon thread.
        """
        known: dict[str, Object] = {}

        def tell(event: Event) -> None:
            try:
                if not stop.is_set():
                    on_event(event)
            except Exception:  # one object that cannot be treated must not end the watch
                traceback.print_exc()

        while not stop.is_set():
            try:
                listed = self.request("GET", path, **query)
                for event in _differences(known, listed["items"]):
                    tell(event)
                version: str | None = listed["metadata"]["resourceVersion"]
                while version is not None and not stop.is_set():
                    version = self._watch(path, version, known, tell, query)
            except (ApiError, urllib3.exceptions.HTTPError, OSError, ValueError):
                stop.wait(_RETRY_SECONDS)

    def _watch(
        self,
        path: str,
        version: str,
        known: dict[str, Object],
        tell: Callable[[Event], None],
        query: dict[str, str],
    ) -> str | None:
        """One watch; the version to go on from, or None when one must list again."""
        options = query | {"watch": "1", "resourceVersion": version, "timeoutSeconds": "120"}
        answer = self._pool.request(
            "GET",
            f"{self.server}{path}?{urlencode(options | {'allowWatchBookmarks': 'true'})}",
            headers=self._headers,
            preload_content=False,
            timeout=urllib3.Timeout(connect=5, read=None),
        )
        try:
            if answer.status >= 400:
                return None
            for line in _lines(answer):
                change = json.loads(line)
                kind, found = change["type"], change["object"]
                if kind == "ERROR":  # the version is too old
                    return None
                version = found["metadata"]["resourceVersion"]
                if kind == "BOOKMARK":
                    continue
                if kind == "DELETED":
                    known.pop(found["metadata"]["uid"], None)
                else:
                    known[found["metadata"]["uid"]] = found
                tell(Event(kind, found))
            return version
        finally:
            answer.close()

    def kubeconfig(self, file: Path) -> Path:
        """Write a kubeconfig of this user."""
        file.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [
                        {
                            "name": "bed",
                            "cluster": {
                                "server": self.server,
                                "certificate-authority": str(self.ca),
                            },
                        }
                    ],
                    "users": [{"name": "user", "user": {"token": self.token}}],
                    "contexts": [{"name": "bed", "context": {"cluster": "bed", "user": "user"}}],
                    "current-context": "bed",
                }
            )
        )
        return file


def _parsed(data: bytes) -> Object:
    try:
        return json.loads(data)
    except ValueError:
        return {"message": data.decode(errors="replace")}


def _lines(answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    rest = b""
    for chunk in answer.stream(1 << 16):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines


def _differences(known: dict[str, Object], items: list[Object]) -> Iterator[Event]:
    """A fresh list as events, all that is there included: a listener may have failed meanwhile.

    `known`, by uid, is brought up to date.
    """
    present = {item["metadata"]["uid"]: item for item in items}
    for uid in known.keys() - present.keys():
        yield Event("DELETED", known.pop(uid))
    for uid, item in present.items():
        kind = "MODIFIED" if uid in known else "ADDED"
        known[uid] = item
        yield Event(kind, item)
