"""`python -m lingraft_trainer SPEC`: run one stage; the entrypoint of every RayJob.

SPEC is where the JSON of a `lingraft.stage.StageSpec` stands: a file, `-` for standard input, or
`env:NAME` for the environment variable NAME. LINGRAFT_NAME is what people call it.
Exit codes: 0 the manifest exists, 1 infrastructure or resource failure, 2 user error,
3 another holder is at work (nothing was done or written), 4 something outside of the stage must be
put right, such as credentials, 130 stopped.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

from lingraft.errors import LingraftError, OutsideError, StageBusyError, UserError
from lingraft.stage import StageSpec

BUSY, OUTSIDE = 3, 4


def main(arguments: list[str]) -> int:
    """Run the stage that the spec describes."""
    if len(arguments) != 1 or arguments[0] in ("-h", "--help"):
        print(__doc__, file=sys.stderr)
        return 0 if arguments else 2
    try:
        spec = StageSpec.model_validate_json(_read(arguments[0]))
    except (OSError, ValueError) as error:
        print(f"error: {arguments[0]}: not a stage spec: {error}", file=sys.stderr)
        return UserError.exit_code

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        # Takes seconds to import: Ctrl-C may come meanwhile.
        from lingraft_trainer.running.runner import run

        manifest = run(spec, name=os.environ.get("LINGRAFT_NAME", ""))
    except LingraftError as error:
        print(f"error: {error}", file=sys.stderr)
        if isinstance(error, StageBusyError):
            return BUSY
        return OUTSIDE if isinstance(error, OutsideError) else error.exit_code
    except KeyboardInterrupt:
        print("stopped; run it again to resume", file=sys.stderr)
        return 130
    print(f"{spec.stage.ref} done by {manifest.holder}")
    return 0


def _read(where: str) -> str:
    if where == "-":
        return sys.stdin.read()
    if where.startswith("env:"):
        name = where.removeprefix("env:")
        if name not in os.environ:
            raise ValueError("this environment variable is not set")
        return os.environ[name]
    return Path(where).read_text()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
