"""What a genre score must be compared with: `baselines.py --data DIR --languages fr --out FILE`.

    majority   the commonest English training label, whatever the text says
    floor      TF-IDF + logistic regression trained on English, applied to the target text:
               what names, digits and cognates give away
    ceiling    the same trained on the target language (its labels are used for nothing else)
    english    the same trained and tested on English

Every accuracy comes with its standard error, bootstrapped by chapter: passages of a chapter
stand or fall together. Needs scikit-learn (the `dev` extra).
"""

import argparse
import json
from collections import Counter
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from lingraft.formats import Example, read_examples
from lingraft_trainer.evaluation.metrics import accuracy, bootstrap_stderr

SEED = 0
Score = dict[str, float]


def read(data: Path, language: str, fold: str) -> list[Example]:
    """One genre file."""
    path = data / "genre" / f"{language}-{fold}.jsonl"
    rows = read_examples(path, "classification", language, "test").rows
    return [e for e in rows if isinstance(e, Example)]


def train(examples: list[Example]) -> Pipeline:
    """Words and word pairs, weighed by TF-IDF, into a logistic regression."""
    model = make_pipeline(
        TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=3),
        LogisticRegression(C=10.0, max_iter=200),
    )
    return model.fit([e.text for e in examples], [e.label for e in examples])


def score(predicted: list[str], test: list[Example]) -> Score:
    """Accuracy and its standard error by chapter."""
    gold = [e.label or "" for e in test]
    correct = [float(p == g) for p, g in zip(predicted, gold, strict=True)]
    return {
        "accuracy": accuracy(gold, predicted),
        "stderr": bootstrap_stderr(correct, [e.group for e in test], seed=SEED),
    }


def evaluate(model: Pipeline, test: list[Example]) -> Score:
    """A model's score on test passages."""
    return score([str(p) for p in model.predict([e.text for e in test])], test)


def baselines(data: Path, languages: list[str]) -> dict[str, dict[str, Score]]:
    """Language to baseline to score; `en` has `majority` and `english`."""
    english_train, english_test = read(data, "en", "train"), read(data, "en", "test")
    english = train(english_train)
    majority = Counter(e.label or "" for e in english_train).most_common(1)[0][0]
    scores = {
        "en": {
            "majority": score([majority] * len(english_test), english_test),
            "english": evaluate(english, english_test),
        }
    }
    for language in languages:
        test = read(data, language, "test")
        scores[language] = {
            "majority": score([majority] * len(test), test),
            "floor": evaluate(english, test),
            "ceiling": evaluate(train(read(data, language, "train")), test),
        }
    return scores


def main() -> None:
    """Parse the command line, compute, write JSON and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="what prepare.py wrote")
    parser.add_argument("--languages", nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    scores = baselines(arguments.data, arguments.languages)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(scores, indent=1) + "\n")
    for language, of_language in scores.items():
        for name, s in of_language.items():
            print(f"{language}  {name:9} {s['accuracy']:.3f} ± {s['stderr']:.3f}")


if __name__ == "__main__":
    main()
