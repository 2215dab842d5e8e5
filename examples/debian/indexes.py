"""Debian's package indexes: fetched by apt into a directory of its own, and read.

apt's own configuration says from where, and apt checks the signatures. The machine's lists are
neither used nor changed, and no hook of the machine's configuration runs.
"""

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

APT_HELPER = "/usr/lib/apt/apt-helper"
"""It unpacks whatever apt packed an index with."""
CONFIGURATION = """\
#clear Acquire::Languages;
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Acquire::Languages {{ {languages} }};
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Dir::State "{state}";
Dir::State::lists "{state}/lists";
Dir::Cache "{state}/cache";
"""
FORMAT = "$(CREATED_BY)\t$(LANGUAGE)\t$(RELEASE) $(VERSION)\t$(FILENAME)"
Stanza = dict[str, str]


class Package(NamedTuple):
    """A binary package; the descriptions are whole, synopsis first."""

    name: str
    source: str
    section: str
    descriptions: dict[str, str]


def fetch(languages: Sequence[str], state: Path) -> tuple[list[Package], str]:
    """The packages of this machine's Debian, and what it calls itself.

    Args:
        languages: Of the descriptions; English is always there.
        state: An empty directory for what apt keeps.

    Raises:
        SystemExit: no apt, or an index is missing.
    """
    for folder in ("lists/partial", "cache/archives/partial"):
        (state / folder).mkdir(parents=True)
    wanted = ["en", *languages]
    configuration = state / "apt.conf"
    quoted = " ".join(f'"{language}";' for language in wanted)
    configuration.write_text(CONFIGURATION.format(languages=quoted, state=state.resolve()))
    _run("apt-get", f"-c={configuration}", "--quiet", "update")
    kind = ("Origin: Debian", "Label: Debian")
    listed = _run("apt-get", f"-c={configuration}", "indextargets", "--format", FORMAT, *kind)
    targets = [line.split("\t") for line in listed.splitlines()]
    texts: dict[str, list[str]] = {name: [] for name in ["Packages", *wanted]}
    for created_by, language, _, file in targets:
        name = language if created_by == "Translations" else created_by
        if name in texts and Path(file).exists():
            texts[name].append(_run(APT_HELPER, "cat-file", file))
    missing = [name for name, found in texts.items() if not found]
    if missing:
        raise SystemExit(f"apt fetched no Debian index of: {', '.join(missing)}")
    joined = {name: "\n\n".join(found) for name, found in texts.items()}
    found = packages(joined.pop("Packages"), joined)
    return found, next(release for by, _, release, _ in targets if by == "Packages")


def packages(index: str, translations: dict[str, str]) -> list[Package]:
    """Packages with their descriptions by language, matched by the English one's MD5.

    An outdated translation has another MD5 and falls out. Of a name's versions the first counts.
    """
    by_digest = {
        language: {
            stanza["Description-md5"]: stanza[f"Description-{language}"]
            for stanza in stanzas(text)
            if f"Description-{language}" in stanza
        }
        for language, text in translations.items()
    }
    found: dict[str, Package] = {}
    for stanza in stanzas(index):
        digest = stanza.get("Description-md5", "")
        described = {k: texts[digest] for k, texts in by_digest.items() if digest in texts}
        name = stanza["Package"]
        # A source's version stands behind its name where the two differ.
        source = stanza.get("Source", name).split()[0]
        found.setdefault(name, Package(name, source, stanza.get("Section", ""), described))
    return list(found.values())


def stanzas(text: str) -> Iterator[Stanza]:
    """The stanzas of an index; lines that go on lose their first space alone."""
    for block in text.split("\n\n"):
        stanza: Stanza = {}
        field = ""
        for line in block.splitlines():
            if line.startswith(" "):
                stanza[field] += f"\n{line[1:]}"
            elif line:
                field, _, value = line.partition(":")
                stanza[field] = value.strip()
        if stanza:
            yield stanza


def _run(*command: str) -> str:
    """What a command prints; SystemExit with what it complains of."""
    environment = os.environ | {"LC_ALL": "C"}
    try:
        ran = subprocess.run(
            command, check=True, capture_output=True, encoding="utf-8", env=environment
        )
    except FileNotFoundError as error:
        raise SystemExit(f"needs Debian's apt: {error}") from error
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{' '.join(command)}: {error.stderr.strip()}") from error
    return ran.stdout
