"""The bill of materials of an image, as CycloneDX JSON on standard output.

    python sbom.py NAME

Runs inside of the image while it is built, on the standard library alone: the packages of this
Python, of dpkg, and Python itself. There is no timestamp, so that equal images have equal files.

Format: https://cyclonedx.org/docs/1.6/json/
"""

import json
import platform
import shutil
import subprocess
import sys
from importlib.metadata import Distribution, distributions
from typing import Any
from urllib.parse import quote

import lingraft


def _license(distribution: Distribution) -> dict[str, Any]:
    """What a package says of its licence; nothing where it says nothing, or prints all of it."""
    metadata = distribution.metadata
    if expression := metadata.get("License-Expression"):
        return {"licenses": [{"expression": expression}]}
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in metadata.get_all("Classifier") or ()
        if line.startswith("License ::")
    ]
    names = classifiers or [metadata.get("License") or ""]
    found = [{"license": {"name": name}} for name in names if name and "\n" not in name]
    return {"licenses": found} if found else {}


def python_packages() -> list[dict[str, Any]]:
    """Of the environment that runs this."""
    found = [
        {
            "type": "library",
            "bom-ref": (purl := f"pkg:pypi/{one.name.lower().replace('_', '-')}@{one.version}"),
            "name": one.name,
            "version": one.version,
            "purl": purl,
            **_license(one),
        }
        for one in distributions()
    ]
    python = platform.python_version()
    cpython = {
        "type": "platform",
        "bom-ref": f"pkg:generic/python@{python}",
        "name": "python",
        "version": python,
        "purl": f"pkg:generic/python@{python}",
        "licenses": [{"license": {"id": "PSF-2.0"}}],
    }
    return [cpython, *found]


def system_packages() -> list[dict[str, Any]]:
    """Of Debian; none where there is no dpkg."""
    if not shutil.which("dpkg-query"):
        return []
    form = "${db:Status-Abbrev}\t${Package}\t${Version}\t${Architecture}\n"
    done = subprocess.run(
        ["dpkg-query", "--show", f"--showformat={form}"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: list[dict[str, Any]] = []
    for line in done.stdout.splitlines():
        status, name, version, architecture = line.split("\t")
        if status.startswith("ii"):
            purl = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}"
            found.append(
                {
                    "type": "library",
                    "bom-ref": purl,
                    "name": name,
                    "version": version,
                    "purl": purl,
                }
            )
    return found


def bill(name: str) -> dict[str, Any]:
    """The whole of it; `name` is the image's."""
    packages = [*python_packages(), *system_packages()]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "container",
                "bom-ref": name,
                "name": name,
                "version": lingraft.__version__,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": sorted(packages, key=lambda package: package["bom-ref"]),
    }


if __name__ == "__main__":
    json.dump(bill(sys.argv[1]), sys.stdout, indent=1)
