"""Serve languages on this machine: python examples/serve/here.py BASE PACK... [--port 8000].

Nothing listens beyond 127.0.0.1. SIGTERM or Ctrl-C ends it, and all that it started.
"""

import argparse
import signal
import sys
import threading

import ray
from ray import serve

from languages import Settings, build, languages_of
from lingraft.errors import LingraftError
from lingraft_trainer.machine.local_ray import start_ray

HOST = "127.0.0.1"


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description="Serve languages on this machine.")
    parser.add_argument("base", help="the base, or a task model of it")
    parser.add_argument("packs", nargs="+", help="language packs, or where they are published")
    parser.add_argument("--port", type=int, default=8000)
    asked = parser.parse_args()
    settings = Settings(base=asked.base, packs=asked.packs)
    try:  # of a replica that fails Ray tells no reason
        languages_of(settings)
    except LingraftError as error:
        sys.exit(f"error: {error}")
    over = threading.Event()
    start_ray()
    for number in (signal.SIGTERM, signal.SIGINT):  # after Ray, which sets its own
        signal.signal(number, lambda *_: over.set())
    try:
        serve.start(http_options={"host": HOST, "port": asked.port})
        serve.run(build(settings), route_prefix="/")
        print(f"ready at http://{HOST}:{asked.port}/", flush=True)
        over.wait()
    finally:
        serve.shutdown()
        ray.shutdown()


if __name__ == "__main__":
    main()
