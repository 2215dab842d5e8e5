"""Published data sets as they are unpacked: one file for each purpose, or a sentence."""

import pytest

from lingraft.errors import UserError
from lingraft.formats.folders import check_name, files_to_read
from lingraft.formats.wanted import Wanted

MULTINLI = [
    ".DS_Store",
    "Icon\r",
    "README.txt",
    "paper.pdf",
    *(f"multinli_1.0_{split}.{suffix}" for split in ("train", "dev_matched", "dev_mismatched")
      for suffix in ("jsonl", "txt")),
]  # fmt: skip
XNLI = ["README.md", *(f"xnli.{s}.{f}" for s in ("dev", "test") for f in ("tsv", "jsonl"))]
XNLI_MT = [
    *(f"multinli/multinli.train.{code}.tsv" for code in ("ar", "de", "en", "fr", "sw")),
    *(f"xnli/xnli.{split}.{code}.tsv" for split in ("dev", "test") for code in ("de", "en", "sw")),
]
PAWS_X = [
    f"x-final/{code}/{name}.tsv"
    for code in ("de", "en", "fr", "zh")
    for name in ("train" if code == "en" else "translated_train", "dev_2k", "test_2k")
]
PAWS_X_FRENCH = ["translated_train.tsv", "dev_2k.tsv", "test_2k.tsv"]
PAWS = ["final/train.tsv", "final/dev.tsv", "final/test.tsv"]
SQUAD = ["train-v1.1.json", "dev-v1.1.json", "evaluate-v1.1.py"]
CODES = ("ar", "de", "en", "es", "hi", "vi", "zh")
MLQA = [
    "README.md",
    "LICENSE",
    *(f"{split}/{split}-context-{context}-question-{question}.json"
      for split in ("dev", "test") for context in CODES for question in CODES),
]  # fmt: skip
MLQA_TEST = [key.partition("/")[2] for key in MLQA if key.startswith("test/")]
TRANSLATE_TRAIN = [
    f"{code}_squad-translate-train-{split}-v1.1.json"
    for code in ("ar", "de", "zh")
    for split in ("train", "dev")
]
TRANSLATE_TEST = [f"translate-test-context-{code}-question-{code}.json" for code in ("ar", "de")]
XQUAD = [f"xquad.{code}.json" for code in ("ar", "de", "en", "zh")]
TYDI = ["tydiqa-goldp-v1.1-train.json", "tydiqa-goldp-v1.1-dev.json"]
XTREME_TYDI = [f"tydiqa.{code}.{split}.json" for code in ("en", "sw") for split in ("train", "dev")]
FLORES = ("arb_Arab", "eng_Latn", "swh_Latn", "zho_Hans", "zho_Hant")
BELEBELE = [f"Belebele/{code}.jsonl" for code in FLORES]
XCOPA = [
    "README.md",
    "baselines.pdf",
    "baselines.png",
    *(f"{home}/{code}/{split}.{code}.jsonl" for home in ("data", "data-gmt")
      for code in ("et", "sw") for split in ("val", "test")),
]  # fmt: skip
COPA = [f"COPA/{split}.jsonl" for split in ("train", "val", "test")]
XSTORY = [
    f"spring2016.val.{code}.tsv.split_20_80_{split}.tsv"
    for code in ("en", "sw") for split in ("train", "eval")
]  # fmt: skip
STORY = [
    "cloze_test_test__spring2016 - cloze_test_ALL_test.csv",
    "cloze_test_val__spring2016 - cloze_test_ALL_val.csv",
]
SIB = [f"annotated/{code}/{name}" for code in FLORES
       for name in ("labels.txt", "train.tsv", "dev.tsv", "test.tsv")]  # fmt: skip
MASSIVE = ["1.1/LICENSE", *(f"1.1/data/{code}.jsonl" for code in ("en-US", "sw-KE", "zh-TW"))]

