"""Published data sets of tagged words by their files' names, as `layouts` has those of texts."""

from lingraft.formats.layout import Layout

_LANGUAGE = "(?P<language>[a-z]{2,3}(?:-[A-Za-z]+)*)"
"""Three letters too: MasakhaNER's are, and some of Universal Dependencies."""
SPLIT_SUFFIXES = (".train", ".testa", ".testb")
"""What CoNLL's files end with; it names the split, and no way to write."""
_SPLITS = {"train": "train", "dev": "dev", "test": "test"}

CONLL = {"esp": "es", "ned": "nl"}
"""What CoNLL-2002 calls Spanish and Dutch."""

TAGGED_WORDS = (
    Layout(
        "WikiANN (PAN-X)",
        ("ner",),
        rf"(?:{_LANGUAGE}/)?(?P<split>train|dev|test|extra)",
        _SPLITS,
        ("",),
    ),
    Layout(
        "XTREME (PAN-X, UDPOS)",
        ("ner", "pos"),
        rf"(?P<split>train|dev|test)-{_LANGUAGE}",
        _SPLITS,
        (".tsv",),
    ),
    Layout(
        "MasakhaNER",  # and MasakhaPOS, and what else has three such files
        ("ner", "pos"),
        rf"(?:{_LANGUAGE}/)?(?P<split>train|dev|valid|test)",
        _SPLITS | {"dev": "dev|valid"},
        (".txt", ".tsv", ".conll", ".bio"),
    ),
    Layout(
        "CoNLL-2002 and 2003",
        ("ner",),
        r"(?P<language>eng|deu|esp|ned)\.(?P<split>train|testa|testb)",
        {"train": "train", "dev": "testa", "test": "testb"},
        ("",),
    ),
    Layout(
        "Universal Dependencies",
        ("pos",),
        rf"{_LANGUAGE}_[a-z0-9]+-ud-(?P<split>train|dev|test)",
        _SPLITS,
        (".conllu", ".txt"),  # beside each lies its text
    ),
    Layout(
        "Universal NER",
        ("ner",),
        rf"{_LANGUAGE}_[a-z0-9]+-ud-(?P<split>train|dev|test)",
        _SPLITS,
        (".iob2",),
    ),
)
