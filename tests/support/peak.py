"""Run a stage in a process of its own and say how much memory it took.

`python -m tests.support.peak JSON`: the JSON has kind (`export` is one too), params, inputs, folder
and, for a graft, the `embed` that it rests on. It prints peaks in bytes: `anonymous`, which no
system can take back, and `resident`, with what is mapped from files; and both as they were
before the stage.
"""

import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from lingraft.stage import Compute, Execution, Manifest, Result, Stage

FIELDS = {"RssAnon": "anonymous", "VmRSS": "resident"}


def peak_of(
    kind: str,
    params: dict[str, Any],
    folder: Path,
    group: Path | None = None,
    micro_batch_tokens: int = Execution().micro_batch_tokens,
    **inputs: Path,
) -> dict[str, Any]:
    """Run a stage elsewhere: its `peak`, what was there `before`, and its metrics.

    Args:
        kind: The stage's.
        params: As a plan has them.
        folder: Where `out` will be.
        group: A control group that it is to run in, by its folder.
        micro_batch_tokens: Of one forward pass, at most.
        inputs: By name.
    """
    asked = {
        "kind": kind,
        "params": params,
        "inputs": {name: str(path) for name, path in inputs.items()},
        "folder": str(folder),
        "microBatchTokens": micro_batch_tokens,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.peak", json.dumps(asked)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"LINGRAFT_GROUP": "" if group is None else str(group)},
    )
    if done.returncode:
        raise RuntimeError(f"{kind} ended with {done.returncode}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def now() -> dict[str, int]:
    """Of this process, in bytes."""
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    return {FIELDS[one[0][:-1]]: int(one[1]) << 10 for one in lines if one[0][:-1] in FIELDS}


def _ancestors(folder: Path) -> dict[str, Manifest]:
    """What an embed that ran here left, as the store would have it."""
    record: dict[str, Any] = json.loads((folder.parent / "record.json").read_text())
    stage = Stage(kind="embed", params=record["params"], inputs={})
    manifest = Manifest(
        stage=stage,
        holder="",
        files=(),
        metrics=record["metrics"],
        compute=Compute.model_validate(record["compute"]),
        environment={},
        created_at="",
    )
    return {stage.ref: manifest}


def _export(ctx: Any) -> Result:
    """The whole checkpoint, of a base and a pack."""
    from lingraft_trainer.packs.load import write_full

    write_full(ctx.inputs["base"], ctx.inputs["graft"] / "pack", ctx.out / "model")
    return Result()


def main() -> None:
    """Run it."""
    if group := os.environ.get("LINGRAFT_GROUP"):
        Path(group, "cgroup.procs").write_text(str(os.getpid()))
    # Loaded within the group: what a process loads is charged where it is then.
    from lingraft_trainer.running.context import StageContext
    from lingraft_trainer.stages.registry import stage_function

    asked = json.loads(sys.argv[1])
    folder = Path(asked["folder"])
    for name in ("out", "scratch"):
        (folder / name).mkdir(parents=True)
    function = _export if asked["kind"] == "export" else stage_function(asked["kind"])
    inputs = {name: Path(path) for name, path in asked["inputs"].items()}
    ctx = StageContext(
        params=asked["params"],
        inputs=inputs,
        out=folder / "out",
        scratch=folder / "scratch",
        execution=Execution(
            precision="fp32", threads=1, micro_batch_tokens=asked["microBatchTokens"]
        ),
        ancestors=lambda: _ancestors(inputs["embed"]),
    )
    before, peak, over = now(), now(), threading.Event()

    def watch() -> None:
        while not over.wait(0.002):
            for name, value in now().items():
                peak[name] = max(peak[name], value)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        result = function(ctx)
    finally:
        over.set()
        watching.join()
    record = {"params": asked["params"], "metrics": result.metrics}
    record |= {"compute": result.compute.to_json()}
    (folder / "record.json").write_text(json.dumps(record))
    with suppress(BrokenPipeError):
        print(json.dumps({"before": before, "peak": peak, "metrics": result.metrics}))


if __name__ == "__main__":
    main()
