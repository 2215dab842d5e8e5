"""What a paragraph is kept as, and documents put together of that again.

A long paragraph is cut, for what is held out must not be a third of a small text. Where documents
are to come back as they were, a piece says by its first character that it goes on with the one
before it, or that it was in the text before. Clean text has no control characters.
"""

from collections.abc import Collection, Iterator, Sequence

LONGEST = 1_000
"""Characters of a piece."""
GOES_ON, REPEATED = "\x1f", "\x1e"


def pieces_of(paragraph: str, *, marked: bool) -> Iterator[str]:
    """A paragraph in pieces.

    Args:
        paragraph: Clean, not empty.
        marked: Whether a piece says that it goes on. Else the space before it is left out.
    """
    goes_on = ""
    while len(paragraph) > LONGEST:
        at = paragraph.rfind(" ", LONGEST // 2, LONGEST)
        at = at if at > 0 else LONGEST
        yield goes_on + paragraph[:at]
        goes_on = GOES_ON if marked else ""
        paragraph = paragraph[at:] if marked else paragraph[at:].lstrip(" ")
    if paragraph:
        yield goes_on + paragraph


def said_by(piece: str) -> str:
    """What a piece says, for itself."""
    return _unmarked(piece).lstrip(" ")


def is_repeated(piece: str) -> bool:
    """Whether it was in the text before."""
    return piece.startswith(REPEATED)


def _goes_on(piece: str) -> bool:
    return GOES_ON in piece[:2]


def _unmarked(piece: str) -> str:
    return piece.lstrip(REPEATED + GOES_ON)


def kept_texts(pieces: Sequence[str], out: Collection[int], *, between: str) -> list[str]:
    """A document without some of its pieces: more than one where a sentence would have a hole.

    Args:
        pieces: Of the document.
        out: Numbers of those that are left out.
        between: What stands between two paragraphs.
    """
    texts: list[str] = []
    if all(i in out or is_repeated(piece) for i, piece in enumerate(pieces)):
        return texts
    for i, piece in enumerate(pieces):
        if i in out:
            continue
        if not texts or (_goes_on(piece) and i - 1 in out):
            texts.append(said_by(piece))
        else:
            texts[-1] += ("" if _goes_on(piece) else between) + _unmarked(piece)
    return texts


def paragraphs_of(pieces: Sequence[str], chosen: Collection[int]) -> list[str]:
    """Some pieces of a document as paragraphs; those that go on with one another are one."""
    found: list[str] = []
    for i in sorted(chosen):
        if _goes_on(pieces[i]) and i - 1 in chosen:
            found[-1] += _unmarked(pieces[i])
        else:
            found.append(said_by(pieces[i]))
    return found
