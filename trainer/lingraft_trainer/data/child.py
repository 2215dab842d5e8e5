"""A process that reads text for another one: work comes in on stdin, its outcome goes to stdout.

It ends when its stdin does, which it does when the other process is gone.
"""

import os
import pickle
import sys
import threading
from queue import SimpleQueue
from typing import Any

import pyarrow as pa

from lingraft.errors import LingraftError


def main() -> None:
    """Do what is sent until nothing more can come."""
    with os.fdopen(os.dup(1), "wb") as outcomes:
        os.dup2(2, 1)  # what libraries print is no outcome
        sent: SimpleQueue[Any] = SimpleQueue()
        threading.Thread(target=_listen, args=(sent,), daemon=True).start()
        while True:
            pickle.dump(_done(sent.get()), outcomes)
            outcomes.flush()


def _listen(sent: "SimpleQueue[Any]") -> None:
    while True:
        try:
            sent.put(pickle.load(sys.stdin.buffer))
        except EOFError:
            os._exit(0)
        except Exception as error:  # an import that fails here has to be told there
            sent.put(error)


def _done(sent: Any) -> Exception | None:
    """The tables of one item, written to a file; what went wrong, or None."""
    if isinstance(sent, Exception):
        return sent
    work, item, path = sent
    writer: Any = None
    try:
        with pa.OSFile(path, "wb") as sink:
            for table in work(item):
                writer = writer or pa.ipc.new_stream(sink, table.schema)
                writer.write_table(table)
            if writer is not None:
                writer.close()
    except LingraftError as error:
        return error
    except Exception as error:  # of which not every one can be sent
        return LingraftError(f"{type(error).__name__}: {error}")
    return None


if __name__ == "__main__":
    main()