READ: list[tuple[list[str], str, str, str, str]] = [
    (MULTINLI, "xnli", "train", "en", "multinli_1.0_train.jsonl"),
    (MULTINLI, "xnli", "dev", "en", "multinli_1.0_dev_matched.jsonl"),
    ([k for k in MULTINLI if not k.endswith(".jsonl")], "xnli", "train", "en",
     "multinli_1.0_train.txt"),
    ([f"multinli_1.0/{k}" for k in MULTINLI], "xnli", "train", "en",
     "multinli_1.0/multinli_1.0_train.jsonl"),
    ([f"{k}.gz" for k in MULTINLI if "multinli" in k], "xnli", "train", "en",
     "multinli_1.0_train.jsonl.gz"),
    ([k for k in MULTINLI if "_matched" not in k], "xnli", "test", "en",
     "multinli_1.0_dev_mismatched.jsonl"),
    (XNLI, "xnli", "dev", "en", "xnli.dev.jsonl"),
    (XNLI, "xnli", "test", "sw", "xnli.test.jsonl"),
    (XNLI, "xnli", "sourceTest", "en", "xnli.test.jsonl"),
    ([k for k in XNLI if not k.endswith(".jsonl")], "xnli", "test", "sw", "xnli.test.tsv"),
    ([*XNLI, *MULTINLI], "xnli", "train", "en", "multinli_1.0_train.jsonl"),
    ([*XNLI, *MULTINLI], "xnli", "sourceTest", "en", "xnli.test.jsonl"),
    (XNLI_MT, "xnli", "train", "en", "multinli/multinli.train.en.tsv"),
    (XNLI_MT, "xnli", "train", "de", "multinli/multinli.train.de.tsv"),
    (XNLI_MT, "xnli", "dev", "en", "xnli/xnli.dev.en.tsv"),
    (PAWS_X, "paws-x", "test", "fr", "x-final/fr/test_2k.tsv"),
    (PAWS_X, "paws-x", "test", "zh-Hans", "x-final/zh/test_2k.tsv"),
    (PAWS_X, "paws-x", "test", "FR-ca", "x-final/fr/test_2k.tsv"),
    (PAWS_X, "paws-x", "train", "en", "x-final/en/train.tsv"),
    (PAWS_X, "paws-x", "dev", "en", "x-final/en/dev_2k.tsv"),
    (PAWS_X_FRENCH, "paws-x", "test", "fr", "test_2k.tsv"),
    (PAWS_X_FRENCH, "paws-x", "dev", "en", "dev_2k.tsv"),
    (PAWS_X_FRENCH, "paws-x", "train", "en", "translated_train.tsv"),
    (PAWS, "paws-x", "train", "en", "final/train.tsv"),
    (PAWS, "paws-x", "dev", "en", "final/dev.tsv"),
    (PAWS, "paws-x", "sourceTest", "en", "final/test.tsv"),
    (SQUAD, "squad", "train", "en", "train-v1.1.json"),
    (SQUAD, "squad", "dev", "en", "dev-v1.1.json"),
    (SQUAD, "squad", "sourceTest", "en", "dev-v1.1.json"),
    (SQUAD, "mlqa", "train", "en", "train-v1.1.json"),
    (MLQA, "mlqa", "test", "de", "test/test-context-de-question-de.json"),
    (MLQA, "mlqa", "sourceTest", "en", "test/test-context-en-question-en.json"),
    (MLQA, "mlqa", "dev", "en", "dev/dev-context-en-question-en.json"),
    (MLQA_TEST, "mlqa", "test", "zh-Hans-CN", "test-context-zh-question-zh.json"),
    (MLQA_TEST, "squad", "test", "hi", "test-context-hi-question-hi.json"),
    (TRANSLATE_TRAIN, "squad", "train", "de", "de_squad-translate-train-train-v1.1.json"),
    (XQUAD, "squad", "test", "de", "xquad.de.json"),
    (XQUAD, "mlqa", "sourceTest", "en", "xquad.en.json"),
    (TYDI, "squad", "test", "sw", "tydiqa-goldp-v1.1-dev.json"),
    (TYDI, "squad", "train", "en", "tydiqa-goldp-v1.1-train.json"),
    (XTREME_TYDI, "squad", "test", "sw", "tydiqa.sw.dev.json"),
    (XTREME_TYDI, "squad", "train", "en", "tydiqa.en.train.json"),
    (BELEBELE, "belebele", "test", "sw", "Belebele/swh_Latn.jsonl"),
    (BELEBELE, "belebele", "test", "zh-TW", "Belebele/zho_Hant.jsonl"),
    (BELEBELE, "belebele", "sourceTest", "en", "Belebele/eng_Latn.jsonl"),
    (XCOPA, "xcopa", "test", "sw", "data/sw/test.sw.jsonl"),
    (XCOPA, "xcopa", "dev", "et", "data/et/val.et.jsonl"),
    (COPA, "xcopa", "train", "en", "COPA/train.jsonl"),
    (COPA, "xcopa", "dev", "en", "COPA/val.jsonl"),
    (XSTORY, "xstorycloze", "test", "sw", XSTORY[3]),
    (XSTORY, "xstorycloze", "train", "en", XSTORY[0]),
    (STORY, "xstorycloze", "train", "en", STORY[1]),
    (STORY, "xstorycloze", "sourceTest", "en", STORY[0]),
    (SIB, "sib-200", "test", "sw", "annotated/swh_Latn/test.tsv"),
    (SIB, "sib-200", "train", "en", "annotated/eng_Latn/train.tsv"),
    ([key.split("/")[-1] for key in SIB[:4]], "sib-200", "dev", "ar", "dev.tsv"),
    (MASSIVE, "massive", "test", "sw", "1.1/data/sw-KE.jsonl"),
    (MASSIVE, "massive", "train", "en", "1.1/data/en-US.jsonl"),
]  # fmt: skip


def of_macos(keys: list[str]) -> list[str]:
    """What a Mac's archive brings beside them."""
    beside = [f"__MACOSX/{'/'.join([*k.split('/')[:-1], '._' + k.split('/')[-1]])}" for k in keys]
    return [*keys, *beside, "__MACOSX/._.DS_Store", "x/.DS_Store"]


