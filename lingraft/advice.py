"""Whether a language is worth adapting to, from what was measured of its text: pure.

The thresholds are judgements, and stand here with their reasons. What was measured for languages is
in docs/results.md.
"""

from pydantic import Field

from lingraft.stage import Contract
from lingraft.views.text import duration

KNOWS, HARDLY = 0.6, 0.9
"""Bits per byte of the untouched base over those of a table of words that knows how often each is
used, and nothing of context. A base that was pretrained on the language is well below the first."""
LONGER = 1.25
"""Tokens of the base over tokens of a new tokenizer, from which on shorter texts are worth it."""
LITTLE_TEXT, FULL_TEXT = 3_500_000, 100_000_000
"""Bytes: as little as was adapted to with gain (docs/results.md), and from where on more text
changes the recipe little (docs/defaults.md)."""
READABLE = 0.01
"""Share of unknown tokens from which on a base does not read a text, but what is left of it."""
RIGHT_SCRIPT, MANY_DUPLICATES = 0.5, 0.3
SHARED, SPELLED = 300, 0.9
"""Tokens that both vocabularies need for FOCUS; share of the new ones that the base can spell."""


class Fit(Contract):
    """How a tokenizer cuts the text."""

    bytes_per_token: float
    tokens_per_word: float
    unknown: float = Field(description="Share of its tokens that are unknown, 0 to 1.")
    in_bytes: float = Field(description="Share that are bytes of a character, 0 to 1.")
    tokens: int = Field(description="Of its vocabulary.")


class Findings(Contract):
    """What was measured, of the text and of the base."""

    language: str
    causal: bool
    method: str = Field(description="spec.method, as it is planned.")
    init: str = Field(description="The start, as it is planned.")
    source_text: bool = Field(description="Whether the plan has source text.")
    text_bytes: int = Field(description="Of the whole corpus, once decompressed.")
    read_bytes: int = Field(description="Of what was read of it.")
    duplicates: float = Field(description="Share of the paragraphs, 0 to 1.")
    script: float | None = Field(description="Share of the letters in the language's script.")
    base: Fit
    new: Fit
    shared: int = Field(description="Tokens that both vocabularies have.")
    spelled: float = Field(description="Share of the new tokens that the base can spell.")
    untouched: float | None = Field(
        description="Bits per byte of held-out text by the untouched base; None: it has no head."
    )
    words: float = Field(description="The same by how often each new token is used, and no more.")
    flops: float = Field(description="Of the whole plan, by formula.")
    flops_standard: float = Field(description="The same with Standard's step 2.")
    device_hours: float = Field(description="Of one core or device, for what is not cached.")

    @property
    def longer(self) -> float:
        """How many tokens the base takes for one of the new tokenizer."""
        return self.new.bytes_per_token / max(self.base.bytes_per_token, 1e-9)

    @property
    def kept_bytes(self) -> float:
        """Of the corpus, without what is there more than once."""
        return self.text_bytes * (1 - self.duplicates)

    @property
    def knows(self) -> float | None:
        """Bits of the base over those of a table of words; less is better.

        None where nothing was measured, or the base reads much of the text as unknown, which is
        easy to tell.
        """
        if self.untouched is None or self.base.unknown >= READABLE:
            return None
        return self.untouched / max(self.words, 1e-9)


class Advice(Contract):
    """A recommendation in plain words."""

    verdict: str = Field(description="look, leave, more or adapt.")
    sentence: str
    method: str | None = None
    init: str | None = None
    missing_bytes: int = Field(default=0, description="Of text, to what was adapted to with gain.")
    reasons: tuple[str, ...] = ()


def advise(found: Findings) -> Advice:
    """The recommendation, with its reasons."""
    reasons = tuple(_reasons(found))
    if found.script is not None and found.script < RIGHT_SCRIPT:
        said = f"look at the text first: {found.script:.0%} of its letters are in the script of "
        return Advice(verdict="look", sentence=said + found.language, reasons=reasons)
    knows = found.knows is not None and found.knows < KNOWS
    if knows and found.longer < LONGER:
        said = "leave the base as it is: it knows this language, and its tokens fit the text"
        return Advice(verdict="leave", sentence=said, reasons=reasons)
    missing = max(0, round(LITTLE_TEXT - found.kept_bytes))
    start, why = _start(found)
    method = found.method if found.method != "Auto" else ("Standard" if found.causal else "Auto")
    how = f"method {method}, start {start} ({why})"
    if missing:
        said = f"get {missing / 1e6:.1f} MB more text, then adapt: {how}"
        verdict = "more"
    elif knows:
        said, verdict = f"adapt for shorter texts alone: {how}", "adapt"
    else:
        said, verdict = f"adapt: {how}", "adapt"
    return Advice(
        verdict=verdict,
        sentence=said,
        method=method,
        init=start,
        missing_bytes=missing,
        reasons=reasons,
    )


