"""`python -m lingraft_trainer SPEC`: run one stage; the entrypoint of every RayJob.

SPEC is a file, or `-` for standard input, with the JSON of a `lingraft.stage.StageSpec`.
Exit codes: 0 the manifest exists, 1 infrastructure or resource failure, 2 user error,
130 stopped.
"""

import signal
import sys
from pathlib import Path
from types import FrameType

from lingraft.errors import LingraftError, UserError
from lingraft.stage import StageSpec


def main(arguments: list[str]) -> int:
    """Run the stage that the spec describes."""
    if len(arguments) != 1 or arguments[0] in ("-h", "--help"):
        print(__doc__, file=sys.stderr)
        return 0 if arguments else 2
    try:
        text = sys.stdin.read() if arguments[0] == "-" else Path(arguments[0]).read_text()
        spec = StageSpec.model_validate_json(text)
    except (OSError, ValueError) as error:
        print(f"error: {arguments[0]}: not a stage spec: {error}", file=sys.stderr)
        return UserError.exit_code

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        # Takes seconds to import: Ctrl-C may come meanwhile.
        from lingraft_trainer.runner import run

        manifest = run(spec)
    except LingraftError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("stopped; run it again to resume", file=sys.stderr)
        return 130
    print(f"{spec.stage.ref} done by {manifest.holder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
