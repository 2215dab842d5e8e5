"""How the Hub's repositories are named, and the commands that bring them. Pure.

Spelled as huggingface_hub spells them: `hf://[models/]org/name[@revision]`, or without the scheme.
Old models have no organisation.
"""

import re
from dataclasses import dataclass

from lingraft.errors import UserError

SCHEME = "hf://"
_PART = "[A-Za-z0-9_]+([-.][A-Za-z0-9_]+)*"
_REVISION = f"({_PART}|refs/pr/[0-9]+)"
MODEL = f"(hf://(models/)?)?({_PART}/)?{_PART}(@{_REVISION})?"
"""What a model's name matches as a whole, in Python and in CEL: nothing in it leads elsewhere."""
_DATASET = re.compile(f"hf://datasets/({_PART}/{_PART})(?:[@/].*)?", re.DOTALL)
_KINDS = ("models", "datasets", "spaces", "kernels", "buckets")
"""What stands before a repository's name in a URI: no organisation can have such a name."""
MOST = 96  # characters of a part of a name; the Hub takes no more
MOST_REVISION = 200

SPELLED = "hf://org/name or hf://org/name@revision"


@dataclass(frozen=True)
class HubModel:
    """A model on the Hub.

    Attributes:
        repository: `org/name`, or the name alone.
        revision: A branch, tag or commit; empty: the default branch.
    """

    repository: str
    revision: str = ""

    def __str__(self) -> str:
        return f"{self.repository}@{self.revision}" if self.revision else self.repository

    @property
    def name(self) -> str:
        """The repository without its organisation."""
        return self.repository.rpartition("/")[2]

    @property
    def download(self) -> str:
        """The command that brings it to the local cache."""
        return f"hf download {self.repository}" + (self.revision and f" --revision {self.revision}")

    def upload(self, target: str = "") -> str:
        """The commands that bring it to a folder on S3."""
        return f"{self.download} --local-dir {self.name} && {_copy(self.name, target)}"


def model_at(written: str) -> HubModel | None:
    """The model that a URI or a bare name means; None where it can be none.

    Raises:
        UserError: It is a URI of the Hub, but of no model.
    """
    of_hub = written.startswith(SCHEME)
    bare = written.removeprefix(SCHEME).removeprefix("models/") if of_hub else written
    repository, _, revision = bare.partition("@")
    fits = re.fullmatch(MODEL, written) is not None and len(revision) <= MOST_REVISION
    if fits and _is_repository(repository):
        return HubModel(repository, revision)
    if of_hub:
        raise UserError(f"{_shown(written)} is no name of a model; write {SPELLED}")
    return None


def _is_repository(name: str) -> bool:
    parts = name.split("/")
    short = all(len(part) <= MOST for part in parts)
    return short and parts[0] not in _KINDS and not name.endswith(".git")


def data_refused(written: str, *, on_cluster: bool) -> UserError:
    """Why a URI of the Hub can be no text and no task file, and what to do instead.

    The cache does not say whether a data set is there as a whole: half of a corpus would pass for
    all of it.
    """
    found = _DATASET.fullmatch(written)
    repository = found[1] if found is not None else "ORG/NAME"
    name = repository.rpartition("/")[2]
    bring = f"hf download {repository} --repo-type dataset --local-dir {name}"
    if on_cluster:
        bring += f" && {_copy(name)}"
    where = "the URI" if on_cluster else "the path"
    return UserError(
        f"{_shown(written)} is on the Hub, of which lingraft reads models and tokenizers alone; "
        f"bring the data with: {bring} and write {where} of its files"
    )


def _copy(folder: str, target: str = "") -> str:
    return f"aws s3 cp --recursive {folder} {target or f's3://BUCKET/{folder}/'}"


def _shown(written: str) -> str:
    """A URI for a message: not endless, and without what may be a password."""
    text = " ".join(re.sub(r"//[^/]*:[^/]*@", "//***@", written).split())
    return text if len(text) <= 200 else f"{text[:200]}..."
