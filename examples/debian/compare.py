"""What a score on Debian's sections must be compared with: `compare.py --data DIR [--bible DIR]`.

Majority, floor and ceiling, as `examples/bible/baselines.py` explains them, of the files that
`sections.py` wrote; the bootstrap is by source. With `--bible` (what `prepare.py` wrote) also how
a tokenizer trained on a Bible spells this text: a model that has read nothing else may know too
few of its words. Needs scikit-learn (the `dev` extra).
"""

import argparse
import io
import re
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import sentencepiece

from sections import LANGUAGES, SCARCE

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bible"))
from baselines import Score, evaluate, score, train
from lingraft.formats import Example, read_examples

PIECES = 4096
"""Of the tokenizers of the preset `cpu-small`."""
EVERY = 4
"""Of a Bible's verses the tokenizer reads one in so many: the pieces are much the same."""
LONG = 4
"""Letters of a word that is worth asking about."""
SPACE = "\u2581"
_WORDS = re.compile(r"[^\W_]+")


def read(data: Path, language: str, fold: str) -> list[Example]:
    """One file of the task."""
    path = data / "sections" / f"{language}-{fold}.jsonl"
    rows = read_examples(path, "classification", language, "test").rows
    return [e for e in rows if isinstance(e, Example)]


def compared(data: Path) -> dict[str, Score]:
    """Language and rule to score."""
    examples = read(data, "en", "train")
    english = train(examples)
    common = Counter(e.label or "" for e in examples).most_common(1)[0][0]
    scores: dict[str, Score] = {}
    for language in ("en", *LANGUAGES):
        test = read(data, language, "test")
        rule = "ceiling" if language == "en" else "floor"
        scores[f"{language} majority"] = score([common] * len(test), test)
        scores[f"{language} {rule}"] = evaluate(english, test)
        if language not in ("en", SCARCE):
            own = train(read(data, language, "train"))
            scores[f"{language} ceiling"] = evaluate(own, test)
    return scores


def tokenizer_of(verses: list[str]) -> sentencepiece.SentencePieceProcessor:
    """A unigram tokenizer of a Bible."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(verses[::EVERY]),
        model_writer=model,
        vocab_size=PIECES,
        minloglevel=3,
    )
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


def spelling(
    tokenizer: sentencepiece.SentencePieceProcessor, texts: Iterable[str]
) -> tuple[float, float]:
    """Pieces per long word, and the share of long words that are spelled letter by letter."""
    long = [w for text in texts for w in _WORDS.findall(text) if len(w) >= LONG]
    # The space in front is a piece of its own, or part of the first one.
    pieces = [[p for p in of if p != SPACE] for of in tokenizer.encode(long, out_type=str)]
    letters = sum(len("".join(of).lstrip(SPACE)) == len(of) for of in pieces)
    return sum(map(len, pieces)) / len(long), letters / len(long)


def main() -> None:
    """Parse the command line, compute, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="what sections.py wrote")
    parser.add_argument("--bible", type=Path, help="what examples/bible/prepare.py wrote")
    arguments = parser.parse_args()
    for name, s in compared(arguments.data).items():
        print(f"{name:12} {s['accuracy']:.3f} ± {s['stderr']:.3f}")
    if arguments.bible:
        for language in ("en", *LANGUAGES):
            verses = (arguments.bible / f"{language}.txt").read_text("utf-8").splitlines()
            tokenizer = tokenizer_of(verses)
            rows = [e.text for e in read(arguments.data, language, "test")]
            for what, texts in (("Debian", rows), ("Bible", verses[:2000])):
                each, letters = spelling(tokenizer, texts)
                print(f"{language} {what:7} {each:.2f} pieces a word, {letters:.1%} by letters")


if __name__ == "__main__":
    main()
