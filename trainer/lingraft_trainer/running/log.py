"""What a holder says, kept beside its artifact: phases, progress, warnings, the traceback.

Only its end is kept, in memory too. What looks like a secret never gets in.
"""

import logging
import os
import re
import threading
import time
import traceback
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import lingraft
from lingraft.errors import LingraftError
from lingraft.limits import NOTE_BYTES
from lingraft.stage import Progress, StageSpec
from lingraft.store import credentials, open_store
from lingraft.store.logs import Logs, tail
from lingraft.views.text import describe

PROGRESS_SECONDS = 60.0
"""Between two lines of progress in one phase."""
SECRET_NAME = re.compile(r"SECRET|TOKEN|PASSW|CREDENTIAL|_KEY$|KEY_ID$|_DSN$", re.IGNORECASE)
IN_URL = re.compile(
    r"(?<=://)[^/\s@]+@|(?<=[?&;]X-Amz-)(Signature|Credential|Security-Token)=[^&\s]+"
)
SHORTEST_SECRET = 6
"""Characters: what is shorter is a word such as `true`, and would black out whole lines."""


def without_secrets(text: str) -> str:
    """The text without values of variables that are secret by name, and without logins in URLs."""
    given = dict(os.environ) | dict(credentials.settings())
    values = {value for name, value in given.items() if SECRET_NAME.search(name)}
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= SHORTEST_SECRET and not os.path.exists(value):
            text = text.replace(value, "***")
    return IN_URL.sub("***", text)


class HolderLog(logging.Handler):
    """The log of one attempt; as a context it takes what is logged, and the error that ends it."""

    def __init__(self, spec: StageSpec, name: str = "") -> None:
        super().__init__(logging.INFO)
        self._logs, self._holder = Logs(open_store(spec.store), spec.stage), spec.holder
        self._lines, self._bytes = deque[str](), 0
        self._changed, self._phase, self._shown = False, "", float("-inf")
        self._threads = threading.Lock()
        named = f"{name}: " if name else ""
        self.say(f"{named}{spec.stage.ref} by {spec.holder}, lingraft {lingraft.__version__}")

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        logging.getLogger().removeHandler(self)
        self.say(_ending(error))
        with suppress(LingraftError):  # a store that is away must not hide what broke
            self.write()

    def say(self, text: str) -> None:
        """Add lines, with the time before the first."""
        text = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {without_secrets(text).rstrip()}\n"
        with self._threads:
            self._lines.append(tail(text))
            self._bytes += len(self._lines[-1])
            while self._bytes > NOTE_BYTES and len(self._lines) > 1:
                self._bytes -= len(self._lines.popleft())
            self._changed = True

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        words = record.getMessage()
        if record.exc_info:
            words += "\n" + "".join(traceback.format_exception(*record.exc_info))
        self.say(f"{record.levelname} {record.name}: {words}")

    def progress(self, progress: Progress) -> None:
        """Add a line of progress, where a phase begins and now and then."""
        now = time.monotonic()
        if progress.phase != self._phase or now - self._shown >= PROGRESS_SECONDS:
            self._phase, self._shown = progress.phase, now
            self.say(describe(progress))

    def write(self) -> None:
        """Write it to the store, if something was said since.

        Raises:
            LingraftError: The store does not take it.
        """
        with self._threads:
            text, changed, self._changed = "".join(self._lines), self._changed, False
        if not changed:
            return
        try:
            self._logs.write(self._holder, text)
        except BaseException:
            self._changed = True
            raise


def add_ending(spec: StageSpec, error: BaseException) -> None:
    """Add to a holder's log why its workers ended: those that were killed said nothing."""
    logs = Logs(open_store(spec.store), spec.stage)
    logs.write(spec.holder, logs.read(spec.holder) + without_secrets(_ending(error)) + "\n")


def _ending(error: BaseException | None) -> str:
    if error is None:
        return "done"
    if isinstance(error, KeyboardInterrupt):
        return "stopped: by a signal, or to give way"
    return "".join(traceback.format_exception(error)).rstrip()
