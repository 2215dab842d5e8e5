"""What a person, a log or a machine sees of a run."""

import sys

from lingraft.views.listener import Listener


def listener_for(*, json: bool, plain: bool, names: list[str]) -> Listener:
    """The view that fits: JSON lines if asked for, a live table on a terminal, else lines."""
    if json:
        from lingraft.views.events import Events

        return Events()
    if plain or not sys.stdout.isatty():
        from lingraft.views.plain import Plain

        return Plain()
    from lingraft.views.live import Live

    return Live(names)
