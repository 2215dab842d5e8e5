"""One Go program with a script of its own: built once in the way of build.py.

Such programs are not named in build.py: a change there has every part built anew.
"""

from pathlib import Path

from tools.kube import build as kube


class Program:
    """A program and the script that builds it."""

    def __init__(self, name: str, module: Path, package: str, script: str) -> None:
        """Make it known; nothing is built.

        Args:
            name: Of the program.
            module: The folder of go.mod.
            package: What to build there.
            script: The path to say to whom it is missing.
        """
        self._name, self._script = name, script

        def make(folder: Path) -> None:
            kube._go(module, "build", "-ldflags", "-s -w", "-o", str(folder / name), package)

        kube.PARTS[name] = kube.Part(name, make, (name,), str(module))

    def find(self) -> Path:
        """The program, if it was built.

        Raises:
            Missing: It was not; the message says how.
        """
        try:
            return kube.find(self._name) / self._name
        except kube.Missing as error:
            said = str(error).replace(f"tools/kube/build.py {self._name}", self._script)
            raise kube.Missing(said) from error

    def build(self) -> int:
        """Build it and print where it is; an exit code."""
        return kube.main([self._name])