def _start(found: Findings) -> tuple[str, str]:
    """The start for the embeddings, and why."""
    if found.causal and found.spelled >= SPELLED:
        return "mean", f"the base can spell {found.spelled:.0%} of the new tokens"
    if found.shared >= SHARED:
        return "focus", f"{found.shared:,} tokens are in both vocabularies"
    if found.spelled >= SPELLED:
        return "mean", f"the base can spell {found.spelled:.0%} of the new tokens"
    if found.source_text:
        return "aligned", "hardly a token is shared, and there is source text"
    return "random", "the base knows hardly a token of it; mini.text would allow aligned"


def _reasons(found: Findings) -> list[str]:
    said: list[str] = []
    if found.base.unknown < READABLE:
        said.append(f"the base takes {found.longer:.2f} tokens where a new tokenizer takes one")
    else:
        unknown = f"{found.base.unknown:.1%} of its tokens are unknown"
        said.append(f"the base cannot read this text: {unknown}, and what they say is lost to it")
    if found.knows is not None:
        untouched, words = found.untouched, found.words
        known = "the language" if found.knows < KNOWS else "some of the language"
        if found.knows >= HARDLY:
            known = "next to nothing of the language"
        said.append(
            f"it knows {known}: it takes {untouched:.2f} bits per byte, where a mere count of how "
            f"often each word is used takes {words:.2f}"
        )
    if found.duplicates >= MANY_DUPLICATES:
        said.append(f"{found.duplicates:.0%} of the paragraphs are there more than once")
    if LITTLE_TEXT <= found.kept_bytes < FULL_TEXT:
        more = (FULL_TEXT - found.kept_bytes) / 1e6
        said.append(f"{more:,.0f} MB more text would be used to the full")
    return said


def advice_lines(found: Findings, advice: Advice) -> list[str]:
    """What `lingraft advise` prints: the recommendation first."""
    untouched = "-" if found.untouched is None else f"{found.untouched:.3f}"
    script = "-" if found.script is None else f"{found.script:.0%}"
    rows = [
        ("", "base", "new"),
        ("vocabulary", f"{found.base.tokens:,}", f"{found.new.tokens:,}"),
        (
            "bytes per token",
            f"{found.base.bytes_per_token:.2f}",
            f"{found.new.bytes_per_token:.2f}",
        ),
        (
            "tokens per word",
            f"{found.base.tokens_per_word:.2f}",
            f"{found.new.tokens_per_word:.2f}",
        ),
        ("unknown tokens", f"{found.base.unknown:.2%}", f"{found.new.unknown:.2%}"),
        ("bytes for want of a letter", f"{found.base.in_bytes:.2%}", f"{found.new.in_bytes:.2%}"),
    ]
    return [
        f"{found.language}: {advice.sentence}",
        *(f"  {reason}" for reason in advice.reasons),
        "",
        *(f"{name:<28}{base:>12}{new:>12}" for name, base, new in rows),
        "",
        f"text: {found.text_bytes / 1e6:,.1f} MB, {found.read_bytes / 1e6:,.1f} of it read; "
        f"{found.duplicates:.1%} of the paragraphs are duplicates; {script} in its script",
        f"start: {found.shared:,} of the new tokens are the base's too "
        f"({found.shared / max(found.new.tokens, 1):.0%}), it can spell {found.spelled:.0%}",
        f"untouched base: {untouched} bits per byte; word frequencies alone: {found.words:.3f}",
        f"cost: {found.flops:.2g} FLOPs, {found.flops_standard:.2g} with Standard; what is not "
        f"cached of it takes one core or device about {duration(3600 * found.device_hours)}",
    ]
