"""What each view shows of the same run."""

import io
import json

from rich.console import Console

from lingraft.errors import UserError
from lingraft.stage import Compute, Manifest, Progress, Stage
from lingraft.views.events import Events
from lingraft.views.live import Live
from lingraft.views.plain import Plain
from lingraft.views.text import describe, duration

MANIFEST = Manifest(
    stage=Stage(kind="embed", params={}, inputs={}),
    holder="me",
    files=(),
    metrics={"finalLoss": 2.5},
    compute=Compute(seconds=65.0),
    environment={},
    created_at="2026-01-01T00:00:00Z",
)
PROGRESS = Progress(
    step=5, steps=10, phase="training", loss=3.25, tokens_per_second=1234.5, seconds_left=61
)


def tell(view):
    view.cached("corpus", MANIFEST)
    view.started("embed")
    view.progress("embed", PROGRESS)
    view.finished("embed", MANIFEST)
    view.started("graft")
    view.failed("graft", UserError("no head", where="spec.base.uri"))


def test_plain_writes_a_line_per_event_but_not_per_step(capsys):
    with Plain() as view:
        tell(view)
    assert capsys.readouterr().out.splitlines() == [
        "corpus: cached",
        "embed: started",
        "embed: done (1 min 05 s, loss 2.500)",
        "graft: started",
        "graft: failed",
    ]


def test_events_are_complete(capsys):
    with Events() as view:
        tell(view)
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [e["event"] for e in events] == [
        "cached",
        "started",
        "progress",
        "finished",
        "started",
        "failed",
    ]
    assert events[2]["progress"]["tokensPerSecond"] == 1234.5
    assert events[5]["error"] == {"class": "user", "message": "no head", "where": "spec.base.uri"}


def test_live_shows_every_stage_and_the_running_one_in_full():
    console = Console(file=io.StringIO(), width=120, force_terminal=False)
    view = Live(["corpus", "embed", "graft"], console)
    view.cached("corpus", MANIFEST)
    view.started("embed")
    view.progress("embed", PROGRESS)
    console.print(view.table())
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "cached" in text
    for shown in ("5/10", "3.250", "1,234", "1 min 01 s", "training", "graft"):
        assert shown in text


def test_words_for_numbers():
    assert [duration(s) for s in (None, 59, 60, 3725)] == ["", "59 s", "1 min 00 s", "1 h 02 min"]
    assert describe(Progress(step=1, steps=1, phase="uploading")) == "uploading"
