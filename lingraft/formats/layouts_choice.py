"""Published data sets of multiple choice, of topics and of intents, by their files' names."""

from lingraft.formats.layout import FLORES, LANGUAGE, WHOLE, Layout

CHOICES_AND_TOPICS = (
    Layout("Belebele", ("belebele",), FLORES, {"test": WHOLE}, (".jsonl",)),
    Layout(
        "XCOPA",
        ("xcopa",),
        rf"(?<!data-gmt/[a-z][a-z]/)(?P<split>val|test)\.{LANGUAGE}",
        {"dev": "val", "test": "test"},
        (".jsonl", ".json"),
    ),
    Layout(
        "XCOPA translated into English",
        ("xcopa",),
        rf"data-gmt/[a-z][a-z]/(?P<split>val|test)\.{LANGUAGE}",
        {"dev": "val", "test": "test"},
        (".jsonl",),
        english=True,
    ),
    Layout(
        "COPA (SuperGLUE)",  # whose test has no labels
        ("xcopa",),
        r"(?P<split>train|val|test)",
        {"train": "train", "dev": "val", "test": "val|test"},
        (".jsonl",),
    ),
    Layout(
        "XStoryCloze",
        ("xstorycloze",),
        rf"spring2016\.val\.{LANGUAGE}\.tsv\.split_20_80_(?P<split>train|eval)",
        {"train": "train", "test": "eval"},
        (".tsv",),
    ),
    Layout(
        "StoryCloze",
        ("xstorycloze",),
        r"cloze_test_(?P<split>val|test)__(?:spring2016|winter2018)[^/]*",
        {"train": "val", "test": "test"},
        (".csv",),
    ),
    Layout(
        "MultiBLiMP",
        ("multiblimp",),
        r"(?P<language>[a-z]{3})/data",
        {"test": WHOLE},
        (".tsv",),
    ),
    Layout(
        "SIB-200",
        ("sib-200",),
        rf"(?:{FLORES}/)?(?P<split>train|dev|test)",
        {"train": "train", "dev": "dev", "test": "test"},
        (".tsv",),
    ),
    Layout("SIB-200's archive of one language", ("sib-200",), FLORES, suffixes=(".zip",)),
    Layout(
        "MASSIVE",
        ("massive",),
        "(?P<language>[a-z]{2}-[A-Z]{2})",
        {"train": WHOLE, "dev": WHOLE, "test": WHOLE},
        (".jsonl",),
    ),
)
