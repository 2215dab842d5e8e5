"""Whether a WordPiece tokenizer reads text as its vocabulary was made.

A vocab.txt says nothing of case and accents; what its class takes them to be may make most words
of the vocabulary ones that no text is ever cut into.
"""

import json
import re

from tokenizers import Tokenizer

from lingraft.errors import UserError

MOST = 0.05
"""Share of the vocabulary that may be so: a few are in every published one."""
_NAMED = re.compile(r"\[.*\]|<.*>")
"""[unused1] and the like."""


def refuse_unreachable(backend: Tokenizer, *, where: str) -> None:
    """Refuse a tokenizer whose normaliser changes much of its own vocabulary.

    Args:
        backend: The tokenizer; of another kind than WordPiece it is not judged.
        where: The field at fault.

    Raises:
        UserError: Says how much, with an example.
    """
    model = json.loads(backend.to_str())["model"]
    if model["type"] != "WordPiece" or backend.normalizer is None:
        return
    prefix, normalize = model["continuing_subword_prefix"], backend.normalizer.normalize_str
    pieces = [word.removeprefix(prefix) for word in model["vocab"] if not _NAMED.fullmatch(word)]
    words = [piece for piece in pieces if len(piece) > 1]  # an alphabet may be of any text
    # Spaces are put around Chinese characters, which cuts them and changes none.
    lost = [word for word in words if normalize(word).replace(" ", "") != word]
    if len(lost) <= MOST * len(words):
        return
    raise UserError(
        f"its tokenizer makes {normalize(lost[0]).strip()!r} of {lost[0]!r}, and so on: no text "
        f"comes to {len(lost):,} of its {len(words):,} words; say in tokenizer_config.json how it "
        "was trained (do_lower_case, strip_accents)",
        where=where,
    )
