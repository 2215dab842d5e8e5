"""A live table on a terminal: a line per stage."""

from typing import Self

from rich.console import Console
from rich.live import Live as RichLive
from rich.progress_bar import ProgressBar
from rich.table import Table

from lingraft.errors import LingraftError
from lingraft.stage import Manifest, Progress
from lingraft.views.text import duration, outcome

ICONS = {"queued": "·", "running": "▸", "cached": "✓", "done": "✓", "failed": "✗"}
COLOURS = {"queued": "dim", "running": "cyan", "cached": "dim green", "done": "green"}
COLUMNS = ("", "stage", "progress", "step", "loss", "tokens/s", "left", "")


class Live:
    """Draws all stages of a plan, redrawn four times a second."""

    def __init__(self, names: list[str], console: Console | None = None) -> None:
        self._state = dict.fromkeys(names, "queued")
        self._note = dict.fromkeys(names, "")
        self._progress: dict[str, Progress] = {}
        self._live = RichLive(
            get_renderable=self.table, refresh_per_second=4, console=console or Console()
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._live.stop()

    def table(self) -> Table:
        """The stages as they are now."""
        table = Table(box=None, pad_edge=False)
        for title in COLUMNS:
            table.add_column(title, justify="right" if title in ("loss", "tokens/s") else "left")
        for name, state in self._state.items():
            seen = self._progress.get(name) if state == "running" else None
            cells = self._running(seen) if seen else ["", "", "", "", "", self._note[name]]
            table.add_row(ICONS[state], name, *cells, style=COLOURS.get(state, "red"))
        return table

    def _running(self, seen: Progress) -> list[str | ProgressBar]:
        rate = seen.tokens_per_second
        return [
            ProgressBar(total=max(1, seen.steps), completed=seen.step, width=20),
            f"{seen.step}/{seen.steps}" if seen.steps > 1 else "",
            "" if seen.loss is None else f"{seen.loss:.3f}",
            "" if rate is None else f"{rate:,.0f}",
            duration(seen.seconds_left),
            seen.phase,
        ]

    def cached(self, name: str, manifest: Manifest) -> None:
        """Ticked, dim."""
        self._state[name], self._note[name] = "cached", "cached"

    def started(self, name: str) -> None:
        """The arrow moves here."""
        self._state[name] = "running"

    def progress(self, name: str, progress: Progress) -> None:
        """Drawn at the next refresh."""
        self._progress[name] = progress

    def finished(self, name: str, manifest: Manifest) -> None:
        """Ticked; warnings stand beside."""
        notes = [outcome(manifest), *manifest.metrics.get("warnings", [])]
        self._state[name], self._note[name] = "done", "; ".join(notes)

    def failed(self, name: str, error: LingraftError) -> None:
        """Crossed; the sentence follows below the table."""
        self._state[name] = "failed"
