"""The live view of a terminal: a line per stage."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Literal, Self

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from lingraft.stage import Manifest, Progress
from lingraft.views.wording import duration, quantity

State = Literal["pending", "running", "waiting", "cached", "done", "failed"]
ICONS: dict[State, tuple[str, str]] = {
    "pending": ("·", "dim"),
    "waiting": ("…", "yellow"),
    "cached": ("✓", "cyan"),
    "done": ("✓", "green"),
    "failed": ("✗", "red"),
}


@dataclass(frozen=True)
class Row:
    """What is known of one stage."""

    name: str
    state: State = "pending"
    note: str = ""
    progress: Progress | None = None


class LiveView:
    """A listener that keeps a table on the terminal up to date."""

    def __init__(self, names: Iterable[str], console: Console) -> None:
        self._rows = {name: Row(name) for name in names}
        self._lock = threading.Lock()
        self._spinner = Spinner("dots", style="blue")
        self._live = Live(self, console=console, refresh_per_second=4)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._live.stop()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Rich asks for the table as often as it redraws."""
        wide = options.max_width >= 100
        table = Table(box=None, pad_edge=False, show_header=False, expand=True)
        table.add_column(width=1)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, ratio=1, overflow="ellipsis")
        table.add_column(width=16 if wide else 10)
        for _ in range(4 if wide else 2):
            table.add_column(no_wrap=True, justify="right")
        with self._lock:
            rows = list(self._rows.values())
        for row in rows:
            cells = self._cells(row)
            table.add_row(*(cells if wide else [*cells[:4], cells[5], cells[7]]))
        yield table

    def _cells(self, row: Row) -> list[Text | Spinner | ProgressBar]:
        """Icon, name, phase, bar, steps, loss, tokens/s, time left."""
        empty = Text()
        p = row.progress
        if row.state != "running" or p is None:
            icon = self._spinner if row.state == "running" else Text(*ICONS[row.state])
            style = "dim" if row.state in ("pending", "cached") else ""
            note = Text(row.note, style="red" if row.state == "failed" else "dim")
            return [icon, Text(row.name, style=style), note, empty, empty, empty, empty, empty]
        return [
            self._spinner,
            Text(row.name, style="bold"),
            Text(p.phase, style="dim"),
            ProgressBar(total=p.steps, completed=p.step) if p.steps else empty,
            Text(f"{p.step:,}/{p.steps:,}") if p.steps else empty,
            Text(f"loss {p.loss:.3f}") if p.loss is not None else empty,
            Text(f"{quantity(p.tokens_per_second)} tok/s") if p.tokens_per_second else empty,
            Text(f"{duration(p.seconds_left)} left") if p.seconds_left is not None else empty,
        ]

    def _set(self, name: str, state: State, note: str = "", progress: Progress | None = None) -> None:
        with self._lock:
            row = self._rows.get(name, Row(name))
            self._rows[name] = replace(row, state=state, note=note, progress=progress)

    def started(self, name: str) -> None:
        """See `Listener`."""
        self._set(name, "running", "starting")

    def cached(self, name: str, manifest: Manifest) -> None:
        """See `Listener`."""
        self._set(name, "cached", f"cached {manifest.stage.digest[:12]}")

    def progress(self, name: str, progress: Progress) -> None:
        """See `Listener`."""
        self._set(name, "running", progress=progress)

    def finished(self, name: str, manifest: Manifest) -> None:
        """See `Listener`."""
        self._set(name, "done", f"done in {duration(manifest.compute.seconds)}")

    def failed(self, name: str, error: Exception) -> None:
        """See `Listener`."""
        self._set(name, "failed", str(error).splitlines()[0] if str(error) else "failed")

    def waiting(self, name: str, message: str) -> None:
        """See `Listener`."""
        self._set(name, "waiting", message)