@pytest.mark.parametrize(("keys", "format", "purpose", "language", "expected"), READ)
@pytest.mark.parametrize("junk", [list, of_macos], ids=["plain", "macos"])
def test_one_file_is_read_for_a_purpose(
    keys: list[str], format: str, purpose, language: str, expected: str, junk
):
    wanted = Wanted(format, language, purpose)
    assert files_to_read(junk(keys), wanted, "here") == [expected]
    assert files_to_read(junk(keys)[::-1], wanted, "here") == [expected]


REFUSED: list[tuple[list[str], str, str, str, tuple[str, ...]]] = [
    (MULTINLI, "xnli", "test", "en", ("dev_matched.jsonl", "dev_mismatched.jsonl", "name the one")),
    (MULTINLI, "xnli", "sourceTest", "en", ("may all be meant",)),
    (XNLI, "xnli", "train", "en", ("XNLI 1.0 has no training data", "xnli.dev.jsonl")),
    (XNLI_MT, "xnli", "test", "sw", ("no test data in 'sw'", "English translations")),
    (XNLI_MT, "xnli", "train", "it", ("no training data in 'it'", "ar, de, en, fr, sw")),
    (PAWS_X, "paws-x", "test", "it", ("PAWS-X has no test data in 'it'", "de, en, fr, zh")),
    ([*PAWS, "labeled_swap/train.tsv"], "paws-x", "train", "en", ("swap/train.tsv", "final/train")),
    (MLQA, "mlqa", "train", "en", ("MLQA has no training data",)),
    (MLQA, "mlqa", "test", "fr", ("no test data in 'fr'", "ar, de, en, es, hi, vi, zh")),
    ([k for k in MLQA if "de-question-de" not in k], "mlqa", "test", "de", ("no test data",)),
    (TRANSLATE_TRAIN, "squad", "train", "en", ("in 'en'", "ar, de, zh")),
    (TRANSLATE_TEST, "mlqa", "test", "de", ("English translations of ar, de",)),
    (XQUAD, "squad", "train", "en", ("XQuAD has no training data",)),
    (BELEBELE, "belebele", "train", "en", ("Belebele has no training data",)),
    (BELEBELE, "belebele", "test", "fr", ("no test data in 'fr'", "arb_Arab, eng_Latn")),
    (BELEBELE, "belebele", "test", "zh", ("zho_Hans.jsonl, Belebele/zho_Hant.jsonl may all",)),
    (XCOPA, "xcopa", "train", "en", ("XCOPA has no training data",)),
    (XCOPA[7:], "xcopa", "test", "sw", ("English translations of et, sw",)),
    (XSTORY, "xstorycloze", "dev", "en", ("XStoryCloze has no development data",)),
    (MASSIVE, "massive", "test", "fr", ("en-US, sw-KE, zh-TW",)),
    (["a.jsonl.gz", "a.jsonl"], "xnli", "train", "en", ("a.jsonl and a.jsonl.gz",)),
    (["multinli_1.0_train.txt", "multinli_1.0_train.txt.gz"], "xnli", "train", "en", ("keep one",)),
    (["original/multinli_1.0_train.txt", "multinli_1.0_train.txt"], "xnli", "train", "en",
     ("original/multinli_1.0_train.txt", "name the one to read")),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "format", "purpose", "language", "said"), REFUSED)
def test_what_a_data_set_lacks_is_said(
    keys: list[str], format: str, purpose, language: str, said: tuple[str, ...]
):
    with pytest.raises(UserError) as caught:
        files_to_read(keys, Wanted(format, language, purpose), "s3://tasks/x/")
    assert caught.value.where == "s3://tasks/x/"
    assert all(part in caught.value.message for part in said), caught.value.message


@pytest.mark.parametrize(
    ("name", "format", "language", "fits"),
    [
        ("test-context-de-question-de.json", "mlqa", "de-AT", True),
        ("test-context-de-question-de.json", "mlqa", "fr", False),
        ("test-context-de-question-es.json", "mlqa", "es", True),
        ("translate-test-context-de-question-de.json", "mlqa", "de", False),
        ("xquad.zh.json.gz", "squad", "zh-Hant", True),
        ("xquad.zh.json", "squad", "vi", False),
        ("/data/x-final/ko/test_2k.tsv", "paws-x", "ja", False),
        ("test_2k.tsv", "paws-x", "ja", True),
        ("questions.de.json", "mlqa", "fr", True),
        ("swh_Latn.jsonl", "belebele", "sw", True),
        ("swh_Latn.jsonl", "belebele", "fr", False),
        ("data/sw/test.sw.jsonl", "xcopa", "fr", False),
        ("fr-FR.jsonl", "massive", "fr", True),
        ("fra_Latn/test.tsv", "sib-200", "sw", False),
    ],
)
def test_a_published_name_says_its_language(name: str, format: str, language: str, fits: bool):
    check_name(name, Wanted(format, language, "sourceTest"), "here")
    if fits:
        check_name(name, Wanted(format, language, "test"), "here")
        return
    with pytest.raises(UserError, match="says that it is in") as caught:
        check_name(name, Wanted(format, language, "test"), "here")
    assert f"'{language}'" in caught.value.message
